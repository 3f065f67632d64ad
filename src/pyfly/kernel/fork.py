"""After a fork: what a process shares by accident starts anew in the child.

The child has one thread, the one that forked. A lock that another thread held is never
released there, and what that thread had taken is never given back. So every owner of such
things makes them anew: each :class:`ForkAware` does so in the child, before any code of the
child runs. No owner has to ask for the process id before it takes a lock.
"""

from __future__ import annotations

import os
import threading
from typing import NoReturn, Protocol
from weakref import ref


class _Owner(Protocol):
    def after_fork(self) -> None:
        """Start anew; called in the child, which has no other thread."""


# A plain set of plain references: whatever another thread was doing with it when the process
# forked, each of its operations is done or not begun. (A WeakSet may stay half-way.)
_owners: set[ref[_Owner]] = set()


class ForkAware:
    """Something with a lock, ``_lock``, which is a new one in the child of a fork."""

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        # Re-entrant: the garbage collector may finalise a suspended call inside the locked
        # part, in the same thread, and that gives back what it holds under the same lock.
        self._lock = threading.RLock()
        start_anew_after_fork(self)

    def after_fork(self) -> None:
        """Start anew; called in the child, which has no other thread.

        What another thread was writing when the process forked may be half written.
        """
        self._lock = threading.RLock()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__}: cannot be pickled or copied, since it holds what the calls of "
            "this process share (make one in each process, from settings, which can be pickled)"
        )


def start_anew_after_fork(owner: _Owner) -> None:
    """Call ``owner.after_fork()`` in the child of each fork, for as long as the owner lives."""
    _owners.add(ref(owner, _owners.discard))


def _start_anew() -> None:
    for known in list(_owners):
        owner = known()
        if owner is not None:
            try:
                owner.after_fork()
            except AttributeError:  # a thread that is not here was still making it
                _owners.discard(known)


if hasattr(os, "register_at_fork"):  # Windows does not fork
    os.register_at_fork(after_in_child=_start_anew)
