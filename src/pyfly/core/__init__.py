"""Configuration: YAML files, profiles, environment variables, and typed reading of them."""

from typing import TYPE_CHECKING

from pyfly.kernel.front_door import front_door

if TYPE_CHECKING:
    from pyfly.core.config import Config
    from pyfly.core.duration import format_duration, parse_duration
    from pyfly.core.errors import (
        ConfigException,
        ConfigFileException,
        ConfigWarning,
        PlaceholderException,
    )
    from pyfly.core.schema import (
        Choice,
        Duration,
        Flag,
        Group,
        Integer,
        Leaf,
        Named,
        Number,
        OneOf,
        Schema,
        Secret,
        Size,
        Text,
    )
    from pyfly.core.tree import Origin
    from pyfly.core.values import Setting, Values

__all__ = [
    "Choice",
    "Config",
    "ConfigException",
    "ConfigFileException",
    "ConfigWarning",
    "Duration",
    "Flag",
    "Group",
    "Integer",
    "Leaf",
    "Named",
    "Number",
    "OneOf",
    "Origin",
    "PlaceholderException",
    "Schema",
    "Secret",
    "Setting",
    "Size",
    "Text",
    "Values",
    "format_duration",
    "parse_duration",
]

_HOMES = {
    "Choice": "schema",
    "Config": "config",
    "ConfigException": "errors",
    "ConfigFileException": "errors",
    "ConfigWarning": "errors",
    "Duration": "schema",
    "Flag": "schema",
    "Group": "schema",
    "Integer": "schema",
    "Leaf": "schema",
    "Named": "schema",
    "Number": "schema",
    "OneOf": "schema",
    "Origin": "tree",
    "PlaceholderException": "errors",
    "Schema": "schema",
    "Secret": "schema",
    "Setting": "values",
    "Size": "schema",
    "Text": "schema",
    "Values": "values",
    "format_duration": "duration",
    "parse_duration": "duration",
}

if not TYPE_CHECKING:  # a checker that saw it would take every misspelt name
    __getattr__, __dir__ = front_door(__name__, _HOMES)
