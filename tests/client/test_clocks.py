"""Clocks that jump: a wall clock that is set, and a monotonic one behind which nobody ran."""

from __future__ import annotations

import asyncio
import datetime as dates
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Protocol, Self

import pytest

from pyfly.client import (
    HttpxClientAdapter,
    ServerErrorException,
    connect,
    connect_sync,
    get,
    service_client,
)
from pyfly.kernel.exceptions import BulkheadException, DeadlineExceededException
from pyfly.resilience import (
    AdaptiveLimiter,
    AIMDPolicy,
    AttemptTimeoutStage,
    Bulkhead,
    CircuitBreaker,
    CircuitState,
    CountWindow,
    Gradient2Policy,
    Hedge,
    RateLimiter,
    RetryBudget,
    deadline_until,
)
from pyfly.resilience.call import Call
from pyfly.resilience.clock import SystemClock
from pyfly.resilience.events import Events
from pyfly.testing import Cassette, CassetteException, FaultServer, VirtualClock, client_for
from pyfly.testing.fault_server import Answer
from tests.rules.support import PlainPort, over, settings

HOUR = 3600.0
NIGHT = 8 * HOUR


@service_client()
class Shop(Protocol):
    @get("/x")
    async def x(self) -> Any: ...


@service_client()
class SyncShop(Protocol):
    @get("/x")
    def x(self) -> Any: ...


class Jumps:
    """What ``time.time`` or ``time.monotonic`` is ahead of the machine's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        real: Callable[[], float] = getattr(time, name)
        self.ahead = 0.0
        monkeypatch.setattr(time, name, lambda: real() + self.ahead)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Jumps:
    return Jumps(monkeypatch, "time")


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> Jumps:
    return Jumps(monkeypatch, "monotonic")


def stamp(seconds: float = 0.0) -> str:
    """A date of a service whose clock is right, as in its header fields."""
    return format_datetime(
        datetime(2026, 11, 24, 10, tzinfo=UTC) + timedelta(seconds=seconds), usegmt=True
    )


BUSY = Answer(503, headers={"date": stamp(), "retry-after": stamp(1)}, latency=0.1)


@pytest.mark.survives(
    "Retries, breakers and time",
    "the wall clock is set back or forward by an hour during a call",
    "the same pauses, timeouts and answers",
)
@pytest.mark.parametrize("jump", [-HOUR, HOUR])
@pytest.mark.parametrize("adapter", ["httpx2", "aiohttp", "sync"])
async def test_a_wall_clock_that_is_set_during_a_call_changes_nothing(
    adapter: str, jump: float, wall: Jumps
) -> None:
    with FaultServer() as server:
        server.on("GET /x", Answer(json={}), BUSY, Answer(json={"a": 1}))
        config = settings({"default.adapter": "aiohttp"} if adapter == "aiohttp" else {})
        asyncio.get_running_loop().call_later(0.05, setattr, wall, "ahead", jump)  # in the second
        if adapter == "sync":
            with connect_sync(SyncShop, base_url=server.url, config=config) as client:
                answers = [client.x(), await asyncio.to_thread(client.x)]
        else:
            async with connect(Shop, base_url=server.url, config=config) as client:
                answers = [await client.x(), await client.x()]
        times = [request.at for request in server.requests]
    assert answers == [{}, {"a": 1}]
    assert 1.0 <= times[2] - times[1] < 3.0


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
def test_a_deadline_that_was_given_as_a_date_is_measured_once(wall: Jumps, jump: float) -> None:
    with FaultServer() as server, connect_sync(SyncShop, base_url=server.url) as client:
        server.on("GET /x", Answer(json={"a": 1}, latency=0.05))
        with deadline_until(datetime.now(UTC) + timedelta(seconds=20)):
            wall.ahead = jump
            assert client.x() == {"a": 1}


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
async def test_a_cassette_is_replayed_whatever_the_wall_clock_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: dates.tzinfo | None = None) -> Self:
            return cls.fromtimestamp(time.time() + jump, tz)

    path, old = tmp_path / "x.yaml", timedelta(days=1)
    with FaultServer() as server:
        server.on("GET /x", Answer(json={"a": 1}))
        async with Cassette(path, HttpxClientAdapter(server.url), mode="refresh") as cassette:
            await client_for(Shop, port=cassette).x()
    monkeypatch.setattr("pyfly.testing.cassettes.tape.datetime", Clock)
    async with Cassette(path, expires=old, mode="replay") as cassette:
        assert await client_for(Shop, port=cassette).x() == {"a": 1}
    jump = 25 * HOUR
    with pytest.raises(CassetteException, match="was recorded 1 days ago"):
        async with Cassette(path, expires=old, mode="replay"):
            pass


# Nobody ran for a night


async def sleep_with_calls_in_flight(monotonic: Jumps, **policies: Any) -> None:
    """Ten calls are in flight when the machine falls asleep, and they are answered after it."""

    @service_client(timeout=timedelta(seconds=1), **policies)
    class Client(Protocol):
        @get("/x")
        async def x(self) -> Any: ...

    with FaultServer() as server:
        server.on("GET /x", Answer(json={"a": 1}, latency=0.1))
        async with connect(Client, base_url=server.url) as client:
            calls = [asyncio.ensure_future(client.x()) for _ in range(10)]
            await asyncio.sleep(0.05)
            monotonic.ahead = NIGHT
            assert await asyncio.gather(*calls) == [{"a": 1}] * 10


@pytest.mark.survives(
    "Retries, breakers and time",
    "a machine sleeps with calls in flight: what they took, and timeouts told late, are hours",
    "all are answered, and an adaptive limit, a rate of slow calls and the delay of hedges "
    "learn nothing from it",
)
@pytest.mark.parametrize("policy", [Gradient2Policy(12, 2), AIMDPolicy(12, 2)])
async def test_an_adaptive_limit_learns_nothing_from_a_machine_that_slept(
    monotonic: Jumps, policy: Any
) -> None:
    limiter = AdaptiveLimiter(policy)
    await sleep_with_calls_in_flight(monotonic, adaptive_limit=limiter)
    assert limiter.limit >= 12
    assert limiter.snapshot().in_flight == 0


class SleepyPort(PlainPort):
    """The machine sleeps for a night in each of ten requests; the answers are there after it."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self.clock = clock

    async def request(self, method: str, url: str, **kwargs: Any) -> Any:
        self.clock.advance(NIGHT if len(self.requests) < 10 else 0.1)
        return await super().request(method, url, **kwargs)


