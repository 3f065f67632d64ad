"""A clock that a test moves, with and without a virtual-time loop."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any, Protocol

import pytest

from pyfly.client import (
    AttemptTimeoutException,
    CircuitBreakerException,
    ConnectException,
    get,
    service_client,
)
from pyfly.core import Config
from pyfly.resilience import CircuitBreaker, RetryPolicy
from pyfly.testing import VirtualClock, client_for, run_virtual
from tests.support.patience import at_most


@service_client(name="inventory", base_url="http://inventory")
class Inventory(Protocol):
    @get("/products/{product_id}")
    async def product(self, product_id: str) -> Any: ...


@service_client(name="inventory", base_url="http://inventory")
class SyncInventory(Protocol):
    @get("/products/{product_id}")
    def product(self, product_id: str) -> Any: ...


class Port:
    """Fails as long as it is down, after a pause; notes when it was asked."""

    def __init__(self, clock: VirtualClock, pause: float = 0.0) -> None:
        self.clock = clock
        self.pause = pause
        self.down = True
        self.asked: list[float] = []

    async def request(self, method: str, url: str, **kwargs: Any) -> Any:
        self.asked.append(self.clock.monotonic())
        await self.clock.sleep(self.pause)
        return self.answer()

    def answer(self) -> Any:
        if self.down:
            raise ConnectException("refused")
        return {"id": "42"}

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class SyncPort(Port):
    def request(self, method: str, url: str, **kwargs: Any) -> Any:
        self.asked.append(self.clock.monotonic())
        return self.answer()

    def start(self) -> None: ...  # type: ignore[override]

    def stop(self) -> None: ...  # type: ignore[override]


class TestAlone:
    def test_it_stands_still_until_it_is_moved(self) -> None:
        clock = VirtualClock()
        assert clock.monotonic() == clock.monotonic() == 1000
        clock.advance(30)
        assert clock.monotonic() == 1030

    def test_its_date_is_the_same_every_day_and_moves_along(self) -> None:
        clock = VirtualClock(start=5)
        assert time.gmtime(clock.time())[:6] == (2026, 1, 1, 0, 0, 0)
        clock.advance(61)
        assert time.gmtime(clock.time())[:6] == (2026, 1, 1, 0, 1, 1)

    @pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf")])
    def test_it_does_not_go_back_and_takes_real_spans_only(self, seconds: float) -> None:
        clock = VirtualClock()
        with pytest.raises(ValueError, match="VirtualClock: seconds"):
            clock.advance(seconds)
        assert clock.monotonic() == 1000

    def test_anything_but_a_number_is_refused(self) -> None:
        with pytest.raises(TypeError, match="VirtualClock: start"):
            VirtualClock("now")  # type: ignore[arg-type]

    def test_it_shows_its_time(self) -> None:
        assert repr(VirtualClock(7)) == "<VirtualClock 7 s>"

    def test_a_sleep_ends_at_once_and_moves_it(self) -> None:
        clock = VirtualClock()
        asyncio.run(clock.sleep(3600))
        clock.sleep_sync(60)
        clock.sleep_sync(-1)
        asyncio.run(clock.sleep(-1))
        assert clock.monotonic() == 1000 + 3660

    async def test_sleeps_at_a_time_end_in_the_order_of_their_ends(self) -> None:
        clock = VirtualClock()
        ended: list[tuple[float, float]] = []

        async def sleeper(seconds: float) -> None:
            await clock.sleep(seconds)
            ended.append((seconds, clock.monotonic() - 1000))

        await asyncio.gather(*(sleeper(seconds) for seconds in (3, 1, 2, 2, 5)))
        assert ended == [(1, 1), (2, 2), (2, 2), (3, 3), (5, 5)]

    async def test_moving_it_wakes_those_whose_time_has_come(self) -> None:
        clock = VirtualClock()
        sleeping = asyncio.create_task(clock.sleep(10))
        await asyncio.sleep(0)
        clock.advance(20)
        await sleeping
        assert clock.monotonic() == 1020

    async def test_a_cancelled_sleep_keeps_nobody_waiting(self) -> None:
        clock = VirtualClock()
        first = asyncio.create_task(clock.sleep(1))
        second = asyncio.create_task(clock.sleep(2))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await second
        assert clock.monotonic() == 1002


class TestOnAVirtualLoop:
    def test_it_goes_with_the_loop_from_its_first_use_there(self) -> None:
        clock = VirtualClock(start=7)

        async def main() -> None:
            assert clock.monotonic() == 7
            await asyncio.sleep(3)
            assert clock.monotonic() == 10
            await clock.sleep(5)
            assert clock.monotonic() == 15

        run_virtual(main())
        assert clock.monotonic() == 15

    def test_moving_it_moves_the_loop_and_its_timers(self) -> None:
        async def main() -> None:
            clock = VirtualClock()
            sleeping = asyncio.create_task(asyncio.sleep(10, "slept"))
            await asyncio.sleep(0)
            clock.advance(10)
            assert asyncio.get_running_loop().time() == clock.monotonic()
            assert await sleeping == "slept"
            assert clock.monotonic() == 1010

        run_virtual(main())

    def test_it_goes_on_where_it_stood_from_one_loop_to_the_next(self) -> None:
        clock = VirtualClock()
        run_virtual(clock.sleep(5))
        clock.advance(1)
        asyncio.run(clock.sleep(2))
        run_virtual(clock.sleep(3))
        assert clock.monotonic() == 1011

    def test_a_thread_of_the_loop_sees_the_same_time(self) -> None:
        clock = VirtualClock()

        async def main() -> None:
            await clock.sleep(5)
            assert await asyncio.to_thread(clock.monotonic) == 1005

        run_virtual(main())


class TestAClientOverIt:
    async def test_three_attempts_and_an_open_circuit_take_no_time(self) -> None:
        clock = VirtualClock()
        port = Port(clock)
        inventory = client_for(Inventory, port=port, clock=clock)
        started = time.perf_counter()
        for _ in range(5):
            with pytest.raises(ConnectException):
                await inventory.product("42")
        with pytest.raises(CircuitBreakerException) as caught:
            await inventory.product("42")
        assert [at - port.asked[0] for at in port.asked[:3]] == [0, 1, 3]
        assert caught.value.retry_after == pytest.approx(30)
        port.down = False
        clock.advance(30)
        assert await inventory.product("42") == {"id": "42"}
        assert time.perf_counter() - started < at_most(0.5)

    def test_a_synchronous_client_backs_off_at_once(self) -> None:
        clock = VirtualClock()
        port = SyncPort(clock)
        inventory = client_for(SyncInventory, port=port, clock=clock)
        with pytest.raises(ConnectException):
            inventory.product("42")
        assert [at - port.asked[0] for at in port.asked] == [0, 1, 3]

    @pytest.mark.virtual_time
    async def test_a_slow_service_is_timed_out_in_virtual_time(self) -> None:
        clock = VirtualClock()
        port = Port(clock, pause=60)
        config = Config({"pyfly.client.default.timeout": "2s"}, environ={})
        inventory = client_for(Inventory, port=port, clock=clock, config=config)
        with pytest.raises(AttemptTimeoutException):
            await inventory.product("42")
        assert [at - port.asked[0] for at in port.asked] == pytest.approx([0, 3, 7])
        assert clock.monotonic() - port.asked[0] == pytest.approx(9)


async def test_policies_outside_of_a_client_take_it_as_well() -> None:
    clock = VirtualClock()
    breaker = CircuitBreaker(1, timedelta(seconds=30), clock=clock)

    async def fail() -> None:
        raise ConnectionError("refused")

    with pytest.raises(ConnectionError):
        await RetryPolicy(3, timedelta(seconds=1), clock=clock).execute(fail)
    assert clock.monotonic() == 1003
    with pytest.raises(ConnectionError):
        await breaker.call(fail)
    with pytest.raises(CircuitBreakerException):
        await breaker.call(fail)
    clock.advance(30)
    with pytest.raises(ConnectionError):
        await breaker.call(fail)
