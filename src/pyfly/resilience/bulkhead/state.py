"""The rules of a bulkhead: permits, and a queue for them. No clock, no waiting.

Theory of operation. A permit is free, or held by one call. Nobody waits while one is free:
a permit that comes back goes straight to the call that has waited longest (its *heir*), so
that nobody overtakes the queue. Each :class:`Permit` is a lease: it leaves its holder's hands
once, however often it is given back, and ``acquired == released + held`` at any time. Permits
that are lost (see :mod:`.._leases`) are looked for when a call would have to wait.

A call may be handed its permit at the very moment in which it stops waiting. Both happen
under the lock, so one comes first: either it has left the queue, or it holds the permit and
gives it back, and the next in the queue has it.

The lock has to be re-entrant, for the reason told in :mod:`..circuit_breaker.state`. The
garbage collector gets its turn at calls and at allocations of containers. It only ever gives
permits back, so what is decided by their number stays right.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from weakref import WeakMethod

from pyfly.resilience._leases import Lease, Leases


class Permit(Lease):
    """Permission to run one call, or a place in the queue for it.

    Attributes:
        wake: Tells the waiting call that it has got it; for those that wait.
    """

    __slots__ = ("wake",)

    def __init__(self, wake: Callable[[], object] | None = None) -> None:
        super().__init__()
        self.wake = wake

    def __repr__(self) -> str:
        return f"<Permit {'held' if self.held else 'not held'}>"


class BulkheadRules:
    """The state of one bulkhead.

    Args:
        max_concurrent: Permits there are.
        max_queue: Calls that may wait.
        on_lost: See :class:`.Leases`.

    Attributes:
        acquired: Permits given out so far.
        refused: Calls refused so far.
    """

    __slots__ = ("_max_concurrent", "_max_queue", "_out", "_queue", "acquired", "refused")

    def __init__(
        self,
        max_concurrent: int,
        max_queue: int,
        on_lost: WeakMethod[Callable[[], None]] | None = None,
    ) -> None:
        self._max_concurrent = max_concurrent
        self._max_queue = max_queue
        self._out = Leases(on_lost)
        self._queue: OrderedDict[Permit, None] = OrderedDict()
        self.acquired = 0
        self.refused = 0

    @property
    def held(self) -> int:
        """Permits out."""
        return len(self._out)

    @property
    def released(self) -> int:
        """Permits that have come back so far."""
        return self.acquired - len(self._out)

    @property
    def waiting(self) -> int:
        """Calls in the queue."""
        return len(self._queue)

    def waits(self, permit: Permit) -> bool:
        """Whether a permit stands in the queue."""
        return permit in self._queue

    def enter_needs_lock(self, permit: Permit, may_wait: bool) -> bool:
        """Take a free permit, else a place in the queue. False: there is neither."""
        if not self._free and self._out.drop_lost():
            for waiting in list(self._queue):
                if waiting.lost:
                    self._queue.pop(waiting, None)
        if self._free and not self._queue:
            self._out.add(permit)
            self.acquired += 1
            return True
        if not may_wait or len(self._queue) >= self._max_queue:
            return False
        self._out.await_turn(permit)
        self._queue[permit] = None
        return True

    def leave_needs_lock(self, permit: Permit | None) -> Permit | None:
        """Give a permit back, or leave the queue; nothing if that is done already.

        Returns:
            The permit of a call that has got it after a wait, and is to be woken.
        """
        if permit is not None:
            self._queue.pop(permit, None)
            self._out.discard(permit)
        if not self._queue or not self._free:
            return None
        heir, _ = self._queue.popitem(last=False)
        self._out.add(heir)
        self.acquired += 1
        return heir

    def withdraw_needs_lock(self, permit: Permit) -> bool:
        """Leave the queue. False: it is not in there; it may hold the permit by now."""
        if permit not in self._queue:
            return False
        del self._queue[permit]
        return True

    def refuse_needs_lock(self) -> None:
        """Count a refusal."""
        self.refused += 1

    @property
    def _free(self) -> bool:
        return len(self._out) < self._max_concurrent
