from collections.abc import Callable
from typing import Any

import pytest

from pyfly.container import (
    BeanDefinitionException,
    Qualifier,
    Scope,
    bean,
    component,
    configuration,
    primary,
    repository,
    service,
)

STEREOTYPES: list[tuple[Any, str]] = [
    (component, "component"),
    (service, "service"),
    (repository, "repository"),
    (configuration, "configuration"),
]


@pytest.mark.parametrize(("decorator", "name"), STEREOTYPES)
def test_a_bare_decorator_writes_its_metadata_on_the_class(
    decorator: Callable[[type], type], name: str
) -> None:
    class Plain: ...

    assert decorator(Plain) is Plain
    body = vars(Plain)
    assert body["__pyfly_injectable__"] is True
    assert body["__pyfly_stereotype__"] == name
    assert body["__pyfly_scope__"] is Scope.SINGLETON


@pytest.mark.parametrize(("decorator", "name"), STEREOTYPES)
def test_a_called_decorator_takes_name_and_scope(decorator: Any, name: str) -> None:
    @decorator(name="x", scope=Scope.TRANSIENT)
    class Named: ...

    assert vars(Named)["__pyfly_stereotype__"] == name
    assert vars(Named)["__pyfly_bean_name__"] == "x"
    assert vars(Named)["__pyfly_scope__"] is Scope.TRANSIENT


def test_a_subclass_is_not_decorated_by_inheritance() -> None:
    @service
    class Base: ...

    class Derived(Base): ...

    assert "__pyfly_injectable__" not in vars(Derived)


def test_a_stereotype_on_a_function_says_what_to_write_instead() -> None:
    def make() -> int:
        return 1

    with pytest.raises(BeanDefinitionException) as caught:
        service(make)  # type: ignore[call-overload]  # the mistake under test
    assert "@service goes on a class, not on make   tests/container/test_stereotypes.py:" in str(
        caught.value
    )
    assert "write @bean on a method" in str(caught.value)


def test_a_stereotype_on_an_object_is_refused() -> None:
    with pytest.raises(BeanDefinitionException, match="goes on a class, not on int"):
        component()(7)  # type: ignore[type-var]  # the mistake under test


def test_a_name_given_by_position_is_shown_as_a_keyword() -> None:
    wrong: Any = service
    with pytest.raises(BeanDefinitionException, match=r"write @service\(name='catalog'\)"):
        wrong("catalog")
    wrong = bean
    with pytest.raises(BeanDefinitionException, match=r"write @bean\(name='catalog'\)"):
        wrong("catalog")


@pytest.mark.parametrize("name", ["", 3])
def test_a_name_is_a_string_that_is_not_empty(name: Any) -> None:
    with pytest.raises(BeanDefinitionException, match=r"@service\(name="):
        service(name=name)


def test_a_scope_is_a_member_of_scope() -> None:
    wrong: Any = "transient"
    with pytest.raises(BeanDefinitionException, match=r"write Scope\.SINGLETON or Scope\.TRANS"):
        bean(scope=wrong)


def test_bean_is_refused_on_a_class() -> None:
    with pytest.raises(BeanDefinitionException, match="for a class write @component"):

        @bean
        class Wrong: ...


def test_bean_and_primary_mark_a_method_and_give_it_back() -> None:
    def make() -> int:
        return 1

    assert primary(bean(make)) is make
    assert vars(make)["__pyfly_bean__"] is True
    assert vars(make)["__pyfly_primary__"] is True


def test_a_qualifier_is_a_value() -> None:
    assert Qualifier("a") == Qualifier("a")
    assert repr(Qualifier("a")) == 'Qualifier("a")'
