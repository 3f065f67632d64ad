from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from pyfly.resilience import Event, History
from pyfly.resilience.fallback.fallback import Fallback, FallbackUsed
from tests.resilience.support import ManualClock, Scripted, outcome

Run = Callable[[Fallback[Any], Scripted], Any]


def run_async(fallback: Fallback[Any], body: Scripted) -> Any:
    async def function(*args: object) -> Any:
        return body(*args)

    return asyncio.run(fallback.call(function, 1))


def run_sync(fallback: Fallback[Any], body: Scripted) -> Any:
    return fallback.call_sync(body, 1)


@pytest.fixture(params=[run_async, run_sync], ids=["async", "sync"])
def run(request: pytest.FixtureRequest) -> Run:
    function: Run = request.param
    return function


def test_a_success_passes(run: Run) -> None:
    assert run(Fallback(value="other"), Scripted("fine")) == "fine"


@pytest.mark.parametrize("value", [None, 0, "text"])
def test_a_failure_is_answered_with_the_value(run: Run, value: object) -> None:
    assert run(Fallback(value=value), Scripted(OSError())) == value


@pytest.mark.parametrize("value", [[1], {"a": 1}, {1}])
def test_a_container_is_copied_so_that_a_caller_may_change_its_own(run: Run, value: Any) -> None:
    fallback = Fallback(value=value)
    first = run(fallback, Scripted(OSError()))
    assert first == value
    first.clear()
    assert run(fallback, Scripted(OSError())) == value
    assert value


def test_a_handler_makes_the_answer_of_the_exception(run: Run) -> None:
    error = OSError()
    assert run(Fallback(handler=lambda e: ("handled", e)), Scripted(error)) == ("handled", error)


def test_an_asynchronous_handler_is_awaited() -> None:
    async def handle(error: Exception) -> str:
        await asyncio.sleep(0)
        return f"after {type(error).__name__}"

    assert run_async(Fallback(handler=handle), Scripted(OSError())) == "after OSError"


def test_only_the_named_exceptions_are_answered(run: Run) -> None:
    fallback = Fallback(value="answer", on=(TimeoutError, KeyError))
    assert run(fallback, Scripted(TimeoutError())) == "answer"
    error = ValueError()
    assert outcome(lambda: run(fallback, Scripted(error))) is error


def test_a_function_may_say_what_is_answered(run: Run) -> None:
    fallback = Fallback(value="answer", on=lambda error: error.args == (1,))
    assert run(fallback, Scripted(OSError(1))) == "answer"
    error = OSError(2)
    assert outcome(lambda: run(fallback, Scripted(error))) is error


@pytest.mark.parametrize("kind", [asyncio.CancelledError, KeyboardInterrupt, SystemExit])
def test_what_is_no_exception_always_passes(kind: type[BaseException]) -> None:
    for run in (run_async, run_sync):
        error = kind()
        raised = outcome(lambda run=run, error=error: run(Fallback(value=1), Scripted(error)))  # type: ignore[misc] # bound now
        assert type(raised) is kind


def test_a_handler_that_fails_raises_its_own_exception_with_the_calls_as_context(run: Run) -> None:
    error, worse = OSError(), KeyError()

    def handle(_: Exception) -> None:
        raise worse

    history = History()
    fallback = Fallback(handler=handle, listeners=[history])
    assert outcome(lambda: run(fallback, Scripted(error))) is worse
    assert worse.__context__ is error
    assert history.events == []


def test_a_rule_that_fails_raises_its_own_exception_with_the_calls_as_context(run: Run) -> None:
    error = OSError()
    fallback = Fallback(value=1, on=lambda error: error.errno > 5)  # type: ignore[attr-defined] # None
    raised = outcome(lambda: run(fallback, Scripted(error)))
    assert type(raised) is TypeError
    assert raised.__context__ is error


def test_a_handler_may_raise_the_exception_it_was_given(run: Run) -> None:
    error = OSError()

    def handle(given: Exception) -> None:
        raise given

    assert outcome(lambda: run(Fallback(handler=handle), Scripted(error))) is error
    assert error.__context__ is None


def test_listeners_are_told_of_each_answer_and_cannot_harm_it(run: Run, clock: ManualClock) -> None:
    def broken(event: Event) -> None:
        raise RuntimeError

    history, error = History(), OSError()
    fallback = Fallback(value=1, name="cache", clock=clock, listeners=[broken, history])
    assert run(fallback, Scripted(error)) == 1
    assert history.events == [FallbackUsed("", clock.now, "cache", error)]


def test_cancellation_inside_an_asynchronous_handler_leaves() -> None:
    async def handle(error: Exception) -> None:
        await asyncio.sleep(1_000)

    async def fail() -> None:
        raise OSError

    async def main() -> None:
        task = asyncio.ensure_future(Fallback(handler=handle).call(fail))
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


# Misuse


async def coroutine_function(*_: object) -> int:
    return 1


def test_functions_of_the_wrong_kind_are_errors_that_it_does_not_answer() -> None:
    fallback = Fallback(value=1)
    with pytest.raises(TypeError, match=r"Fallback.call needs a function whose result can be aw"):
        asyncio.run(fallback.call(lambda: 3))  # type: ignore[arg-type, return-value] # the point
    with pytest.raises(TypeError, match=r"write call\(coroutine_function, …\)"):
        asyncio.run(fallback.call(coroutine_function()))  # type: ignore[arg-type] # the point
    with pytest.raises(TypeError, match=r"write `await Fallback.call\(…\)`"):
        fallback.call_sync(coroutine_function)


def test_an_asynchronous_handler_is_refused_in_synchronous_code() -> None:
    body = Scripted("fine")
    with pytest.raises(TypeError, match="handler coroutine_function has to be awaited"):
        Fallback(handler=coroutine_function).call_sync(body)
    assert body.calls == 0, "it is said before it is needed"
    with pytest.raises(TypeError, match="has to be awaited"):
        Fallback(handler=lambda e: coroutine_function()).call_sync(Scripted(OSError()))
    with pytest.raises(TypeError, match="has to be awaited"):
        Fallback(handler=lambda e: Awaitable()).call_sync(Scripted(OSError()))


class Awaitable:
    def __await__(self) -> Any:
        yield


# As a decorator


def test_it_decorates_plain_and_asynchronous_functions() -> None:
    @Fallback(value="other")
    def plain(number: int) -> str:
        """Divide."""
        return str(1 // number)

    @Fallback(value="other")
    async def asynchronous(number: int) -> str:
        return str(1 // number)

    async def main() -> list[str]:
        return [await asynchronous(1), await asynchronous(0)]

    assert [plain(1), plain(0)] == asyncio.run(main()) == ["1", "other"]
    assert plain.__doc__ == "Divide."
