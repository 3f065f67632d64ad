"""What the tasks of an event loop wait for, for people."""

from __future__ import annotations

import asyncio
import os
from types import CodeType
from typing import Any, NamedTuple


class _Place(NamedTuple):
    function: str
    file: str
    line: int


def waiting_tasks(loop: asyncio.AbstractEventLoop) -> list[str]:
    """A line for each unfinished task: its name, the places where it waits, and for what."""
    tasks = sorted(asyncio.all_tasks(loop), key=_number)
    return [_told(task) for task in tasks]


def _number(task: asyncio.Task[Any]) -> tuple[int, str]:
    """Tasks in the order of their making, where their names tell it: Task-2 before Task-10."""
    name = task.get_name()
    digits = name.rpartition("-")[2]
    return (int(digits) if digits.isdecimal() else 0, name)


def _told(task: asyncio.Task[Any]) -> str:
    places = " → ".join(
        f"{place.function} ({_short(place.file)}:{place.line})" for place in _way(task.get_coro())
    )
    return f"{task.get_name()}: {places}, waits for {_awaited(task)}"


def _way(coroutine: Any) -> list[_Place]:
    """From the task's coroutine through what it awaits to the innermost place."""
    places: list[_Place] = []
    current: Any = coroutine
    while (kind := _kind(current)) is not None:
        code: CodeType = getattr(current, f"{kind}_code")
        frame = getattr(current, f"{kind}_frame")
        line = code.co_firstlineno if frame is None else frame.f_lineno
        places.append(_Place(code.co_qualname, code.co_filename, line))
        current = getattr(current, "gi_yieldfrom" if kind == "gi" else f"{kind}_await")
    return places


def _kind(thing: Any) -> str | None:
    """The prefix of its attributes: of a coroutine, a generator, an asynchronous generator."""
    return next((kind for kind in ("cr", "gi", "ag") if hasattr(thing, f"{kind}_code")), None)


def _awaited(task: asyncio.Task[Any]) -> str:
    future = getattr(task, "_fut_waiter", None)  # not public, so it may be gone one day
    if isinstance(future, asyncio.Task):
        return future.get_name()
    return "something" if future is None else f"a {type(future).__name__}"


def _short(path: str) -> str:
    """The path as seen from here, if it is below; else the file's name."""
    here = os.getcwd() + os.sep
    return path.removeprefix(here) if path.startswith(here) else os.path.basename(path)
