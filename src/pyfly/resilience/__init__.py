"""Protection for calls to things that fail: circuit breaker, retry, timeouts, budgets.

Each policy works alone around any function, and as a stage of a :class:`Pipeline`. Nothing
here knows of HTTP.
"""

from pyfly.kernel.front_door import front_door

__getattr__, __dir__, __all__ = front_door(__name__)
