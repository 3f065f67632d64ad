import asyncio
import functools
import pickle
import threading
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol
from unittest.mock import AsyncMock

import pytest

from pyfly.container import (
    AmbiguousBeanException,
    BeanCreationException,
    BeanDefinitionException,
    BeanNotReadyException,
    CircularDependencyException,
    Container,
    ContainerException,
    NoSuchBeanException,
    Scope,
    bean,
    component,
    configuration,
    service,
)
from pyfly.kernel.exceptions import PyFlyException
from tests.container import shop


class Clock: ...


class Watch(Clock): ...


def container_of(*beans: Any) -> Container:
    container = Container()
    for each in beans:
        container.register_bean(each)
    return container


# -- registering


def test_a_bean_is_found_by_type_by_base_class_and_by_name() -> None:
    container = container_of(Watch)
    assert container.get_bean(Clock) is container.get_bean(Watch)
    assert container.get_bean(Clock, "watch") is container.get_bean(Watch)
    assert container.contains(Clock)
    assert not container.contains(Clock, "clock")


def test_a_decorator_names_the_bean_and_register_bean_names_it_anew() -> None:
    @component(name="mine")
    class Named: ...

    container = container_of(Named)
    container.register_bean(Named, name="other")
    assert [d.name for d in container.definitions] == ["mine", "other"]
    assert container.get_bean(Named, "mine") is not container.get_bean(Named, "other")


def test_the_name_of_a_base_class_is_not_inherited() -> None:
    @component(name="mine")
    class Named: ...

    class Derived(Named): ...

    assert container_of(Derived).definitions[0].name == "derived"


def test_registering_the_identical_thing_twice_is_harmless() -> None:
    instance, factory = Clock(), Factory().make
    for target in (Watch, instance, shop.ShopConfiguration, factory, Factory.build):
        container = container_of(target)
        before = container.definitions
        assert container.register_bean(target) == []
        assert container.definitions == before


class Factory:
    def make(self) -> Clock:
        return Clock()

    @staticmethod
    def build() -> Clock:
        return Clock()


def test_two_beans_of_one_name_are_an_error_that_shows_both() -> None:
    def watch() -> Clock:
        return Clock()

    container = container_of(Watch)
    with pytest.raises(BeanDefinitionException) as caught:
        container.register_bean(watch)
    assert str(caught.value).startswith(
        "Two beans are named 'watch':\n  Watch   tests/container/test_container.py:"
    )
    assert "Give one another name" in str(caught.value)
    assert len(container.definitions) == 1


def test_two_instances_of_one_class_need_names() -> None:
    container = container_of(Clock())
    with pytest.raises(BeanDefinitionException, match="Two beans are named 'clock'"):
        container.register_bean(Clock())
    container.register_bean(Clock(), name="second")
    assert len(container.get_beans(Clock)) == 2


def test_a_failed_registration_leaves_nothing_behind() -> None:
    container = Container()
    container.register_bean(Clock(), name="engine")
    with pytest.raises(BeanDefinitionException, match="named 'engine'"):
        container.register_bean(shop.ShopConfiguration)
    assert [d.name for d in container.definitions] == ["engine"]


def test_an_instance_is_a_bean_of_its_type() -> None:
    watch = Watch()
    assert container_of(watch).get_bean(Clock) is watch


def test_a_mock_with_a_specification_is_a_bean_of_the_type_it_stands_for() -> None:
    mock = AsyncMock(spec=shop.InventoryClient)
    assert container_of(mock, shop.CatalogService).get_bean(shop.CatalogService).inventory is mock


@pytest.mark.parametrize("value", ["shop", 7, None, [1]])
def test_a_value_of_a_built_in_type_needs_a_name(value: Any) -> None:
    with pytest.raises(BeanDefinitionException, match="a bean of a built-in type is found by name"):
        Container().register_bean(value)


@pytest.mark.parametrize("name", ["", 3])
def test_the_name_of_a_bean_is_a_string_that_is_not_empty(name: Any) -> None:
    with pytest.raises(BeanDefinitionException, match=r"register_bean\(…, name="):
        Container().register_bean(Clock, name=name)


def test_an_abstract_class_is_refused_with_its_abstract_methods() -> None:
    class Port(ABC):
        @abstractmethod
        def send(self) -> None: ...

        @abstractmethod
        def close(self) -> None: ...

    class Store(Protocol):
        def load(self) -> None: ...

    class Marker(Protocol): ...

    with pytest.raises(BeanDefinitionException, match=r"Port is abstract .*: close, send must"):
        Container().register_bean(Port)
    with pytest.raises(BeanDefinitionException, match=r"Store is a Protocol .*: load must be impl"):
        Container().register_bean(Store)
    with pytest.raises(BeanDefinitionException, match=r"Marker is a Protocol and cannot be inst"):
        Container().register_bean(Marker)


