"""A timer that cancels the task which set it, and knows its own cancellation again."""

from __future__ import annotations

import asyncio


class Alarm:
    """Cancels the current task after a span, as :func:`asyncio.timeout` does, but can be asked
    further inside whether a ``CancelledError`` is its own. One timer so serves the whole call.

    Whoever makes one must call :meth:`disarm` at the end, in the same task.

    Args:
        seconds: How far ahead on ``loop.time()``; not positive: in the next turn of the loop.

    Raises:
        RuntimeError: There is no running task.
    """

    __slots__ = ("_cancelling", "_fired", "_handle", "_settled", "_task")

    def __init__(self, seconds: float) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a timeout needs a task: start the call with asyncio.run()")
        self._task = task
        self._cancelling = task.cancelling()  # what others had asked for before
        self._fired = False
        self._settled = False
        loop = task.get_loop()
        self._handle = loop.call_at(loop.time() + max(seconds, 0.0), self._fire)

    def _fire(self) -> None:
        self._fired = True
        self._task.cancel()

    def claims(self) -> bool:
        """After a ``CancelledError``: take back this timer's cancellation.

        True if there was no other: the task goes on, and the caller raises a timeout. False:
        somebody else cancelled the task too, or only somebody else; let it pass.
        """
        if not self._fired or self._settled or asyncio.current_task() is not self._task:
            return False
        self._settled = True
        return self._task.uncancel() <= self._cancelling

    def disarm(self) -> None:
        """Stop the timer; a cancellation that the task no longer saw is taken back."""
        self._handle.cancel()
        if self._fired and not self._settled:
            self._settled = True
            self._task.uncancel()
