"""What type checkers infer; checked by mypy and pyright, and true when it runs."""

from abc import ABC, abstractmethod
from typing import Any, Generic, Protocol, TypeVar, assert_type, runtime_checkable

from pyfly.container import (
    Container,
    Scope,
    bean,
    component,
    configuration,
    primary,
    service,
)
from pyfly.context import post_construct, pre_destroy
from tests.context.support import context_of

T = TypeVar("T")


@runtime_checkable
class Port(Protocol):
    def send(self) -> str: ...


class Base(ABC):
    @abstractmethod
    def load(self) -> int: ...


class Repo(Generic[T]): ...


@service
class Bare(Base):
    def load(self) -> int:
        return 1

    @post_construct
    async def begin(self) -> None: ...

    @pre_destroy
    def end(self) -> None: ...


@primary
@component(name="called", scope=Scope.SINGLETON)
class Called(Repo[int]):
    def send(self) -> str:
        return "sent"


@configuration
class Wiring:
    @bean
    def one(self) -> list[int]:
        return [1]

    @bean(name="two", scope=Scope.TRANSIENT)
    async def two(self) -> int:
        return 2


async def test_a_bean_has_the_type_that_was_asked_for() -> None:
    async with context_of(Bare, Called) as context:
        assert_type(context.get_bean(Bare), Bare)
        assert_type(context.get_bean(Port), Port)
        assert_type(context.get_bean(Base), Base)
        assert_type(context.get_bean(Repo[int]), Repo[int])
        assert_type(context.get_beans(Port), list[Port])
        assert_type(context.find_bean(Base), Base | None)
        assert context.get_bean(Port).send() == "sent"
        assert context.get_bean(Base).load() == 1
        assert context.get_bean(Repo[int]) is context.get_bean(Called)


def test_a_container_says_the_same() -> None:
    container = Container()
    container.register_bean(Bare)
    container.register_bean(Called)
    assert_type(container.get_bean(Port), Port)
    assert_type(container.get_beans(Base), list[Base])
    assert_type(container.find_bean(Base), Base | None)
    assert container.contains(Port)


async def test_decorators_keep_the_types_of_what_they_decorate() -> None:
    assert_type(Bare(), Bare)
    assert_type(Called(), Called)
    assert_type(Wiring().one(), list[int])
    assert_type(await Wiring().two(), int)
    assert_type(Bare().end(), None)
    made: Any = await Bare().begin()  # type: ignore[func-returns-value]  # it is there
    assert made is None
