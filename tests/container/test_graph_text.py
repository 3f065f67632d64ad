"""Error messages word for word: they are what a user sees of the container."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from textwrap import dedent
from typing import Any

import pytest

from pyfly.container import Container, ContainerException, Scope, component, primary
from tests.container import shop

PLACE = re.compile(r"tests/container/\w+\.py:\d+")


def message(ask: Callable[..., Any], *beans: Any, name: str | None = None) -> str:
    container = Container("ApplicationContext")
    for bean in beans:
        container.register_bean(bean)
    with pytest.raises(ContainerException) as caught:
        container.get_bean(ask, name)
    return PLACE.sub("shop.py:1", str(caught.value))


def block(text: str) -> str:
    return dedent(text).strip()


def test_a_missing_bean_is_drawn_at_the_end_of_its_path() -> None:
    assert message(shop.ShopFront, shop.ShopFront, shop.CatalogService) == block(
        """
        No bean of type InventoryClient.
          ApplicationContext
          └─ ShopFront(catalog: CatalogService)   shop.py:1
             └─ CatalogService(inventory: InventoryClient)   shop.py:1
                └─ InventoryClient   ← nothing registered
        Register one: context.register_bean(InventoryClient), or give the parameter a default.
        """
    )


def test_a_missing_bean_that_was_asked_for_is_drawn_alone() -> None:
    assert message(shop.InventoryClient, name="main") == block(
        """
        No bean of type InventoryClient named 'main'.
          ApplicationContext
          └─ InventoryClient   ← nothing registered
        Register one: context.register_bean(InventoryClient, name="main").
        """
    )


def test_similar_types_are_suggested() -> None:
    class InventoryClients: ...

    text = message(shop.InventoryClient, InventoryClients)
    assert "Did you mean InventoryClients (shop.py:1)?" in text


def test_similar_names_are_suggested() -> None:
    assert message(shop.MisnamesRepo, shop.MisnamesRepo, shop.FileRepo, shop.MemoryRepo) == block(
        """
        No bean of type Repo named 'fielRepo'.
          ApplicationContext
          └─ MisnamesRepo(repo: Annotated[Repo, Qualifier("fielRepo")])   shop.py:1
             └─ Repo   ← no bean named 'fielRepo'
                ├─ fileRepo: FileRepo   shop.py:1
                └─ memoryRepo: MemoryRepo   shop.py:1
        Did you mean 'fileRepo'?
        Use one of the names above.
        """
    )


def test_a_class_that_only_looks_like_the_protocol_is_pointed_out() -> None:
    assert message(shop.NeedsRepo, shop.NeedsRepo, shop.SqlRepo).endswith(
        "SqlRepo has its methods, but Repo is not @runtime_checkable: "
        "decorate it, or write class SqlRepo(Repo)."
    )


def test_for_an_interface_an_implementation_is_asked_for() -> None:
    class Port(ABC):
        @abstractmethod
        def send(self) -> None: ...

    assert message(Port).endswith("Register a class that implements Port.")
    assert message(shop.NeedsRepo, shop.NeedsRepo).endswith(
        "Register a class that implements Repo, or give the parameter a default."
    )


def test_candidates_are_listed_with_the_ways_to_choose() -> None:
    assert message(shop.NeedsRepo, shop.NeedsRepo, shop.MemoryRepo, shop.FileRepo) == block(
        """
        2 beans of type Repo, and none is primary.
          ApplicationContext
          └─ NeedsRepo(repo: Repo)   shop.py:1
             └─ Repo   ← which one?
                ├─ memoryRepo: MemoryRepo   shop.py:1
                └─ fileRepo: FileRepo   shop.py:1
        Mark one with @primary, or name the one you mean: \
repo: Annotated[Repo, Qualifier("memoryRepo")].
        """
    )


def test_two_primaries_are_listed_as_such() -> None:
    class Base: ...

    @primary
    class Left(Base): ...

    @primary
    class Right(Base): ...

    assert message(Base, Left, Right) == block(
        """
        2 beans of type Base, and 2 of them are primary.
          ApplicationContext
          └─ Base   ← which one?
             ├─ left: Left   shop.py:1   (primary)
             └─ right: Right   shop.py:1   (primary)
        Leave @primary on one of them, or name the one you mean: get_bean(Base, name="left").
        """
    )


def test_a_cycle_is_drawn_as_a_loop() -> None:
    assert message(shop.Farm, shop.Farm, shop.Hen, shop.Egg) == block(
        """
        Hen needs itself.
          ApplicationContext
          └─ Farm(hen: Hen)   shop.py:1
             ┌─▶ Hen(egg: Egg)   shop.py:1
             │   Egg(hen: Hen)   shop.py:1
             └──┘
        Break the loop: move what both need into a third bean, \
or let one of them take the other after both are made.
        """
    )


def test_a_bean_that_takes_itself_is_a_loop_of_one() -> None:
    assert "┌─▶ Narcissus(other: Narcissus)" in message(Narcissus, Narcissus)


class Narcissus:
    def __init__(self, other: "Narcissus") -> None: ...


def test_a_failed_constructor_is_drawn_where_it_stands() -> None:
    class Broken:
        def __init__(self) -> None:
            raise OSError

    class Outer:
        def __init__(self, broken: Broken) -> None: ...

    assert message(Outer, Broken, Outer) == block(
        """
        Broken could not be made: OSError
          ApplicationContext
          └─ Broken   shop.py:1   ← raised OSError
        """
    ).replace("└─ Broken", "└─ Outer(broken: Broken)   shop.py:1\n     └─ Broken")


def test_a_method_of_a_configuration_is_named_with_its_class() -> None:
    text = message(shop.Engine, shop.ShopConfiguration, name="engine")
    assert "└─ ShopConfiguration.engine(prices: PriceService)   shop.py:1" in text


def test_a_transient_that_has_to_be_awaited_gets_other_advice() -> None:
    async def clock() -> shop.Engine:
        raise AssertionError("not to be called")

    component_of: Any = clock
    component_of.__pyfly_scope__ = Scope.TRANSIENT
    assert "clock is transient, so start() does not make it" in message(shop.Engine, clock)

    @component
    class Outer:
        def __init__(self, engine: shop.Engine) -> None: ...

    assert "Call `await context.start()` again" in message(Outer, clock, Outer)


def test_a_container_calls_itself_container() -> None:
    with pytest.raises(ContainerException, match=r"container\.register_bean\(InventoryClient\)"):
        Container().get_bean(shop.InventoryClient)
