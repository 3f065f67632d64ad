from __future__ import annotations

import asyncio
import time
from unittest import mock

from pyfly.resilience import SYSTEM_CLOCK, SystemClock


def test_the_system_clock_tells_the_time_of_the_machine() -> None:
    before = time.monotonic(), time.time()
    now = SYSTEM_CLOCK.monotonic(), SYSTEM_CLOCK.time()
    assert before[0] <= now[0] <= time.monotonic()
    assert before[1] <= now[1] <= time.time()


def test_what_replaces_the_functions_of_the_modules_reaches_the_system_clock() -> None:
    with (
        mock.patch("time.monotonic", return_value=1.0),
        mock.patch("time.time", return_value=2.0),
        mock.patch("time.sleep") as sleep,
    ):
        assert (SYSTEM_CLOCK.monotonic(), SYSTEM_CLOCK.time()) == (1.0, 2.0)
        SYSTEM_CLOCK.sleep_sync(3.0)
    sleep.assert_called_once_with(3.0)


def test_its_asynchronous_sleep_is_that_of_asyncio_at_the_moment_of_use() -> None:
    async def main() -> mock.AsyncMock:
        with mock.patch("asyncio.sleep", new_callable=mock.AsyncMock) as sleep:
            await SystemClock().sleep(4.0)
        return sleep

    asyncio.run(main()).assert_awaited_once_with(4.0)


def test_it_shows_itself_by_its_name() -> None:
    assert repr(SYSTEM_CLOCK) == "SYSTEM_CLOCK"
