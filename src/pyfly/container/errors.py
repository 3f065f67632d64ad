"""The container's exceptions.

::

    PyFlyException
    └── ContainerException
        ├── BeanDefinitionException      a class or factory cannot be a bean as it is written
        ├── NoSuchBeanException          nothing registered fits
        ├── AmbiguousBeanException       more than one bean fits, and none is preferred
        ├── CircularDependencyException  a bean needs itself
        ├── BeanCreationException        a constructor, factory or hook failed; see __cause__
        └── BeanNotReadyException        the bean is being made, or only start() can make it
"""

from __future__ import annotations

from pyfly.kernel.exceptions import PyFlyException


class ContainerException(PyFlyException):
    """Base of what goes wrong when beans are declared, found or made."""


class BeanDefinitionException(ContainerException):
    """A class, factory, hook or parameter is declared in a way that cannot work."""


class NoSuchBeanException(ContainerException):
    """No registered bean has the type (and name) that was asked for."""


class AmbiguousBeanException(ContainerException):
    """Several beans fit and nothing says which one is meant."""


class CircularDependencyException(ContainerException):
    """A bean needs itself, directly or through others."""


class BeanCreationException(ContainerException):
    """The user's code that makes a bean raised; its exception is the ``__cause__``."""


class BeanNotReadyException(ContainerException):
    """The bean exists but cannot be handed out now, because making it has to be awaited."""
