"""Around each transition: a few callers, all of which may do different things."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from itertools import combinations_with_replacement
from typing import Any

from pyfly.resilience import (
    Call,
    CircuitBreaker,
    CircuitBreakerPolicy,
    CircuitBreakerStage,
    CountWindow,
    RetryPolicy,
    RetryStage,
    assemble,
)
from tests.resilience.explore.callers import Scenario
from tests.resilience.machine.driving import Clock
from tests.resilience.planted import plant

__all__ = ["scenarios"]

RECOVERY = 10.0
ANSWERS = ("succeeds", "fails", "is cancelled")


def scenarios(most: int, bug: type | None = None) -> Iterator[Scenario]:
    """All scenarios of up to ``most`` callers, perhaps with a planted bug."""
    for count in range(1, most + 1):
        for callers in combinations_with_replacement(ANSWERS, count):
            yield from _around(callers, bug)
            yield from _windows(callers, bug)
        for callers in combinations_with_replacement((*ANSWERS, "hangs"), count):
            if "hangs" in callers:
                yield from _impatient(callers, bug)
    for count in range(1, most):  # each makes up to four steps in place of two
        for callers in combinations_with_replacement(ANSWERS, count):
            yield from _retries(callers, bug)


def _around(callers: tuple[str, ...], bug: type | None) -> Iterator[Scenario]:
    for permits in (1, 2):
        policy = CircuitBreakerPolicy(2, timedelta(seconds=RECOVERY), permits)
        rest: dict[str, Any] = {"callers": callers, "permits": permits}
        make = _maker(policy, bug, failures=1)
        yield Scenario("closed, one failure from opening", make, ticks=(RECOVERY,), **rest)
        make = _maker(policy, bug, failures=2, waited=RECOVERY - 1)
        yield Scenario("open, about to be half-open", make, ticks=(1.0, RECOVERY), **rest)
        make = _maker(policy, bug, failures=2, waited=RECOVERY)
        yield Scenario("half-open", make, ticks=(RECOVERY,), **rest)


def _windows(callers: tuple[str, ...], bug: type | None) -> Iterator[Scenario]:
    window = CountWindow(4, 0.5, 2)
    policy = CircuitBreakerPolicy(recovery_timeout=timedelta(seconds=RECOVERY), window=window)
    make = _maker(policy, bug, failures=1)
    yield Scenario("a window, about to open", make, callers, (RECOVERY,), total=True)
    for permits in (1, 2):
        make = _maker(policy.replace(half_open_permits=permits), bug, failures=2, waited=RECOVERY)
        rest: dict[str, Any] = {"permits": permits, "total": True}
        yield Scenario("a window, half-open", make, callers, (RECOVERY,), **rest)


def _impatient(callers: tuple[str, ...], bug: type | None) -> Iterator[Scenario]:
    for permits in (1, 2):
        policy = CircuitBreakerPolicy(
            1, timedelta(seconds=RECOVERY), permits, half_open_timeout=timedelta(seconds=4)
        )
        make = _maker(policy, bug, failures=1, waited=RECOVERY)
        name = "half-open with a timeout"
        yield Scenario(name, make, callers, (4.0, RECOVERY), permits)


def _retries(callers: tuple[str, ...], bug: type | None) -> Iterator[Scenario]:
    policy = CircuitBreakerPolicy(1, timedelta(seconds=RECOVERY))
    make = _maker(policy, bug, failures=1, parts=2)  # half of what opens it is there
    rest: dict[str, Any] = {"through": _through, "pauses": 1.0}
    yield Scenario("calls with retries, closed", make, callers, (RECOVERY,), **rest)
    make = _maker(policy, bug, failures=1, waited=RECOVERY)
    yield Scenario("calls with retries, half-open", make, callers, (), through=_through)


def _maker(
    policy: CircuitBreakerPolicy,
    bug: type | None,
    *,
    failures: int,
    parts: int = 1,
    waited: float = 0.0,
) -> Callable[[Clock], CircuitBreaker]:
    def make(clock: Clock) -> CircuitBreaker:
        breaker = plant(CircuitBreaker(policy=policy, clock=clock), bug)
        for _ in range(failures):
            breaker.failed(breaker.admit(), OSError(), parts)
        clock.now += waited
        return breaker

    return make


def _through(breaker: CircuitBreaker) -> Callable[[Call], Coroutine[Any, Any, Any]]:
    async def send(call: Call) -> Any:
        return await call.payload()

    retry = RetryStage(RetryPolicy(2))
    handler: Any = assemble([CircuitBreakerStage(breaker, lambda error: True), retry]).build(send)
    return handler  # type: ignore[no-any-return] # a coroutine function: the stages are
