"""What budgets, a bulkhead and a rate limiter have to do, told slowly."""

from __future__ import annotations

import math
from fractions import Fraction


class TokenModel:
    """A token bucket: exact, since all numbers are binary fractions."""

    def __init__(self, per_call: float, most: float, per_second: float, now: float) -> None:
        self.per_call, self.most = Fraction(per_call), Fraction(most)
        self.per_second, self.tokens, self.now = Fraction(per_second), Fraction(most), now

    def move_to(self, now: float) -> None:
        self.tokens += self.per_second * Fraction(now - self.now)
        self.tokens = min(self.tokens, self.most)
        self.now = now

    def deposit(self) -> None:
        self.tokens = min(self.tokens + self.per_call, self.most)

    def withdraw(self) -> bool:
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class RatioModel:
    """The calls and retries themselves, each with its time."""

    SLICES = 10

    def __init__(self, part: float, seconds: float, per_second: float, now: float) -> None:
        self.part, self.reserve = Fraction(part), Fraction(per_second) * Fraction(seconds)
        self.slice = Fraction(seconds) / self.SLICES
        self.now = now
        self.calls: list[float] = []
        self.retries: list[float] = []

    def move_to(self, now: float) -> None:
        self.now = now
        oldest = math.floor(now / self.slice) - self.SLICES + 1
        self.calls = [at for at in self.calls if math.floor(at / self.slice) >= oldest]
        self.retries = [at for at in self.retries if math.floor(at / self.slice) >= oldest]

    @property
    def tokens(self) -> Fraction:
        allowed = self.part * len(self.calls) + self.reserve
        return max(allowed - len(self.retries), Fraction(0))

    def deposit(self) -> None:
        self.calls.append(self.now)

    def withdraw(self) -> bool:
        if self.tokens < 1:
            return False
        self.retries.append(self.now)
        return True


class BulkheadModel:
    """Who is inside and who stands in line, by number."""

    def __init__(self, size: int, places: int) -> None:
        self.size, self.places = size, places
        self.inside: set[int] = set()
        self.line: list[int] = []
        self.came_in = self.went_out = 0

    def come(self, number: int, may_wait: bool) -> str:
        if len(self.inside) < self.size:
            self._let_in(number)
            return "inside"
        if may_wait and len(self.line) < self.places:
            self.line.append(number)
            return "waiting"
        return "refused"

    def leave(self, number: int) -> int | None:
        """Who goes in instead, if somebody does."""
        if number in self.line:
            self.line.remove(number)
        if number not in self.inside:
            return None
        self.inside.remove(number)
        self.went_out += 1
        if not self.line:
            return None
        heir = self.line.pop(0)
        self._let_in(heir)
        return heir

    def _let_in(self, number: int) -> None:
        self.inside.add(number)
        self.came_in += 1


class Grant:
    """Tokens given out by a rate limiter."""

    def __init__(self, at: float, weight: int, wait: Fraction) -> None:
        self.at, self.weight, self.wait = Fraction(at), weight, wait
        self.state = "waiting" if wait else "used"


class RateModel:
    """A ledger of grants: when the bucket is full again is worked out from its beginning."""

    def __init__(self, interval: float, burst: int, longest: float, now: float) -> None:
        self.interval, self.burst, self.longest = Fraction(interval), burst, Fraction(longest)
        self.now = now
        self.full_before = Fraction(0)
        self.ledger: list[Grant] = []

    def move_to(self, now: float) -> None:
        self.now = now

    def full_at(self) -> Fraction:
        full = self.full_before
        for grant in self.ledger:
            full = max(full, grant.at) + grant.weight * self.interval
        return full

    @property
    def tokens(self) -> Fraction:
        missing = max(self.full_at() - Fraction(self.now), Fraction(0)) / self.interval
        return self.burst - missing

    def take(self, weight: int) -> Grant | None:
        wait = max((weight - self.tokens) * self.interval, Fraction(0))
        if wait > self.longest:
            return None
        grant = Grant(self.now, weight, wait)
        self.ledger.append(grant)
        self._settle()
        return grant

    def use(self, grant: Grant) -> None:
        grant.state = "used"
        self._settle()

    def cancel(self, grant: Grant) -> None:
        grant.state = "cancelled"
        while self.ledger and self.ledger[-1].state == "cancelled":
            self.ledger.pop()

    def _settle(self) -> None:
        """What stands before a grant that was used can never go back."""
        used = [i for i, grant in enumerate(self.ledger) if grant.state == "used"]
        if used:
            rest = self.ledger[used[-1] + 1 :]
            self.ledger = self.ledger[: used[-1] + 1]
            self.full_before = self.full_at()
            self.ledger = rest
