"""Circuits that open by rates, in a count window and in a time window."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from pyfly.kernel.exceptions import CircuitBreakerException
from pyfly.resilience import (
    CircuitBreaker,
    CircuitBreakerPolicy,
    CircuitState,
    CircuitTransition,
    CountWindow,
    History,
    TimeWindow,
)
from pyfly.resilience.circuit_breaker.state import SCALE
from pyfly.resilience.circuit_breaker.window import CountRing, TimeRing, WindowRules
from tests.resilience.support import Driver, ManualClock, Scripted, outcome

CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN


def a_breaker(clock: ManualClock, window: Any, **settings: Any) -> CircuitBreaker:
    return CircuitBreaker(
        recovery_timeout=timedelta(seconds=10), window=window, clock=clock, **settings
    )


def tell(breaker: CircuitBreaker, story: str) -> None:
    """Calls one after the other: ``+`` succeeds, ``-`` fails."""
    for sign in story:
        admission = breaker.admit()
        if sign == "+":
            breaker.succeeded(admission)
        else:
            breaker.failed(admission, OSError())


# Opening


@pytest.mark.parametrize(
    ("story", "state"),
    [
        ("---", CLOSED),  # fewer than the minimum
        ("----", OPEN),
        ("--++", OPEN),  # right at the rate, by a success
        ("-+++", CLOSED),
        ("-++++-+-", CLOSED),  # 3 of 8
        ("-+++-+--", OPEN),  # 4 of 8
    ],
)
def test_a_count_window_opens_at_the_failure_rate_of_enough_calls(
    clock: ManualClock, story: str, state: CircuitState
) -> None:
    breaker = a_breaker(clock, CountWindow(8, failure_rate=0.5, minimum_calls=4))
    tell(breaker, story)
    assert breaker.state is state


def test_calls_that_left_the_count_window_do_not_count(driver: Driver, clock: ManualClock) -> None:
    breaker = a_breaker(clock, CountWindow(4, failure_rate=0.75, minimum_calls=4))
    script = Scripted(OSError(), OSError(), 1, 1, OSError(), OSError(), 1, OSError())
    for _ in range(7):
        outcome(lambda: driver.breaker(breaker, script))
    assert breaker.state is CLOSED  # the last four: + - - +
    outcome(lambda: driver.breaker(breaker, script))
    assert breaker.state is OPEN


def test_calls_that_left_the_time_window_do_not_count(clock: ManualClock) -> None:
    breaker = a_breaker(clock, TimeWindow(timedelta(seconds=5), 0.5, minimum_calls=3))
    tell(breaker, "--")
    clock.now += 4.9
    tell(breaker, "+")
    assert breaker.state is OPEN
    breaker.reset()
    tell(breaker, "--")
    clock.now += 5
    tell(breaker, "+--")
    assert breaker.state is OPEN
    breaker.reset()
    tell(breaker, "--")
    clock.now += 5
    tell(breaker, "++-")
    assert breaker.state is CLOSED


def test_success_and_failure_of_calls_that_prove_nothing_are_not_in_the_window(
    clock: ManualClock,
) -> None:
    breaker = a_breaker(clock, CountWindow(4, minimum_calls=2), is_failure=lambda e: False)
    for _ in range(5):
        outcome(lambda: breaker.call_sync(Scripted(OSError())))
    assert breaker.snapshot().calls_in_window == 0


def test_a_closed_circuit_forgets_what_was_before_it_opened(clock: ManualClock) -> None:
    breaker = a_breaker(clock, CountWindow(4, minimum_calls=2))
    tell(breaker, "--")
    clock.now += 10
    tell(breaker, "+")
    assert breaker.state is CLOSED
    tell(breaker, "-")
    assert breaker.state is CLOSED


# Slow calls


@pytest.mark.parametrize("ending", [1, OSError()])
def test_slow_calls_open_whether_they_fail_or_not(
    driver: Driver, clock: ManualClock, ending: object
) -> None:
    window = CountWindow(4, 1.0, 2, slow_rate=0.5, slow_duration=timedelta(seconds=2))
    breaker = a_breaker(clock, window)

    def body(seconds: float) -> Any:
        clock.now += seconds
        return Scripted(ending)()

    tell(breaker, "++")
    outcome(lambda: driver.breaker(breaker, lambda: body(2.0)))  # right at the limit: not slow
    assert breaker.snapshot().slow_rate == 0.0
    outcome(lambda: driver.breaker(breaker, lambda: body(2.1)))
    assert breaker.state is CLOSED
    outcome(lambda: driver.breaker(breaker, lambda: body(2.1)))
    assert breaker.state is OPEN


def test_without_a_slow_rate_no_call_is_slow_and_none_is_timed(clock: ManualClock) -> None:
    breaker = a_breaker(clock, CountWindow(4, minimum_calls=2))
    assert not breaker.times_calls
    first, second = breaker.admit(), breaker.admit()
    assert first is second
    clock.now += 1_000
    breaker.succeeded(first)
    breaker.succeeded(second)
    assert breaker.snapshot().slow_rate == 0.0


def test_a_duration_that_is_told_counts_in_place_of_the_measured_one(clock: ManualClock) -> None:
    window = CountWindow(4, 1.0, 2, slow_rate=0.5, slow_duration=timedelta(seconds=2))
    breaker = a_breaker(clock, window)
    assert breaker.times_calls
    admission = breaker.admit()
    clock.now += 60
    breaker.succeeded(admission, duration=0.1)
    breaker.returned(breaker.admit(), "fine", duration=0.1)
    assert breaker.state is CLOSED
    breaker.failed(breaker.admit(), OSError(), duration=9)
    breaker.failed(breaker.admit(), OSError(), duration=9)
    assert breaker.state is OPEN


# Half-open


def half_open(clock: ManualClock, permits: int, rate: float, **slow: Any) -> CircuitBreaker:
    breaker = a_breaker(clock, CountWindow(4, rate, 1, **slow), half_open_permits=permits)
    tell(breaker, "-")
    clock.now += 10
    return breaker


@pytest.mark.parametrize(
    ("story", "states"),
    [
        ("+", [HALF_OPEN]),
        ("--", [HALF_OPEN, OPEN]),  # half of four already: nothing can save it
        ("-+++", [HALF_OPEN, HALF_OPEN, HALF_OPEN, CLOSED]),
        ("+++", [HALF_OPEN, HALF_OPEN, CLOSED]),  # at most one of four
        ("++-+", [HALF_OPEN, HALF_OPEN, HALF_OPEN, CLOSED]),
        ("+-+-", [HALF_OPEN, HALF_OPEN, HALF_OPEN, OPEN]),
    ],
)
def test_the_rate_of_the_permitted_calls_decides_as_soon_as_it_is_certain(
    clock: ManualClock, story: str, states: list[CircuitState]
) -> None:
    breaker = half_open(clock, permits=4, rate=0.5)
    seen: list[CircuitState] = []
    for sign in story:
        tell(breaker, sign)
        seen.append(breaker.state)
    assert seen[: len(states)] == states


def test_so_many_calls_pass_in_all_and_those_that_prove_nothing_give_their_permit_back(
    clock: ManualClock,
) -> None:
    breaker = half_open(clock, permits=3, rate=1.0)
    probes = [breaker.admit() for _ in range(3)]
    assert isinstance(outcome(breaker.admit), CircuitBreakerException)
    breaker.failed(probes[0], OSError())
    assert isinstance(outcome(breaker.admit), CircuitBreakerException)
    breaker.released(probes[1])
    again = breaker.admit()
    breaker.failed(again, OSError())
    breaker.failed(probes[2], OSError())
    assert breaker.state is OPEN


def test_slow_probes_open_again(clock: ManualClock) -> None:
    slow = {"slow_rate": 0.5, "slow_duration": timedelta(seconds=2)}
    breaker = half_open(clock, 2, 1.0, **slow)
    breaker.succeeded(breaker.admit(), duration=1)
    assert breaker.state is HALF_OPEN
    breaker.succeeded(breaker.admit(), duration=3)
    assert breaker.state is OPEN
    clock.now += 10
    breaker.succeeded(breaker.admit(), duration=1)
    breaker.succeeded(breaker.admit(), duration=1)
    assert breaker.state is CLOSED


def test_probes_that_are_slow_or_fail_are_counted_until_either_rate_is_certain(
    clock: ManualClock,
) -> None:
    slow = {"slow_rate": 0.5, "slow_duration": timedelta(seconds=2)}
    breaker = half_open(clock, 4, 1.0, **slow)
    states: list[CircuitState] = []
    for duration in (3, 1, 3):
        breaker.succeeded(breaker.admit(), duration=duration)
        states.append(breaker.state)
    assert states == [HALF_OPEN, HALF_OPEN, OPEN]


def test_it_closes_as_soon_as_neither_rate_can_be_reached(clock: ManualClock) -> None:
    slow = {"slow_rate": 0.75, "slow_duration": timedelta(seconds=2)}
    breaker = half_open(clock, 4, 0.75, **slow)
    breaker.succeeded(breaker.admit(), duration=1)
    assert breaker.state is HALF_OPEN
    breaker.succeeded(breaker.admit(), duration=1)
    assert breaker.state is CLOSED


def test_a_probe_that_ended_is_no_longer_under_way(clock: ManualClock) -> None:
    breaker = half_open(clock, permits=3, rate=1.0)
    probes = [breaker.admit() for _ in range(3)]
    assert breaker.snapshot().permits_held == 3
    breaker.failed(probes[0], OSError())
    assert breaker.snapshot().permits_held == 2
    breaker.failed(probes[1], OSError())
    assert breaker.snapshot().permits_held == 1
    breaker.succeeded(probes[2])
    assert breaker.snapshot().permits_held == 0


# Parts of calls


def test_attempts_weigh_their_part_of_a_call(clock: ManualClock) -> None:
    breaker = a_breaker(clock, CountWindow(10, 0.5, minimum_calls=2))
    for _ in range(5):
        breaker.failed(breaker.admit(), OSError(), 3)
    assert breaker.snapshot().calls_in_window == pytest.approx(5 / 3)
    assert breaker.state is CLOSED
    breaker.failed(breaker.admit(), OSError(), 3)
    assert breaker.state is OPEN


def test_parts_of_calls_leave_the_count_window_as_whole_calls() -> None:
    ring = CountRing(2)
    for failed in (True, True, False):
        ring.add(0.0, SCALE // 2, failed, False)
    assert (ring.calls, ring.failed) == (SCALE * 3 // 2, SCALE)
    ring.add(0.0, SCALE, False, True)  # fills the second call, and begins a third
    assert (ring.calls, ring.failed, ring.slow) == (SCALE * 3 // 2, 0, SCALE)
    ring.roll(1e9)
    assert ring.calls == SCALE * 3 // 2
    ring.add(0.0, 50 * SCALE, True, True)  # more than it holds
    assert (ring.calls, ring.failed, ring.slow) == (SCALE * 3 // 2,) * 3


def test_parts_of_a_call_fill_it_to_the_last_unit_before_the_next_begins() -> None:
    ring = CountRing(1)
    ring.add(0.0, SCALE - 1, True, False)
    ring.add(0.0, 1, False, False)
    assert (ring.calls, ring.failed) == (SCALE, SCALE - 1)


def test_a_window_of_one_call_holds_the_last_call(clock: ManualClock) -> None:
    breaker = a_breaker(clock, CountWindow(1, 1.0))
    tell(breaker, "+++")
    assert breaker.snapshot().calls_in_window == 1
    tell(breaker, "-")
    assert breaker.state is OPEN


def test_an_outcome_that_weighs_more_than_a_count_window_fills_it() -> None:
    ring = CountRing(2)
    ring.add(0.0, SCALE * 9 // 4, True, False)
    assert ring.calls == 2 * SCALE


def test_a_time_ring_counts_in_whole_seconds_and_in_600_parts_if_it_is_long() -> None:
    minute, long = TimeRing(60.0), TimeRing(6_000.0)
    for ring, latest in ((minute, 0.99), (long, 9.99)):
        ring.add(latest, SCALE, True, True)
    minute.roll(60.0)
    long.roll(6_000.0)
    assert (minute.calls, long.calls) == (0, 0)


def test_a_time_ring_looks_back_as_far_around_the_zero_of_the_clock() -> None:
    ring = TimeRing(10.0)
    ring.add(-0.5, SCALE, True, True)
    ring.roll(8.9)
    assert ring.calls == SCALE
    ring.roll(9.0)
    assert ring.calls == 0


@pytest.mark.parametrize(
    ("span", "inside", "outside"),
    [(0.5, 0.49, 0.5), (2.5, 1.6, 2.6), (60.0, 59.9, 60.0), (36_000.0, 35_900.0, 36_000.0)],
)
def test_a_time_ring_looks_back_for_its_span_whatever_that_is(
    span: float, inside: float, outside: float
) -> None:
    ring = TimeRing(span)
    ring.add(-span * 100, SCALE, True, True)
    ring.add(0.0, SCALE, True, False)
    assert ring.calls == SCALE
    ring.roll(inside)
    assert ring.failed == SCALE
    ring.roll(0.0)  # a clock that goes back
    assert ring.failed == SCALE
    ring.roll(outside)
    assert (ring.calls, ring.failed) == (0, 0)


# Telling


@pytest.mark.parametrize(
    ("story", "reasons"),
    [
        ("-+-", ["2 of 3 calls failed: OSError"]),
        ("--+", ["2 of 3 calls failed"]),
        (
            "---|-",
            [
                "3 of 3 calls failed: OSError",
                "the recovery time has passed",
                "1 of 1 probes failed: OSError",
            ],
        ),
        (
            "---|+",
            [
                "3 of 3 calls failed: OSError",
                "the recovery time has passed",
                "1 of 1 probes succeeded",
            ],
        ),
    ],
)
def test_transitions_are_told_with_the_numbers(
    clock: ManualClock, story: str, reasons: list[str]
) -> None:
    history = History(CircuitTransition)
    breaker = a_breaker(clock, CountWindow(8, 0.6, 3), listeners=[history])
    for part in story.split("|"):
        for sign in part:
            tell(breaker, sign)
        clock.now += 10
    assert [event.reason for event in history.of(CircuitTransition)] == reasons


def test_slowness_is_told_as_such(clock: ManualClock) -> None:
    history = History(CircuitTransition)
    window = CountWindow(4, 1.0, 1, slow_rate=1.0, slow_duration=timedelta(seconds=2))
    breaker = a_breaker(clock, window, listeners=[history])
    breaker.succeeded(breaker.admit(), duration=3)
    clock.now += 10
    breaker.succeeded(breaker.admit(), duration=3)
    assert [event.reason for event in history.of(CircuitTransition)] == [
        "1 of 1 calls were slow",
        "the recovery time has passed",
        "1 of 1 probes were slow",
    ]


def test_failures_are_told_as_such_right_at_the_rate(clock: ManualClock) -> None:
    history = History(CircuitTransition)
    window = CountWindow(100, 0.07, 100)  # 0.07 * 100 is a little more than 7
    breaker = a_breaker(clock, window, listeners=[history])
    tell(breaker, "+" * 93 + "-" * 7)
    assert [event.reason for event in history.of(CircuitTransition)] == [
        "7 of 100 calls failed: OSError"
    ]


@pytest.mark.parametrize(
    ("failure_rate", "durations", "reason"),
    [
        (0.5, (-1, -1), "2 of 2 probes failed: OSError"),
        (1.0, (-1, 3, 3), "2 of 3 probes were slow"),
        (0.5, (-1, 1, 1, 3), "3 of 4 probes succeeded"),
    ],
)
def test_what_decided_on_several_probes_is_told(
    clock: ManualClock, failure_rate: float, durations: tuple[int, ...], reason: str
) -> None:
    slow = {"slow_rate": 0.5, "slow_duration": timedelta(seconds=2)}
    breaker = half_open(clock, 4, failure_rate, **slow)
    history = History(CircuitTransition)
    breaker.events.subscribe(history)
    for duration in durations:
        if duration < 0:
            breaker.failed(breaker.admit(), OSError(), duration=1)
        else:
            breaker.succeeded(breaker.admit(), duration=duration)
    assert history.of(CircuitTransition)[-1].reason == reason


# Sharing


def test_threads_lose_no_outcome(clock: ManualClock) -> None:
    breaker = a_breaker(clock, CountWindow(1_600, 1.0, 1_600))

    def work() -> None:
        for _ in range(200):
            breaker.failed(breaker.admit(), OSError())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert breaker.state is OPEN
    assert breaker.snapshot().calls_in_window == 1_600


def test_a_change_by_the_collector_in_the_middle_of_a_verdict_makes_the_verdict_void() -> None:
    class Collecting(WindowRules):
        """The collector finalises a call that resets the circuit, right before the verdict."""

        __slots__ = ()

        def _too_many(self) -> bool:
            self.switch_needs_lock(self.mode, 0.0)
            return True

    rules = Collecting(CountRing(2), 0.5, 1, None, 10.0, 1)
    admission = rules.admit_needs_lock(0.0)
    assert admission is not None
    rules.fail_needs_lock(admission, 0.0, SCALE, False, 0.0)
    assert rules.state is CLOSED


# Settings

a_number: Any = 60


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        (lambda: CountWindow(0), ValueError, "CountWindow: size must be at least 1"),
        (lambda: CountWindow(5, minimum_calls=6), ValueError, r"minimum_calls \(6\) is over size"),
        (lambda: CountWindow(failure_rate=0), ValueError, "failure_rate must be more than 0"),
        (lambda: CountWindow(failure_rate=50), ValueError, "at most 1, not 50: write 0.5 for 50 %"),
        (lambda: CountWindow(failure_rate=500), ValueError, "at most 1, not 500$"),
        (lambda: CountWindow(slow_rate=0.5), ValueError, "slow_rate needs slow_duration as well"),
        (
            lambda: TimeWindow(slow_duration=timedelta(1)),
            ValueError,
            "TimeWindow: slow_duration needs slow_rate as well",
        ),
        (
            lambda: TimeWindow(a_number),
            TypeError,
            r"span must be a timedelta.*timedelta\(seconds=60\)",
        ),
        (lambda: TimeWindow(timedelta(0)), ValueError, "span must be longer than zero"),
        (lambda: TimeWindow(minimum_calls=0), ValueError, "minimum_calls must be at least 1"),
    ],
)
def test_windows_that_make_no_sense_are_refused_by_name(
    make: Any, kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind, match=text):
        make()


def test_a_small_count_window_judges_when_it_is_full() -> None:
    assert CountWindow(5).minimum_calls == 5
    assert CountWindow().minimum_calls == 10
    assert TimeWindow().span == timedelta(seconds=60)


def test_windows_are_immutable_values_that_describe_themselves() -> None:
    window = CountWindow(20, 0.25, 5, 0.5, timedelta(seconds=2))
    assert window == CountWindow(20, 0.25, 5, 0.5, timedelta(seconds=2))
    with pytest.raises(AttributeError):
        window.size = 3  # type: ignore[misc] # what the test is about
    assert CircuitBreakerPolicy(window=window).describe() == (
        "opens when 25% of the last 20 calls (at least 5) failed or 50% took over 2 s for 30 s, "
        "then 1 may probe"
    )
    assert TimeWindow().describe() == "50% of the calls of the last 60 s (at least 10) failed"


def test_rates_that_have_to_last_a_time_open_the_circuit_at_its_end(clock: ManualClock) -> None:
    breaker = a_breaker(clock, CountWindow(4, minimum_calls=2))
    for wait in (0.0, 1.0, 2.5):
        clock.now += wait
        breaker.failed(breaker.admit(), OSError(), span=3.0)
        assert breaker.state is CircuitState.CLOSED  # too high since the second failure
    clock.now += 0.5
    breaker.failed(breaker.admit(), OSError(), span=3.0)
    assert breaker.state is CircuitState.OPEN


def test_a_rate_that_fell_meanwhile_has_to_last_again(clock: ManualClock) -> None:
    breaker = a_breaker(clock, CountWindow(4, 0.75, minimum_calls=1))
    breaker.failed(breaker.admit(), OSError(), span=3.0)
    clock.now += 2
    breaker.succeeded(breaker.admit(), span=3.0)
    clock.now += 2
    breaker.failed(breaker.admit(), OSError(), span=3.0)
    breaker.failed(breaker.admit(), OSError(), span=3.0)
    assert breaker.state is CircuitState.CLOSED
    clock.now += 3
    breaker.failed(breaker.admit(), OSError(), span=3.0)
    assert breaker.state is CircuitState.OPEN
