"""The application context: beans with a life cycle, and hooks for those who extend it.

:class:`ApplicationContext` makes what is registered, starts it in the order of dependencies
and stops it in reverse. The decorators that make beans are in :mod:`pyfly.container`.
"""

from typing import TYPE_CHECKING

from pyfly.kernel.front_door import front_door

if TYPE_CHECKING:
    from pyfly.context.context import ApplicationContext
    from pyfly.context.errors import (
        AutoConfigurationException,
        ContextException,
        ContextNotStartedException,
        ContextStoppedException,
        PostProcessorException,
        ScanException,
    )
    from pyfly.context.lifecycle import post_construct, pre_destroy
    from pyfly.context.post_processor import BeanPostProcessor, LifecyclePostProcessor

__all__ = [
    "ApplicationContext",
    "AutoConfigurationException",
    "BeanPostProcessor",
    "ContextException",
    "ContextNotStartedException",
    "ContextStoppedException",
    "LifecyclePostProcessor",
    "PostProcessorException",
    "ScanException",
    "post_construct",
    "pre_destroy",
]

_HOMES = {
    "ApplicationContext": "context",
    "AutoConfigurationException": "errors",
    "BeanPostProcessor": "post_processor",
    "ContextException": "errors",
    "ContextNotStartedException": "errors",
    "ContextStoppedException": "errors",
    "LifecyclePostProcessor": "post_processor",
    "PostProcessorException": "errors",
    "ScanException": "errors",
    "post_construct": "lifecycle",
    "pre_destroy": "lifecycle",
}

if not TYPE_CHECKING:  # a checker that saw it would take every misspelt name
    __getattr__, __dir__ = front_door(__name__, _HOMES)
