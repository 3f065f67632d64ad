"""What can be wrong with a configuration.

::

    PyFlyException
    └── ConfigException              problems: every mistake found, one line each
        ├── ConfigFileException      a file is missing, unreadable or no YAML; path, line, column
        └── PlaceholderException     ${...} cannot be resolved; placeholder

    ConfigWarning                    a UserWarning: something was given that nothing reads
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pyfly.kernel.exceptions import PyFlyException


class ConfigException(PyFlyException):
    """The configuration is wrong; the message has one line for each mistake.

    Attributes:
        problems: The lines of the message, each ``where: key: what is wrong (what to write)``.
    """

    @property
    def problems(self) -> tuple[str, ...]:
        return tuple(str(self).splitlines())

    @classmethod
    def gather(cls, problems: Iterable[str]) -> ConfigException:
        """Returns one exception for many mistakes; a mistake that is told twice is kept once."""
        return cls("\n".join(dict.fromkeys(problems)))


class ConfigFileException(ConfigException):
    """A configuration file is missing, cannot be read, or is no YAML.

    Attributes:
        path: The file, absolute.
        line: The line of the mistake, counted from 1; None if the file as a whole is meant.
        column: The column of the mistake, counted from 1; None if unknown.
    """

    def __init__(
        self,
        message: str = "",
        code: str | None = None,
        context: Mapping[str, Any] | None = None,
        *,
        path: str | None = None,
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        super().__init__(message, code, context)
        self.path = path
        self.line = line
        self.column = column


class PlaceholderException(ConfigException):
    """A ``${...}`` cannot be resolved, goes round in a circle, or is not well formed.

    Attributes:
        placeholder: The name in it; None if there is none to tell.
    """

    def __init__(
        self,
        message: str = "",
        code: str | None = None,
        context: Mapping[str, Any] | None = None,
        *,
        placeholder: str | None = None,
    ) -> None:
        super().__init__(message, code, context)
        self.placeholder = placeholder


class ConfigWarning(UserWarning):
    """Something that looks like configuration is read by nothing, most likely a typing error."""
