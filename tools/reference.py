"""The pages of ``docs/reference``: every public name with its signature and its docstring.

``python3 dev.py docs`` writes them anew. A page is made from the list of names of one front
door; what is said of a name is its docstring, so that there is one place to change.
"""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from pyfly.kernel.record import Record

__all__ = ["FOLDER", "MODULES", "page", "write"]

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference"
MODULES = {
    "pyfly.client": "client",
    "pyfly.resilience": "resilience",
    "pyfly.core": "core",
    "pyfly.container": "container",
    "pyfly.context": "context",
    "pyfly.testing": "testing",
    "pyfly.kernel.exceptions": "exceptions",
}
#: Kinds of names, in the order of a page.
_KINDS = ("Functions", "Classes", "Events", "Exceptions", "Values")
_SECTION = re.compile(r"(Args|Attributes|Returns|Raises|Yields|Example|Examples|Note)::?$")
_ROLE = re.compile(r":[a-z]+:`~?([^`<]+?)(?: <[^>]+>)?`")
_LITERAL = re.compile(r"``([^`]+)``")
_ENTRY = re.compile(r"(\*{0,2}[\w.]+(?:, [\w.]+)*)(?: \([^)]*\))?: (.*)", re.DOTALL)
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def write() -> list[str]:
    """Write every page; the names of the files."""
    FOLDER.mkdir(exist_ok=True)
    for module, name in MODULES.items():
        (FOLDER / f"{name}.md").write_text(page(module), encoding="utf-8")
    return sorted(f"{name}.md" for name in MODULES.values())


def page(module: str) -> str:
    """The page of one front door."""
    door = importlib.import_module(module)
    by_kind: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    for name in door.__all__:
        by_kind[_kind(getattr(door, name))].append(name)
    lines = [f"# `{module}`", "", "<!-- `python3 dev.py docs` writes this page. -->", ""]
    lines += [*_prose(inspect.getdoc(door) or ""), ""]
    options: dict[str, type] = {}
    for kind, names in by_kind.items():
        if names:
            lines += [f"## {kind}", ""]
            for name in sorted(names, key=str.lower):
                value = getattr(door, name)
                lines += [f"### {name}", "", *_told(door, name, value), ""]
                options |= _options(value)
    if options:
        lines += ["## Options", "", "The keyword arguments behind `**options`.", ""]
    for name, keys in sorted(options.items()):
        lines += [f"### {name}", "", *_prose(inspect.getdoc(keys) or ""), "", *_keys(keys), ""]
    return "\n".join(lines).rstrip() + "\n"


def _kind(value: Any) -> str:
    if not inspect.isclass(value):
        return "Functions" if inspect.isroutine(value) else "Values"
    if issubclass(value, BaseException):
        return "Exceptions"
    return "Events" if any(base.__name__ == "Event" for base in value.__mro__) else "Classes"


def _options(value: Any) -> dict[str, type]:
    """The typed dictionaries that a function takes its ``**options`` from, with their bases."""
    if not inspect.isfunction(value):
        return {}
    found = re.findall(r"Unpack\[(\w+)\]", str(inspect.signature(value)))
    kinds: dict[str, type] = {name: value.__globals__[name] for name in found}
    for kind in tuple(kinds.values()):
        bases = [base for base in getattr(kind, "__orig_bases__", ()) if inspect.isclass(base)]
        kinds |= {base.__name__: base for base in bases}
    return kinds


def _keys(kind: type) -> Iterator[str]:
    """The keys that a typed dictionary declares, each with the comment above it."""
    bases = [base.__name__ for base in getattr(kind, "__orig_bases__", ()) if inspect.isclass(base)]
    if bases:
        yield f"With the keys of {' and '.join(f'[{base}](#{base.lower()})' for base in bases)}."
    for found in re.finditer(r"((?: +#: .*\n)*) +(\w+): (.*)", inspect.getsource(kind)):
        if found[2] in kind.__annotations__:
            lines = (line.strip().removeprefix("#:").strip() for line in found[1].splitlines())
            told = _inline(" ".join(lines))
            yield f"- `{found[2]}: {found[3]}`" + (f" · {told}" if told else "")


def _told(door: Any, name: str, value: Any) -> Iterator[str]:
    if inspect.isclass(value):
        yield from _of_class(door, name, value)
    elif inspect.isroutine(value):
        yield from _signature(name, value, "async def" if _is_async(value) else "def")
        yield from _prose(inspect.getdoc(value) or "")
        for options in _options(value):
            yield from ("", f"For `**options` see [{options}](#{options.lower()}).")
    else:
        yield from ("```text", f"{name} = {_ADDRESS.sub('', repr(value))}", "```")
        doc = inspect.getdoc(value) if type(value).__module__.startswith("pyfly.") else None
        yield from ("", *_prose(doc)) if doc else ()


def _of_class(door: Any, name: str, cls: type) -> Iterator[str]:
    bases = [base.__name__ for base in cls.__bases__ if base not in (object, Enum)]
    if issubclass(cls, BaseException):
        yield f"Bases: {', '.join(f'`{base}`' for base in bases)}."
        yield ""
    elif issubclass(cls, Enum):
        yield from ("```text", *(f"{name}.{member}" for member in cls.__members__), "```", "")
    elif not getattr(cls, "_is_protocol", False):
        yield from _signature(name, cls, "class")
    doc = inspect.getdoc(cls) or ""
    yield from _prose(doc)
    if issubclass(cls, BaseException):
        return
    if "\nArgs:\n" not in doc:
        yield from _arguments_of_base(cls)
    for member, found in sorted(_members(door, cls)):
        yield ""
        if isinstance(found, property):
            yield f"**`{member}`** · {_first(inspect.getdoc(found))}"
        else:
            function = inspect.unwrap(getattr(cls, member))
            head = "await " if _is_async(function) else ""
            yield f"**`{head}{member}{_arguments(function)}`** · {_first(inspect.getdoc(function))}"