# -- factories


def test_a_factory_function_gives_a_bean_of_its_return_type() -> None:
    def office_clock(front: shop.PriceService) -> Clock:
        assert isinstance(front, shop.PriceService)
        return Watch()

    container = container_of(office_clock, shop.PriceService)
    assert isinstance(container.get_bean(Clock, "office_clock"), Watch)
    assert not container.contains(Watch)


def test_a_bound_method_is_a_factory_too() -> None:
    assert isinstance(container_of(Factory().make).get_bean(Clock), Clock)


def test_a_factory_without_a_return_annotation_is_refused() -> None:
    for factory in (lambda: 1, print, iter):
        with pytest.raises(BeanDefinitionException, match="does not say what it returns"):
            Container().register_bean(factory)


def test_a_factory_that_returns_none_by_annotation_is_refused() -> None:
    def nothing() -> None: ...

    with pytest.raises(BeanDefinitionException, match="does not say what it returns"):
        Container().register_bean(nothing)


def test_a_factory_of_a_union_is_refused() -> None:
    def either() -> Clock | int:
        return 1

    with pytest.raises(BeanDefinitionException, match=r"either\(\) -> Clock \| int: .* one class"):
        Container().register_bean(either)


def test_a_factory_whose_return_annotation_cannot_be_resolved_says_so() -> None:
    def lost() -> "Nowhere":  # type: ignore[name-defined]  # noqa: F821  # the mistake under test
        return 1

    with pytest.raises(BeanDefinitionException, match=r"lost\(\) -> Nowhere: the name 'Nowhere'"):
        Container().register_bean(lost)


def test_a_partial_is_refused() -> None:
    with pytest.raises(BeanDefinitionException, match="a partial has no return annotation"):
        Container().register_bean(functools.partial(Clock))


def test_a_configuration_brings_its_bean_methods_along() -> None:
    container = container_of(shop.ShopConfiguration, shop.PriceService)
    assert container.get_bean(shop.Engine).url == "replica"
    assert container.get_bean(shop.Engine, "engine").url == "main"
    assert [d.name for d in container.definitions] == [
        "shopConfiguration",
        "engine",
        "replica",
        "priceService",
    ]


def test_the_methods_of_a_configuration_share_its_one_instance() -> None:
    made = []

    @configuration
    class Config:
        def __init__(self, clock: Clock) -> None:
            made.append(clock)
            self.clock = clock

        @bean
        def one(self) -> shop.Engine:
            return shop.Engine(str(id(self)))

        @bean
        def two(self) -> shop.Engine:
            return shop.Engine(str(id(self)))

    first, second = container_of(Config, Clock).get_beans(shop.Engine)
    assert first.url == second.url
    assert len(made) == 1


def test_bean_methods_may_be_inherited_overridden_static_or_of_the_class() -> None:
    class Base:
        @bean
        def one(self) -> shop.Engine:
            return shop.Engine("base")

        @bean
        def two(self) -> shop.Engine:
            return shop.Engine("base")

    @configuration
    class Config(Base):
        def two(self) -> shop.Engine:
            return shop.Engine("overridden")

        @staticmethod
        @bean
        def three(clock: Clock) -> shop.Engine:
            return shop.Engine("static")

        @classmethod
        @bean
        def four(cls, clock: Clock) -> shop.Engine:
            return shop.Engine(cls.__name__)

    engines = container_of(Config, Clock).get_beans(shop.Engine)
    assert [engine.url for engine in engines] == ["base", "overridden", "static", "Config"]


def test_an_instance_of_a_configuration_brings_its_bean_methods_along() -> None:
    @configuration
    class Config:
        def __init__(self, url: str) -> None:
            self.url = url

        @bean(scope=Scope.TRANSIENT)
        def engine(self) -> shop.Engine:
            return shop.Engine(self.url)

    container = container_of(Config("given"))
    assert container.get_bean(shop.Engine).url == "given"
    assert container.get_bean(shop.Engine) is not container.get_bean(shop.Engine)


def test_a_bean_method_outside_a_configuration_is_an_error() -> None:
    @service
    class Wrong:
        @bean
        def clock(self) -> Clock:
            return Clock()

    with pytest.raises(BeanDefinitionException, match="Decorate the class with @configuration"):
        Container().register_bean(Wrong)


# -- making


def test_a_singleton_is_made_once_even_under_threads() -> None:
    made, barrier = [], threading.Barrier(8)

    class Slow:
        def __init__(self) -> None:
            made.append(threading.get_ident())

    container = container_of(Slow)

    def ask(_: int) -> Slow:
        barrier.wait()
        return container.get_bean(Slow)

    for _ in range(20):
        container = container_of(Slow)
        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(ask, range(8)))) == 1
    assert len(made) == 20


