"""Shared calls on an event loop: each flight is a task of its own, which no caller's end ends.

It runs in a copy of the context of whoever came first, freed from the deadline there; each
waiting caller keeps to its own. The last one who leaves cancels the flight and waits for its
end, so that no task is left to itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from contextlib import suppress
from functools import partial
from typing import Any

from pyfly.resilience._guard import time_for
from pyfly.resilience.call import Call, Handler
from pyfly.resilience.deadlines import detached
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


class TaskFlight(Flight):
    """A flight in a task."""

    __slots__ = ("call", "task")

    call: Call
    task: asyncio.Task[Any]


async def share(table: Table, key: Hashable, call: Call, inner: Handler) -> Any:
    """What ``inner`` makes of this call, or of one with the same key that is under way."""
    left = time_for(call)
    if left is not None and left <= 0:
        raise out_of_time(call)
    own = TaskFlight(asyncio.get_running_loop(), key)
    flight = table.join(own)
    if flight is own:
        _start(table, flight, call, inner)
    elif aboard(flight):
        table.leave(flight)
        return await inner(call)
    else:
        tell_joined(call)
    task = flight.task
    try:
        await asyncio.wait((task,), timeout=left)
    except GeneratorExit:  # this caller is finalised, and cannot wait any more
        if table.leave(flight):
            with suppress(RuntimeError):  # the event loop is closed
                task.cancel()
        raise
    except BaseException:
        await _leave(table, flight)
        raise
    if not task.done():
        await _leave(table, flight)
        raise out_of_time(call)
    table.leave(flight)
    take_over_facts(call, flight.call)
    if flight.shared and not task.cancelled() and (error := task.exception()) is not None:
        raise copied(error)
    return task.result()


def _start(table: Table, flight: TaskFlight, call: Call, inner: Handler) -> None:
    flight.call = flown = call.fork()
    flown.deadline = flown.deadline_source = None  # of one caller, while others may have time
    flight.task = asyncio.get_running_loop().create_task(
        _fly(table, flight, flown, inner), name=f"shared call of {call.operation}"
    )
    flight.task.add_done_callback(partial(_landed, table, flight))


async def _fly(table: Table, flight: TaskFlight, call: Call, inner: Handler) -> Any:
    board(flight)
    try:
        with detached():
            return await inner(call)
    finally:
        table.close(flight)
        del flight  # an exception holds this frame


def _landed(table: Table, flight: TaskFlight, task: asyncio.Task[Any]) -> None:
    table.close(flight)  # a task that was cancelled before its first step has not done it
    if not task.cancelled():
        task.exception()  # looked at, even if nobody is left to whom it could be raised


async def _leave(table: Table, flight: TaskFlight) -> None:
    """Wait no more; if nobody else does, end the flight."""
    if not table.leave(flight):
        return
    task, cancelled = flight.task, None
    while not task.done():
        task.cancel()
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:  # once more, and as before: passed on
            cancelled = error
    if cancelled is not None:
        raise cancelled
