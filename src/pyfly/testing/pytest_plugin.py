"""The pytest plugin: ``@pytest.mark.virtual_time`` runs an asynchronous test in virtual time.

pytest loads it by itself where pyfly is installed, so it imports what it needs when a test
is marked. Where pytest-asyncio is installed, it runs the test, with its fixtures, on a loop that
the plugin gives it; elsewhere the plugin runs the test itself.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest

_MARK = "virtual_time"


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the mark."""
    config.addinivalue_line(
        "markers",
        f"{_MARK}: run the asynchronous test on an event loop whose time jumps to the next timer "
        "(pyfly.testing.VirtualTimeLoop).",
    )


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_pycollect_makeitem(collector: pytest.Collector) -> Generator[None, Any, Any]:
    """Leave marked tests to pytest-asyncio where there is one, in its strict mode as well."""
    made = yield
    if collector.config.pluginmanager.has_plugin("asyncio"):
        for item in made if isinstance(made, list) else [made]:
            if isinstance(item, pytest.Function) and _is_marked(item) and _place(item) is not None:
                item.add_marker("asyncio")
    return made


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(request: pytest.FixtureRequest) -> Generator[None, Any, Any]:
    """Make the loop of a marked test virtual: pytest-asyncio makes it in a fixture."""
    if request.scope != "function" or not _is_marked(request.node):
        return (yield)
    with _virtual_loops():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Make the loop of a marked test of an ``IsolatedAsyncioTestCase`` virtual, setUp included."""
    if not _is_marked(item) or not _is_of_unittest(item):
        return (yield)
    with _virtual_loops():
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse the mark where it has no effect."""
    if not _is_marked(item):
        return
    place = _place(item)
    if place is None:
        pytest.fail(
            f"{item.nodeid}: pytest.mark.{_MARK} is for `async def` tests; in a synchronous one "
            "give the client a clock: client_for(…, clock=VirtualClock())",
            pytrace=False,
        )
    setattr(*place, _checked(getattr(*place)))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """Run a marked test that nobody has taken on."""
    place = _place(pyfuncitem) if _is_marked(pyfuncitem) else None
    if place is None:
        return (yield)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(*place, _in_virtual_time(getattr(*place)))
        return (yield)


@contextmanager
def _virtual_loops() -> Generator[None]:
    """Whoever makes an event loop in this block makes a virtual one."""
    import asyncio

    from pyfly.testing.virtual_time import VirtualTimeLoop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio.events, "new_event_loop", VirtualTimeLoop)
        yield


def _is_marked(node: pytest.Item | pytest.Collector) -> bool:
    return node.get_closest_marker(_MARK) is not None


def _is_of_unittest(item: pytest.Item) -> bool:
    module: Any = sys.modules.get("unittest.async_case")  # loaded with the class, if at all
    cls = getattr(item, "cls", None)
    return (
        module is not None
        and inspect.isclass(cls)
        and issubclass(cls, module.IsolatedAsyncioTestCase)
    )


def _place(item: pytest.Item | pytest.Collector) -> tuple[Any, str] | None:
    """The object and attribute that hold the coroutine function; None where there is none."""
    test = getattr(item, "obj", None)
    if inspect.iscoroutinefunction(test):
        return item, "obj"
    properties = getattr(test, "hypothesis", None)  # what @given leaves of the test
    if inspect.iscoroutinefunction(getattr(properties, "inner_test", None)):
        return properties, "inner_test"
    return None


def _checked(test: Callable[..., Any]) -> Callable[..., Any]:
    """The test, which fails at once if it is run on another loop."""

    @functools.wraps(test)
    async def checked(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        import asyncio

        from pyfly.testing.virtual_time import VirtualTimeLoop

        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualTimeLoop):
            pytest.fail(
                f"pytest.mark.{_MARK} needs an event loop for this test alone, but it runs on a "
                f"{type(loop).__name__} that was made elsewhere: leave out loop_scope=… and "
                "loop factories here",
                pytrace=False,
            )
        return await test(*args, **kwargs)

    return checked


def _in_virtual_time(test: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        __tracebackhide__ = True
        from pyfly.testing.virtual_time import run_virtual

        run_virtual(test(*args, **kwargs))

    return run
