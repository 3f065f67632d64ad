"""A first attempt in line is the same as one by the pipeline: what it returns, raises, tells."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyfly.client import ConnectException, Response, connect_sync, get, post, service_client
from pyfly.client._call.fast_path import guards_of
from pyfly.client.message import Headers
from pyfly.client.wiring import wiring_of
from pyfly.core import Config
from pyfly.kernel.exceptions import AttemptTimeoutException, CircuitBreakerException
from pyfly.resilience import CallStarted, CircuitBreaker, History, RetryBudget, deadline
from pyfly.resilience.events import (
    AttemptFailed,
    BudgetEmpty,
    CallFailed,
    CircuitTransition,
    DeadlineExceeded,
    PermitRefused,
    RetryScheduled,
    RetrySuppressed,
)
from pyfly.testing import client_for
from tests.support.ways import WAYS, take

JSON = Headers([("content-type", "application/json")])
FAILURES = (
    AttemptFailed,
    BudgetEmpty,
    CallFailed,
    CircuitTransition,
    DeadlineExceeded,
    PermitRefused,
    RetryScheduled,
    RetrySuppressed,
)

OUTCOMES: dict[str, Callable[[], Any]] = {
    "ok": lambda: Response(200, JSON, b'{"id": 1}'),
    "empty": lambda: Response(204, JSON),
    "too late": lambda: AttemptTimeoutException("the port gave up"),
    "bad json": lambda: Response(200, JSON, b"{"),
    "truncated gzip": lambda: Response(200, JSON, b"\x1f\x8b", content_encoding="gzip"),
    "404": lambda: Response(404, JSON),
    "503": lambda: Response(503, JSON),
    "503, later": lambda: Response(503, Headers([("retry-after", "2")])),
    "refused": lambda: ConnectException("refused"),
    "foreign": lambda: ValueError("a bug in a port"),
    "cancelled": asyncio.CancelledError,
    "process ends": lambda: KeyboardInterrupt(),
}


@service_client(base_url="http://service")
class Users:
    @get("/users/{user_id}")
    async def user(self, user_id: int) -> dict[str, Any]: ...

    @post("/users")
    async def create(self, body: dict[str, Any]) -> dict[str, Any]: ...


@service_client(base_url="http://service")
class SyncUsers:
    @get("/users/{user_id}")
    def user(self, user_id: int) -> dict[str, Any]: ...

    @post("/users")
    def create(self, body: dict[str, Any]) -> dict[str, Any]: ...


class StepClock:
    """Moves on by its sleeps, and a little at each look."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_700_000_000.0 + self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    def sleep_sync(self, seconds: float) -> None:
        self.now += seconds


class ScriptedPort:
    """Answers as the script says, and takes a tenth of a second for it."""

    base_url = "http://service"
    takes_encoded = True
    bounds_deadline = True

    def __init__(self, script: list[str], clock: StepClock) -> None:
        self.script = list(script)
        self.clock = clock
        self.asked: list[tuple[str, float | None]] = []

    def answer(self, request: Any, until: float | None) -> Any:
        self.asked.append((request.url, until))
        self.clock.now += 0.01
        name = self.script.pop(0) if self.script else "ok"
        if name == "too late" and until is not None:
            self.clock.now = max(self.clock.now, until)
        outcome = OUTCOMES[name]()
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


class AsyncPort(ScriptedPort):
    async def start(self) -> None: ...
    async def stop(self) -> None: ...

    async def send(self, request: Any, until: float | None) -> Any:
        return self.answer(request, until)


class SyncPort(ScriptedPort):
    def start(self) -> None: ...
    def stop(self) -> None: ...

    def send(self, request: Any, until: float | None) -> Any:
        return self.answer(request, until)


def config(breaker: bool, retry: bool) -> Config:
    return Config(
        {
            "pyfly": {
                "client": {
                    "circuit-breaker": {
                        "enabled": breaker,
                        "failure-threshold": 2,
                        "recovery-timeout": "300ms",
                    },
                    "retry": {"enabled": retry, "base-delay": "100ms"},
                }
            }
        },
        environ={},
    )


def shown(error: BaseException) -> tuple[Any, ...]:
    return (
        type(error).__name__,
        str(error),
        getattr(error, "attempts", None),
        getattr(error, "__notes__", None),
        type(error.__cause__).__name__,
    )


