"""Circuits that judge by the rates in a window: rings of counts, and the rules over them.

A call weighs 1 in all, in units of ``1 / SCALE``: in a pipeline each of its attempts is a part.
Every outcome costs the same, however large the window is. The rings follow the rules that are
told in :mod:`.state`: no allocation and no call between what is read and what is written.
"""

from __future__ import annotations

import math
import sys
from typing import Any, Protocol

from pyfly.resilience.circuit_breaker.policy import CircuitBreakerPolicy, CountWindow
from pyfly.resilience.circuit_breaker.state import (
    SCALE,
    Admission,
    CircuitBreakerSnapshot,
    CircuitMode,
    CircuitRules,
    Generation,
    Streak,
)
from pyfly.resilience.events import CircuitState

_MOST_BUCKETS = 600
_LONG_AGO = -sys.maxsize


class Ring(Protocol):
    """The outcomes of the latest calls, added up."""

    calls: int
    failed: int
    slow: int

    def add(self, now: float, weight: int, failed: bool, slow: bool) -> None:
        """Note an outcome."""
        ...

    def roll(self, now: float) -> None:
        """Drop what is too old."""
        ...

    def clear(self) -> None:
        """Drop everything."""
        ...


class _Sums:
    """Slots, each with three counts, and the sums over all of them."""

    __slots__ = ("_calls", "_failed", "_slow", "calls", "failed", "slow")

    def __init__(self, slots: int) -> None:
        self._calls = [0] * slots
        self._failed = [0] * slots
        self._slow = [0] * slots
        self.calls = 0
        self.failed = 0
        self.slow = 0

    def clear(self) -> None:
        """Drop everything."""
        for slot in range(len(self._calls)):
            self._drop(slot)

    def _drop(self, slot: int) -> None:
        self.calls -= self._calls[slot]
        self.failed -= self._failed[slot]
        self.slow -= self._slow[slot]
        self._calls[slot] = self._failed[slot] = self._slow[slot] = 0

    def _put(self, slot: int, weight: int, failed: bool, slow: bool) -> None:
        self.calls += weight
        self._calls[slot] += weight
        if failed:
            self.failed += weight
            self._failed[slot] += weight
        if slow:
            self.slow += weight
            self._slow[slot] += weight


class CountRing(_Sums):
    """The last ``size`` calls: each slot holds one, or parts of some that make up one."""

    __slots__ = ("_slot",)

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._slot = 0

    def add(self, now: float, weight: int, failed: bool, slow: bool) -> None:
        """Note an outcome; it may fill the current slot and part of the next."""
        size = len(self._calls)
        weight = weight if weight < size * SCALE else size * SCALE
        while weight > 0:
            room = SCALE - self._calls[self._slot]
            if room <= 0:
                self._slot = slot = (self._slot + 1) % size
                self._drop(slot)
                continue
            part = weight if weight < room else room
            self._put(self._slot, part, failed, slow)
            weight -= part

    def roll(self, now: float) -> None:
        """Nothing: time takes nothing away."""


