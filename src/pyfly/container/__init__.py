"""Dependency injection: classes become beans, and constructors say what they need.

Decorate classes with :func:`component`, :func:`service`, :func:`repository` or
:func:`configuration` and register them in a :class:`Container`, or rather in the
``ApplicationContext`` of :mod:`pyfly.context`, which adds a life cycle.
"""

from pyfly.container.container import Container
from pyfly.container.errors import (
    AmbiguousBeanException,
    BeanCreationException,
    BeanDefinitionException,
    BeanNotReadyException,
    CircularDependencyException,
    ContainerException,
    NoSuchBeanException,
)
from pyfly.container.scope import Scope
from pyfly.container.stereotypes import (
    Qualifier,
    bean,
    component,
    configuration,
    primary,
    repository,
    service,
)

__all__ = [
    "AmbiguousBeanException",
    "BeanCreationException",
    "BeanDefinitionException",
    "BeanNotReadyException",
    "CircularDependencyException",
    "Container",
    "ContainerException",
    "NoSuchBeanException",
    "Qualifier",
    "Scope",
    "bean",
    "component",
    "configuration",
    "primary",
    "repository",
    "service",
]
