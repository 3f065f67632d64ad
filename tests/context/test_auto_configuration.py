import importlib.metadata
from typing import Any

import pytest

from pyfly.container import BeanCreationException
from pyfly.context import ApplicationContext, AutoConfigurationException
from pyfly.context.discovery import GROUP
from pyfly.core import Config
from pyfly.kernel.exceptions import PyFlyException


class Distribution:
    name = "shop-plugin"


class EntryPoint:
    """As much of an entry point as is used."""

    def __init__(self, name: str, target: Any, *, dist: Any = Distribution) -> None:
        self.name = name
        self.value = f"shop.plugin:{name}"
        self.dist = dist
        self._target = target

    def load(self) -> Any:
        if isinstance(self._target, Exception):
            raise self._target
        return self._target


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    """The entry points that are found; empty at first."""
    found: list[EntryPoint] = []

    def entry_points(*, group: str) -> list[EntryPoint]:
        assert group == GROUP == "pyfly.auto_configuration"
        return found

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    return found


class Port: ...


class UsersPort(Port): ...


class Wiring:
    """A post-processor that says which port it was given."""

    def __init__(self, port: Port | None) -> None:
        self.port = port

    def before_init(self, bean: Any, bean_name: str) -> Any:
        return bean

    def after_init(self, bean: Any, bean_name: str) -> Any:
        bean.port = self.port
        return bean


class Service:
    port: Port | None = None


def auto_configure(context: ApplicationContext) -> None:
    if not context.has_post_processor(Wiring):
        context.register_post_processor(Wiring(context.find_bean(Port)))


async def test_an_installed_package_adds_its_post_processor(installed: list[EntryPoint]) -> None:
    installed.append(EntryPoint("client", auto_configure))
    context = ApplicationContext(Config(environ={}))
    context.register_bean(Service)
    context.register_bean(UsersPort)
    async with context:
        assert context.get_bean(Service).port is context.get_bean(UsersPort)


async def test_it_takes_the_users_post_processor_where_there_is_one(
    installed: list[EntryPoint],
) -> None:
    installed.append(EntryPoint("client", auto_configure))
    mine = Port()
    context = ApplicationContext(Config(environ={}))
    context.register_post_processor(Wiring(mine))
    context.register_bean(Service)
    async with context:
        assert context.get_bean(Service).port is mine


async def test_it_can_be_switched_off(installed: list[EntryPoint]) -> None:
    installed.append(EntryPoint("client", AssertionError("not to be loaded")))
    async with ApplicationContext(Config(environ={}), auto_configuration=False):
        pass


async def test_they_are_called_by_name_and_once(installed: list[EntryPoint]) -> None:
    called: list[str] = []
    answers = [ValueError(), None]

    async def asynchronous(context: ApplicationContext) -> None:
        assert context.config.keys() == ()
        called.append("b")

    class Flaky:
        def __init__(self) -> None:
            if error := answers.pop(0):
                raise error

    installed.append(EntryPoint("b", asynchronous))
    installed.append(EntryPoint("a", lambda context: called.append("a")))
    context = ApplicationContext(Config(environ={}))
    context.register_bean(Flaky)
    with pytest.raises(BeanCreationException):
        await context.start()
    async with context:
        assert called == ["a", "b"]


def fails(context: ApplicationContext) -> None:
    raise ValueError("no such setting")


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (ModuleNotFoundError("No module named 'shop'"), "ModuleNotFoundError: No module named"),
        (fails, "ValueError: no such setting"),
        ("not callable", "TypeError: 'str' object is not callable"),
    ],
)
async def test_a_broken_one_is_named_with_its_distribution(
    installed: list[EntryPoint], target: Any, reason: str
) -> None:
    installed.append(EntryPoint("client", target))
    with pytest.raises(AutoConfigurationException) as caught:
        await ApplicationContext(Config(environ={})).start()
    assert str(caught.value).startswith(
        f"Auto configuration 'client' of shop-plugin (shop.plugin:client) failed: {reason}"
    )
    assert "ApplicationContext(auto_configuration=False)" in str(caught.value)
    assert caught.value.__cause__ is not None


async def test_a_broken_one_without_a_distribution_is_named_too(
    installed: list[EntryPoint],
) -> None:
    installed.append(EntryPoint("client", fails, dist=None))
    with pytest.raises(
        AutoConfigurationException, match=r"'client' \(shop\.plugin:client\) failed"
    ):
        await ApplicationContext(Config(environ={})).start()


async def test_an_error_of_ours_passes_with_the_entry_point_as_a_note(
    installed: list[EntryPoint],
) -> None:
    def refuse(context: ApplicationContext) -> None:
        raise PyFlyException("pyfly.yaml:3: wrong")

    installed.append(EntryPoint("client", refuse))
    with pytest.raises(PyFlyException, match=r"^pyfly\.yaml:3: wrong") as caught:
        await ApplicationContext(Config(environ={})).start()
    assert "Auto configuration 'client' of shop-plugin" in caught.value.__notes__[0]
