"""The public names of :mod:`pyfly.context`, and where each lives: the one list of them."""

from pyfly.context.context import ApplicationContext as ApplicationContext
from pyfly.context.errors import (
    AutoConfigurationException as AutoConfigurationException,
    ContextException as ContextException,
    ContextNotStartedException as ContextNotStartedException,
    ContextStoppedException as ContextStoppedException,
    PostProcessorException as PostProcessorException,
    ScanException as ScanException,
)
from pyfly.context.lifecycle import post_construct as post_construct, pre_destroy as pre_destroy
from pyfly.context.post_processor import (
    BeanPostProcessor as BeanPostProcessor,
    LifecyclePostProcessor as LifecyclePostProcessor,
)