def test_a_transient_is_made_for_whoever_asks() -> None:
    @component(scope=Scope.TRANSIENT)
    class Basket: ...

    class Left:
        def __init__(self, basket: Basket) -> None:
            self.basket = basket

    class Right:
        def __init__(self, basket: Basket) -> None:
            self.basket = basket

    container = container_of(Basket, Left, Right)
    assert container.get_bean(Basket) is not container.get_bean(Basket)
    assert container.get_bean(Left).basket is not container.get_bean(Right).basket
    assert container.get_bean(Left).basket is container.get_bean(Left).basket


def test_two_containers_do_not_share_beans() -> None:
    assert container_of(Clock).get_bean(Clock) is not container_of(Clock).get_bean(Clock)


def test_find_bean_gives_none_where_nothing_is_registered() -> None:
    container = container_of(Watch)
    assert container.find_bean(shop.Engine) is None
    assert container.find_bean(Clock, "clock") is None
    assert container.find_bean(Clock) is container.get_bean(Watch)


def test_find_bean_does_not_choose_among_several() -> None:
    with pytest.raises(AmbiguousBeanException):
        container_of(Clock, Watch).find_bean(Clock)


def test_a_constructor_may_ask_the_container_for_another_bean() -> None:
    container = Container()

    class Locator:
        def __init__(self) -> None:
            self.clock = container.get_bean(Clock)

    container.register_bean(Locator)
    container.register_bean(Clock)
    assert container.get_bean(Locator).clock is container.get_bean(Clock)


def test_a_bean_that_asks_for_itself_while_it_is_made_is_told_so() -> None:
    container = Container()

    class Locator:
        def __init__(self) -> None:
            container.get_bean(Locator)

    container.register_bean(Locator)
    with pytest.raises(BeanNotReadyException, match="Locator is being made at this moment") as got:
        container.get_bean(Locator)
    assert "└─ Locator" in got.value.__notes__[0]
    with pytest.raises(BeanNotReadyException):  # and nothing is stuck
        container.get_bean(Locator)


def test_a_wiring_mistake_is_found_before_anything_is_made() -> None:
    made = []

    class Eager:
        def __init__(self) -> None:
            made.append(self)

    class Broken:
        def __init__(self, eager: Eager, clock: Clock) -> None: ...

    with pytest.raises(NoSuchBeanException):
        container_of(Eager, Broken).get_bean(Broken)
    assert made == []


def test_an_error_of_a_constructor_is_the_cause_and_the_next_try_is_fresh() -> None:
    answers = [ValueError("no disk"), None]

    class Flaky:
        def __init__(self) -> None:
            if error := answers.pop(0):
                raise error

    container = container_of(Flaky)
    with pytest.raises(
        BeanCreationException, match="Flaky could not be made: ValueError: no dis"
    ) as c:
        container.get_bean(Flaky)
    assert isinstance(c.value.__cause__, ValueError)
    assert isinstance(container.get_bean(Flaky), Flaky)


def test_an_error_of_ours_passes_with_the_way_to_it_as_a_note() -> None:
    class Broken:
        def __init__(self) -> None:
            raise PyFlyException("as it is")

    class Outer:
        def __init__(self, broken: Broken) -> None: ...

    with pytest.raises(PyFlyException, match=r"^as it is") as caught:
        container_of(Broken, Outer).get_bean(Outer)
    (note,) = caught.value.__notes__
    assert "└─ Outer(broken: Broken)" in note
    assert "← raised PyFlyException" in note


def test_a_factory_that_returns_none_is_an_error() -> None:
    def clock() -> Clock:
        return None  # type: ignore[return-value]  # the mistake under test

    with pytest.raises(BeanCreationException, match="it returned None"):
        container_of(clock).get_bean(Clock)


def test_an_interrupt_is_not_dressed_up() -> None:
    class Interrupted:
        def __init__(self) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        container_of(Interrupted).get_bean(Interrupted)


def test_an_async_factory_cannot_be_awaited_by_get_bean() -> None:
    async def clock() -> Clock:
        raise AssertionError("not to be called")

    class Outer:
        def __init__(self, clock: Clock) -> None: ...

    with pytest.raises(BeanNotReadyException) as caught:
        container_of(clock, Outer).get_bean(Outer)
    text = str(caught.value)
    assert text.startswith("Outer has to be awaited, which get_bean cannot do.")
    assert "← has an async factory or an async @post_construct" in text
    assert "Call `await context.start()` again" in text


def test_a_factory_that_hides_its_await_is_noticed_when_it_waits() -> None:
    class Waiting:
        def __await__(self) -> Any:
            yield

    async def wait() -> Clock:
        await Waiting()
        return Clock()

    def clock() -> Clock:
        return wait()  # type: ignore[return-value]  # as a careless wrapper does

    with pytest.raises(BeanNotReadyException, match="clock has to be awaited"):
        container_of(clock).get_bean(Clock)


