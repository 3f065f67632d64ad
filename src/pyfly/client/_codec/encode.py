"""From a Python value to a JSON body."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence, Set
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

_Options = Mapping[str, bool]
_BY_ALIAS: _Options = {"by_alias": True}


class JsonEncoding:
    """From values to JSON.

    Besides JSON's own types: pydantic models, dataclasses, attrs classes, msgspec structs,
    enums, UUIDs, decimals (as text), dates and datetimes (ISO 8601), tuples and sets.

    Args:
        **options: What pydantic models are asked for, besides their aliases: ``exclude_unset``,
            ``exclude_none``, ``by_alias``.
    """

    def __init__(self, **options: bool) -> None:
        self._options = {"by_alias": True, **options}
        self._encode = json.JSONEncoder(
            ensure_ascii=False,
            allow_nan=False,
            separators=(",", ":"),
            default=lambda value: _model_values(value, self._options),
        ).encode

    def to_json(self, value: Any) -> bytes:
        """A value as compact UTF-8 JSON.

        Raises:
            ValueError: NaN or an infinity, a lone surrogate, a value that contains itself.
            TypeError: A value that has no JSON form.
        """
        try:
            text = self._encode(value)
            return text.encode()
        except UnicodeEncodeError:
            raise ValueError("it holds half of a surrogate pair, which is no character") from None

    def to_json_line(self, value: Any) -> bytes:
        """A value as one line of NDJSON: JSON holds no line break that it does not escape."""
        return self.to_json(value) + b"\n"

    def to_plain(self, value: Any) -> Any:
        """A value as dicts, lists, texts, numbers, booleans and None; else as :meth:`to_json`."""
        if value is None or value.__class__ in (str, int, bool):
            return value
        if isinstance(value, Enum):
            return self.to_plain(value.value)
        if isinstance(value, float):
            if not math.isfinite(value):
                raise ValueError(f"{value} has no JSON form")
            return value
        if isinstance(value, (str, int)):
            return value
        if isinstance(value, Mapping):
            return {_key(key): self.to_plain(item) for key, item in value.items()}
        if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
            return [self.to_plain(item) for item in value]
        return self.to_plain(_model_values(value, self._options))


def _key(key: Any) -> str:
    if isinstance(key, Enum):
        key = key.value
    if isinstance(key, str):
        return key
    if isinstance(key, bool) or key is None:
        return {True: "true", False: "false", None: "null"}[key]
    if isinstance(key, (int, float)):
        return str(to_plain(key))
    raise TypeError(f"a {type(key).__name__} cannot be the name of a JSON member (use a str)")


def _model_values(value: Any, options: _Options = _BY_ALIAS) -> Any:
    """One level of a value that JSON does not know."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return iso_text(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (UUID, Decimal)):
        if isinstance(value, Decimal) and not value.is_finite():
            raise ValueError(f"{value} has no JSON form")
        return str(value)
    if isinstance(value, Set):
        return sorted(value, key=str)
    if isinstance(value, (Mapping, Sequence)) and not isinstance(value, (bytes, bytearray)):
        return to_plain(value)
    if isinstance(value, type):
        raise TypeError(f"the class {value.__name__} has no JSON form (pass an instance)")
    if (dump := _dump_of(value, options)) is not None:
        return dump("json")
    raise TypeError(
        f"a {type(value).__name__} has no JSON form (pass a dict, a list, a dataclass or a model)"
    )


def iso_text(value: datetime) -> str:
    """A datetime in ISO 8601, UTC as ``Z``: many servers read a ``+`` as a space."""
    text = value.isoformat()
    return f"{text[:-6]}Z" if text.endswith("+00:00") else text


def fields_of(value: Any) -> dict[str, Any] | None:
    """The fields of a mapping, model, dataclass, attrs class or struct by their names on the wire.

    Their values stay what they are, as dates do. None for a value without fields.
    """
    if isinstance(value, Mapping):
        return {_key(key): item for key, item in value.items()}
    dump = None if isinstance(value, type) else _dump_of(value)
    return None if dump is None else dump("python")


def _dump_of(value: Any, options: _Options = _BY_ALIAS) -> Callable[[str], dict[str, Any]] | None:
    """From a mode, ``json`` or ``python``, to the fields of a value; None if it has none."""
    kind = type(value)
    if callable(getattr(value, "model_dump", None)):  # pydantic
        model: Any = value
        return lambda mode: model.model_dump(mode=mode, **options)
    if hasattr(kind, "__struct_fields__"):
        return lambda mode: _struct_fields(value, mode)
    if hasattr(kind, "__pydantic_serializer__"):  # a dataclass of pydantic's
        serializer: Any = kind.__pydantic_serializer__
        return lambda mode: serializer.to_python(value, mode=mode, **options)
    names = getattr(kind, "__dataclass_fields__", None)
    if names is None:
        attributes = getattr(kind, "__attrs_attrs__", None)
        if attributes is None:
            return None
        names = [attribute.name for attribute in attributes]
    return lambda mode: {name: getattr(value, name) for name in names}


def _struct_fields(value: Any, mode: str) -> dict[str, Any]:
    """A struct with its renamed fields and tag, without what is unset."""
    import msgspec  # the struct is of its making

    kept = (date, datetime, time, Decimal, UUID, bytes, bytearray, memoryview)
    # To JSON nothing is kept but bytes, which are to be refused and not turned into base64.
    fields: dict[str, Any] = msgspec.to_builtins(
        value,
        builtin_types=kept if mode == "python" else kept[-3:],
        enc_hook=_model_values,
        str_keys=mode == "json",
    )
    return fields


_PLAIN = JsonEncoding()
to_json, to_json_line, to_plain = _PLAIN.to_json, _PLAIN.to_json_line, _PLAIN.to_plain
