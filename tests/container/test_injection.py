"""What a constructor parameter gets."""

import collections
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, NamedTuple, Protocol, TypeVar, runtime_checkable

import pytest

from pyfly.container import (
    BeanDefinitionException,
    Container,
    NoSuchBeanException,
    Qualifier,
    component,
    primary,
)
from tests.container import shop

T = TypeVar("T")


class Clock: ...


class Handler: ...


class First(Handler): ...


class Second(Handler): ...


def container_of(*beans: Any) -> Container:
    container = Container()
    for bean in beans:
        container.register_bean(bean)
    return container


def test_annotations_that_are_strings_are_resolved_in_their_module() -> None:
    container = container_of(shop.CatalogService, shop.InventoryClient, shop.PriceService)
    catalog = container.get_bean(shop.CatalogService)
    assert catalog.inventory is container.get_bean(shop.InventoryClient)
    assert catalog.prices is container.get_bean(shop.PriceService)


def test_a_dataclass_is_injected_as_its_constructor_says() -> None:
    container = container_of(shop.Checkout, shop.CatalogService, shop.InventoryClient)
    checkout = container.get_bean(shop.Checkout)
    assert checkout.catalog is container.get_bean(shop.CatalogService)
    assert checkout.currency == "EUR"


def test_a_default_factory_and_keyword_only_fields_work() -> None:
    @dataclass(kw_only=True)
    class Settings:
        clock: Clock
        names: list[str] = field(default_factory=lambda: ["a"])

    settings = container_of(Settings, Clock).get_bean(Settings)
    assert settings.names == ["a"]
    assert isinstance(settings.clock, Clock)


def test_none_stands_where_an_optional_bean_is_absent() -> None:
    container = container_of(shop.CatalogService, shop.InventoryClient)
    assert container.get_bean(shop.CatalogService).prices is None


def test_an_optional_parameter_without_a_default_gets_none() -> None:
    class Service:
        def __init__(self, clock: Clock | None, name: str | None) -> None:
            self.got = (clock, name)

    assert container_of(Service).get_bean(Service).got == (None, None)


def test_a_default_stands_where_a_bean_is_absent_and_yields_where_one_is() -> None:
    fallback = Clock()

    class Service:
        def __init__(self, clock: Clock = fallback) -> None:
            self.clock = clock

    assert container_of(Service).get_bean(Service).clock is fallback
    assert container_of(Service, Clock).get_bean(Service).clock is not fallback


def test_positional_only_parameters_are_passed_by_position() -> None:
    class Service:
        def __init__(self, clock: Clock, zone: str = "UTC", /, *, handler: Handler) -> None:
            self.got = (clock, zone, handler)

    clock, zone, handler = container_of(Service, Clock, First).get_bean(Service).got
    assert isinstance(clock, Clock)
    assert zone == "UTC"
    assert isinstance(handler, First)


def test_variadic_parameters_get_nothing() -> None:
    class Service:
        def __init__(self, clock: Clock, *args: Handler, **kwargs: Handler) -> None:
            self.got = (args, kwargs)

    assert container_of(Service, Clock, First).get_bean(Service).got == ((), {})


@pytest.mark.parametrize("several", [list[Handler], Sequence[Handler]])
def test_a_list_takes_all_candidates_in_the_order_of_registration(several: Any) -> None:
    class Service:
        def __init__(self, handlers: several) -> None:
            self.handlers = handlers

    service = container_of(Service, Second, First).get_bean(Service)
    assert [type(handler) for handler in service.handlers] == [Second, First]
    assert container_of(Service).get_bean(Service).handlers == []


def test_a_list_with_a_default_takes_the_default_where_there_is_no_candidate() -> None:
    fallback = (First(),)

    class Service:
        def __init__(self, handlers: Sequence[Handler] = fallback) -> None:
            self.handlers = handlers

    assert container_of(Service).get_bean(Service).handlers is fallback
    assert len(container_of(Service, First, Second).get_bean(Service).handlers) == 2


@pytest.mark.parametrize("several", [dict[str, Handler], Mapping[str, Handler]])
def test_a_dictionary_takes_all_candidates_by_name(several: Any) -> None:
    class Service:
        def __init__(self, handlers: several) -> None:
            self.handlers = handlers

    service = container_of(Service, Second, First).get_bean(Service)
    assert list(service.handlers) == ["second", "first"]
    assert isinstance(service.handlers["first"], First)


def test_a_composite_does_not_contain_itself() -> None:
    class All(Handler):
        def __init__(self, handlers: list[Handler]) -> None:
            self.handlers = handlers

    container = container_of(First, All, Second)
    assert [type(h) for h in container.get_bean(All).handlers] == [First, Second]


