"""The public names of :mod:`pyfly.core`, and where each lives: the one list of them."""

from pyfly.core.config import Config as Config
from pyfly.core.duration import format_duration as format_duration, parse_duration as parse_duration
from pyfly.core.errors import (
    ConfigException as ConfigException,
    ConfigFileException as ConfigFileException,
    ConfigWarning as ConfigWarning,
    PlaceholderException as PlaceholderException,
)
from pyfly.core.schema import (
    Choice as Choice,
    Duration as Duration,
    Flag as Flag,
    Group as Group,
    Integer as Integer,
    Leaf as Leaf,
    Named as Named,
    Number as Number,
    OneOf as OneOf,
    Schema as Schema,
    Secret as Secret,
    Size as Size,
    Text as Text,
)
from pyfly.core.tree import Origin as Origin
from pyfly.core.values import Setting as Setting, Values as Values
