"""The application context: beans with a life cycle, and hooks for those who extend it.

:class:`ApplicationContext` makes what is registered, starts it in the order of dependencies
and stops it in reverse. The decorators that make beans are in :mod:`pyfly.container`.
"""

from pyfly.kernel.front_door import front_door

__getattr__, __dir__, __all__ = front_door(__name__)