def everything(client: Any, port: ScriptedPort, history: History, log: list[Any]) -> list[Any]:
    wiring = wiring_of(client)
    assert wiring is not None
    shared = wiring.protection.shared
    breakers, budgets = shared.all_of(CircuitBreaker), shared.all_of(RetryBudget)
    assert not wiring.lifecycle.calls
    events = [
        (type(event).__name__, event.at, getattr(event, "attempt", None), str(event))
        for event in history
        if not isinstance(event, (AttemptFailed, CallFailed, RetryScheduled, RetrySuppressed))
    ]
    failures = [
        (type(event).__name__, event.at, getattr(event, "duration", None), shown(event.error))
        for event in history
        if isinstance(event, (AttemptFailed, CallFailed, RetryScheduled, RetrySuppressed))
    ]
    return [
        log,
        port.asked,
        events,
        failures,
        history.names(),
        [str(breaker.snapshot()) for breaker in breakers],
        [budget.tokens for budget in budgets],
    ]


def run_async(
    script: list[str], calls: list[tuple[bool, float | None]], breaker: bool, retry: bool
) -> list[Any]:
    clock, history = StepClock(), History(*FAILURES)
    port = AsyncPort(script, clock)
    client = client_for(
        Users, port=port, config=config(breaker, retry), listeners=[history], clock=clock
    )

    async def main() -> list[Any]:
        log: list[Any] = []
        for reads, seconds in calls:
            clock.now += 0.05
            with nullcontext() if seconds is None else deadline(seconds, clock=clock):
                try:
                    log.append(await (client.user(1) if reads else client.create({"id": 1})))
                except BaseException as error:
                    log.append(shown(error))
        return everything(client, port, history, log)

    return asyncio.run(main())


def run_sync(
    script: list[str], calls: list[tuple[bool, float | None]], breaker: bool, retry: bool
) -> list[Any]:
    clock, history = StepClock(), History(*FAILURES)
    port = SyncPort(script, clock)
    client = client_for(
        SyncUsers, port=port, config=config(breaker, retry), listeners=[history], clock=clock
    )
    log: list[Any] = []
    for reads, seconds in calls:
        clock.now += 0.05
        with nullcontext() if seconds is None else deadline(seconds, clock=clock):
            try:
                log.append(client.user(1) if reads else client.create({"id": 1}))
            except BaseException as error:
                log.append(shown(error))
    return everything(client, port, history, log)


@pytest.mark.parametrize("run", [run_async, run_sync])
@settings(max_examples=150, deadline=None)
@given(
    script=st.lists(st.sampled_from(list(OUTCOMES)), max_size=14),
    calls=st.lists(
        st.tuples(st.booleans(), st.sampled_from((None, 0, 0.005, 0.05, 0.15, 10))),
        min_size=1,
        max_size=8,
    ),
    breaker=st.booleans(),
    retry=st.booleans(),
)
def test_both_ways_return_raise_tell_and_count_the_same(
    run: Callable[..., list[Any]],
    script: list[str],
    calls: list[tuple[bool, float | None]],
    breaker: bool,
    retry: bool,
) -> None:
    seen = []
    for way in WAYS:
        with pytest.MonkeyPatch.context() as patch:
            take(way, patch)
            seen.append(run(script, calls, breaker, retry))
    assert seen[0] == seen[1]


def guarded(cls: Any, port: Any, **settings: Any) -> bool:
    """Whether first attempts are made in line."""
    client = client_for(cls, port=port, **settings)
    wiring = wiring_of(client)
    assert wiring is not None
    steps = next(iter(wiring.steps.values()))
    return guards_of(steps, wiring.port.bounds_deadline) is not None


@pytest.mark.parametrize(
    ("settings", "in_line"),
    [
        ({}, True),
        ({"default": {"total-timeout": "5s"}}, False),
        ({"default": {"follow-redirects": True}}, False),
        ({"circuit-breaker": {"enabled": False}}, True),
    ],
)
def test_what_a_client_uses_decides_on_the_way(settings: Any, in_line: bool) -> None:
    port = AsyncPort([], StepClock())
    configured = Config({"pyfly": {"client": settings}}, environ={})
    assert guarded(Users, port, config=configured) is in_line


def test_a_port_that_keeps_no_deadline_takes_the_pipeline() -> None:
    port = AsyncPort([], StepClock())
    port.bounds_deadline = False
    assert not guarded(Users, port)


async def test_a_listener_to_successes_hears_of_them() -> None:
    history = History(CallStarted)
    client = client_for(Users, port=AsyncPort([], StepClock()), listeners=[history])
    await client.user(1)
    assert len(history) == 1


