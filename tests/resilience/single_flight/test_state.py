from __future__ import annotations

import gc
import weakref

from hypothesis import given
from hypothesis import strategies as st

from pyfly.resilience.single_flight.state import Flight, Flights


class Home:
    """Stands for an event loop."""

    flight: Flight | None = None  # of a task that it would run next


def test_who_comes_first_gets_a_flight_and_the_others_join_it() -> None:
    flights, home = Flights(), Home()
    first = Flight(home, "key")
    assert flights.join_needs_lock(first) is first
    assert not first.shared
    assert flights.join_needs_lock(Flight(home, "key")) is first
    assert (first.waiting, first.shared, len(flights)) == (2, True, 1)


def test_other_keys_and_homes_share_nothing() -> None:
    flights, home = Flights(), Home()
    kept = [Flight(home, "key"), Flight(home, "other"), Flight(Home(), "key"), Flight(7, "key")]
    assert [flights.join_needs_lock(flight) for flight in kept] == kept


def test_when_the_last_one_leaves_nobody_can_join_any_more() -> None:
    flights, home = Flights(), Home()
    first = flights.join_needs_lock(Flight(home, "key"))
    flights.join_needs_lock(Flight(home, "key"))
    assert flights.leave_needs_lock(first) is False
    assert flights.leave_needs_lock(first) is True
    assert len(flights) == 0
    second = Flight(home, "key")
    assert flights.join_needs_lock(second) is second


def test_the_end_of_an_old_flight_leaves_the_next_one_alone() -> None:
    flights, home = Flights(), Home()
    old = flights.join_needs_lock(Flight(home, "key"))
    flights.close_needs_lock(old)
    new = flights.join_needs_lock(Flight(home, "key"))
    flights.close_needs_lock(old)
    assert flights.join_needs_lock(Flight(home, "key")) is new


def test_a_flight_that_nobody_holds_leaves_no_key() -> None:
    flights = Flights()
    flights.join_needs_lock(Flight(Home(), "key"))
    gc.collect()
    assert len(flights) == 0


def test_a_loop_that_is_dropped_with_its_tasks_is_not_kept_by_the_table() -> None:
    flights, home = Flights(), Home()
    home.flight = flights.join_needs_lock(Flight(home, "key"))
    dropped = weakref.ref(home)
    del home
    gc.collect()
    assert dropped() is None
    assert len(flights) == 0


@given(st.lists(st.tuples(st.sampled_from(["join", "leave", "close"]), st.integers(0, 2))))
def test_whoever_joins_one_key_waits_for_one_flight_until_it_is_closed(
    steps: list[tuple[str, int]],
) -> None:
    flights, home = Flights(), Home()
    open_flights: dict[int, list[Flight]] = {}
    for what, key in steps:
        waiting = open_flights.get(key, [])
        if what == "join":
            joined = flights.join_needs_lock(Flight(home, key))
            assert all(joined is other for other in waiting)
            open_flights[key] = [*waiting, joined]
        elif what == "leave" and waiting:
            last = flights.leave_needs_lock(waiting.pop())
            assert last is (not waiting)
        elif waiting:
            flights.close_needs_lock(waiting[0])
            open_flights[key] = []
        assert len(flights) == sum(bool(each) for each in open_flights.values())