async def test_make_awaits_what_has_to_be_awaited() -> None:
    async def clock() -> Clock:
        return Watch()

    container = container_of(clock)
    (definition,) = container.definitions
    assert container.needed(definition) == [definition]
    made = await container.make(definition)
    assert container.needed(definition) == []
    assert container.is_made(definition)
    assert container.get_bean(Clock) is made is await container.make(definition)
    container.forget(definition)
    assert not container.is_made(definition)


# -- errors


def test_the_exceptions_share_one_base_and_pickle() -> None:
    for kind in (
        AmbiguousBeanException,
        BeanCreationException,
        BeanDefinitionException,
        BeanNotReadyException,
        CircularDependencyException,
        NoSuchBeanException,
    ):
        error = pickle.loads(pickle.dumps(kind("text")))
        assert isinstance(error, ContainerException)
        assert str(error) == "text"


def test_a_definition_shows_name_and_type() -> None:
    assert repr(container_of(Watch).definitions[0]) == "<BeanDefinition watch: Watch>"


# Tasks that make one singleton


class Slow:
    made = 0

    def __init__(self) -> None:
        type(self).made += 1


async def a_slow_one() -> Slow:
    await asyncio.sleep(0.01)
    return Slow()


def test_two_tasks_that_make_one_singleton_get_the_same_one() -> None:
    container = Container()
    (definition,) = container.register_bean(a_slow_one)
    Slow.made = 0

    async def main() -> list[Any]:
        return await asyncio.gather(*(container.make(definition) for _ in range(5)))

    beans = asyncio.run(main())
    assert len({id(bean) for bean in beans}) == Slow.made == 1


def test_whoever_waits_for_a_singleton_that_cannot_be_made_makes_it_itself() -> None:
    tries: list[int] = []

    async def flaky() -> Slow:
        tries.append(1)
        await asyncio.sleep(0)
        if len(tries) == 1:
            raise OSError("not yet")
        return Slow()

    container = Container()
    (definition,) = container.register_bean(flaky)

    async def main() -> list[Any]:
        return await asyncio.gather(
            container.make(definition), container.make(definition), return_exceptions=True
        )

    first, second = asyncio.run(main())
    assert isinstance(first, BeanCreationException)
    assert isinstance(second, Slow)


def test_whoever_is_cancelled_while_it_waits_leaves_the_others_alone() -> None:
    container = Container()
    (definition,) = container.register_bean(a_slow_one)

    async def main() -> Any:
        first = asyncio.create_task(container.make(definition))
        await asyncio.sleep(0)
        second, third = (asyncio.create_task(container.make(definition)) for _ in range(2))
        await asyncio.sleep(0)
        second.cancel()
        assert await third is await first
        assert second.cancelled()

    asyncio.run(main())


class Ping:
    pass


class Pong:
    pass


def test_tasks_that_would_wait_for_each_other_are_told_so() -> None:
    container = Container()

    async def ping() -> Ping:
        await asyncio.sleep(0.01)
        await container.make(pong_definition)
        return Ping()

    async def pong() -> Pong:
        await asyncio.sleep(0.01)
        await container.make(ping_definition)
        return Pong()

    (ping_definition,), (pong_definition,) = map(container.register_bean, (ping, pong))

    async def main() -> list[Any]:
        making = (container.make(each) for each in (ping_definition, pong_definition))
        return await asyncio.wait_for(asyncio.gather(*making, return_exceptions=True), 10)

    ends = asyncio.run(main())
    assert any(isinstance(end, Exception) and "being made" in str(end) for end in ends)


def test_a_hook_that_asks_for_its_own_bean_in_another_task_is_told_so() -> None:
    container = Container()

    async def own() -> Ping:
        await asyncio.create_task(container.make(definition))
        return Ping()

    (definition,) = container.register_bean(own)

    async def main() -> None:
        await asyncio.wait_for(container.make(definition), 10)

    with pytest.raises(BeanNotReadyException, match="is being made at this moment"):
        asyncio.run(main())


def test_a_singleton_whose_loop_was_closed_while_it_was_made_is_made_again() -> None:
    container = Container()
    (definition,) = container.register_bean(a_slow_one)
    loop = asyncio.new_event_loop()

    async def begin() -> asyncio.Task[Any]:
        task = asyncio.create_task(container.make(definition))
        await asyncio.sleep(0)
        return task

    lost = loop.run_until_complete(begin())
    loop.close()
    assert isinstance(asyncio.run(asyncio.wait_for(container.make(definition), 10)), Slow)
    lost._log_destroy_pending = False  # type: ignore[attr-defined]  # that is the point
    lost.get_coro().close()
    container.after_fork()
    assert container.get_bean(Slow) is container.get_bean(Slow)