async def test_a_deadline_around_bounds_the_attempt() -> None:
    port = AsyncPort([], StepClock())
    client = client_for(Users, port=port)
    with deadline(2.0):
        await client.user(1)
    await client.user(1)
    (_, short), (_, whole) = port.asked
    assert short is not None
    assert whole is not None
    assert whole - short > 20.0


async def test_a_success_after_failures_is_told_to_the_breaker() -> None:
    clock = StepClock()
    port = AsyncPort(["503", "ok"] * 3, clock)
    client = client_for(Users, port=port, config=config(breaker=True, retry=False), clock=clock)
    for expected in (False, True) * 3:  # two in a row would open it
        try:
            await client.user(1)
            assert expected
        except Exception:
            assert not expected


@pytest.mark.parametrize("way", WAYS)
async def test_a_failure_from_before_the_circuit_opened_is_neither_retried_nor_counted(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(way, monkeypatch)
    clock, history = StepClock(), History(RetrySuppressed, CircuitTransition)
    late = asyncio.Event()

    class Port(AsyncPort):
        async def send(self, request: Any, until: float | None) -> Any:
            if request.url == "/users/2":
                await late.wait()
            return self.answer(request, until)

    port = Port(["ok", *["refused"] * 20], clock)
    client = client_for(
        Users, port=port, config=config(True, True), listeners=[history], clock=clock
    )
    await client.user(1)  # the first call starts the client
    slow = asyncio.create_task(client.user(2))
    await asyncio.sleep(0)
    for _ in range(2):
        with pytest.raises(ConnectException):
            await client.user(1)
    late.set()
    with pytest.raises(ConnectException):
        await slow
    assert [url for url, _ in port.asked].count("/users/2") == 1
    assert [event.reason for event in history.of(RetrySuppressed)] == [
        "the circuit has opened since this call was admitted"
    ]
    assert len(history.of(CircuitTransition)) == 1


class Forever:
    def __await__(self) -> Any:
        yield


class HangingPort(AsyncPort):
    ends_calls = True

    async def send(self, request: Any, until: float | None) -> Any:
        if request.url == "/users/2":
            await Forever()
        return self.answer(request, until)


def test_a_call_that_is_dropped_without_a_loop_leaves_nothing_and_counts_nothing() -> None:
    client = client_for(Users, port=HangingPort([], StepClock()))
    asyncio.run(client.user(1))
    wiring = wiring_of(client)
    assert wiring is not None
    pending = client.user(2)
    pending.send(None)
    assert wiring.lifecycle.calls
    pending.close()
    assert not wiring.lifecycle.calls
    (breaker,) = wiring.protection.shared.all_of(CircuitBreaker)
    assert breaker.snapshot().failures == 0


def test_a_synchronous_client_that_was_stopped_refuses(unused_port: int) -> None:
    with connect_sync(SyncUsers, port=SyncPort([], StepClock())) as users:
        assert users.user(1) == {"id": 1}
    with pytest.raises(Exception, match="has been stopped"):
        users.user(1)


def functions_called(call: Callable[[], Any]) -> int:
    """How many functions of ours are entered."""
    count = 0

    def note(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call" and "pyfly" in frame.f_globals["__name__"]

    sys.setprofile(note)
    try:
        with pytest.raises(CircuitBreakerException):
            call()
    finally:
        sys.setprofile(None)
    return count


def test_an_open_circuit_refuses_at_once() -> None:
    called = {}
    for way in WAYS:
        with pytest.MonkeyPatch.context() as patch:
            take(way, patch)
            client = client_for(SyncUsers, port=SyncPort([], StepClock()))
            client.user(1)
            wiring = wiring_of(client)
            assert wiring is not None
            (breaker,) = wiring.protection.shared.all_of(CircuitBreaker)
            for _ in range(5):
                breaker.failed(breaker.admit(), OSError())
            called[way] = functions_called(lambda: client.user(1))  # noqa: B023
    assert called["in line"] < 20 < called["by the pipeline"]


def test_a_circuit_that_closes_while_it_is_asked_lets_the_call_pass() -> None:
    client = client_for(SyncUsers, port=SyncPort([], StepClock()))
    client.user(1)
    wiring = wiring_of(client)
    assert wiring is not None
    (breaker,) = wiring.protection.shared.all_of(CircuitBreaker)
    for _ in range(5):
        breaker.failed(breaker.admit(), OSError())
    with pytest.MonkeyPatch.context() as patch:
        ask = breaker.ask

        def late(self: CircuitBreaker, operation: str = "") -> Any:
            breaker.reset()
            return ask(operation)

        patch.setattr(CircuitBreaker, "ask", late)
        assert client.user(1) == {"id": 1}
