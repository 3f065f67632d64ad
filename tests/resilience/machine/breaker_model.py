"""What a circuit breaker has to do, told slowly. Shares no code with the rules.

The model keeps the story itself: each outcome with its time, each probe by number, and a
chapter number that grows with each opening and closing. Parts of calls are fractions.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple


class Window(NamedTuple):
    """A window: the last ``size`` calls, or the last ``size`` seconds if ``by_time``."""

    by_time: bool
    size: int
    rate: float
    minimum: int
    slow_rate: float | None
    slow_after: float | None


class Settings(NamedTuple):
    """The settings of a circuit breaker in plain values."""

    threshold: int = 3
    recovery: float = 10.0
    permits: int = 1
    window: Window | None = None
    half_open_timeout: float = math.inf
    growth: int = 1
    longest: float = 10.0


class Outcome(NamedTuple):
    at: float
    part: Fraction
    failed: bool
    slow: bool


class BreakerModel:
    """One circuit breaker."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.now = 0.0
        self.chapter = 0
        self.mode = "NORMAL"
        self.phase = "CLOSED"
        self.consecutive = Fraction(0)
        self.bad_since: float | None = None
        self.outcomes: list[Outcome] = []
        self.out: set[int] = set()
        self.verdicts: list[Outcome] = []
        self.reopened = 0
        self.until = 0.0
        self.expires = math.inf
        self.refused = 0

    # Time

    def move_to(self, now: float) -> None:
        """Time passes: probes that took too long have opened the circuit meanwhile."""
        self.now = now
        if self.phase == "HALF_OPEN" and self.out and now >= self.expires:
            self.open(self.expires)

    def visible(self) -> str:
        if self.phase == "OPEN" and self.now >= self.until:
            return "HALF_OPEN"
        return self.phase

    # Changes

    def open(self, at: float) -> None:
        self.reopened = self.reopened + 1 if self.phase == "HALF_OPEN" else 0
        recovery = self.settings.recovery * self.settings.growth**self.reopened
        if self.settings.growth > 1:
            recovery = min(recovery, self.settings.longest)
        self.until = at + recovery
        self.turn("OPEN")

    def close(self) -> None:
        self.consecutive = Fraction(0)
        self.bad_since = None
        self.outcomes = []
        self.turn("CLOSED")

    def turn(self, phase: str) -> None:
        self.chapter += 1
        self.phase = phase
        self.out = set()
        self.expires = math.inf

    def switch(self, mode: str) -> None:
        self.mode = mode
        self.close()
        if mode == "FORCED_OPEN":
            self.turn("OPEN")
            self.until = math.inf

    # Calls

    def ask(self, number: int) -> str:
        """``"closed"``, ``"probe"`` or ``"refused"``."""
        answer = self._ask(number)
        self.refused += answer == "refused"
        return answer

    def _ask(self, number: int) -> str:
        if self.phase == "CLOSED":
            return "closed"
        if self.visible() == "OPEN":
            return "refused"
        if self.phase == "OPEN":
            self.phase = "HALF_OPEN"
            self.verdicts = []
        used = len(self.out) + (len(self.verdicts) if self.settings.window else 0)
        if used >= self.settings.permits:
            return "refused"
        if not self.out:
            self.expires = self.now + self.settings.half_open_timeout
        self.out.add(number)
        return "probe"

    def end(
        self,
        number: int,
        chapter: int,
        how: str,
        part: Fraction,
        seconds: float,
        span: float = 0.0,
    ) -> None:
        """A call of some chapter ended: ``"success"``, ``"failure"`` or ``"neutral"``.

        It opens a closed circuit if things have been bad for as long as ``span``.
        """
        if chapter != self.chapter or self.mode == "DISABLED":
            return
        window = self.settings.window
        slow = window is not None and window.slow_after is not None and seconds > window.slow_after
        outcome = Outcome(self.now, part, how == "failure", slow)
        if self.phase == "HALF_OPEN":
            if number in self.out:
                self.out.discard(number)
                self._end_probe(how, outcome)
        elif how != "neutral":
            self._count(outcome, span)

    def _end_probe(self, how: str, outcome: Outcome) -> None:
        if not self.out:
            self.expires = math.inf
        if how == "neutral":
            return
        if self.settings.window is None:
            if outcome.failed:
                self.consecutive += outcome.part
                self.open(self.now)
            else:
                self.close()
            return
        self.verdicts.append(outcome)
        rest = self.settings.permits - len(self.verdicts)
        best = [*self.verdicts, *[Outcome(0, Fraction(1), False, False)] * rest]
        worst = [*self.verdicts, *[Outcome(0, Fraction(1), True, True)] * rest]
        probes = [outcomes_of_weight_one(best), outcomes_of_weight_one(worst)]
        if self._is_bad(probes[0]):
            self.open(self.now)
        elif not self._is_bad(probes[1]):
            self.close()

    def _count(self, outcome: Outcome, span: float) -> None:
        window = self.settings.window
        if window is None:
            self.consecutive = self.consecutive + outcome.part if outcome.failed else Fraction(0)
            streak = outcome.failed
            bad = self.consecutive >= self.settings.threshold
        else:
            self.outcomes.append(outcome)
            inside = self.in_window()
            streak = bad = weight(inside) >= window.minimum and self._is_bad(inside)
        if not streak:
            self.bad_since = None
        elif self.bad_since is None:
            self.bad_since = self.now
        lasted = self.bad_since is not None and self.now >= self.bad_since + span
        if bad and lasted and self.mode != "FORCED_CLOSED":
            self.open(self.now)

    # Windows

    def in_window(self) -> list[Outcome]:
        """The outcomes in the window now, cut where it begins."""
        window = self.settings.window
        assert window is not None
        if window.by_time:
            first = math.floor(self.now) - window.size + 1
            self.outcomes = [one for one in self.outcomes if math.floor(one.at) >= first]
            return self.outcomes
        # Whole calls leave: the window begins at a whole number of calls.
        total = weight(self.outcomes)
        begin = max(math.ceil(total) - window.size, 0)
        inside: list[Outcome] = []
        passed = Fraction(0)
        for one in self.outcomes:
            after = passed + one.part
            if after > begin:
                inside.append(one._replace(part=after - max(passed, Fraction(begin))))
            passed = after
        if begin:
            self.outcomes = inside
        return inside

    def _is_bad(self, outcomes: list[Outcome]) -> bool:
        window = self.settings.window
        assert window is not None
        failed, slow = rates(outcomes)
        return failed >= window.rate or (window.slow_rate is not None and slow >= window.slow_rate)


def weight(outcomes: list[Outcome]) -> Fraction:
    return sum((one.part for one in outcomes), Fraction(0))


def rates(outcomes: list[Outcome]) -> tuple[float, float]:
    total = weight(outcomes)
    failed = weight([one for one in outcomes if one.failed])
    slow = weight([one for one in outcomes if one.slow])
    return float(failed / total), float(slow / total)


def outcomes_of_weight_one(outcomes: list[Outcome]) -> list[Outcome]:
    return [one._replace(part=Fraction(1)) for one in outcomes]
