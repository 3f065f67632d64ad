"""The settings of a bulkhead."""

from __future__ import annotations

from datetime import timedelta

from pyfly.kernel.record import Record
from pyfly.resilience._checks import span, whole_number

_OWNER = "Bulkhead"


class BulkheadPolicy(Record):
    """How many calls may run, and how many may wait for that. Immutable.

    Args:
        max_concurrent: Calls that may run at once; at least 1.
        max_queue: Calls that may wait for another one to end; 0: none waits.
        max_wait: How long each may wait; None: until its deadline, if it has one.

    Raises:
        TypeError: A value of the wrong type, such as seconds in place of a timedelta.
        ValueError: A value out of range, or ``max_wait`` where nothing can wait.
    """

    max_concurrent: int
    max_queue: int
    max_wait: timedelta | None

    def __init__(
        self, max_concurrent: int, max_queue: int = 0, max_wait: timedelta | None = None
    ) -> None:
        whole_number(_OWNER, "max_concurrent", max_concurrent, 1)
        whole_number(_OWNER, "max_queue", max_queue, 0)
        if max_wait is not None:
            span(_OWNER, "max_wait", max_wait, zero=True)
            if max_wait and not max_queue:
                raise ValueError(
                    f"{_OWNER}: max_wait is {max_wait.total_seconds():g} s, but max_queue is 0, "
                    "so no call ever waits: set max_queue, or leave max_wait out"
                )
        super().__init__(max_concurrent=max_concurrent, max_queue=max_queue, max_wait=max_wait)
