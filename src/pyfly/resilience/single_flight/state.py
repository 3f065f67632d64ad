"""The rules of shared calls: who joins whom. No I/O, no clock, no waiting.

A *flight* is one call that several callers wait for. It can be joined from its start until it
ends or is given up. The table holds it weakly: it
lives in the frames of those who wait and of the one who makes it, so that a flight whose event
loop was closed, or whose task was collected, leaves no key behind.

Methods that write are named ``…_needs_lock``. The lock has to be re-entrant: the garbage
collector may finalise a waiting caller inside the locked part, in the same thread.
"""

from __future__ import annotations

from collections.abc import Hashable
from weakref import WeakValueDictionary


class Flight:
    """One call that several callers may wait for.

    Attributes:
        home: What all of them have in common: an event loop, or the threads of a process.
        key: What they ask for.
        waiting: How many wait now.
        shared: Whether there was ever more than one.
        mark: Carried by the context in which the flight is made.
    """

    __slots__ = ("__weakref__", "home", "key", "mark", "shared", "waiting")

    def __init__(self, home: Hashable, key: Hashable) -> None:
        self.home = home
        self.key = key
        self.waiting = 1
        self.shared = False
        self.mark = object()


class Flights:
    """The flights that can be joined."""

    __slots__ = ("_table",)

    def __init__(self) -> None:
        self._table: WeakValueDictionary[Hashable, Flight] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._table)

    def join_needs_lock(self, flight: Flight) -> Flight:
        """The flight to wait for: another one with the same key, else the one given."""
        place = _place(flight)
        other = self._table.get(place)
        if other is None or other.home != flight.home:
            self._table[place] = flight
            return flight
        other.waiting += 1
        other.shared = True
        return other

    def leave_needs_lock(self, flight: Flight) -> bool:
        """Somebody waits no more. True: nobody does, and nobody can join any more."""
        flight.waiting -= 1
        if flight.waiting > 0:
            return False
        self.close_needs_lock(flight)
        return True

    def close_needs_lock(self, flight: Flight) -> None:
        """The flight has ended, or was given up: nobody joins it any more."""
        place = _place(flight)
        if self._table.get(place) is flight:
            del self._table[place]


def _place(flight: Flight) -> Hashable:
    home = flight.home  # of a loop the number, not itself: keys are held strongly
    return (home if isinstance(home, int) else id(home), flight.key)
