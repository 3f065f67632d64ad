"""Return annotations that ask for a result which comes piece by piece."""

from __future__ import annotations

import inspect
from collections import abc
from typing import Any, get_args, get_origin

from pyfly.kernel.record import Record

_ASYNCHRONOUS = (abc.AsyncIterator, abc.AsyncIterable, abc.AsyncGenerator)
_BLOCKING = (abc.Iterator, abc.Iterable, abc.Generator)


class Streamed(Record):
    """What a stub says of its stream.

    Attributes:
        asynchronous: Whether it is read with ``async for``.
        item: What one item is; ``inspect.Parameter.empty`` if the annotation does not say.
    """

    asynchronous: bool
    item: Any


def streamed(annotation: Any) -> Streamed | None:
    """The stream that a resolved return annotation asks for; None if it asks for none."""
    origin = get_origin(annotation) or annotation
    arguments = get_args(annotation)
    item = arguments[0] if arguments else inspect.Parameter.empty
    if origin in _ASYNCHRONOUS or getattr(origin, "__pyfly_stream__", None) == "async":
        return Streamed(True, item)
    if origin in _BLOCKING or getattr(origin, "__pyfly_stream__", None) == "sync":
        return Streamed(False, item)
    return None


def stream_mistakes(stream: Streamed, is_coroutine_function: bool) -> list[str]:
    """What is wrong with how a stub that returns a stream is written."""
    if not is_coroutine_function:
        return []
    name = getattr(stream.item, "__name__", "T")
    instead = f"def … -> AsyncIterator[{name}]"
    if stream.asynchronous:
        return [f"-> AsyncIterator is a stream, which nobody awaits (write plain {instead})"]
    return [
        f"-> Iterator is a stream, which async def cannot return (write plain {instead}, or "
        f"async def … -> list[{name}])"
    ]
