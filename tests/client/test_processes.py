"""Clients beside other processes: pickling, spawned children, a process that was stopped."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from textwrap import dedent
from typing import Any, Protocol

import pytest

from pyfly.client import connect_sync, get, service_client
from pyfly.resilience import Bulkhead, CircuitBreaker, RetryBudget, RetryPolicy
from pyfly.resilience.clock import SYSTEM_CLOCK
from pyfly.testing import FaultServer
from pyfly.testing.fault_server import Answer


@service_client()
class Shop(Protocol):
    @get("/x")
    def x(self) -> dict[str, int]: ...


@service_client()
class PlainShop:
    @get("/x")
    def x(self) -> dict[str, int]:
        raise NotImplementedError


@pytest.mark.parametrize("cls", [Shop, PlainShop])
@pytest.mark.parametrize("way", [pickle.dumps, copy.deepcopy])
def test_a_client_says_what_to_do_instead_of_pickling_it(cls: Any, way: Any) -> None:
    with (
        connect_sync(cls, base_url="http://localhost:1") as client,
        pytest.raises(TypeError, match=rf"^{cls.__name__}: a client cannot be pickled or copied: "),
    ):
        way(client)


@pytest.mark.parametrize("limit", [Bulkhead(1), CircuitBreaker(), RetryBudget()])
def test_a_limit_says_what_to_do_instead_of_pickling_it(limit: Any) -> None:
    with pytest.raises(TypeError, match=rf"^{type(limit).__name__}: cannot be pickled or copied"):
        pickle.dumps(limit)


def test_settings_can_be_pickled() -> None:
    policy = RetryPolicy(3)
    again = pickle.loads(pickle.dumps(policy))
    assert again == policy
    assert again.clock is SYSTEM_CLOCK


def _in_a_child(cls: type[Shop], url: str) -> dict[str, int]:
    with connect_sync(cls, base_url=url) as client:
        return client.x()


def test_a_spawned_process_gets_the_class_and_the_url_and_connects_itself() -> None:
    with FaultServer() as server:
        server.on("GET /x", Answer(json={"a": 1}))
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            assert pool.apply(_in_a_child, (Shop, server.url)) == {"a": 1}


@pytest.mark.parametrize(
    "budget",
    [RetryBudget(0.0, 1000.0, 0.0), RetryBudget.ratio(0.0, timedelta(seconds=100), 10.0)],
    ids=["tokens", "ratio"],
)
def test_a_hundred_threads_never_take_more_of_a_budget_than_there_is(budget: RetryBudget) -> None:
    taken: list[int] = []
    interval = sys.getswitchinterval()

    def work() -> None:
        taken.append(sum(budget.withdraw() for _ in range(100)))

    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert sum(taken) == 1000


INNER = """
    import sys
    sys.path[:] = {path!r}
    from typing import Any, Protocol
    from pyfly.client import connect_sync, get, service_client

    @service_client()
    class Shop(Protocol):
        @get("/x")
        def x(self) -> Any: ...

    with connect_sync(Shop, base_url={url!r}) as client:
        print(client.x(), flush=True)
"""
OUTER = """
    import sys
    import _xxsubinterpreters as interpreters
    code = sys.argv[2].format(path=sys.path, url=sys.argv[1])
    interpreters.run_string(interpreters.create(), code)
"""


@pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="httptools says that it cannot be loaded in one"
)
def test_a_client_works_in_a_subinterpreter() -> None:
    assert run_in_a_process(OUTER, dedent(INNER)) == "{'a': 1}\n"


def run_in_a_process(code: str, *arguments: str) -> str:
    """What a program prints that is given the URL of a service."""
    with FaultServer() as server:
        server.on("GET /x", Answer(json={"a": 1}), Answer(json={}, latency=0.3))
        command = [sys.executable, "-c", dedent(code), server.url, *arguments]
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return told.stdout


STOPPED = """
    import asyncio, os, subprocess, sys
    from datetime import timedelta
    from typing import Any, Protocol
    from pyfly.client import connect, get, service_client
    from pyfly.resilience import CircuitBreaker

    breaker = CircuitBreaker()

    @service_client(timeout=timedelta(seconds=1), circuit_breaker=breaker)
    class Shop(Protocol):
        @get("/x")
        async def x(self) -> Any: ...

    async def main() -> None:
        async with connect(Shop, base_url=sys.argv[1]) as client:
            await client.x()
            calls = [asyncio.ensure_future(client.x()) for _ in range(20)]
            await asyncio.sleep(0.05)
            me = os.getpid()
            subprocess.Popen(["sh", "-c", f"kill -STOP {me}; sleep 2; kill -CONT {me}"]).wait()
            ends = await asyncio.gather(*calls, return_exceptions=True)
            print(sum(isinstance(end, dict) for end in ends), breaker.state.name)

    asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this platform cannot stop a process")
@pytest.mark.survives(
    "Retries, breakers and time",
    "a process is stopped, or its machine sleeps, with 20 calls in flight, for longer than their "
    "timeout",
    "all are answered, by another attempt where need be; the circuit stays closed",
)
def test_a_process_that_was_stopped_with_calls_in_flight_goes_on() -> None:
    assert run_in_a_process(STOPPED) == "20 CLOSED\n"
