"""Dependency injection: classes become beans, and constructors say what they need.

Decorate classes with :func:`component`, :func:`service`, :func:`repository` or
:func:`configuration` and register them in a :class:`Container`, or rather in the
``ApplicationContext`` of :mod:`pyfly.context`, which adds a life cycle.
"""

from pyfly.kernel.front_door import front_door

__getattr__, __dir__, __all__ = front_door(__name__)
