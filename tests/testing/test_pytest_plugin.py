"""``pytest.mark.virtual_time``, with pytest-asyncio and without, in runs of their own."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

#: Plugins that this project has installed and a user may not have.
WITHOUT_ASYNCIO = ("-p", "no:asyncio", "-p", "no:anyio")
WITH_ASYNCIO = ("-p", "no:anyio", "-o", "asyncio_default_fixture_loop_scope=function")

TESTS = """
import asyncio
import time

import pytest
from pyfly.testing import VirtualTimeLoop


@pytest.fixture
def an_hour():
    return 3600


@pytest.mark.virtual_time
async def test_an_hour_passes_at_once(an_hour):
    assert isinstance(asyncio.get_running_loop(), VirtualTimeLoop)
    started = time.monotonic()
    await asyncio.sleep(an_hour)
    assert time.monotonic() - started == an_hour


class TestInAClass:
    @pytest.mark.virtual_time
    @pytest.mark.parametrize("seconds", [1, 2])
    async def test_a_method(self, seconds):
        await asyncio.sleep(seconds * 1000)
"""


def outcomes(pytester: pytest.Pytester, *arguments: str, source: str, **counts: int) -> str:
    """Run a file of tests in another process; what it printed."""
    pytester.makepyfile(source)
    result = pytester.runpytest_subprocess("-W", "error", "--strict-markers", *arguments)
    result.assert_outcomes(**counts)
    return result.stdout.str()


@pytest.mark.parametrize(
    "plugins",
    [
        pytest.param(WITHOUT_ASYNCIO, id="without pytest-asyncio"),
        pytest.param((*WITH_ASYNCIO, "--asyncio-mode=auto"), id="its automatic mode"),
        pytest.param((*WITH_ASYNCIO, "--asyncio-mode=strict"), id="its strict mode"),
    ],
)
def test_a_marked_test_runs_in_virtual_time(
    pytester: pytest.Pytester, plugins: tuple[str, ...]
) -> None:
    outcomes(pytester, *plugins, source=TESTS, passed=3)


def test_other_tests_keep_the_loop_they_have(pytester: pytest.Pytester) -> None:
    source = """
    import asyncio, pytest
    from pyfly.testing import VirtualTimeLoop

    @pytest.fixture(scope="module")
    async def shared():
        return asyncio.get_running_loop()

    @pytest.mark.virtual_time
    async def test_virtual(shared):
        assert not isinstance(shared, VirtualTimeLoop)
        assert isinstance(asyncio.get_running_loop(), VirtualTimeLoop)

    async def test_real(shared):
        assert not isinstance(asyncio.get_running_loop(), VirtualTimeLoop)
    """
    settings = ("--asyncio-mode=auto", "-o", "asyncio_default_fixture_loop_scope=module")
    outcomes(pytester, *WITH_ASYNCIO, *settings, source=source, passed=2)


def test_asynchronous_fixtures_share_the_loop_of_the_test(pytester: pytest.Pytester) -> None:
    source = """
    import asyncio, pytest, pytest_asyncio

    @pytest_asyncio.fixture
    async def opened():
        await asyncio.sleep(600)
        yield asyncio.get_running_loop()
        await asyncio.sleep(600)

    @pytest.mark.virtual_time
    async def test_fixture(opened):
        assert opened is asyncio.get_running_loop()
        assert opened.time() == 1600
    """
    outcomes(pytester, *WITH_ASYNCIO, "--asyncio-mode=strict", source=source, passed=1)


@pytest.mark.parametrize("plugins", [WITHOUT_ASYNCIO, (*WITH_ASYNCIO, "--asyncio-mode=auto")])
def test_a_property_runs_each_example_in_virtual_time(
    pytester: pytest.Pytester, plugins: tuple[str, ...]
) -> None:
    source = """
    import asyncio, pytest
    from hypothesis import given, settings, strategies as st

    @pytest.mark.virtual_time
    @settings(max_examples=20)
    @given(seconds=st.floats(1, 1e6))
    async def test_property(seconds):
        loop = asyncio.get_running_loop()
        started = loop.time()
        await asyncio.sleep(seconds)
        assert loop.time() - started == pytest.approx(seconds)
    """
    outcomes(pytester, *plugins, source=source, passed=1)


def test_on_a_synchronous_test_the_mark_is_a_mistake(pytester: pytest.Pytester) -> None:
    source = """
    import pytest

    @pytest.mark.virtual_time
    def test_synchronous():
        pass
    """
    printed = outcomes(pytester, *WITHOUT_ASYNCIO, source=source, errors=1)
    assert "pytest.mark.virtual_time is for `async def` tests" in printed
    assert "clock=VirtualClock()" in printed


def test_a_case_of_unittest_runs_in_virtual_time_with_its_set_up(pytester: pytest.Pytester) -> None:
    outcomes(
        pytester,
        *WITH_ASYNCIO,
        source="""
        import asyncio
        import time
        import unittest

        import pytest
        from pyfly.testing import VirtualTimeLoop


        @pytest.mark.virtual_time
        class TestMarked(unittest.IsolatedAsyncioTestCase):
            async def asyncSetUp(self):
                await asyncio.sleep(3600)

            async def test_an_hour(self):
                assert isinstance(asyncio.get_running_loop(), VirtualTimeLoop)
                started = time.monotonic()
                await asyncio.sleep(3600)
                assert time.monotonic() - started == 3600


        class TestOther(unittest.IsolatedAsyncioTestCase):
            @pytest.mark.virtual_time
            async def test_marked(self):
                await asyncio.sleep(3600)

            async def test_not_marked(self):
                assert not isinstance(asyncio.get_running_loop(), VirtualTimeLoop)
        """,
        passed=3,
    )


def test_a_loop_that_is_shared_with_other_tests_is_a_mistake(pytester: pytest.Pytester) -> None:
    source = """
    import pytest

    @pytest.mark.virtual_time
    @pytest.mark.asyncio(loop_scope="module")
    async def test_shared():
        pass
    """
    printed = outcomes(pytester, *WITH_ASYNCIO, "--asyncio-mode=strict", source=source, failed=1)
    assert "needs an event loop for this test alone" in printed
    assert "leave out loop_scope" in printed


def test_a_failing_test_fails_and_shows_its_own_lines(pytester: pytest.Pytester) -> None:
    source = """
    import asyncio, pytest

    @pytest.mark.virtual_time
    async def test_wrong():
        await asyncio.sleep(1)
        assert 1 + 1 == 3, "sums"
    """
    printed = outcomes(pytester, *WITHOUT_ASYNCIO, source=source, failed=1)
    assert "AssertionError: sums" in printed
    assert "__tracebackhide__" not in printed


def test_a_test_that_would_hang_fails_with_the_tasks_that_wait(pytester: pytest.Pytester) -> None:
    source = """
    import asyncio, pytest

    @pytest.mark.virtual_time
    async def test_stuck():
        await asyncio.Event().wait()
    """
    for plugins in (WITHOUT_ASYNCIO, (*WITH_ASYNCIO, "--asyncio-mode=auto")):
        printed = outcomes(pytester, *plugins, source=source, failed=1)
        assert "VirtualDeadlockException: all tasks wait" in printed
        assert "test_stuck (test_a_test_that_would_hang" in printed


def test_pytest_tells_of_the_mark(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--markers", *WITHOUT_ASYNCIO)
    result.stdout.fnmatch_lines(["@pytest.mark.virtual_time: run the asynchronous test *"])