async def calls_through_ten_nights(clock: VirtualClock, **policies: Any) -> None:
    """Ten calls that are asleep, and ten that take 0.1 s."""

    @service_client(timeout=timedelta(seconds=1), **policies)
    class Client(Protocol):
        @get("/x")
        async def x(self) -> Any: ...

    client = over(SleepyPort(clock), Client, clock=clock)
    for _ in range(20):
        assert await client.x() == {"ok": True}


async def test_a_gradient_learns_no_round_trip_of_a_night() -> None:
    clock = VirtualClock()
    limiter = AdaptiveLimiter(Gradient2Policy(window=timedelta(0)), clock=clock)
    await calls_through_ten_nights(clock, adaptive_limit=limiter)
    assert limiter.rules.algorithm.long_rtt.value == pytest.approx(0.1)  # type: ignore[attr-defined]


async def test_calls_are_not_slow_because_the_machine_slept() -> None:
    clock = VirtualClock()
    window = CountWindow(10, minimum_calls=5, slow_rate=0.5, slow_duration=timedelta(seconds=2))
    breaker = CircuitBreaker(window=window, clock=clock)
    await calls_through_ten_nights(clock, circuit_breaker=breaker)
    assert breaker.state is CircuitState.CLOSED


async def test_the_delay_of_hedges_learns_nothing_from_a_machine_that_slept() -> None:
    clock = VirtualClock()
    hedge = Hedge(None, 0.5, min_samples=10, clock=clock)
    # the second ten are learnt from; the third are sent in a race, since there is a delay then
    for seconds in [NIGHT] * 10 + [0.1] * 10 + [NIGHT] * 10:

        async def attempt(call: Call, seconds: float = seconds) -> None:
            clock.advance(seconds)

        inner = AttemptTimeoutStage(1.0, port_bounds=True).wrap(attempt)
        await hedge.run(Call("x", None, clock=clock, events=Events()), inner)
        assert hedge.delay in (None, pytest.approx(0.1))
    assert hedge.delay == pytest.approx(0.1)


async def test_connections_of_the_day_before_are_not_used(monotonic: Jumps) -> None:
    with FaultServer() as server:
        server.on("GET /x", Answer(json={"a": 1}))
        async with connect(Shop, base_url=server.url) as client:
            await client.x()
            monotonic.ahead += NIGHT
            assert await client.x() == {"a": 1}
        with connect_sync(SyncShop, base_url=server.url) as blocking:
            blocking.x()
            monotonic.ahead += NIGHT
            assert blocking.x() == {"a": 1}
        assert [request.connection for request in server.requests] == [1, 2, 3, 4]


class SleepyClock(SystemClock):
    """The machine sleeps for a night in each pause."""

    def __init__(self, monotonic: Jumps) -> None:
        self.monotonic_jumps = monotonic

    async def sleep(self, seconds: float) -> None:
        self.monotonic_jumps.ahead += NIGHT


async def test_no_attempt_is_made_after_a_total_deadline_that_was_slept_through(
    monotonic: Jumps,
) -> None:
    config = settings({"default.total-timeout": "5s", "deadline-header.name": "X-Left"})
    with FaultServer() as server:
        server.on("GET /x", Answer(503), Answer(json={}))
        adapter, clock = HttpxClientAdapter(server.url), SleepyClock(monotonic)
        client = client_for(Shop, port=adapter, config=config, clock=clock)
        with pytest.raises((DeadlineExceededException, ServerErrorException)):
            await client.x()
        await adapter.stop()
        (left,) = [request.headers["x-left"] for request in server.requests]
        assert 4000 <= int(left) <= 5000


def test_limits_are_full_after_a_night_and_not_fuller() -> None:
    clock = VirtualClock()
    breaker = CircuitBreaker(1, timedelta(seconds=30), clock=clock)
    budget = RetryBudget(0.2, 10.0, 1.0, clock=clock)
    rate = RateLimiter(5, timedelta(seconds=1), burst=5, clock=clock)
    breaker.failed(breaker.admit(), ConnectionError())
    while budget.withdraw() or rate.try_acquire():
        pass
    clock.advance(NIGHT)
    states = [breaker.state]
    breaker.succeeded(breaker.admit())
    assert [*states, breaker.state] == [CircuitState.HALF_OPEN, CircuitState.CLOSED]
    assert budget.tokens == 10.0
    assert [rate.try_acquire() for _ in range(6)] == [True] * 5 + [False]


async def test_who_waits_for_a_place_while_the_machine_sleeps_gets_it_or_is_refused(
    monotonic: Jumps,
) -> None:
    bulkhead = Bulkhead(1, 5, timedelta(seconds=5))

    async def held() -> None:
        await asyncio.sleep(0.05)
        monotonic.ahead = NIGHT

    calls = [bulkhead.call(held) for _ in range(6)]
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert all(end is None or isinstance(end, BulkheadException) for end in ends)
    assert ends[0] is None
    assert (bulkhead.snapshot().running, bulkhead.snapshot().waiting) == (0, 0)