def test_a_decorator_takes_what_it_decorates() -> None:
    @primary
    class Caching(Handler):
        def __init__(self, inner: Handler) -> None:
            self.inner = inner

    container = container_of(First, Caching)
    outer = container.get_bean(Handler)
    assert isinstance(outer, Caching)
    assert isinstance(outer.inner, First)


def test_an_optional_parent_of_ones_own_type_is_none() -> None:
    container = Container()
    container.register_bean(LinkedNode)
    assert container.get_bean(LinkedNode).parent is None


class LinkedNode:
    def __init__(self, parent: "LinkedNode | None") -> None:
        self.parent = parent


def test_a_qualifier_names_the_bean() -> None:
    container = container_of(shop.MemoryRepo, shop.FileRepo, shop.NamesRepo)
    assert container.get_bean(shop.NamesRepo).repo.find() == "file"


def test_a_qualifier_under_an_optional_names_the_bean_or_gives_none() -> None:
    class Service:
        def __init__(self, handler: Annotated[Handler, "doc", Qualifier("second")] | None) -> None:
            self.handler = handler

    assert container_of(Service, First).get_bean(Service).handler is None
    assert type(container_of(Service, First, Second).get_bean(Service).handler) is Second


def test_primary_wins_where_several_fit() -> None:
    @primary
    class Third(Handler): ...

    class Service:
        def __init__(self, handler: Handler) -> None:
            self.handler = handler

    assert type(container_of(Service, First, Third).get_bean(Service).handler) is Third


def test_primary_is_not_inherited() -> None:
    @primary
    class Preferred(Handler): ...

    class Heir(Preferred): ...

    assert type(container_of(Heir, Preferred).get_bean(Handler)) is Preferred


def test_an_abstract_class_is_bound_by_its_implementation() -> None:
    class Port(ABC):
        @abstractmethod
        def send(self) -> str: ...

    class Adapter(Port):
        def send(self) -> str:
            return "sent"

    assert container_of(Adapter).get_bean(Port).send() == "sent"


def test_a_runtime_checkable_protocol_is_bound_by_its_methods() -> None:
    @runtime_checkable
    class Port(Protocol):
        def send(self) -> str: ...

    class Adapter:
        def send(self) -> str:
            return "sent"

    class Other: ...

    assert container_of(Other, Adapter).get_bean(Port).send() == "sent"


class Repo(Generic[T]): ...


class User: ...


class Order: ...


class UserRepo(Repo[User]): ...


class OrderRepo(Repo[Order]): ...


class CrudService(Generic[T]):
    def __init__(self, repo: Repo[T], others: list[Repo[T]]) -> None:
        self.repo = repo
        self.others = others


class OrderService(CrudService[Order]): ...


def test_a_generic_interface_is_bound_by_what_fills_it_in() -> None:
    class Service:
        def __init__(self, repo: Repo[User]) -> None:
            self.repo = repo

    assert type(container_of(OrderRepo, UserRepo, Service).get_bean(Service).repo) is UserRepo


def test_a_type_variable_of_a_base_class_is_what_the_subclass_fills_in() -> None:
    service = container_of(OrderRepo, UserRepo, OrderService).get_bean(OrderService)
    assert type(service.repo) is OrderRepo
    assert [type(other) for other in service.others] == [OrderRepo]


class Holder(Generic[T]):
    def __init__(self, value: T) -> None:
        self.value = value


def test_a_parameter_that_is_a_type_variable_is_what_the_alias_fills_in() -> None:
    container = container_of(User, Order, Holder[Order])
    assert type(container.get_bean(Holder[Order]).value) is Order


def test_a_generic_alias_can_be_registered_and_asked_for() -> None:
    container = container_of(UserRepo, OrderRepo, CrudService[User])
    service = container.get_bean(CrudService[User])
    assert type(service.repo) is UserRepo
    assert not container.contains(CrudService[Order])


def test_a_protocol_base_does_not_hide_the_constructor_of_another_base() -> None:
    class Port(Protocol):
        def send(self) -> str: ...

    class Base:
        def __init__(self, clock: Clock) -> None:
            self.clock = clock

    class Adapter(Port, Base):
        def send(self) -> str:
            return "sent"

    assert isinstance(container_of(Adapter, Clock).get_bean(Adapter).clock, Clock)


def test_new_is_read_where_there_is_no_init() -> None:
    class Fields(NamedTuple):
        clock: Clock

    assert isinstance(container_of(Fields, Clock).get_bean(Fields).clock, Clock)


def test_a_class_written_in_c_takes_nothing() -> None:
    assert container_of(collections.OrderedDict).get_bean(collections.OrderedDict) == {}


