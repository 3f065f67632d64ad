"""The application context: beans with a life cycle, and hooks for those who extend it.

:class:`ApplicationContext` makes what is registered, starts it in the order of dependencies
and stops it in reverse. The decorators that make beans are in :mod:`pyfly.container`.
"""

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
