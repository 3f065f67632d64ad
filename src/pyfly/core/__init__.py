"""Configuration: YAML files, profiles, environment variables, and typed reading of them."""

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
