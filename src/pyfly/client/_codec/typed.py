"""The libraries that decode JSON straight into types: pydantic, or msgspec for its structs.

Each is imported only when an annotation asks for it.
"""

from __future__ import annotations

import functools
import operator
import sys
from collections.abc import Callable
from types import UnionType
from typing import Any, Protocol, TypedDict, get_args, get_origin, get_type_hints

from pyfly.client._codec.json_text import from_json, may_overflow

#: After so many it is as fast to look for the word itself.
_MOST_LETTERS = 40


class TypedJson(Protocol):
    """A decoder into one type.

    Attributes:
        name: The type, as a person reads it.
        errors: What the two methods raise when a body does not fit.
    """

    @property
    def name(self) -> str: ...  # told above
    @property
    def errors(self) -> tuple[type[Exception], ...]: ...  # told above

    def from_bytes(self, content: bytes, /) -> Any:
        """Decode and validate JSON bytes."""
        ...

    def from_value(self, value: Any, /) -> Any:
        """Validate plain values."""
        ...

    def explain(self, error: Any, /) -> tuple[str, str]:
        """Where in the body the first mismatch is, and what it is; without the body's data."""
        ...


def typed_json(annotation: Any) -> TypedJson:
    """The decoder for a type: msgspec for its structs and attrs classes, else pydantic.

    Raises:
        Exception: Whatever the library raises for a type that it cannot decode.
    """
    if _holds(annotation, _is_struct) or _holds(annotation, _is_attrs):
        return _Msgspec(annotation)
    return _Pydantic(_with_extensions(annotation))


def _holds(annotation: Any, wanted: Callable[[Any], bool]) -> bool:
    return wanted(annotation) or any(_holds(inner, wanted) for inner in get_args(annotation))


def _is_struct(annotation: Any) -> bool:
    return hasattr(annotation, "__struct_fields__")


def _is_attrs(annotation: Any) -> bool:
    return hasattr(annotation, "__attrs_attrs__")


def _with_extensions(annotation: Any) -> Any:
    """The annotation with every ``typing.TypedDict`` rebuilt, which pydantic refuses to 3.11."""
    if sys.version_info >= (3, 12) or not _holds(annotation, _is_old_typed_dict):
        return annotation
    if _is_old_typed_dict(annotation):
        return _rebuilt(annotation)
    arguments = tuple(_with_extensions(inner) for inner in get_args(annotation))
    if get_origin(annotation) is UnionType:
        return functools.reduce(operator.or_, arguments)
    return (
        annotation.copy_with(arguments)
        if hasattr(annotation, "copy_with")
        else (get_origin(annotation)[arguments])
    )


def _is_old_typed_dict(annotation: Any) -> bool:
    return isinstance(annotation, type) and type(annotation) is type(_Old)


class _Old(TypedDict):
    """Its metaclass is how a ``typing.TypedDict`` is told."""


def _rebuilt(annotation: Any) -> Any:
    import typing_extensions  # it comes with pydantic

    required = annotation.__required_keys__
    fields = {
        name: _with_extensions(hint)
        if name in required
        else typing_extensions.NotRequired[_with_extensions(hint)]
        for name, hint in get_type_hints(annotation).items()
    }
    make: Any = typing_extensions.TypedDict
    return make(annotation.__name__, fields)


class _Pydantic:
    def __init__(self, annotation: Any) -> None:
        try:
            from pydantic import TypeAdapter, ValidationError
        except ImportError:
            raise ImportError(
                "typed results need pydantic: pip install 'pyfly-client[pydantic]'"
            ) from None
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        self.name = _name(annotation)
        self.errors: tuple[type[Exception], ...] = (ValidationError, ValueError)
        self._validate = adapter.validate_json
        self.from_value = adapter.validate_python

    def from_bytes(self, content: bytes) -> Any:
        # pydantic takes NaN and Infinity, which JSON does not have, and 1e400 for one of them.
        # Single letters are found at the speed of memory, words are not: they would take a tenth
        # of the time of decoding.
        if (
            (b"N" in content and _has_word(content, b"NaN"))
            or (b"I" in content and _has_word(content, b"Infinity"))
            or may_overflow(content)
        ):
            from_json(content)
        return self._validate(content)

    def explain(self, error: Any) -> tuple[str, str]:
        if not hasattr(error, "errors"):
            return "", str(error)
        first, *rest = error.errors(include_url=False, include_input=False, include_context=False)
        more = f" (and {len(rest)} more)" if rest else ""
        return ".".join(map(str, first["loc"])), f"{first['msg']}{more}"


def _has_word(content: bytes, word: bytes) -> bool:
    """Whether a word is in some bytes, if its first letter is rare in them."""
    first = word[:1]
    at = content.find(first)
    for _ in range(_MOST_LETTERS):
        if at < 0 or content.startswith(word, at):
            return at >= 0
        at = content.find(first, at + 1)
    return at >= 0 and content.find(word, at) >= 0


class _Msgspec:
    def __init__(self, annotation: Any) -> None:
        try:
            import msgspec
        except ImportError:
            raise ImportError(
                "results of attrs classes need msgspec: pip install 'pyfly-client[msgspec]'"
            ) from None

        self._annotation = annotation
        self._convert = msgspec.convert
        self.name = _name(annotation)
        self.errors: tuple[type[Exception], ...] = (
            msgspec.DecodeError,
            UnicodeError,
            RecursionError,
        )
        self.from_bytes = msgspec.json.Decoder(annotation).decode

    def from_value(self, value: Any) -> Any:
        return self._convert(value, self._annotation)

    def explain(self, error: Exception) -> tuple[str, str]:
        reason, _, path = str(error).partition(" - at `$")
        return path.strip("`.[]"), reason


def _name(annotation: Any) -> str:
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation.__name__
    return str(annotation).replace("typing.", "")
