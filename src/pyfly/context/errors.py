"""The exceptions of the application context; those of wiring are in :mod:`pyfly.container`.

::

    PyFlyException
    └── ContextException
        ├── ContextNotStartedException   a bean was asked for before start()
        ├── ContextStoppedException      the context was stopped, or is stopping
        ├── PostProcessorException       a post-processor does not keep its contract
        ├── AutoConfigurationException   an entry point of an installed package is broken
        └── ScanException                a module to scan cannot be imported
"""

from __future__ import annotations

from pyfly.kernel.exceptions import PyFlyException


class ContextException(PyFlyException):
    """Base of what goes wrong with an application context."""


class ContextNotStartedException(ContextException):
    """A bean was asked for before the context was started."""


class ContextStoppedException(ContextException):
    """The context was stopped: it has no beans any more, and cannot be started again."""


class PostProcessorException(ContextException):
    """A bean post-processor is none, came too late, or returned no bean."""


class AutoConfigurationException(ContextException):
    """An auto configuration that an installed package offers cannot be loaded or failed."""


class ScanException(ContextException):
    """What was to be scanned cannot be imported; the reason is the ``__cause__``."""
