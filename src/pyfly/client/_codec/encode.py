"""From a Python value to a JSON body."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence, Set
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

__all__ = ["to_json", "to_plain"]


def to_json(value: Any) -> bytes:
    """A value as compact UTF-8 JSON.

    Besides JSON's own types: pydantic models, dataclasses, attrs classes, msgspec structs,
    enums, UUIDs, decimals (as text), dates and datetimes (ISO 8601), tuples and sets.

    Raises:
        ValueError: NaN or an infinity, a lone surrogate, a value that contains itself.
        TypeError: A value that has no JSON form.
    """
    try:
        text = _ENCODER.encode(value)
        return text.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half of a surrogate pair, which is no character") from None


def to_plain(value: Any) -> Any:
    """A value as dicts, lists, texts, numbers, booleans and None; else as :func:`to_json`."""
    if value is None or value.__class__ in (str, int, bool):
        return value
    if isinstance(value, Enum):
        return to_plain(value.value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} has no JSON form")
        return value
    if isinstance(value, (str, int)):
        return value
    if isinstance(value, Mapping):
        return {_key(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [to_plain(item) for item in value]
    return to_plain(_model_values(value))


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


def _model_values(value: Any) -> Any:
    """One level of a value that JSON does not know."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (datetime, date, time)):
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
    if callable(dump := getattr(value, "model_dump", None)):  # pydantic
        return dump(mode="json", by_alias=True)
    for names in (
        getattr(value, "__dataclass_fields__", None),
        getattr(value, "__struct_fields__", None),  # msgspec
        [field.name for field in getattr(value, "__attrs_attrs__", ())],
    ):
        if names:
            return _members(value, names)
    raise TypeError(
        f"a {type(value).__name__} has no JSON form (pass a dict, a list, a dataclass or a model)"
    )


def _members(value: Any, names: Any) -> dict[str, Any]:
    renamed = getattr(value, "__struct_encode_fields__", None)
    return dict(zip(renamed or names, [getattr(value, name) for name in names], strict=True))


class _Encoder(json.JSONEncoder):
    def default(self, o: Any) -> Any:
        return _model_values(o)


_ENCODER = _Encoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
