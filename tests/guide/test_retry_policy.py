"""RetryPolicy: parameters, exponential back-off, ``execute`` and the standalone example."""

import asyncio
import inspect
from datetime import timedelta
from typing import Any

import pytest

from pyfly.client import HttpxClientAdapter, RetryPolicy
from tests.support.servers import ServerClient


class Flaky:
    """Raises the given exceptions, one for each call, then returns what it was called with."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return args, kwargs


def test_the_parameters_have_the_defaults_of_the_table() -> None:
    parameters = list(inspect.signature(RetryPolicy).parameters.values())
    assert [(p.name, p.default) for p in parameters[:3]] == [
        ("max_attempts", 3),
        ("base_delay", timedelta(seconds=1)),
        ("retry_on", (Exception,)),
    ]
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in parameters[3:])


async def test_a_success_is_returned_at_once_with_the_arguments_passed(
    sleeps: list[float],
) -> None:
    flaky = Flaky()
    assert await RetryPolicy().execute(flaky, "a", 2, key="v") == (("a", 2), {"key": "v"})
    assert (flaky.calls, sleeps) == (1, [])


async def test_the_delays_of_four_attempts_are_one_two_and_four_seconds(
    sleeps: list[float],
) -> None:
    policy = RetryPolicy(max_attempts=4, base_delay=timedelta(seconds=1))
    flaky = Flaky(*(ConnectionError() for _ in range(4)))
    with pytest.raises(ConnectionError):
        await policy.execute(flaky)
    assert flaky.calls == 4
    assert sleeps == [1.0, 2.0, 4.0]


async def test_there_is_no_jitter(sleeps: list[float]) -> None:
    policy = RetryPolicy(max_attempts=3, base_delay=timedelta(milliseconds=300))
    for _ in range(20):
        await policy.execute(Flaky(ConnectionError(), ConnectionError()))
    assert sleeps == pytest.approx([0.3, 0.6] * 20, abs=1e-9)


async def test_the_default_is_three_attempts_with_one_and_two_seconds_between(
    sleeps: list[float],
) -> None:
    flaky = Flaky(ValueError(), KeyError(), ConnectionError())
    with pytest.raises(ConnectionError):
        await RetryPolicy().execute(flaky)
    assert (flaky.calls, sleeps) == (3, [1.0, 2.0])


async def test_an_exception_that_matches_is_retried_and_the_result_returned(
    sleeps: list[float],
) -> None:
    policy = RetryPolicy(
        max_attempts=3,
        base_delay=timedelta(seconds=1),
        retry_on=(ConnectionError, TimeoutError),
    )
    flaky = Flaky(ConnectionRefusedError(), TimeoutError())
    assert await policy.execute(flaky, 1) == ((1,), {})
    assert (flaky.calls, sleeps) == (3, [1.0, 2.0])


async def test_an_exception_that_does_not_match_is_raised_at_once(sleeps: list[float]) -> None:
    policy = RetryPolicy(max_attempts=5, retry_on=(ConnectionError, TimeoutError))
    original = ValueError("wrong")
    flaky = Flaky(original)
    with pytest.raises(ValueError, match="wrong") as caught:
        await policy.execute(flaky)
    assert caught.value is original
    assert (flaky.calls, sleeps) == (1, [])


async def test_a_mismatch_after_a_match_ends_the_retries(sleeps: list[float]) -> None:
    flaky = Flaky(ConnectionError(), LookupError())
    with pytest.raises(LookupError):
        await RetryPolicy(max_attempts=5, retry_on=(ConnectionError,)).execute(flaky)
    assert (flaky.calls, sleeps) == (2, [1.0])


async def test_the_last_exception_is_raised_when_the_attempts_are_exhausted(
    sleeps: list[float],
) -> None:
    errors = [ConnectionError("first"), ConnectionError("second"), ConnectionError("third")]
    with pytest.raises(ConnectionError, match="third") as caught:
        await RetryPolicy(max_attempts=3).execute(Flaky(*errors))
    assert caught.value is errors[2]


async def test_one_attempt_never_sleeps(sleeps: list[float]) -> None:
    flaky = Flaky(ConnectionError())
    with pytest.raises(ConnectionError):
        await RetryPolicy(max_attempts=1).execute(flaky)
    assert (flaky.calls, sleeps) == (1, [])


async def test_cancellation_is_not_an_exception_to_retry(sleeps: list[float]) -> None:
    flaky = Flaky(asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        await RetryPolicy().execute(flaky)
    assert (flaky.calls, sleeps) == (1, [])


async def test_standalone_a_flaky_service_is_asked_again(
    guide: ServerClient, sleeps: list[float]
) -> None:
    guide.script("/data", {"drop": True}, {"drop": True}, {"body": {"data": [1, 2]}})
    retry = RetryPolicy(
        max_attempts=3,
        base_delay=timedelta(milliseconds=500),
        retry_on=(ConnectionError,),
    )
    adapter = HttpxClientAdapter(base_url=guide.url)

    async def flaky_api_call(path: str) -> Any:
        return (await adapter.request("GET", path)).json()

    await adapter.start()
    try:
        result = await retry.execute(flaky_api_call, "/data")
    finally:
        await adapter.stop()

    assert result == {"data": [1, 2]}
    assert sleeps == [0.5, 1.0]
    lines = [request.raw.split(b"\r\n")[0] for request in guide.requests()]
    assert lines == [b"GET /data HTTP/1.1"] * 3
