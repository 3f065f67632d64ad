"""``package.module:Class.method`` on a command line: found and imported, or a helpful refusal."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from pyfly.kernel.record import Record

_OURS = str(Path(__file__).parents[1])


class CommandTarget(Record):
    """What a user named.

    Attributes:
        text: As it was written.
        module: The module's dotted name.
        cls: The class in it; None for all that it defines.
        method: The method of that; None if none was named.
    """

    text: str
    module: str
    cls: str | None = None
    method: str | None = None


class ImportFailure(click.ClickException):
    """The user's module was found, and cannot be imported.

    Attributes:
        file: Where it fails, as far as that is known.
        line: Likewise.
    """

    def __init__(self, message: str, file: str | None, line: int | None) -> None:
        super().__init__(message)
        self.file = file
        self.line = line

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: " if self.file else ""
        return f"{where}{self.message}"

    def format_message(self) -> str:
        """The message with the place."""
        return str(self)


def parse_target(text: str) -> CommandTarget:
    """Take ``package.module[:Class[.method]]`` apart.

    Raises:
        click.UsageError: It is something else.
    """
    module, colon, rest = text.partition(":")
    if module.endswith(".py") or "/" in module or "\\" in module:
        dotted = module.removesuffix(".py").replace("\\", "/").strip("./").replace("/", ".")
        raise click.UsageError(f"{text!r} is a path: write the module, {dotted + colon + rest!r}")
    cls, _, method = rest.partition(".")
    parts = [*module.split("."), *([cls] if colon else ()), *([method] if method else ())]
    if not all(part.isidentifier() for part in parts) or rest.endswith("."):
        meant = f"{module}:{cls.replace(':', '.')}" if cls.replace(":", "").isidentifier() else ""
        instead = meant or "package.module:Class or package.module:Class.method"
        raise click.UsageError(f"{text!r} is no target: write {instead}")
    return CommandTarget(text, module, cls or None, method or None)


def load_module(name: str) -> ModuleType:
    """Import a user's module, from the current folder as ``python -m`` would.

    What it prints goes to standard error: standard output is the command's.

    Raises:
        click.UsageError: There is no such module.
        ImportFailure: It cannot be imported.
    """
    here = str(Path.cwd())
    if sys.path[:1] != [here]:
        sys.path.insert(0, here)
    importlib.invalidate_caches()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (error.name == name or name.startswith(f"{error.name}.")):
            raise click.UsageError(_no_module(name, error.name)) from None
        raise _failure(name, error) from error
    except (Exception, SystemExit) as error:  # any code may stand in a module
        raise _failure(name, error) from error


def load_class(module: ModuleType, target: CommandTarget) -> type:
    """The class that a target names.

    Raises:
        click.UsageError: The module has none of that name.
    """
    assert target.cls is not None  # asked for
    found = getattr(module, target.cls, None)
    if isinstance(found, type):
        return found
    if found is not None:
        raise click.UsageError(f"{target.cls} in {target.module} is no class")
    names = [
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__
    ]
    meant = _meant(target.cls, names, target.module)
    there = f": there is {', '.join(names)}" if names else ""
    raise click.UsageError(f"{target.module} has no class {target.cls!r}{meant or there}")


def _meant(name: str, known: Iterable[str], prefix: str) -> str:
    from pyfly.core.keys import nearest

    close = nearest(name, known)
    return f": did you mean {prefix}:{close}?" if close else ""


def _no_module(name: str, missing: str) -> str:
    """``missing`` is the first part of ``name`` that is not there."""
    from pyfly.core.keys import nearest

    parent, _, last = missing.rpartition(".")
    if hasattr(sys.modules.get(parent), last):  # a class, with a dot where the colon belongs
        return f"{missing!r} is no module: did you mean {parent}:{name[len(parent) + 1 :]}?"
    text = f"no module {missing!r}" + ("" if parent else f" in {Path.cwd()} or installed")
    siblings = _modules_in(parent)
    close = nearest(last, siblings)
    if close is not None:
        meant = ".".join([*([parent] if parent else ()), close]) + name[len(missing) :]
        return f"{text}: did you mean {meant}?"
    return text


def _modules_in(parent: str) -> list[str]:
    """The modules of a package; without one, those of the current folder."""
    if not parent:
        return [module.name for module in pkgutil.iter_modules([str(Path.cwd())])]
    package = sys.modules.get(parent)
    path: Iterable[str] = getattr(package, "__path__", ())
    return [module.name for module in pkgutil.iter_modules(path)]


def _failure(name: str, error: BaseException) -> ImportFailure:
    """The user's place at which an import failed, and why; no traceback of ours."""
    if isinstance(error, SyntaxError) and error.filename:
        return ImportFailure(f"{error.msg} (in {name})", place(error.filename), error.lineno)
    file, line = None, None
    for frame in traceback.extract_tb(error.__traceback__):
        if not frame.filename.startswith((_OURS, "<")) and frame.lineno is not None:
            file, line = place(frame.filename), frame.lineno
        elif file is not None and frame.filename.startswith(_OURS):
            break  # what the user called of ours: the call is the place
    reason = f"{type(error).__name__}: {error}"
    return ImportFailure(f"{name} cannot be imported: {reason}", file, line)


def place(filename: str) -> str:
    """A path as it is best told: below the current folder without that."""
    path = Path(filename)
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


def source_line(thing: Any) -> tuple[str | None, int | None]:
    """File and line of a function or class, as far as they are known."""
    import inspect

    code = getattr(thing, "__code__", None)
    if code is not None and not code.co_filename.startswith("<"):  # made by exec(…)
        return place(code.co_filename), code.co_firstlineno
    with contextlib.suppress(OSError, TypeError):
        file = inspect.getsourcefile(thing)
        if file is not None:
            lines, line = inspect.getsourcelines(thing)
            # From Python 3.13 on a class knows its line, also if exec(…) has made it.
            if not isinstance(thing, type) or f"class {thing.__name__}" in "".join(lines):
                return place(file), line
    return None, None
