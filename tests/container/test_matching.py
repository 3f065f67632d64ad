from abc import ABC, abstractmethod
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import pytest

from pyfly.container.matching import protocol_methods, satisfies, type_arguments

T = TypeVar("T")
K = TypeVar("K")
T_co = TypeVar("T_co", covariant=True)


class User: ...


class Order: ...


class Repo(Generic[T]): ...


class UserRepo(Repo[User]): ...


class LoudUserRepo(UserRepo): ...


class AnyRepo(Repo[T]): ...


class RawRepo(Repo): ...  # type: ignore[type-arg]  # a raw base is what it is about


class Keyed(Generic[K, T]): ...


class OrderByInt(Keyed[int, T], AnyRepo[T]): ...


class Store(Protocol[T_co]):
    def load(self) -> T_co: ...


class UserStore(Store[User]):
    def load(self) -> User:
        return User()


@runtime_checkable
class Closable(Protocol):
    def close(self) -> None: ...


class CloseAndFlush(Closable, Protocol):
    def flush(self) -> None: ...


class File:
    def close(self) -> None: ...

    @staticmethod
    def flush() -> None: ...


@runtime_checkable
class Callback(Protocol):
    def __call__(self) -> None: ...


@runtime_checkable
class Sized(Protocol):
    size: int

    def close(self) -> None: ...


@runtime_checkable
class Marker(Protocol): ...


@runtime_checkable
class WithProperty(Protocol):
    @property
    def close(self) -> int: ...


def marked(cls: Any) -> Any:
    cls.__pyfly_anything__ = True
    return cls


@marked
@runtime_checkable
class Decorated(Protocol):
    def close(self) -> None: ...


class Blocked(File):
    close = None  # type: ignore[assignment]  # as __hash__ = None does


class Virtual(ABC):
    @abstractmethod
    def close(self) -> None: ...


Virtual.register(File)


@pytest.mark.parametrize(
    ("provided", "wanted", "expected"),
    [
        (UserRepo, UserRepo, True),
        (UserRepo, Repo, True),
        (UserRepo, Repo[User], True),
        (UserRepo, Repo[Order], False),
        (UserRepo, Repo[Any], True),
        (LoudUserRepo, Repo[User], True),
        (AnyRepo, Repo[User], True),
        (AnyRepo[User], Repo[User], True),
        (AnyRepo[User], Repo[Order], False),
        (AnyRepo[User], AnyRepo, True),
        (RawRepo, Repo[Order], True),
        (OrderByInt[Order], Repo[Order], True),
        (OrderByInt[Order], Keyed[int, Order], True),
        (OrderByInt[Order], Keyed[str, Order], False),
        (UserStore, Store[User], True),
        (UserStore, Store[Order], False),
        (File, Repo[User], False),
        (Repo, UserRepo, False),
        (File, Closable, True),
        (File, CloseAndFlush, True),
        (User, Closable, False),
        (Blocked, Closable, False),
        (File, Store, False),
        (File, Virtual, True),
        (File, Callback, False),
        (File, Sized, False),
        (File, Marker, False),
        (File, WithProperty, False),
        (File, Decorated, True),
        (File, "File", False),
        (File, int | None, False),
    ],
)
def test_a_bean_type_satisfies(provided: Any, wanted: Any, expected: bool) -> None:
    assert satisfies(provided, wanted) is expected


def test_a_protocol_that_is_not_runtime_checkable_matches_only_if_told_so() -> None:
    class Loading:
        def load(self) -> int:
            return 1

    assert not satisfies(Loading, Store)
    assert satisfies(Loading, Store, any_protocol=True)


def test_the_methods_of_a_protocol_include_those_of_its_bases() -> None:
    assert protocol_methods(CloseAndFlush) == {"close", "flush"}


def test_nothing_is_filled_in_for_a_class_that_is_no_base() -> None:
    assert type_arguments(User, Repo) == ()