def test_a_constructor_without_a_readable_signature_takes_nothing() -> None:
    class Unreadable:
        __signature__ = None

        def __init__(self) -> None: ...

    class Init:
        __signature__ = "none"

        def __get__(self, instance: Any, owner: Any) -> Any:
            return lambda: None

    Unreadable.__init__ = Init()  # type: ignore[method-assign,assignment]  # as C code may be
    with pytest.raises(TypeError):
        container_of(Unreadable).get_bean(Unreadable)


def test_a_built_in_type_is_not_guessed() -> None:
    with pytest.raises(BeanDefinitionException) as caught:
        container_of(shop.Engine).get_bean(shop.Engine)
    assert str(caught.value).startswith(
        "Engine(url: str): a container cannot guess a str   tests/container/shop.py:"
    )
    assert "Give the parameter a default, make the object in a @bean method" in str(caught.value)


@pytest.mark.parametrize(
    "kind", [int, list, dict[str, int], int | str, type[Clock], Any, Clock | First]
)
def test_a_type_that_no_bean_can_be_meant_by_is_refused(kind: Any) -> None:
    class Service:
        def __init__(self, value: kind) -> None: ...

    with pytest.raises(BeanDefinitionException, match=r"Service\(value: .*cannot guess an? "):
        container_of(Service, Clock).get_bean(Service)


def test_a_built_in_type_with_a_default_is_not_injected_even_if_there_is_a_bean() -> None:
    class Service:
        def __init__(self, name: str = "mine", names: list[str] = ["x"]) -> None:  # noqa: B006  # never changed
            self.got = (name, names)

    container = container_of(Service)
    container.register_bean("theirs", name="title")
    assert container.get_bean(Service).got == ("mine", ["x"])


def test_a_bean_of_a_built_in_type_is_injected_by_name() -> None:
    class Service:
        def __init__(self, name: Annotated[str, Qualifier("title")]) -> None:
            self.name = name

    container = container_of(Service)
    container.register_bean("theirs", name="title")
    assert container.get_bean(Service).name == "theirs"


def test_a_parameter_without_annotation_is_refused() -> None:
    class Service:
        def __init__(self, value) -> None: ...  # type: ignore[no-untyped-def]  # the mistake under test

    with pytest.raises(BeanDefinitionException, match=r"Service\(value\) has no annotation"):
        container_of(Service).get_bean(Service)


def test_a_parameter_without_annotation_keeps_its_default() -> None:
    class Service:
        def __init__(self, value=7) -> None:  # type: ignore[no-untyped-def]  # what it is about
            self.value = value

    assert container_of(Service).get_bean(Service).value == 7


def test_a_name_that_cannot_be_resolved_is_told_with_class_and_parameter() -> None:
    with pytest.raises(BeanDefinitionException) as caught:
        container_of(shop.Hidden).get_bean(shop.Hidden)
    text = str(caught.value)
    assert "Hidden(amount: Decimal): the name 'Decimal' cannot be resolved" in text
    assert "tests/container/shop.py:" in text
    assert "outside `if TYPE_CHECKING:`" in text
    assert "A class defined inside a function is not visible" in text


def test_an_annotation_that_fails_is_told_with_its_reason() -> None:
    class Service:
        def __init__(self, value: "1 / 0") -> None: ...  # type: ignore[valid-type]  # the mistake

    with pytest.raises(BeanDefinitionException, match=r"cannot be evaluated.*\nZeroDivisionError"):
        container_of(Service).get_bean(Service)


def test_a_missing_bean_with_a_qualifier_is_an_error() -> None:
    with pytest.raises(NoSuchBeanException, match="No bean of type Repo named 'fileRepo'"):
        container_of(shop.NamesRepo).get_bean(shop.NamesRepo)


def test_a_declared_client_is_made_from_its_implementation() -> None:
    @component
    class Users(Protocol):
        def name(self) -> str: ...

    class Generated(Users):
        def name(self) -> str:
            return "generated"

    declared: Any = Users
    declared.__pyfly_implementation__ = Generated
    container = container_of(Users)
    assert type(container.get_bean(Users)) is Generated
    assert container.contains(Users, "users")


def test_an_implementation_of_something_else_is_refused() -> None:
    class Users(Protocol): ...

    declared: Any = Users
    declared.__pyfly_implementation__ = Clock
    with pytest.raises(BeanDefinitionException, match="is Clock, which is not a subclass of Users"):
        container_of(Users)


def test_a_subclass_is_not_made_from_the_implementation_of_its_base() -> None:
    class Base: ...

    class Generated(Base): ...

    class Derived(Base): ...

    declared: Any = Base
    declared.__pyfly_implementation__ = Generated
    assert type(container_of(Derived).get_bean(Base)) is Derived
