"""What takes a call away from whoever made it: forks, event loops that are closed, signals.

Each mode makes calls over one client with every limit on, loses some of them, and says what
did not come back: permits, sockets, tasks, children that hang.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from benchmarks.measure import progress
from pyfly.client import ServiceClientException, connect, connect_sync, get, service_client
from pyfly.kernel.exceptions import RefusedException
from pyfly.resilience import AdaptiveLimiter, AIMDPolicy, Bulkhead, RateLimiter

__all__ = ["LOSSES", "Limits", "closed_loops", "forks", "signals"]

THREADS = 6
#: A child that has no answer by then hangs. Its answer takes a few milliseconds.
_HANGS = 20


class Limits:
    """The limits of one client, so small that a permit which is lost is missed."""

    def __init__(self, permits: int) -> None:
        self.bulkhead = Bulkhead(permits)
        self.adaptive = AdaptiveLimiter(AIMDPolicy(permits, permits, permits))
        self.rate = RateLimiter(1e9)

    def client(self, asynchronous: bool) -> Any:
        """A class of a client with these limits."""
        limited = service_client(
            retry=False,
            circuit_breaker=False,
            bulkhead=self.bulkhead,
            adaptive_limit=self.adaptive,
            rate_limiter=self.rate,
        )

        @limited
        class Shop:
            @get("/items/{item}")
            def item(self, item: int) -> dict[str, Any]:
                """One call."""
                raise NotImplementedError

        @limited
        class AsyncShop:
            @get("/items/{item}")
            async def item(self, item: int) -> dict[str, Any]:
                """The same on an event loop."""
                raise NotImplementedError

        return AsyncShop if asynchronous else Shop

    def held(self) -> int:
        """Permits that are out."""
        return self.bulkhead.snapshot().running + self.adaptive.snapshot().in_flight


def forks(url: str, count: int) -> Counter[str]:
    """Fork while threads make calls, and make a call in each child."""
    limits = Limits(THREADS)
    ends: Counter[str] = Counter()
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            with contextlib.suppress(ServiceClientException):
                client.item(1)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # threads are forked in the middle of whatever they do
    try:
        with connect_sync(limits.client(False), base_url=url) as client:
            threads = [threading.Thread(target=work) for _ in range(THREADS)]
            for thread in threads:
                thread.start()
            for number in range(1, count + 1):
                # Every tenth child makes more calls than there are permits.
                ends[_child(client.item, 1 if number % 10 else THREADS + 1)] += 1
                if number % 500 == 0:
                    progress(f"forks: {number:,} of {count:,}")
            stop.set()
            for thread in threads:
                thread.join()
    finally:
        stop.set()
        sys.setswitchinterval(interval)
    ends["permits left"] = limits.held()
    return ends


def _child(call: Callable[[int], object], calls: int) -> str:
    child = os.fork()
    if not child:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_HANGS)
        code = 0
        try:
            for item in range(calls):
                try:
                    call(item)
                except RefusedException:
                    code = 1
                except ServiceClientException:
                    pass  # one of the server's faults
        except BaseException:
            code = 2
        os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return {0: "ok", 1: "refused", 2: "failed"}.get(status, "hung")


def closed_loops(url: str, count: int) -> Counter[str]:
    """Close event loops under their calls; each needs the permits that the last one had."""
    at_once = 4
    limits = Limits(at_once)
    ends: Counter[str] = Counter()
    tasks: list[asyncio.Task[Any]] = []
    loop: asyncio.AbstractEventLoop | None = None
    opened = connect(limits.client(True), base_url=url)
    client: Any = asyncio.run(opened.__aenter__())
    for number in range(1, count + 1):
        loop = asyncio.new_event_loop()
        tasks = loop.run_until_complete(_begin(client, at_once))
        loop.run_until_complete(asyncio.sleep(random.random() * 0.0004))
        for task in tasks:
            lost: Any = task
            lost._log_destroy_pending = False  # they are meant
            ends[_end(task)] += 1
        loop.close()
        if number % 500 == 0:
            progress(f"closed loops: {number:,} of {count:,}")
    ends["refused"] += asyncio.run(_all_pass(client, at_once))
    ends["permits left"] = limits.held()
    began = time.monotonic()
    asyncio.run(opened.__aexit__(None, None, None))
    ends["slow stops"] = int(time.monotonic() - began > 2)
    del tasks, client, opened, loop
    gc.collect()
    return ends


async def _begin(client: Any, number: int) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.ensure_future(client.item(item)) for item in range(number)]
    await asyncio.sleep(0)
    return tasks


def _end(task: asyncio.Task[Any]) -> str:
    if not task.done():
        return "lost"
    return "refused" if isinstance(task.exception(), RefusedException) else "ok"


async def _all_pass(client: Any, number: int) -> int:
    ends = await asyncio.gather(*(client.item(1) for _ in range(number)), return_exceptions=True)
    return sum(isinstance(end, RefusedException) for end in ends)


class _Interrupt(BaseException):
    """What the signal handler raises."""


def signals(url: str, count: int) -> Counter[str]:
    """Raise an exception out of a signal handler, at any moment of a call.

    A call is late if it was refused for a permit that came back with the next collection.
    """
    limits = Limits(1)
    ends: Counter[str] = Counter()
    armed = False

    def handler(*_: object) -> None:
        nonlocal armed
        if armed:
            armed = False
            raise _Interrupt

    before = signal.signal(signal.SIGALRM, handler)
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None  # in a weak reference's end
    logging.disable()  # before 3.13 a handler's lock is not taken in a `with`
    try:
        with connect_sync(limits.client(False), base_url=url) as client:
            for number in range(1, count + 1):
                try:
                    armed = True
                    signal.setitimer(signal.ITIMER_REAL, random.random() * 0.002 + 1e-5)
                    end = _end_of(client.item)
                except _Interrupt:
                    end = "interrupted"
                finally:
                    armed = False
                    signal.setitimer(signal.ITIMER_REAL, 0)
                if end == "refused":
                    # What held it may be part of a cycle, which the collector breaks when it runs.
                    gc.collect()
                    end = "refused" if limits.held() else "late"
                ends[end] += 1
                if number % 500 == 0:
                    progress(f"signals: {number:,} of {count:,}")
    finally:
        logging.disable(logging.NOTSET)
        sys.unraisablehook = hook
        signal.signal(signal.SIGALRM, before)
    ends["permits left"] = limits.held()
    return ends


def _end_of(call: Callable[[int], object]) -> str:
    try:
        call(1)
    except RefusedException:
        return "refused"
    except ServiceClientException:
        pass  # one of the server's faults
    return "ok"


LOSSES: dict[str, Callable[[str, int], Counter[str]]] = {"closed loops": closed_loops}
if hasattr(os, "fork"):
    LOSSES["forks"] = forks
if hasattr(signal, "setitimer"):
    LOSSES["signals"] = signals
