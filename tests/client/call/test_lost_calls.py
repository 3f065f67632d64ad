"""Calls that end as no call should: their event loop is closed, a signal handler raises."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol

import pytest

from pyfly.client import (
    NotFoundException,
    ServerErrorException,
    connect,
    connect_sync,
    get,
    service_client,
)
from pyfly.kernel.exceptions import RefusedException
from pyfly.resilience import (
    AdaptiveLimiter,
    AIMDPolicy,
    Bulkhead,
    CircuitBreaker,
    CircuitState,
)
from pyfly.testing import FaultServer
from pyfly.testing.fault_server import Answer, Silence


def lost(*calls: Callable[[], Any]) -> list[asyncio.Task[Any]]:
    """Begin calls in an event loop, and close it under them."""
    loop = asyncio.new_event_loop()

    async def main() -> list[asyncio.Task[Any]]:
        tasks = [asyncio.ensure_future(call()) for call in calls]
        await asyncio.sleep(0.2)
        return tasks

    tasks = loop.run_until_complete(main())
    for task in tasks:
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # that is the point
    loop.close()
    return tasks


LIMITS: dict[str, Callable[[], dict[str, Any]]] = {
    "bulkhead": lambda: {"bulkhead": Bulkhead(2)},
    "adaptive limit": lambda: {"adaptive_limit": AdaptiveLimiter(AIMDPolicy(2, 2, 2))},
    "none": dict,
}


@pytest.mark.parametrize("kept", [True, False], ids=["tasks kept", "tasks dropped"])
@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.survives(
    "Many callers at once",
    "an event loop is closed under its calls",
    "their permits come back; stop() is quick, raises nothing and leaves no socket",
)
def test_calls_of_a_loop_that_was_closed_hold_no_permit(limit: str, kept: bool) -> None:
    @service_client(retry=False, **LIMITS[limit]())
    class Shop(Protocol):
        @get("/slow")
        async def slow(self) -> Any: ...

        @get("/ok")
        async def ok(self) -> dict[str, int]: ...

    with FaultServer() as server:
        server.on("GET /slow", Silence())
        server.on("GET /ok", Answer(json={"a": 1}))
        opened = connect(Shop, base_url=server.url)
        client = asyncio.run(opened.__aenter__())
        tasks = lost(client.slow, client.slow)
        if not kept:
            tasks.clear()
            gc.collect()
        assert asyncio.run(client.ok()) == {"a": 1}
        began = time.monotonic()
        asyncio.run(opened.__aexit__(None, None, None))
        assert time.monotonic() - began < 5
        server.wait_until(lambda server: server.open_connections == 0, 10)
    for task in tasks:
        task.get_coro().close()


def test_a_probe_whose_loop_was_closed_keeps_no_circuit_half_open() -> None:
    breaker = CircuitBreaker(1, timedelta(milliseconds=1))

    @service_client(retry=False, circuit_breaker=breaker, timeout=timedelta(seconds=0.5))
    class Shop(Protocol):
        @get("/slow")
        async def slow(self) -> Any: ...

        @get("/ok")
        async def ok(self) -> dict[str, int]: ...

    with FaultServer() as server:
        server.on("GET /slow", Silence())
        server.on("GET /ok", Answer(json={"a": 1}))
        opened = connect(Shop, base_url=server.url)
        client = asyncio.run(opened.__aenter__())
        breaker.failed(breaker.admit(), OSError())
        time.sleep(0.002)
        tasks = lost(client.slow)
        assert breaker.state is CircuitState.HALF_OPEN
        assert breaker.snapshot().permits_held == 1
        time.sleep(0.5)  # no verdict within the attempt timeout: it opened again, for 1 ms
        assert asyncio.run(client.ok()) == {"a": 1}
        assert breaker.state is CircuitState.CLOSED
        asyncio.run(opened.__aexit__(None, None, None))
    for task in tasks:
        task.get_coro().close()


class Interrupt(BaseException):
    """What the signal handler raises."""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this platform has no timer signals")
@pytest.mark.survives(
    "Many callers at once",
    "a signal handler raises in a call of a `def` client",
    "the exception is the caller's; permits, the probe's too, come back, and no socket stays",
)
def test_an_exception_out_of_a_signal_handler_keeps_no_permit() -> None:
    if "COVERAGE_RUN" in os.environ or sys.gettrace() is not None:
        # In a process that nothing measures: the handler would leave coverage's own lock taken.
        this = f"{__file__}::test_an_exception_out_of_a_signal_handler_keeps_no_permit"
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:cov", this],
            env={
                name: value
                for name, value in os.environ.items()
                if "COV" not in name and "XDIST" not in name
            },
            capture_output=True,
            text=True,
            timeout=55,
        )
        assert run.returncode == 0, run.stdout
        return
    breaker = CircuitBreaker(1, timedelta(milliseconds=1))
    bulkhead, limiter = Bulkhead(3), AdaptiveLimiter(AIMDPolicy(3, 3, 3))
    ends: Counter[str] = Counter()

    @service_client(retry=False, circuit_breaker=breaker, bulkhead=bulkhead, adaptive_limit=limiter)
    class Shop(Protocol):
        @get("/down")
        def down(self) -> Any: ...

        @get("/ok")
        def ok(self) -> dict[str, int]: ...

    armed = False

    def handler(*_: object) -> None:
        nonlocal armed
        if armed:
            armed = False
            raise Interrupt

    assert threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGALRM, handler)
    unraisable, sys.unraisablehook = sys.unraisablehook, lambda _: None  # in a weak reference's end
    draw = random.Random(7)
    logging.disable()  # a handler's lock is not taken in a `with` before 3.13
    try:
        with FaultServer() as server:
            server.on("GET /down", Answer(500))
            server.on("GET /ok", Answer(json={"a": 1}))
            with connect_sync(Shop, base_url=server.url) as client:
                for _ in range(300):
                    breaker.reset()
                    with pytest.raises(ServerErrorException):
                        client.down()
                    time.sleep(0.0012)  # half-open: the next call is a probe
                    try:
                        armed = True
                        signal.setitimer(signal.ITIMER_REAL, draw.random() * 0.003 + 1e-5)
                        client.ok()
                        ends["ok"] += 1
                    except Interrupt:
                        ends["interrupted"] += 1
                    except RefusedException as refusal:
                        ends[type(refusal).__name__] += 1
                    finally:
                        armed = False
                        signal.setitimer(signal.ITIMER_REAL, 0)
                    assert bulkhead.snapshot().running == 0
                    assert limiter.snapshot().in_flight == 0
                    ends["probe lost"] += breaker.snapshot().permits_held
                # One is idle; what an interrupted call had taken is closed by now.
                server.wait_until(lambda server: server.open_connections <= 1, 10)
            server.wait_until(lambda server: server.open_connections == 0, 10)
    finally:
        logging.disable(logging.NOTSET)
        sys.unraisablehook = unraisable
        signal.signal(signal.SIGALRM, before)
    assert set(ends) <= {"ok", "interrupted", "probe lost"}
    # In the few lines that write a verdict; the circuit opens again after the attempt timeout.
    assert ends["probe lost"] < 5
    assert ends["interrupted"] > 10


@pytest.mark.survives(
    "Many callers at once",
    "every call fails, for a long time",
    "no exception holds the frames that hold it: memory is free as soon as the caller is",
)
@pytest.mark.parametrize("retry", [False, 2])
def test_a_call_that_failed_leaves_nothing_to_the_garbage_collector(retry: Any) -> None:
    @service_client(retry=retry, bulkhead=2, circuit_breaker=False)
    class Shop(Protocol):
        @get("/404")
        def missing(self) -> Any: ...

    @service_client(retry=retry, bulkhead=2, circuit_breaker=False)
    class Async(Protocol):
        @get("/404")
        async def missing(self) -> Any: ...

    def fail() -> None:
        with contextlib.suppress(NotFoundException):
            client.missing()

    async def fail_async() -> None:
        async with connect(Async, base_url=server.url) as client:
            for _ in range(3):
                with contextlib.suppress(NotFoundException):
                    await client.missing()
            gc.collect()
            for _ in range(3):
                with contextlib.suppress(NotFoundException):
                    await client.missing()
            assert gc.collect() == 0

    with FaultServer() as server:
        server.on("GET /404", Answer(404))
        gc.disable()
        try:
            with connect_sync(Shop, base_url=server.url) as client:
                fail()
                gc.collect()
                for _ in range(3):
                    fail()
                assert gc.collect() == 0
            asyncio.run(fail_async())
        finally:
            gc.enable()
