"""The public names of :mod:`pyfly.container`, and where each lives: the one list of them."""

from pyfly.container.container import Container as Container
from pyfly.container.errors import (
    AmbiguousBeanException as AmbiguousBeanException,
    BeanCreationException as BeanCreationException,
    BeanDefinitionException as BeanDefinitionException,
    BeanNotReadyException as BeanNotReadyException,
    CircularDependencyException as CircularDependencyException,
    ContainerException as ContainerException,
    NoSuchBeanException as NoSuchBeanException,
)
from pyfly.container.stereotypes import Scope as Scope
from pyfly.container.stereotypes import (
    Qualifier as Qualifier,
    bean as bean,
    component as component,
    configuration as configuration,
    primary as primary,
    repository as repository,
    service as service,
)