class TimeRing(_Sums):
    """The calls of the last seconds, in buckets of one second (less, if the span is no whole
    number of seconds; more, if it is over ten minutes). The current bucket is one of them.
    """

    __slots__ = ("_turn", "_width")

    def __init__(self, span: float) -> None:
        buckets = min(math.ceil(span), _MOST_BUCKETS)
        super().__init__(buckets)
        self._width = span / buckets
        self._turn = _LONG_AGO

    def add(self, now: float, weight: int, failed: bool, slow: bool) -> None:
        """Note an outcome."""
        self.roll(now)
        self._put(self._turn % len(self._calls), weight, failed, slow)

    def roll(self, now: float) -> None:
        """Drop the buckets that are too old. A clock that goes back stays where it was."""
        turn, buckets = int(now // self._width), len(self._calls)
        if turn - self._turn > buckets:
            self._turn = turn - buckets
        while self._turn < turn:
            self._drop((self._turn + 1) % buckets)
            self._turn += 1


class WindowRules(CircuitRules):
    """The state of one circuit that opens by rates.

    A half-open circuit lets ``half_open_permits`` calls pass in all, and decides by their rates,
    as soon as the calls that are still to come cannot change the verdict.

    Args:
        ring: The window.
        failure_rate: The part of failed calls at which it opens.
        minimum_calls: Calls in the window below which it does not judge.
        slow_rate: The part of slow calls at which it opens; None: it minds no slow calls.
        recovery: As for :class:`CircuitRules`, as the further ones are.
        half_open_permits: Probes in all.
        settings: The others.
    """

    __slots__ = (
        "_failure_rate",
        "_minimum",
        "_probes",
        "_probes_failed",
        "_probes_slow",
        "_slow_rate",
        "ring",
    )

    def __init__(
        self,
        ring: Ring,
        failure_rate: float,
        minimum_calls: int,
        slow_rate: float | None,
        recovery: float,
        half_open_permits: int,
        **settings: Any,
    ) -> None:
        super().__init__(1, recovery, half_open_permits, every=True, **settings)
        self.ring = ring
        self._failure_rate = failure_rate
        self._minimum = minimum_calls * SCALE
        self._slow_rate = math.inf if slow_rate is None else slow_rate
        self._probes = self._probes_failed = self._probes_slow = 0

    # Answers

    def rates(self) -> tuple[float, float] | None:
        """Returns the parts of failed and of slow calls; None: too few calls to judge."""
        ring = self.ring
        calls = ring.calls
        if calls < self._minimum:
            return None
        return ring.failed / calls, ring.slow / calls

    def verdict(self, old: CircuitState, new: CircuitState) -> str:
        """Returns why it went from one state to the other just now, for an event."""
        if old is CircuitState.HALF_OPEN:
            calls, failed, slow = self._probes, self._probes_failed, self._probes_slow
            judged, unit, what = self._half_open_permits, 1, "probes"
        else:
            calls, failed, slow = self.ring.calls, self.ring.failed, self.ring.slow
            judged, unit, what = calls, SCALE, "calls"
        of = f"of {calls / unit:.3g} {what}"
        if new is CircuitState.CLOSED:
            return f"{(calls - failed) / unit:.3g} {of} succeeded"
        if failed and failed / judged >= self._failure_rate:  # divided as for the verdict
            return f"{failed / unit:.3g} {of} failed"
        return f"{slow / unit:.3g} {of} were slow"

    # Writers

    def admit_needs_lock(self, now: float, within: float = math.inf) -> Admission | None:
        """Permission for one call; None: refused."""
        if self.state is CircuitState.OPEN:  # so that the verdict on old probes is not mixed in
            self._probes = self._probes_failed = self._probes_slow = 0
        return super().admit_needs_lock(now, within)

    def succeed_needs_lock(
        self, admission: Admission, now: float, weight: int, slow: bool, span: float
    ) -> None:
        """A success, perhaps a slow one."""
        self._judge_needs_lock(admission, now, weight, False, slow, span)

    def fail_needs_lock(
        self, admission: Admission, now: float, weight: int, slow: bool, span: float
    ) -> None:
        """A failure, perhaps a slow one."""
        self._judge_needs_lock(admission, now, weight, True, slow, span)

    def _judge_needs_lock(
        self, admission: Admission, now: float, weight: int, failed: bool, slow: bool, span: float
    ) -> None:
        fresh = Streak(now)
        if not self._spend(admission) or self.mode is CircuitMode.DISABLED:
            return
        if self.state is not CircuitState.HALF_OPEN:
            self.ring.add(now, weight, failed, slow)
            self.streak = streak = (self.streak or fresh) if self._too_many() else None
            if (
                streak is not None
                and now - streak.since >= span
                and self.mode is not CircuitMode.FORCED_CLOSED
            ):
                self._turn(admission, CircuitState.OPEN, now)
            return
        self._probes += 1
        self._probes_failed += failed
        self._probes_slow += slow
        self.out -= 1
        if self.out == 0:
            self.expires = math.inf
        self._turn(admission, self._verdict_on_probes(), now)

    def _turn(self, admission: Admission, verdict: CircuitState | None, now: float) -> None:
        generation = Generation()  # made now, since most outcomes change nothing
        closed_admission = Admission(generation)
        if not admission.generation.current:  # the collector ran above, and changed the state
            return
        if verdict is CircuitState.OPEN:
            self._open(now, generation)
        elif verdict is CircuitState.CLOSED:
            self._close(generation, closed_admission)

    def _verdict_on_probes(self) -> CircuitState | None:
        """Returns what the circuit becomes; None: the probes to come may change that."""
        permits = self._half_open_permits
        to_come = permits - self._probes
        failed, slow = self._probes_failed, self._probes_slow
        if failed / permits >= self._failure_rate or slow / permits >= self._slow_rate:
            return CircuitState.OPEN
        failed, slow = failed + to_come, slow + to_come
        if failed / permits >= self._failure_rate or slow / permits >= self._slow_rate:
            return None
        return CircuitState.CLOSED

    def _too_many(self) -> bool:
        calls = self.ring.calls
        return calls >= self._minimum and (
            self.ring.failed / calls >= self._failure_rate
            or self.ring.slow / calls >= self._slow_rate
        )

    def _forget(self) -> None:
        self.ring.clear()


def rules_of(policy: CircuitBreakerPolicy, *, every: bool) -> CircuitRules:
    """Returns new rules, of a closed circuit.

    Args:
        policy: The settings.
        every: Whether each success has to be told, whatever the settings.
    """
    window = policy.window
    wait, longest = policy.half_open_timeout, policy.max_recovery_timeout
    further: dict[str, Any] = {
        "half_open_timeout": math.inf if wait is None else wait.total_seconds(),
        "growth": policy.recovery_multiplier,
        "longest_recovery": math.inf if longest is None else longest.total_seconds(),
    }
    recovery, permits = policy.recovery_timeout.total_seconds(), policy.half_open_permits
    if window is None:
        return CircuitRules(policy.failure_threshold, recovery, permits, every=every, **further)
    if isinstance(window, CountWindow):
        ring: CountRing | TimeRing = CountRing(window.size)
    else:
        ring = TimeRing(window.span.total_seconds())
    return WindowRules(
        ring,
        window.failure_rate,
        window.minimum_calls,
        window.slow_rate,
        recovery,
        permits,
        timed=window.slow_duration is not None,
        **further,
    )


def snapshot_of(name: str | None, rules: CircuitRules, now: float) -> CircuitBreakerSnapshot:
    """Returns the numbers of some rules, read under their lock."""
    failures, calls = rules.fails / SCALE, None
    failure_rate = slow_rate = None
    if isinstance(rules, WindowRules):
        ring = rules.ring
        ring.roll(now)
        failures, calls = ring.failed / SCALE, ring.calls / SCALE
        failure_rate, slow_rate = rules.rates() or (None, None)
    closed = rules.state is CircuitState.CLOSED
    return CircuitBreakerSnapshot(
        name,
        rules.state_at(now),
        rules.mode,
        failures,
        calls,
        failure_rate,
        slow_rate,
        None if closed else max(now - rules.opened_at, 0.0),
        rules.time_left(now),
        rules.out,
        rules.refused_needs_lock(),
    )
