"""The rules of a circuit breaker: no I/O, no clock, no sleeping. Time is passed in.

Theory of operation. ``epoch`` is an admission while the circuit is closed, and None
otherwise: one read answers "may I pass?" and "as of which generation?". ``fails`` is never 0
unless the circuit is closed, so after a success ``if rules.fails`` is the only question, and
the generation is compared on the slow path only.

Every opening and closing starts a new *generation*; a result that comes with an admission of
an older one is ignored. (Nobody is admitted while the circuit is open, so its becoming
half-open needs none.) Probes of a half-open circuit get an admission each, and each gives its
permit back once.

Methods that write are named ``…_needs_lock``. The lock has to be re-entrant: the garbage
collector may finalise a suspended call inside the locked part, in the same thread, and that
releases its admission. So each method allocates before it reads, reads before it writes,
and writes in a straight line. Reads of single attributes need no lock: a stale one is an
admission from before a change, and its result will be ignored.
"""

from __future__ import annotations

from pyfly.resilience.circuit_state import CircuitState

__all__ = ["SCALE", "Admission", "CircuitRules"]

SCALE = 720_720
"""One whole failure. Divisible by every number of attempts up to 16."""

_CLOSED, _OPEN, _HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN


class Generation:
    """The time from one opening or closing to the next."""

    __slots__ = ("current",)

    def __init__(self) -> None:
        self.current = True


class Admission:
    """Leave to make one call; in a half-open circuit, a lease on a permit.

    Attributes:
        generation: When it was given.
        probe: Whether the circuit was half-open then.
        held: Whether a permit has to be given back.
    """

    __slots__ = ("generation", "held", "probe")

    def __init__(self, generation: Generation, *, probe: bool) -> None:
        self.generation = generation
        self.probe = probe
        self.held = probe

    @property
    def stands(self) -> bool:
        """Whether the circuit has neither opened nor closed since."""
        return self.generation.current


class CircuitRules:
    """The state of one circuit.

    Args:
        threshold: Consecutive failures that open it.
        recovery: Seconds it stays open.
        half_open_permits: Probes at once.

    Attributes:
        epoch: The admission that every caller gets; None unless closed.
        fails: Consecutive failures in units of ``1 / SCALE``; never 0 unless closed.
        state: As of the last write: an open circuit whose time is over is still ``OPEN``.
        until: When an open circuit may be probed.
        permits: How many more probes may start while half-open; has no meaning otherwise.
    """

    __slots__ = (
        "_generation",
        "_half_open_permits",
        "_limit",
        "_recovery",
        "epoch",
        "fails",
        "permits",
        "state",
        "until",
    )

    def __init__(self, threshold: int, recovery: float, half_open_permits: int) -> None:
        self._limit = threshold * SCALE
        self._recovery = recovery
        self._half_open_permits = half_open_permits
        self._generation = Generation()
        self.state = _CLOSED
        self.epoch: Admission | None = Admission(self._generation, probe=False)
        self.fails = 0
        self.until = 0.0
        self.permits = 0

    # Answers without the lock

    def state_at(self, now: float) -> CircuitState:
        """The state as callers see it: half-open as soon as a probe may start."""
        state = self.state
        return _HALF_OPEN if state is _OPEN and now >= self.until else state

    def surely_refuses(self, now: float) -> bool:
        """True only if no call can pass now."""
        state = self.state
        return (state is _OPEN and now < self.until) or (state is _HALF_OPEN and self.permits <= 0)

    def time_left(self, now: float) -> float | None:
        """Seconds until a probe may start; None if that depends on a probe under way."""
        return max(self.until - now, 0.0) if self.state is _OPEN else None

    # Writers

    def admit_needs_lock(self, now: float) -> Admission | None:
        """Leave to call; None: refused."""
        probe = Admission(self._generation, probe=True)
        if self.state is _CLOSED:
            return self.epoch
        if self.state is _OPEN:
            if now < self.until:
                return None
            self.permits = self._half_open_permits
            self.state = _HALF_OPEN
        elif self.permits <= 0:
            return None
        self.permits -= 1
        return probe

    def succeed_needs_lock(self, admission: Admission) -> None:
        """A success: the count starts again, a half-open circuit closes."""
        generation = Generation()
        epoch = Admission(generation, probe=False)
        if not self._spend(admission):
            return
        if self.state is _CLOSED:
            self.fails = 0
            return
        self._generation.current = False
        self._generation = generation
        self.fails = 0
        self.state = _CLOSED
        self.epoch = epoch  # published last: who reads it may rely on the rest

    def fail_needs_lock(
        self, admission: Admission, now: float, numerator: int, denominator: int
    ) -> None:
        """``numerator / denominator`` of a failure: it counts, or opens the circuit."""
        generation = Generation()
        if not self._spend(admission):
            return
        fails = self.fails + -(-SCALE * numerator // denominator)  # rounded up
        if self.state is _CLOSED and fails < self._limit:
            self.fails = fails
            return
        self.epoch = None
        self.fails = fails
        self.until = now + self._recovery
        self.state = _OPEN
        self._generation.current = False
        self._generation = generation

    def release_needs_lock(self, admission: Admission) -> None:
        """The end of a call that proves nothing: the permit goes back, once."""
        if self._spend(admission) and self.state is _HALF_OPEN:
            self.permits += 1

    def reset_needs_lock(self) -> None:
        """Close, whatever was; calls under way no longer count."""
        generation = Generation()
        epoch = Admission(generation, probe=False)
        self._generation.current = False
        self._generation = generation
        self.fails = 0
        self.state = _CLOSED
        self.epoch = epoch

    def _spend(self, admission: Admission) -> bool:
        """Take the lease out of the caller's hands. False: its result is to be ignored."""
        valid = admission.generation.current and admission.held is admission.probe
        admission.held = False
        return valid
