"""The rules of a circuit breaker: no I/O, no clock, no sleeping. Time is passed in.

Theory of operation. ``closed_admission`` is an admission that all callers share while the circuit
is closed, and None otherwise: one read answers "may I pass?" and "as of which generation?".
``wants_success`` is set while a success would change something, so after one,
``if rules.wants_success`` is the only question, and the generation is compared on the slow path
only. (Where each call needs an admission of its own, because it is timed or only observed,
``closed_admission`` stays None, and everybody takes the slow path.)

Every opening and closing starts a new *generation*; a result that comes with an admission of
an older one is ignored. (Nobody is admitted while the circuit is open, so its becoming
half-open needs none.) Probes of a half-open circuit get an admission each, and each gives its
permit back once. If probes are out and none decides for too long, the circuit has opened
again at the moment ``expires``; whoever looks first after that writes it down.

Methods that write are named ``…_needs_lock``. The lock has to be re-entrant: the garbage
collector may finalise a suspended call inside the locked part, in the same thread, and that
releases its admission. So each method allocates before it reads, reads before it writes,
and writes in a straight line. Reads of single attributes need no lock: a stale one is an
admission from before a change, and its result will be ignored.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum, auto
from itertools import count

from pyfly.kernel.record import Record
from pyfly.resilience.events import CircuitState

SCALE = 720_720
"""One whole failure. Divisible by every number of attempts up to 16."""

_CLOSED, _OPEN, _HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN


class CircuitMode(Enum):
    """Who decides: the circuit breaker, or somebody by hand."""

    NORMAL = auto()
    """The results of the calls."""
    FORCED_OPEN = auto()
    """Every call is refused."""
    FORCED_CLOSED = auto()
    """Every call passes; the results are counted."""
    DISABLED = auto()
    """Every call passes; nothing is counted."""
    OBSERVE_ONLY = auto()
    """Every call passes; the circuit tells what it would have done."""


class CircuitBreakerSnapshot(Record):
    """A circuit breaker at one moment. Spans are seconds; parts of calls make fractions.

    ``failures`` are consecutive ones, or those in the window. ``calls_in_window`` is None without
    a window; ``failure_rate`` and ``slow_rate`` are None as well while the window holds fewer
    calls than it judges. ``opened_ago`` and ``time_left`` (until a probe may start) are None while
    the circuit is closed. ``permits_held`` counts the probes under way, ``refused`` the calls
    refused so far.
    """

    name: str | None
    state: CircuitState
    mode: CircuitMode
    failures: float
    calls_in_window: float | None
    failure_rate: float | None
    slow_rate: float | None
    opened_ago: float | None
    time_left: float | None
    permits_held: int
    refused: int


class Generation:
    """The time from one opening or closing to the next.

    Attributes:
        current: Whether it is now.
        closed: Whether it began with a closing; of no interest while it is the first.
        successor: The next one; None while this one is current.
    """

    __slots__ = ("closed", "current", "successor")

    closed: bool

    def __init__(self) -> None:
        self.current = True
        self.successor: Generation | None = None


class Streak:
    """Failures that may open a closed circuit: since when, in seconds."""

    __slots__ = ("since",)

    def __init__(self, since: float) -> None:
        self.since = since


class Admission:
    """Permission for one call; in a half-open circuit, a lease on a permit.

    Attributes:
        generation: When it was given.
        started: When it was given, in seconds; of use if it is not shared.
        probe: Whether the circuit was half-open then.
        held: Whether a permit has to be given back.
    """

    __slots__ = ("generation", "held", "probe", "started")

    def __init__(self, generation: Generation, started: float = 0.0) -> None:
        self.generation = generation
        self.started = started
        self.probe = False
        self.held = False

    @property
    def stands(self) -> bool:
        """Whether the call may go on: the circuit has not changed since, or is closed again."""
        generation = self.generation
        if generation.current:
            return True
        while generation.successor is not None:
            generation = generation.successor
        return generation.closed


class Probe(Admission):
    """Permission for a call of a half-open circuit. If its holder loses it, it comes back.

    That is so if an exception out of a signal handler comes between taking and giving back.

    Attributes:
        give_back: What takes it back; None until its owner has said so.
    """

    __slots__ = ("give_back",)

    def __init__(self, generation: Generation, started: float) -> None:
        super().__init__(generation, started)
        self.give_back: Callable[[Admission], None] | None = None

    def __del__(self) -> None:
        give_back = getattr(self, "give_back", None)  # or it is half made
        if give_back is not None and self.held:
            give_back(self)


class Observation(Admission):
    """Permission for a call that only observed: nothing that happens takes it back.

    Attributes:
        shadow: What the circuit would have given; None: it would have refused.
    """

    __slots__ = ("shadow",)

    def __init__(self, shadow: Admission | None) -> None:
        super().__init__(Generation() if shadow is None else shadow.generation)
        self.shadow = shadow

    @property
    def stands(self) -> bool:
        """Always."""
        return True


class CircuitRules:
    """The state of one circuit that counts consecutive failures.

    Args:
        threshold: Consecutive failures that open it.
        recovery: Seconds it stays open.
        half_open_permits: Probes at once.
        half_open_timeout: Seconds that probes may take before it opens again; infinite: what
            each says for itself.
        growth: What the recovery time is multiplied by each time it opens from half-open.
        longest_recovery: The most it grows to, in seconds.
        every: Whether each success has to be told.
        timed: Whether each call needs an admission of its own.

    Attributes:
        closed_admission: The admission that every caller gets; None unless closed.
        wants_success: Whether a success would change something.
        fails: Consecutive failures in units of ``1 / SCALE``; more than 0 unless closed.
        streak: The failures that may open a closed circuit; None: there are none.
        state: As of the last write: an open circuit whose time is over is still ``OPEN``.
        mode: Who decides.
        opened_at: When it opened last.
        until: When an open circuit may be probed; infinite if never.
        refuses_until: When a call may pass again, where that depends on time alone: a shortcut,
            since an open circuit is asked often.
        recovery: Seconds that it stays open this time.
        permits: How many more probes may start while half-open; has no meaning otherwise.
        out: Probes under way.
        expires: When a half-open circuit whose probes are out opens again; infinite: never.
        refusals: Its ``next()`` counts a refusal, in one step that needs no lock.
    """

    __slots__ = (
        "_base_recovery",
        "_every",
        "_generation",
        "_growth",
        "_half_open_permits",
        "_half_open_timeout",
        "_limit",
        "_longest_recovery",
        "_looks",
        "_timed",
        "closed_admission",
        "expires",
        "fails",
        "mode",
        "opened_at",
        "out",
        "permits",
        "recovery",
        "refusals",
        "refuses_until",
        "state",
        "streak",
        "until",
        "wants_success",
    )

    def __init__(
        self,
        threshold: int,
        recovery: float,
        half_open_permits: int,
        *,
        half_open_timeout: float = math.inf,
        growth: float = 1.0,
        longest_recovery: float = math.inf,
        every: bool = False,
        timed: bool = False,
    ) -> None:
        self._limit = threshold * SCALE
        self._base_recovery = recovery
        self._half_open_permits = half_open_permits
        self._half_open_timeout = half_open_timeout
        self._growth = growth
        self._longest_recovery = longest_recovery
        self._every = every
        self._timed = timed
        self._generation = Generation()
        self.state = _CLOSED
        self.mode = CircuitMode.NORMAL
        self.closed_admission: Admission | None = None if timed else Admission(self._generation)
        self.wants_success = every
        self.fails = 0
        self.streak: Streak | None = None
        self.opened_at = 0.0
        self.until = 0.0
        self.refuses_until = -math.inf
        self.recovery = recovery
        self.permits = 0
        self.out = 0
        self.expires = math.inf
        self.refusals = count()
        self._looks = 0

    # Answers without the lock

    def state_at(self, now: float) -> CircuitState:
        """Returns the state as callers see it: half-open as soon as a probe may start."""
        state, until = self.state, self.until
        if state is _HALF_OPEN and now >= self.expires:
            state, until = _OPEN, self.expires + self._next_recovery()
        return _HALF_OPEN if state is _OPEN and now >= until else state

    def surely_refuses(self, now: float) -> bool:
        """True only if no call can pass now."""
        state = self.state
        return (state is _OPEN and now < self.until) or (state is _HALF_OPEN and self.permits <= 0)

    def time_left(self, now: float) -> float | None:
        """Seconds until a probe may start; None if that depends on a probe or a person."""
        if self.state is not _OPEN or self.until == math.inf:
            return None
        return max(self.until - now, 0.0)

    def verdict(self, old: CircuitState, new: CircuitState) -> str:
        """Returns why it went from one state to the other just now, for an event."""
        if old is not _HALF_OPEN:
            return "too many consecutive attempts failed"
        return "a probe succeeded" if new is _CLOSED else "a probe failed"

    # Writers

    def refused_needs_lock(self) -> int:
        """Calls refused so far. To look at the counter is to count, so looks are counted too."""
        self._looks += 1
        return next(self.refusals) - self._looks + 1

    def admit_needs_lock(self, now: float, within: float = math.inf) -> Admission | None:
        """Permission for one call; None: refused.

        Args:
            now: The time.
            within: Seconds that a probe may take where no ``half_open_timeout`` is set.
        """
        kind = Admission if self.state is _CLOSED else Probe
        own = kind(self._generation, now)
        state = self.state
        own.generation = self._generation  # of this moment: the collector may have run above
        if state is _CLOSED:
            return own if self.closed_admission is None else self.closed_admission
        if state is _OPEN:
            if now < self.until:
                return None
            self.permits = self._half_open_permits
            self.refuses_until = -math.inf
            self.state = _HALF_OPEN
        elif self.permits <= 0:
            return None
        if self.out == 0:
            own_limit = self._half_open_timeout
            self.expires = now + (within if own_limit == math.inf else own_limit)
        self.permits -= 1
        self.out += 1
        own.probe = own.held = True
        return own

    def succeed_needs_lock(
        self, admission: Admission, now: float, weight: int, slow: bool, span: float
    ) -> None:
        """A success: the count starts again, a half-open circuit closes.

        The arguments are those of :meth:`fail_needs_lock`.
        """
        generation = Generation()
        closed_admission = Admission(generation)
        if not self._spend(admission) or self.mode is CircuitMode.DISABLED:
            return
        if self.state is _CLOSED:
            self.fails = 0
            self.streak = None
            self.wants_success = self._every
            return
        self._close(generation, closed_admission)

    def fail_needs_lock(
        self, admission: Admission, now: float, weight: int, slow: bool, span: float
    ) -> None:
        """A failure: it counts, or opens the circuit.

        Args:
            admission: Of the call.
            now: The time.
            weight: The part of a call that this attempt is, in units of ``1 / SCALE``.
            slow: Whether it took too long; of interest to a window only.
            span: Seconds that a streak has to last until this failure opens the circuit, so
                that the retries are heard which the first failures have led to.
        """
        fresh = Streak(now)
        generation = Generation()
        if not self._spend(admission) or self.mode is CircuitMode.DISABLED:
            return
        fails = self.fails + weight
        if self.state is _CLOSED:
            streak = self.streak or fresh
            if (
                fails < self._limit
                or now - streak.since < span
                or self.mode is CircuitMode.FORCED_CLOSED
            ):
                self.fails = fails
                self.streak = streak
                self.wants_success = True
                return
        self.fails = fails
        self._open(now, generation)

    def release_needs_lock(self, admission: Admission) -> None:
        """The end of a call that proves nothing: the permit goes back, once."""
        if self._spend(admission) and self.state is _HALF_OPEN:
            self.permits += 1
            self.out -= 1
            if self.out == 0:
                self.expires = math.inf

    def expire_needs_lock(self, now: float) -> bool:
        """Open again if the probes took too long. Whether they did."""
        generation = Generation()
        if now < self.expires:
            return False
        self._open(self.expires, generation)
        return True

    def switch_needs_lock(self, mode: CircuitMode, now: float) -> None:
        """Start anew in this mode; calls under way no longer count."""
        generation = Generation()
        closed_admission = Admission(generation)
        self.mode = mode
        self._close(generation, closed_admission)
        if mode is CircuitMode.FORCED_OPEN:
            self._open(now, Generation())
            self.refuses_until = -math.inf
            self.until = math.inf

    def start_anew_needs_lock(self) -> None:
        """After a fork: calls and probes are another process's. What is open stays open, and a
        half-open circuit is one whose recovery time has passed.
        """
        generation = Generation()
        closed_admission = Admission(generation)
        if self.state is _CLOSED:
            self._close(generation, closed_admission)
            return
        self._follow(generation, closed=False)
        self.state = _OPEN
        self.closed_admission = None
        self.wants_success = True
        self.refuses_until = -math.inf
        self.expires = math.inf
        self.out = 0

    # What they share

    def _spend(self, admission: Admission) -> bool:
        """Take the lease out of the caller's hands. False: its result is to be ignored."""
        valid = admission.generation.current and admission.held is admission.probe
        admission.held = False
        return valid

    def _open(self, at: float, generation: Generation) -> None:
        # A signal handler may raise between any two lines. Whatever is half done then, the state
        # is open with an end, or half-open with a time at which its probes are given up.
        probed = self.state is _HALF_OPEN
        self.recovery = self._next_recovery() if probed else self._base_recovery
        self.closed_admission = None
        self.wants_success = True
        self.opened_at = at
        self.until = at + self.recovery
        self.state = _OPEN
        observed = self.mode is CircuitMode.OBSERVE_ONLY
        self.refuses_until = -math.inf if observed else self.until
        self.expires = math.inf
        self.out = 0
        self._follow(generation, closed=False)

    def _close(self, generation: Generation, closed_admission: Admission) -> None:
        disabled = self.mode is CircuitMode.DISABLED
        observed = self.mode is CircuitMode.OBSERVE_ONLY
        self._follow(generation, closed=True)
        self.fails = 0
        self.streak = None
        self._forget()
        self.state = _CLOSED  # before the end of the probes is dropped: see :meth:`_open`
        self.expires = math.inf
        self.out = 0
        self.refuses_until = -math.inf
        self.wants_success = self._every and not disabled
        # Published last: who reads it may rely on the rest.
        self.closed_admission = (
            None if observed or (self._timed and not disabled) else closed_admission
        )

    def _follow(self, generation: Generation, *, closed: bool) -> None:
        before = self._generation
        generation.closed = closed
        before.successor = generation
        self._generation = generation
        before.current = False

    def _next_recovery(self) -> float:
        grown = self.recovery * self._growth
        return grown if grown < self._longest_recovery else self._longest_recovery

    def _forget(self) -> None:
        """Drop what was counted besides ``fails``."""


def scaled(numerator: int, denominator: int) -> int:
    """Returns a part of a call in units of ``1 / SCALE``, rounded up."""
    return -(-SCALE * numerator // denominator)
