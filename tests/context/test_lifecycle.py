"""@post_construct and @pre_destroy."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from pyfly.container import BeanDefinitionException, Scope, bean, component, configuration
from pyfly.context import post_construct, pre_destroy
from tests.context.support import Journal, context_of


async def test_several_hooks_run_in_the_order_in_which_they_are_written() -> None:
    journal = Journal()

    class Base:
        @post_construct
        def one(self) -> None:
            journal.append("one")

        @post_construct
        async def two(self) -> None:
            journal.append("two")

        @pre_destroy
        def last(self) -> None:
            journal.append("last")

    class Left(Base): ...

    class Right(Base): ...

    class Service(Left, Right):
        @post_construct
        def three(self) -> None:
            journal.append("three")

        @pre_destroy
        async def first(self) -> None:
            journal.append("first")

    async with context_of(Service):
        assert journal.take() == ["one", "two", "three"]
    assert journal == ["first", "last"]


async def test_an_overridden_hook_runs_once_in_its_overriding_form() -> None:
    journal = Journal()

    class Base:
        @post_construct
        def begin(self) -> None:
            journal.append("base")

    class Service(Base):
        def begin(self) -> None:
            journal.append("service")

    async with context_of(Service):
        assert journal == ["service"]


async def test_hooks_may_be_static_or_of_the_class() -> None:
    journal = Journal()

    # Type checkers expect a hook to take self.
    hook: Callable[[Callable[..., None]], Callable[..., None]] = post_construct

    class Service:
        @staticmethod
        @hook
        def begin() -> None:
            journal.append("static")

        @classmethod
        @post_construct
        def also(cls) -> None:
            journal.append(cls.__name__)

    async with context_of(Service):
        assert journal == ["static", "Service"]


async def test_an_instance_has_the_same_life_as_a_class() -> None:
    journal = Journal()

    class Service:
        @post_construct
        def begin(self) -> None:
            journal.append("begin")

        @pre_destroy
        def end(self) -> None:
            journal.append("end")

    async with context_of(Service()):
        assert journal == ["begin"]
    assert journal == ["begin", "end"]


async def test_what_a_factory_makes_has_the_hooks_of_its_own_class() -> None:
    journal = Journal()

    class Port: ...

    class Adapter(Port):
        @post_construct
        async def begin(self) -> None:
            journal.append("begin")

    @configuration
    class Wiring:
        @bean
        def port(self) -> Port:
            return Adapter()

    async with context_of(Wiring):
        assert journal == ["begin"]


async def test_a_mock_is_no_bean_with_hooks() -> None:
    class Service:
        helper = Mock()  # has every attribute, also those of a hook

        @post_construct
        async def begin(self) -> None: ...

    mock = AsyncMock(spec=Service)
    async with context_of(mock) as context:
        assert context.get_bean(Service) is mock
    assert mock.method_calls == []
    async with context_of(Service):
        assert Service.helper.mock_calls == []


async def test_a_transient_is_initialised_but_not_kept() -> None:
    journal = Journal()

    @component(scope=Scope.TRANSIENT)
    class Basket:
        @post_construct
        def begin(self) -> None:
            journal.append("begin")

        @pre_destroy
        def end(self) -> None:
            journal.append("never")

    async with context_of(Basket) as context:
        assert journal == []
        assert context.get_bean(Basket) is not context.get_bean(Basket)
    assert journal == ["begin", "begin"]


async def test_a_hook_that_returns_something_awaitable_is_awaited() -> None:
    journal = Journal()

    class Service:
        @post_construct
        def begin(self) -> Any:
            return self.really_begin()

        async def really_begin(self) -> None:
            journal.append("begin")

    async with context_of(Service):
        assert journal == ["begin"]


def takes_a_parameter(self: Any, clock: object) -> None: ...


def takes_a_keyword(self: Any, *, clock: object = None) -> None: ...


@pytest.mark.parametrize("hook", [post_construct, pre_destroy])
@pytest.mark.parametrize("method", [takes_a_parameter, takes_a_keyword])
def test_a_hook_with_parameters_is_refused(hook: Any, method: Callable[..., None]) -> None:
    with pytest.raises(BeanDefinitionException) as caught:
        hook(method)
    assert f"a @{hook.__name__} method takes parameters, but nobody passes any" in str(caught.value)
    assert f"{method.__name__}   tests/context/test_lifecycle.py:" in str(caught.value)


def yields(self: Any) -> Iterator[None]:
    yield


async def yields_too(self: Any) -> AsyncIterator[None]:
    yield


@pytest.mark.parametrize("method", [yields, yields_too])
def test_a_hook_that_yields_is_refused(method: Any) -> None:
    with pytest.raises(BeanDefinitionException, match="contains a yield"):
        post_construct(method)


def test_a_hook_goes_on_a_method() -> None:
    wrong: Any = Journal
    with pytest.raises(BeanDefinitionException, match="@pre_destroy goes on a method, not on <cl"):
        pre_destroy(wrong)
