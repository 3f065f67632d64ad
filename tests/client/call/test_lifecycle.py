"""Starting, draining and stopping a client, at the level where both kinds share it."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from pyfly.client import ClientStoppedException
from pyfly.client._call.lifecycle import Lifecycle, SyncLifecycle


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
    lifecycle.take_off(key)
    try:
        await asyncio.sleep(seconds)
        ended.append("done")
    except asyncio.CancelledError:
        ended.append("stopped" if lifecycle.was_stopped(key) else "cancelled")
        if ended[-1] == "cancelled":
            raise
    finally:
        lifecycle.land(key)


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
        lifecycle.take_off("late")
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
    lifecycle.take_off("call")
    began = time.monotonic()
    await lifecycle.stop()
    lifecycle.land("call")
    assert time.monotonic() - began < 1.0


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
    lifecycle.take_off("call")
    landing = threading.Timer(0.03, lifecycle.land, ["call"])
    landing.start()
    began = time.monotonic()
    lifecycle.stop()
    landing.join()
    assert 0.01 < time.monotonic() - began < 2.0
    lifecycle.stop()
    assert port.log == ["start", "stop"]
    with pytest.raises(ClientStoppedException):
        lifecycle.start()
    with pytest.raises(ClientStoppedException):
        lifecycle.take_off("late")
    assert not lifecycle.calls


def test_a_synchronous_stop_closes_the_port_under_calls_that_outlast_the_limit(
    caplog: pytest.LogCaptureFixture,
) -> None:
    port = SyncPort()
    lifecycle = SyncLifecycle("Users", port, 0.01)
    lifecycle.start()
    lifecycle.take_off("call")
    lifecycle.stop()
    lifecycle.land("call")
    assert port.log == ["start", "stop"]
    assert "Connections were closed under calls by a stop" in caplog.text
