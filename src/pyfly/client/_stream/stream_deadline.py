"""How long a stream may take, apart from the idle timeout between two pieces."""

from __future__ import annotations

from pyfly.client.errors import StreamTimeoutException
from pyfly.kernel.exceptions import DeadlineExceededException
from pyfly.resilience.clock import Clock
from pyfly.resilience.deadlines import deadline_on

#: A timer may fire a moment early.
_MOMENT = 0.001


class StreamDeadline:
    """The ends of one stream, all by one clock.

    Args:
        operation: What is streamed, for messages.
        clock: Where the time comes from.
        total: How long the whole stream may take from now on, in seconds; None for ever.

    Attributes:
        end: When the stream has to be over; None for never.
    """

    __slots__ = ("_clock", "_operation", "_total", "end")

    def __init__(self, operation: str, clock: Clock, total: float | None) -> None:
        self._operation = operation
        self._clock = clock
        self._total = total
        self.end = None if total is None else clock.monotonic() + total

    def until(self) -> float | None:
        """When a read that begins now has to be done: the caller's deadline counts, too."""
        caller = deadline_on(self._clock)
        if caller is None or self.end is None:
            return self.end if caller is None else caller
        return min(caller, self.end)

    def left(self, span: float) -> float:
        """As much of a span as is left until then."""
        until = self.until()
        if until is None:
            return span
        return max(min(span, until - self._clock.monotonic()), 0.0)

    def check(self) -> None:
        """Raise if the time is over."""
        until = self.until()
        if until is not None and until <= self._clock.monotonic() + _MOMENT:
            raise self.meaning(StreamTimeoutException(""))

    def meaning(self, error: Exception) -> Exception:
        """What a timeout was about: the caller's deadline, the stream's end, or just silence."""
        now = self._clock.monotonic() + _MOMENT
        caller = deadline_on(self._clock)
        if caller is not None and caller <= now:
            if isinstance(error, DeadlineExceededException):
                return error
            return DeadlineExceededException(
                f"{self._operation}: the stream was not over by the caller's deadline"
            )
        if self.end is not None and self.end <= now:
            return StreamTimeoutException(
                f"the stream was not over within {self._total:g} s, its stream-timeout"
            )
        return error
