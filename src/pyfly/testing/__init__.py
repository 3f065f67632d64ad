"""What a user's tests of their clients need.

The names are imported when they are first used: pytest imports this package for the plugin
in it, also where no test needs a client.
"""

from pyfly.kernel.front_door import front_door

__getattr__, __dir__, __all__ = front_door(__name__)
