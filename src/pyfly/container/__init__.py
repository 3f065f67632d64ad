"""Dependency injection: classes become beans, and constructors say what they need.

Decorate classes with :func:`component`, :func:`service`, :func:`repository` or
:func:`configuration` and register them in a :class:`Container`, or rather in the
``ApplicationContext`` of :mod:`pyfly.context`, which adds a life cycle.
"""

from typing import TYPE_CHECKING

from pyfly.kernel.front_door import front_door

if TYPE_CHECKING:
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

_HOMES = {
    "AmbiguousBeanException": "errors",
    "BeanCreationException": "errors",
    "BeanDefinitionException": "errors",
    "BeanNotReadyException": "errors",
    "CircularDependencyException": "errors",
    "Container": "container",
    "ContainerException": "errors",
    "NoSuchBeanException": "errors",
    "Qualifier": "stereotypes",
    "Scope": "scope",
    "bean": "stereotypes",
    "component": "stereotypes",
    "configuration": "stereotypes",
    "primary": "stereotypes",
    "repository": "stereotypes",
    "service": "stereotypes",
}

if not TYPE_CHECKING:  # a checker that saw it would take every misspelt name
    __getattr__, __dir__ = front_door(__name__, _HOMES)
