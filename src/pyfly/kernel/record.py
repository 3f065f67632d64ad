"""Immutable records that cost nothing at import.

A frozen dataclass compiles its methods when the module is imported, half a millisecond
each; a client library pays that before its first call. A :class:`Record` reads its fields
from the annotations once and shares one ``__init__``.
"""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn, dataclass_transform


@dataclass_transform(frozen_default=True, eq_default=True)
class Record:
    """Base of immutable value classes: annotate the fields, give defaults, done.

    Two records are equal if they are of one class and all fields are equal. Fields of a
    base class come first. A record pickles, copies, hashes (if its values do) and matches
    by position in a ``case`` pattern.

    Raises:
        TypeError: A field is missing, unknown or given twice.
        AttributeError: A field is assigned or deleted.
    """

    __slots__ = ("__dict__",)
    __match_args__: Any = ()
    _defaults: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = [name for name in cls.__annotations__ if name[0] != "_"]
        inherited: tuple[str, ...] = cls.__match_args__
        fields: Any = (*inherited, *(name for name in own if name not in inherited))
        setattr(cls, "__match_args__", fields)  # noqa: B010  # mypy takes it for a constant
        cls._defaults = {
            **cls._defaults,
            **{name: cls.__dict__[name] for name in own if name in cls.__dict__},
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        fields = self.__match_args__
        if len(args) > len(fields):
            raise TypeError(
                f"{type(self).__name__} takes {len(fields)} values ({', '.join(fields)}), "
                f"but {len(args)} were given"
            )
        values = self.__dict__
        values.update(self._defaults)
        values.update(zip(fields, args, strict=False))
        for name in kwargs:
            if name not in fields:
                raise TypeError(f"{type(self).__name__} has no field {name!r}")
            if name in fields[: len(args)]:
                raise TypeError(f"{type(self).__name__} got two values for {name!r}")
        values.update(kwargs)
        if len(values) != len(fields):
            missing = [name for name in fields if name not in values]
            raise TypeError(f"{type(self).__name__} needs a value for {', '.join(missing)}")

    def replace(self, **changes: Any) -> Any:
        """Returns a copy of this record with some fields changed."""
        return type(self)(**{**self.__dict__, **changes})

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} is read-only")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} is read-only")

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((self.__class__, *(self.__dict__[name] for name in self.__match_args__)))

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}={self.__dict__[name]!r}" for name in self.__match_args__)
        return f"{type(self).__name__}({inner})"

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
