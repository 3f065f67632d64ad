"""Shared calls in threads: who comes first makes the call, and the others wait for it.

A thread cannot be left alone with a call, so the first caller's own end is that of the flight:
if its deadline passed or it was interrupted, that says nothing to the others, and the next of
them makes the call anew.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from contextvars import copy_context
from typing import Any

from pyfly.resilience._guard import time_for
from pyfly.resilience.call import Call, SyncHandler
from pyfly.resilience.clock import SYSTEM_CLOCK
from pyfly.resilience.single_flight.state import Flight
from pyfly.resilience.single_flight.table import (
    Table,
    aboard,
    board,
    copied,
    out_of_time,
    take_over_facts,
    tell_joined,
)

_POLL = 0.01
"""Seconds after which a waiting thread asks a clock again that is not the system's."""


class ThreadFlight(Flight):
    """A flight in the thread of whoever came first."""

    __slots__ = ("call", "ended", "error", "given_up", "value")

    def __init__(self, key: Hashable, call: Call) -> None:
        super().__init__(0, key)  # all threads share
        self.call = call
        self.ended = threading.Event()
        self.value: Any = None
        self.error: BaseException | None = None
        self.given_up = False


def share_sync(table: Table, key: Hashable, call: Call, inner: SyncHandler) -> Any:
    """What ``inner`` makes of this call, or of one with the same key that is under way."""
    while True:
        left = time_for(call)
        if left is not None and left <= 0:
            raise out_of_time(call)
        end = None if left is None else call.clock.monotonic() + left
        own = ThreadFlight(key, call)
        flight = table.join(own)
        if flight is own:
            return _fly(table, flight, inner, end)
        if aboard(flight):
            table.leave(flight)
            return inner(call)
        tell_joined(call)
        try:
            in_time = _wait(flight, call, end)
        finally:
            table.leave(flight)
        if not in_time:
            raise out_of_time(call)
        if flight.given_up:
            continue
        take_over_facts(call, flight.call)
        if flight.error is not None:
            raise copied(flight.error)
        return flight.value


def _fly(table: Table, flight: ThreadFlight, inner: SyncHandler, end: float | None) -> Any:
    """Make the call, whose own caller has time until ``end``."""
    call = flight.call
    try:
        flight.value = value = copy_context().run(_aboard, flight, inner)
    except BaseException as error:
        too_late = end is not None and call.clock.monotonic() >= end
        flight.given_up = too_late or not isinstance(error, Exception)
        flight.error = copied(error) if flight.shared else error
        raise
    else:
        return value
    finally:
        table.close(flight)
        flight.ended.set()


def _aboard(flight: ThreadFlight, inner: SyncHandler) -> Any:
    board(flight)
    return inner(flight.call)


def _wait(flight: ThreadFlight, call: Call, end: float | None) -> bool:
    """Whether the flight ends while the caller has time."""
    clock = call.clock
    longest = threading.TIMEOUT_MAX if clock is SYSTEM_CLOCK else _POLL
    while True:
        span = longest if end is None else min(end - clock.monotonic(), longest)
        if span <= 0:
            return flight.ended.is_set()
        if flight.ended.wait(span):
            return True