def _arguments_of_base(cls: type) -> Iterator[str]:
    """What the base that makes the object says of its arguments."""
    home = next(base for base in cls.__mro__ if "__init__" in vars(base))
    doc = inspect.getdoc(home) or ""
    if home is not cls and "\nArgs:\n" in doc:
        yield ""
        yield from _prose(doc[doc.index("\nArgs:\n") :])


def _members(door: Any, cls: type) -> Iterator[tuple[str, Any]]:
    """The public methods and properties of a class, but those of a base that is public too."""
    for name in dir(cls):
        home = next((base for base in cls.__mro__ if name in vars(base)), object)
        found = vars(home).get(name)
        method = isinstance(found, property | staticmethod | classmethod)
        if name.startswith("_") or not (method or inspect.isroutine(found)):
            continue
        told = home is not Record and home.__module__.startswith("pyfly.")
        own = home is cls or getattr(door, home.__name__, None) is not home
        if told and own and inspect.getdoc(getattr(cls, name)):
            yield name, found


def _signature(name: str, value: Any, keyword: str) -> Iterator[str]:
    """A signature as code, a line for each parameter where one line is too short."""
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return
    if keyword == "class" and issubclass(value, Record) and "__init__" not in vars(value):
        signature = _of_record(value)
    if keyword == "class":
        signature = signature.replace(return_annotation=inspect.Signature.empty)
    whole = f"{keyword} {name}{_clean(str(signature))}"
    yield "```text"
    if len(whole) <= 96:
        yield whole
    else:
        yield f"{keyword} {name}("
        yield from (f"    {part}," for part in _parameters(signature))
        returns = signature.return_annotation
        told = "" if returns is signature.empty else f" -> {_annotation(returns)}"
        yield f"){told}"
    yield from ("```", "")


def _of_record(cls: type[Record]) -> inspect.Signature:
    """The signature of a record: its fields, with their defaults."""
    types: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        types |= inspect.get_annotations(base)
    empty = inspect.Parameter.empty
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Signature(
        [
            inspect.Parameter(n, kind, default=getattr(cls, n, empty), annotation=types[n])
            for n in cls.__match_args__
        ]
    )


def _parameters(signature: inspect.Signature) -> Iterator[str]:
    starred = False
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            starred = True
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            starred = True
            yield "*"
        yield _clean(str(parameter))


def _arguments(function: Any) -> str:
    """The signature of a method, without the object that it belongs to."""
    signature = inspect.signature(function)
    own = [p for p in signature.parameters.values() if p.name not in ("self", "cls")]
    return _clean(str(signature.replace(parameters=own)))


def _annotation(value: Any) -> str:
    return value if isinstance(value, str) else inspect.formatannotation(value)


def _clean(text: str) -> str:
    """A signature without the quotes of unevaluated annotations, and without addresses."""
    text = _ADDRESS.sub("", text)
    text = re.sub(r"(: |-> )'([^']*)'", r"\1\2", text)
    text = re.sub(r"<(?:function|class|object|[\w.]+ object)\b[^>]*>", "...", text)
    return re.sub(
        r"\b(?:pyfly|typing|collections\.abc|datetime)(?:\.[a-z_]\w*)*\.(?=[A-Za-z])", "", text
    )


def _is_async(value: Any) -> bool:
    return inspect.iscoroutinefunction(value) or inspect.isasyncgenfunction(value)


def _first(doc: str | None) -> str:
    return _inline(" ".join((doc or "").split("\n\n")[0].split()))


def _inline(text: str) -> str:
    """Roles and literals of docstrings as Markdown; vertical bars need no care outside tables."""
    text = _ROLE.sub(lambda found: f"`{found[1].rpartition('.')[2]}`", text)
    return _LITERAL.sub(r"`\1`", text)


def _prose(doc: str) -> Iterator[str]:
    """A docstring as Markdown: paragraphs, lists for ``Args``, blocks for what follows ``::``."""
    blocks = re.split(r"\n{2,}(?! )", doc.strip())
    for number, block in enumerate(blocks):
        if number:
            yield ""
        head, _, rest = block.partition("\n")
        if _SECTION.match(head) and rest:
            yield f"**{head.rstrip(':')}**"
            yield ""
            body = textwrap.dedent(rest.strip("\n"))
            yield from _code(body) if head.startswith("Example") else _entries(body)
        elif block.rstrip().endswith("::"):
            yield _inline(block.rstrip()[:-1])
        elif "::\n" in block:
            told, _, code = block.partition("::\n")
            yield from (f"{_inline(told)}:".lstrip(":"), "")
            yield from _code(textwrap.dedent(code.strip("\n")))
        elif block.startswith(("    ", "└")) or "├" in block:
            yield from _code(block)
        else:
            yield from map(_inline, block.splitlines())


def _code(text: str) -> Iterator[str]:
    yield from ("```text", *text.rstrip().splitlines(), "```")


def _entries(body: str) -> Iterator[str]:
    """The entries of a section as a list; prose stays prose."""
    entries = re.split(r"\n(?=\S)", body)
    for entry in entries:
        text = " ".join(entry.split())
        found = _ENTRY.fullmatch(text)
        yield f"- `{found[1]}`: {_inline(found[2])}" if found else _inline(text)


if __name__ == "__main__":
    print(f"docs/reference: {', '.join(write())}")
