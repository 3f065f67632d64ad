"""What a part of a configuration may hold, as a tree that reads like the file it describes.

::

    SETTINGS = {"timeout": Duration(default="30s", minimum="1ms"), "adapter": Choice("httpx2")}
    SCHEMA = Group({"default": Group(SETTINGS), "clients": Named(Group(SETTINGS))})

A :class:`Group` has fixed keys, a :class:`Named` arbitrary ones, a :class:`Leaf` is one value.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeAlias

from pyfly.core import conversions
from pyfly.core.conversions import HIDDEN, show
from pyfly.core.duration import format_duration, to_duration
from pyfly.core.errors import ConfigException
from pyfly.core.keys import common

Check: TypeAlias = Callable[[Any], str | None]


class Leaf(ABC):
    """Base of the kinds of value.

    Args:
        default: What is read where nothing is set, written as in a file; None for nothing.
        nullable: Whether an explicit null is a value.
        check: Called with a converted value; returns what is wrong with it (without the
            value: it may be a secret), or None.

    Raises:
        ConfigException: The default is not a value of this kind.
    """

    __slots__ = ("check", "default", "nullable")

    def __init__(
        self, *, default: Any = None, nullable: bool = False, check: Check | None = None
    ) -> None:
        self.nullable = nullable
        self.check = check
        shown = HIDDEN if self.secret else show(default)
        self.default = None if default is None else self.read(default, shown)

    @property
    def secret(self) -> bool:
        """Whether no message may show the value."""
        return False

    @property
    @abstractmethod
    def expected(self) -> str:
        """What is accepted, as a message says it: ``a whole number of at least 1``."""

    @abstractmethod
    def convert(self, value: object, shown: str) -> Any:
        """Returns the value as the type of this kind.

        Args:
            value: What was written: text from files and the environment, anything from code.
            shown: The text that stands for the value in messages.

        Raises:
            ConfigException: It is not a value of this kind.
        """

    def read(self, value: object, shown: str) -> Any:
        """Convert a value and check it; an explicit null is None if this leaf may be null."""
        if value is None:
            if self.nullable:
                return None
            raise ConfigException("has no value (give it one, or remove the line)")
        converted = self.convert(value, shown)
        if self.check is not None and (wrong := self.check(converted)):
            raise ConfigException(f"{shown} {wrong}")
        return converted


class Bounded(Leaf):
    """A leaf with a smallest and a largest value, both included."""

    __slots__ = ("maximum", "minimum")

    def __init__(
        self,
        *,
        default: Any = None,
        minimum: Any = None,
        maximum: Any = None,
        nullable: bool = False,
        check: Check | None = None,
    ) -> None:
        self.minimum = None if minimum is None else self.parse(minimum, show(minimum))
        self.maximum = None if maximum is None else self.parse(maximum, show(maximum))
        super().__init__(default=default, nullable=nullable, check=check)

    @abstractmethod
    def parse(self, value: object, shown: str) -> Any:
        """Returns the value, whatever its bounds."""

    def written(self, value: Any) -> str:
        """Returns a value as somebody would write it."""
        return str(value)

    def convert(self, value: object, shown: str) -> Any:
        converted = self.parse(value, shown)
        if self.minimum is not None and converted < self.minimum:
            raise ConfigException(f"{shown} is too small (at least {self.written(self.minimum)})")
        if self.maximum is not None and converted > self.maximum:
            raise ConfigException(f"{shown} is too large (at most {self.written(self.maximum)})")
        return converted

    @property
    def bounds(self) -> str:
        low = f" of at least {self.written(self.minimum)}" if self.minimum is not None else ""
        high = f"at most {self.written(self.maximum)}" if self.maximum is not None else ""
        return low + (f"{' and ' if low else ' of '}{high}" if high else "")


class Duration(Bounded):
    """A span of time, read as a ``timedelta``; see :func:`pyfly.core.parse_duration`."""

    __slots__ = ()

    @property
    def expected(self) -> str:
        return f"a duration{self.bounds} such as 30s, 500ms or 1h30m"

    def parse(self, value: object, shown: str) -> timedelta:
        return to_duration(value, shown)

    def written(self, value: Any) -> str:
        return format_duration(value)


class Integer(Bounded):
    """A whole number, read as an ``int``."""

    __slots__ = ()

    @property
    def expected(self) -> str:
        return f"a whole number{self.bounds}"

    def parse(self, value: object, shown: str) -> int:
        return conversions.to_integer(value, shown)


class Number(Bounded):
    """A finite number, read as a ``float``."""

    __slots__ = ()

    @property
    def expected(self) -> str:
        return f"a number{self.bounds}"

    def parse(self, value: object, shown: str) -> float:
        return conversions.to_number(value, shown)

    def written(self, value: Any) -> str:
        return f"{value:g}"


class Size(Bounded):
    """A number of bytes, read as an ``int``: ``1048576``, ``512KB`` (thousands), ``10MiB``."""

    __slots__ = ()

    @property
    def expected(self) -> str:
        return f"a size{self.bounds} such as 512KB or 10MiB"

    def parse(self, value: object, shown: str) -> int:
        return conversions.to_size(value, shown)

    def written(self, value: Any) -> str:
        return f"{value}B"


class Flag(Leaf):
    """``true`` or ``false``, and nothing else, read as a ``bool``."""

    __slots__ = ()

    @property
    def expected(self) -> str:
        return "true or false"

    def convert(self, value: object, shown: str) -> bool:
        return conversions.to_flag(value, shown)


class Text(Leaf):
    """A text, read as it is written."""

    __slots__ = ()

    @property
    def expected(self) -> str:
        return "a text"

    def convert(self, value: object, shown: str) -> str:
        return conversions.to_text(value, shown)


class Secret(Text):
    """A text that no message shows."""

    __slots__ = ()

    @property
    def secret(self) -> bool:
        return True


class Choice(Leaf):
    """One of several words; their case, hyphens and underscores do not matter."""

    __slots__ = ("options",)

    def __init__(
        self,
        *options: str,
        default: str | None = None,
        nullable: bool = False,
        check: Check | None = None,
    ) -> None:
        self.options = options
        super().__init__(default=default, nullable=nullable, check=check)

    @property
    def expected(self) -> str:
        return f"one of {', '.join(self.options)}"

    def convert(self, value: object, shown: str) -> str:
        return conversions.to_choice(value, shown, self.options)


class OneOf(Leaf):
    """A value of the first of several kinds that accepts it: ``OneOf(Flag(), Integer())``."""

    __slots__ = ("kinds",)

    def __init__(
        self,
        *kinds: Leaf,
        default: Any = None,
        nullable: bool = False,
        check: Check | None = None,
    ) -> None:
        self.kinds = kinds
        super().__init__(default=default, nullable=nullable, check=check)

    @property
    def secret(self) -> bool:
        return any(kind.secret for kind in self.kinds)

    @property
    def expected(self) -> str:
        return ", or ".join(kind.expected for kind in self.kinds)

    def convert(self, value: object, shown: str) -> Any:
        for kind in self.kinds:
            try:
                return kind.read(value, shown)
            except ConfigException:
                continue
        raise ConfigException(f"{shown} is not accepted (write {self.expected})")


class Group:
    """A section with these keys and no others.

    Args:
        children: What may stand under each key; write the keys in kebab-case, without dots.

    Raises:
        ConfigException: Two of the keys are one, or one has a dot.
    """

    __slots__ = ("_forms", "children")

    def __init__(self, children: Mapping[str, Schema]) -> None:
        self.children = dict(children)
        self._forms: dict[str, str] = {}
        for key in self.children:
            if not key or "." in key:
                raise ConfigException(f"{key!r} is no key of a schema (nest groups instead)")
            if common(key) in self._forms:
                raise ConfigException(f"{key} and {self._forms[common(key)]} are the same key")
            self._forms[common(key)] = key

    def key(self, form: str) -> str | None:
        """Returns the key of this common form, as the schema spells it."""
        return self._forms.get(form)

    @property
    def forms(self) -> Mapping[str, str]:
        """From the common form of each key to its spelling."""
        return self._forms


class Named:
    """A section whose keys are names that the user picks, each with the same content."""

    __slots__ = ("item",)

    def __init__(self, item: Schema) -> None:
        self.item = item


Schema: TypeAlias = Group | Named | Leaf
