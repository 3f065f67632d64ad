"""The rules of a bulkhead: permits, and a queue for them. No clock, no waiting.

Theory of operation. A permit is free, or held by one call. Nobody waits while one is free:
a permit that comes back goes straight to the call that has waited longest (its *heir*), so
that nobody overtakes the queue. Each :class:`Permit` is a lease: it leaves its holder's hands
once, however often it is given back, and ``acquired == released + held`` at any time.

A call may be handed its permit at the very moment in which it stops waiting. Both happen
under the lock, so one comes first: either it has left the queue, or it holds the permit and
gives it back, and the next in the queue has it.

The lock has to be re-entrant, for the reason told in :mod:`..circuit_breaker.state`. The
garbage collector gets its turn at calls and at allocations of containers; so there is none
of either between reading the numbers and writing what was decided by them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

__all__ = ["BulkheadRules", "Permit"]


class Permit:
    """Leave to run one call, or a place in the queue for it.

    Attributes:
        held: Whether it has to be given back.
        waiting: Whether it stands in the queue.
        wake: Tells the waiting call that it has got it; for those that wait.
    """

    __slots__ = ("held", "waiting", "wake")

    def __init__(self, wake: Callable[[], object] | None = None) -> None:
        self.wake = wake
        self.held = False
        self.waiting = False

    def __repr__(self) -> str:
        state = "held" if self.held else "waiting" if self.waiting else "given back"
        return f"<Permit {state}>"


class BulkheadRules:
    """The state of one bulkhead.

    Args:
        max_concurrent: Permits there are.
        max_queue: Calls that may wait.

    Attributes:
        held: Permits out.
        waiting: Calls in the queue.
        acquired: Permits given out so far.
        released: Permits given back so far.
        refused: Calls refused so far.
    """

    __slots__ = (
        "_max_concurrent",
        "_max_queue",
        "_queue",
        "acquired",
        "held",
        "refused",
        "released",
        "waiting",
    )

    def __init__(self, max_concurrent: int, max_queue: int) -> None:
        self._max_concurrent = max_concurrent
        self._max_queue = max_queue
        self._queue: OrderedDict[Permit, None] = OrderedDict()
        self.held = 0
        self.waiting = 0
        self.acquired = 0
        self.released = 0
        self.refused = 0

    def enter_needs_lock(self, permit: Permit, may_wait: bool) -> bool:
        """Take a free permit, else a place in the queue. False: there is neither."""
        if self.held < self._max_concurrent:
            self.held += 1
            self.acquired += 1
            permit.held = True
            return True
        if not may_wait or self.waiting >= self._max_queue:
            return False
        self._queue[permit] = None
        self.waiting += 1
        permit.waiting = True
        return True

    def leave_needs_lock(self, permit: Permit) -> Permit | None:
        """Give a permit back, or leave the queue; nothing if that is done already.

        Returns:
            The permit of the call that has it now, which is to be woken.
        """
        if permit.waiting:
            self.withdraw_needs_lock(permit)
            return None
        if not permit.held:
            return None
        permit.held = False
        self.released += 1
        if not self.waiting:
            self.held -= 1
            return None
        self.waiting -= 1
        self.acquired += 1
        heir, _ = self._queue.popitem(last=False)
        heir.waiting = False
        heir.held = True
        return heir

    def withdraw_needs_lock(self, permit: Permit) -> bool:
        """Leave the queue. False: it is not in there; it may hold the permit by now."""
        if not permit.waiting:
            return False
        permit.waiting = False
        self.waiting -= 1
        del self._queue[permit]
        return True

    def refuse_needs_lock(self) -> None:
        """Count a refusal."""
        self.refused += 1
