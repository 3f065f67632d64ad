"""Starting, draining and stopping a client, at the level where both kinds share it."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from typing import Any

import pytest

from pyfly.client import ClientStoppedException
from pyfly.client._call.lifecycle import InFlight, Lifecycle, SyncLifecycle
from tests.support.patience import at_most


class Port:
    base_url = ""
    takes_encoded = True
    bounds_deadline = True

    def __init__(self, failures: int = 0) -> None:
        self.log: list[str] = []
        self.failures = failures

    async def send(self, request: Any, deadline: float | None) -> Any:
        raise NotImplementedError

    async def start(self) -> None:
        self.log.append("start")
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise OSError("not yet")

    async def stop(self) -> None:
        self.log.append("stop")


class SyncPort:
    base_url = ""
    takes_encoded = True
    bounds_deadline = True

    def __init__(self) -> None:
        self.log: list[str] = []

    def send(self, request: Any, deadline: float | None) -> Any:
        raise NotImplementedError

    def start(self) -> None:
        self.log.append("start")

    def stop(self) -> None:
        self.log.append("stop")


async def call(lifecycle: Lifecycle, seconds: float, ended: list[str]) -> None:
    key = object()
    lifecycle.begin(key)
    try:
        await asyncio.sleep(seconds)
        ended.append("done")
    except asyncio.CancelledError:
        ended.append("stopped" if lifecycle.was_stopped(key) else "cancelled")
        if ended[-1] == "cancelled":
            raise
    finally:
        lifecycle.end(key)


async def test_many_who_start_it_start_the_port_once() -> None:
    port = Port()
    lifecycle = Lifecycle("Users", port, 1.0)
    await asyncio.gather(*(lifecycle.start() for _ in range(10)))
    await asyncio.gather(*(lifecycle.stop() for _ in range(10)))
    assert port.log == ["start", "stop"]


async def test_a_start_that_failed_can_be_tried_again() -> None:
    port = Port(failures=1)
    lifecycle = Lifecycle("Users", port, 1.0)
    results = await asyncio.gather(lifecycle.start(), lifecycle.start(), return_exceptions=True)
    assert [type(result).__name__ for result in results] == ["OSError", "NoneType"]
    assert lifecycle.running
    await lifecycle.stop()


async def test_a_stop_waits_for_the_calls_under_way_and_takes_no_new_ones() -> None:
    port, ended = Port(), []  # type: Port, list[str]
    lifecycle = Lifecycle("Users", port, 5.0)
    await lifecycle.start()
    calls = [asyncio.create_task(call(lifecycle, 0.02, ended)) for _ in range(3)]
    await asyncio.sleep(0)
    stopping = asyncio.create_task(lifecycle.stop())
    await asyncio.sleep(0)
    with pytest.raises(ClientStoppedException, match="Users has been stopped"):
        lifecycle.begin("late")
    await stopping
    await asyncio.gather(*calls)
    assert ended == ["done"] * 3
    assert port.log == ["start", "stop"]
    with pytest.raises(ClientStoppedException):
        await lifecycle.start()


async def test_calls_that_outlast_the_limit_are_stopped_and_nobody_is_cancelled() -> None:
    port, ended = Port(), []  # type: Port, list[str]
    lifecycle = Lifecycle("Users", port, 0.01)
    await lifecycle.start()
    calls = [asyncio.create_task(call(lifecycle, 60.0, ended)) for _ in range(2)]
    await asyncio.sleep(0)
    await lifecycle.stop()
    await asyncio.gather(*calls)
    assert ended == ["stopped"] * 2
    assert all(task.cancelling() == 0 for task in calls)


async def test_a_callers_own_cancellation_stays_one() -> None:
    port, ended = Port(), []  # type: Port, list[str]
    lifecycle = Lifecycle("Users", port, 0.01)
    await lifecycle.start()
    task = asyncio.create_task(call(lifecycle, 60.0, ended))
    await asyncio.sleep(0)
    task.cancel()
    await lifecycle.stop()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["cancelled"]


async def test_a_call_that_stops_its_own_client_does_not_wait_for_itself() -> None:
    lifecycle = Lifecycle("Users", Port(), 5.0)
    await lifecycle.start()
    lifecycle.begin("call")
    began = time.monotonic()
    await lifecycle.stop()
    lifecycle.end("call")
    assert time.monotonic() - began < at_most(1.0)


async def test_a_client_that_never_ran_is_stopped_all_the_same() -> None:
    port = Port()
    lifecycle = Lifecycle("Users", port, 1.0)
    await lifecycle.stop()
    assert port.log == ["stop"]
    with pytest.raises(ClientStoppedException):
        await lifecycle.start()


def test_a_synchronous_stop_waits_for_other_threads() -> None:
    port = SyncPort()
    lifecycle = SyncLifecycle("Users", port, 5.0)
    lifecycle.start()
    lifecycle.start()
    lifecycle.begin("call")
    ending = threading.Timer(0.03, lifecycle.end, ["call"])
    ending.start()
    began = time.monotonic()
    lifecycle.stop()
    ending.join()
    assert 0.01 < time.monotonic() - began < at_most(2.0)
    lifecycle.stop()
    assert port.log == ["start", "stop"]
    with pytest.raises(ClientStoppedException):
        lifecycle.start()
    with pytest.raises(ClientStoppedException):
        lifecycle.begin("late")
    assert not lifecycle.calls


def test_a_synchronous_stop_closes_the_port_under_calls_that_outlast_the_limit(
    caplog: pytest.LogCaptureFixture,
) -> None:
    port = SyncPort()
    lifecycle = SyncLifecycle("Users", port, 0.01)
    lifecycle.start()
    lifecycle.begin("call")
    lifecycle.stop()
    lifecycle.end("call")
    assert port.log == ["start", "stop"]
    assert "Connections were closed under calls by a stop" in caplog.text


# An event loop that is closed under its calls


def closed_under(lifecycle: Lifecycle, begin: str) -> asyncio.Task[None]:
    """A call whose event loop was closed while it ran; its task is kept by the caller."""
    loop = asyncio.new_event_loop()

    async def calling() -> None:
        if begin == "a call that the port ends":
            lifecycle.calls["call"] = loop
        elif begin == "a call":
            lifecycle.begin("call")
        else:
            lifecycle.add(InFlight())
        await asyncio.sleep(3600)

    async def main() -> asyncio.Task[None]:
        task = asyncio.create_task(calling())
        await asyncio.sleep(0)
        return task

    task = loop.run_until_complete(main())
    loop.close()
    return task


def quietly_dropped(task: asyncio.Task[None]) -> None:
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # that is the point
    task.get_coro().close()


@pytest.mark.survives(
    "Starting and stopping",
    "an event loop was closed under its calls",
    "stop() does not wait for them, and raises nothing",
)
@pytest.mark.parametrize("begin", ["a call", "a call that the port ends", "a stream"])
def test_a_stop_waits_for_no_call_whose_loop_is_closed(begin: str) -> None:
    port = Port()
    lifecycle = Lifecycle("Shop", port, 60.0)
    asyncio.run(lifecycle.start())
    lost = closed_under(lifecycle, begin)
    started = time.monotonic()
    asyncio.run(lifecycle.stop())
    assert time.monotonic() - started < 30
    assert port.log == ["start", "stop"]
    assert not lifecycle.calls
    quietly_dropped(lost)


def test_a_call_that_was_lost_is_not_kept_by_its_client() -> None:
    lifecycle = Lifecycle("Shop", Port(), 60.0)
    asyncio.run(lifecycle.start())
    lost = closed_under(lifecycle, "a call")
    known = weakref.ref(lost)
    quietly_dropped(lost)
    del lost
    gc.collect()
    assert known() is None


def test_a_start_that_died_with_its_loop_is_made_again() -> None:
    class Slow(Port):
        seconds = 3600.0

        async def start(self) -> None:
            await asyncio.sleep(self.seconds)

    port = Slow()
    lifecycle = Lifecycle("Shop", port, 60.0)
    loop = asyncio.new_event_loop()

    async def starting() -> asyncio.Task[None]:
        task = asyncio.create_task(lifecycle.start())
        await asyncio.sleep(0)
        return task

    lost = loop.run_until_complete(starting())
    loop.close()
    assert not lifecycle.running
    port.seconds = 0.0
    asyncio.run(asyncio.wait_for(lifecycle.start(), 30))
    assert lifecycle.running
    quietly_dropped(lost)


def test_a_call_that_ends_after_the_stop_died_with_its_loop_raises_nothing() -> None:
    lifecycle = Lifecycle("Shop", Port(), 60.0)
    asyncio.run(lifecycle.start())
    loop = asyncio.new_event_loop()
    other = asyncio.new_event_loop()

    async def begin() -> None:
        lifecycle.begin("call")

    async def stopping() -> asyncio.Task[None]:
        task = asyncio.create_task(lifecycle.stop())
        await asyncio.sleep(0)
        return task

    other.run_until_complete(begin())
    lost = loop.run_until_complete(stopping())
    loop.close()
    lifecycle.end("call")  # the stop that would have heard of it is gone
    asyncio.run(asyncio.wait_for(lifecycle.stop(), 30))
    other.close()
    quietly_dropped(lost)


def test_after_a_fork_no_call_of_the_parent_is_waited_for() -> None:
    port, sync_port = Port(), SyncPort()
    lifecycle, sync_lifecycle = Lifecycle("Shop", port, 60.0), SyncLifecycle("Shop", sync_port, 60)
    asyncio.run(lifecycle.start())
    lost = closed_under(lifecycle, "a call")
    sync_lifecycle.start()
    sync_lifecycle.begin("call")
    for each in (lifecycle, sync_lifecycle):
        each.after_fork()
    sync_lifecycle.stop()
    asyncio.run(asyncio.wait_for(lifecycle.stop(), 30))
    assert port.log == sync_port.log == ["start", "stop"]
    quietly_dropped(lost)
