"""What calls hold of a limit, and how it comes back whatever ends them.

A call that ends gives its lease back. A lease that was not given back is found all the same:

- Nobody holds it any more: an exception out of a signal handler came between taking it and
  giving it back, or the coroutine was collected. It counts no more as soon as it is gone.
- Its event loop is closed, so that its call will never go on: see :meth:`Leases.drop_lost`.
- The process was forked: the child has leases of its own (see :mod:`pyfly.kernel.fork`), and one
  that it inherited is not among those.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from asyncio import _get_running_loop as running_loop  # pyright: ignore[reportPrivateUsage]
from collections.abc import Callable, Set
from weakref import WeakMethod, ref

_MANY_LOOPS = 16
"""From here on those that are gone are forgotten; a process has one or a few at a time."""


class Lease:
    """Permission for one call, to be given back by whoever holds it.

    Attributes:
        loop: The event loop that its call runs in; None in a thread.
        mark: What stands for it among those that are out; None if it is back.
        out: Those that are out.
    """

    __slots__ = ("__weakref__", "loop", "mark", "out")

    def __init__(self) -> None:
        loop = running_loop()
        self.loop: ref[AbstractEventLoop] | None = None if loop is None else ref(loop)
        self.mark: ref[Lease] | None = None
        self.out: Set[ref[Lease] | None] = frozenset()

    @property
    def held(self) -> bool:
        """Whether it has to be given back."""
        return self.mark in self.out

    @property
    def lost(self) -> bool:
        """Whether the event loop that its call runs in is closed or gone."""
        return _is_closed(self.loop)


class Leases:
    """The leases that are out: each until it is given back, or held by nobody.

    Every operation on the sets is a single one of C, so that neither the garbage collector nor
    a signal handler finds it half done. Who decides by the number has to hold a lock.

    Args:
        on_lost: What to call when a lease came back because nobody held it any more; weak, so
            that its owner is no part of a cycle.
    """

    __slots__ = ("_loops", "_on_lost", "_out")

    def __init__(self, on_lost: WeakMethod[Callable[[], None]] | None = None) -> None:
        self._out: set[ref[Lease] | None] = set()
        self._loops: set[ref[AbstractEventLoop]] = set()
        self._on_lost = on_lost

    def __len__(self) -> int:
        return len(self._out)

    def add(self, lease: Lease) -> None:
        """Give a lease out."""
        self.await_turn(lease)
        lease.mark, lease.out = ref(lease, self._let_go), self._out
        self._out.add(lease.mark)

    def await_turn(self, lease: Lease) -> None:
        """Note a lease that is to be given out later, for :meth:`drop_lost` to know its loop."""
        if lease.loop is not None and lease.loop() is not None:  # one that is gone has no hash
            self._loops.add(lease.loop)
        if len(self._loops) > _MANY_LOOPS:
            self._loops = {loop for loop in list(self._loops) if loop() is not None}

    def discard(self, lease: Lease) -> None:
        """Take a lease back; nothing if it is back."""
        self._out.discard(lease.mark)
        lease.mark = None

    def drop_lost(self) -> bool:
        """Take back those whose event loop is closed. Whether there is such a loop."""
        closed = {loop for loop in list(self._loops) if _is_closed(loop)}
        if not closed:
            return False
        self._loops -= closed
        for mark in list(self._out):
            lease = None if mark is None else mark()
            if lease is not None and lease.lost:
                self._out.discard(mark)
        return True

    def _let_go(self, mark: ref[Lease]) -> None:
        self._out.discard(mark)
        on_lost = self._on_lost and self._on_lost()
        if on_lost is not None:
            on_lost()


def _is_closed(known: ref[AbstractEventLoop] | None) -> bool:
    if known is None:  # no loop: a thread
        return False
    loop = known()
    return loop is None or loop.is_closed()
