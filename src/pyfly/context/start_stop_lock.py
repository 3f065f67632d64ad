"""One start or stop at a time."""

from __future__ import annotations

import asyncio
from typing import Any

from pyfly.context.errors import ContextException

__all__ = ["Turn"]


class Turn:
    """A lock for ``async with`` that tells a task so, rather than let it wait for itself."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._holder: asyncio.Task[Any] | None = None

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        if task is not None and task is self._holder:
            raise ContextException(
                "start() or stop() is called by a bean while the context starts or stops, so it "
                "would wait for itself: call it from outside"
            )
        await self._lock.acquire()
        self._holder = task

    async def __aexit__(self, *error: object) -> None:
        self._holder = None
        self._lock.release()
