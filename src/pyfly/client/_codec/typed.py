"""The libraries that decode JSON straight into types: pydantic, or msgspec for its structs.

Each is imported only when an annotation asks for it.
"""

from __future__ import annotations

import sys
from typing import Any, Protocol, get_args

__all__ = ["TypedJson", "typed_json"]


class TypedJson(Protocol):
    """A decoder into one type.

    Attributes:
        name: The type, as a person reads it.
        errors: What the two methods raise when a body does not fit.
    """

    name: str
    errors: tuple[type[Exception], ...]

    def from_bytes(self, content: bytes) -> Any:
        """Decode and validate JSON bytes."""
        ...

    def from_value(self, value: Any) -> Any:
        """Validate plain values."""
        ...

    def explain(self, error: Exception) -> tuple[str, str]:
        """Where in the body the first mismatch is, and what it is; without the body's data."""
        ...


def typed_json(annotation: Any) -> TypedJson:
    """The decoder for a type.

    Raises:
        Exception: Whatever the library raises for a type that it cannot decode.
    """
    if _has_struct(annotation):
        return _Msgspec(annotation)
    return _Pydantic(annotation)


def _has_struct(annotation: Any) -> bool:
    msgspec = sys.modules.get("msgspec")  # a struct's class exists, so it is imported
    if msgspec is None:
        return False
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return True
    return any(_has_struct(argument) for argument in get_args(annotation))


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
        self.errors: tuple[type[Exception], ...] = (ValidationError,)
        self.from_bytes = adapter.validate_json
        self.from_value = adapter.validate_python

    def explain(self, error: Any) -> tuple[str, str]:
        first, *rest = error.errors(include_url=False, include_input=False, include_context=False)
        more = f" (and {len(rest)} more)" if rest else ""
        return ".".join(map(str, first["loc"])), f"{first['msg']}{more}"


class _Msgspec:
    def __init__(self, annotation: Any) -> None:
        import msgspec

        self._annotation = annotation
        self._convert = msgspec.convert
        self.name = _name(annotation)
        self.errors: tuple[type[Exception], ...] = (msgspec.DecodeError, RecursionError)
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
