"""The stages of each method of a client."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from pyfly.client._call.failure_classification import (
    is_answer,
    may_hedge,
    may_retry,
    speaks_against_service,
)
from pyfly.client._compile.policies import is_header_to_set
from pyfly.client._protection import policies
from pyfly.client._protection.applicability import why_not
from pyfly.client._protection.chaos import HttpChaosStage, chaos
from pyfly.client._protection.deadline_header import DeadlineHeaderStage
from pyfly.client._protection.shared import HostBreakers, SharedPolicies
from pyfly.client._protection.single_flight import RequestFlightStage
from pyfly.client._settings.config import Settings
from pyfly.client.auth.stage import AuthStage
from pyfly.client.plan import ClientPlan, MethodPlan
from pyfly.resilience import (
    AdaptiveLimiter,
    CircuitBreaker,
    CircuitTransition,
    Clock,
    Event,
    Events,
    Fallback,
    Hedge,
    LimitChanged,
    RefusalWithheld,
    RetryPolicy,
)
from pyfly.resilience.assembly import assemble
from pyfly.resilience.bulkhead.stage import BulkheadStage
from pyfly.resilience.circuit_breaker.stage import CircuitBreakerStage
from pyfly.resilience.fallback.stage import FallbackStage
from pyfly.resilience.hedge.stage import HedgeStage
from pyfly.resilience.pipeline import Pipeline, Stage
from pyfly.resilience.rate_limiter.stage import RateLimiterStage
from pyfly.resilience.retry.stage import RetryStage
from pyfly.resilience.timeout.stage import AttemptTimeoutStage, TotalTimeoutStage

__all__ = ["Protection"]

_logger = logging.getLogger("pyfly.client.chaos")

T = TypeVar("T")

_TOLD: tuple[type[Event], ...] = (CircuitTransition, RefusalWithheld, LimitChanged)
"""What policies tell their own listeners only, since no call need be there."""


class Protection:
    """What protects the calls of one client.

    Args:
        plan: The client.
        settings: Its settings.
        events: Who hears of circuits and limits.
        clock: Where the time comes from.
        port_bounds: Whether the port itself ends an attempt in time.
        host: Where requests go; ``""`` if the port keeps that to itself.
        host_breakers: The circuits of hosts, which clients share.

    Attributes:
        shared: The policies with a state.
        mistakes: What is wrong with the settings, found while pipelines were made.
    """

    def __init__(
        self,
        plan: ClientPlan,
        settings: Settings,
        events: Events,
        clock: Clock,
        *,
        port_bounds: bool,
        host: str = "",
        host_breakers: HostBreakers | None = None,
    ) -> None:
        self._settings = settings
        self._events = events
        self._port_bounds = port_bounds
        self._left_out: dict[str, list[str]] = {}
        self._forget: dict[int, Callable[[], None]] = {}
        self.mistakes: list[str] = []
        name = plan.declaration.name or plan.cls.__name__
        hosts = {} if host_breakers is None else host_breakers
        self.shared = SharedPolicies(name, settings, clock, host, hosts)

    def pipeline(self, method: MethodPlan, extra: Iterable[Stage] = ()) -> Pipeline:
        """The stages that calls of a method go through, ``extra`` ones among them.

        What is wrong is added to :attr:`mistakes`, and the pipeline is not to be used.
        """
        more = list(extra)
        before = len(self.mistakes)
        stages = [*self._call_stages(method, more), *self._attempt_stages(method), *more]
        if len(self.mistakes) == before:
            try:
                return assemble(stages)
            except ValueError as error:
                self._wrong(method, str(error))
        return Pipeline(())

    def left_out(self, method: MethodPlan) -> list[str]:
        """The stages that a setting of the whole client asks for and this method cannot have."""
        return self._left_out.get(method.name, [])

    # Stages around the call, and around its attempts

    def _call_stages(self, method: MethodPlan, extra: list[Stage]) -> Iterator[Stage]:
        if self._wanted("fallback", method):
            yield from self._made("fallback", method, lambda: self._fallback(method))
        if self.shares(method):
            auth = next((stage for stage in extra if isinstance(stage, AuthStage)), None)
            yield RequestFlightStage(self.shared.single_flight(method), method, auth)
        yield TotalTimeoutStage(self._settings.seconds("total-timeout", method.name))
        if self._is_on("circuit-breaker", method):
            yield from self._made("circuit-breaker", method, lambda: self._breaker(method))
        yield from self._made("retry", method, lambda: self._retry(method))

    def _fallback(self, method: MethodPlan) -> FallbackStage:
        fallback = self._settings.instance("fallback", method.name)
        if not isinstance(fallback, Fallback):
            raise ValueError(
                "it is on, but nothing says what it answers (write fallback=Fallback(value=…) "
                "in the decorator)"
            )
        if fallback.policy.asynchronous and not method.asynchronous:
            raise fallback.policy.no_use()
        return FallbackStage(fallback)

    def _breaker(self, method: MethodPlan) -> CircuitBreakerStage:
        breaker = self.shared.circuit_breaker(method)
        self._listen(breaker)
        return CircuitBreakerStage(breaker, speaks_against_service, is_answer)

    def _retry(self, method: MethodPlan) -> RetryStage:
        """The retry stage, which without retries numbers the attempt and tells of it."""
        policy = RetryPolicy(max_attempts=1)
        if self._is_on("retry", method):
            policy = policies.retry_policy(self.shared.figures("retry", method))
        hedged = self._is_on("hedge", method)
        budget = self.shared.retry_budget(method) if hedged or policy.max_attempts > 1 else None
        return RetryStage(policy, may_retry=may_retry(method), budget=budget)

    def _attempt_stages(self, method: MethodPlan) -> Iterator[Stage]:
        shared = self.shared
        if self._wanted("hedge", method):
            yield from self._made("hedge", method, lambda: self._hedge(method))
        if self._is_on("rate-limiter", method):
            yield from self._made(
                "rate-limiter", method, lambda: RateLimiterStage(shared.rate_limiter(method))
            )
        if self._is_on("throttle", method):
            yield from self._made(
                "throttle", method, lambda: policies.throttle_stage(shared.throttle(method))
            )
        if self._is_on("bulkhead", method):
            yield from self._made(
                "bulkhead", method, lambda: BulkheadStage(shared.bulkhead(method))
            )
        if self._is_on("adaptive-limit", method):
            yield from self._made("adaptive-limit", method, lambda: self._adaptive_limit(method))
        yield AttemptTimeoutStage(self._attempt_timeout(method), port_bounds=self._port_bounds)
        if self._is_on("deadline-header", method):
            yield from self._made("deadline-header", method, lambda: self._deadline_header(method))
        if self._is_on("chaos", method):
            yield from self._made("chaos", method, lambda: self._chaos(method))

    def _hedge(self, method: MethodPlan) -> HedgeStage:
        hedge = self.shared.hedge(method, self.shared.retry_budget(method))
        return HedgeStage(hedge, may_hedge(method))

    def _adaptive_limit(self, method: MethodPlan) -> Stage:
        limiter = self.shared.adaptive_limiter(method)
        self._listen(limiter)
        return policies.adaptive_limiter_stage(limiter)

    def _attempt_timeout(self, method: MethodPlan) -> float | None:
        settings = self._settings
        attempt = settings.seconds("timeout", method.name)
        total = settings.seconds("total-timeout", method.name)
        return total if attempt is not None and total is not None and attempt > total else attempt

    def _deadline_header(self, method: MethodPlan) -> DeadlineHeaderStage:
        figures = self.shared.figures("deadline-header", method)
        name = figures.need("name", "which header tells the time that is left")
        if not is_header_to_set(name):
            raise ValueError(f"{name!r} is no header name, or not a caller's to set")
        return DeadlineHeaderStage(name, figures["format"])

    def _chaos(self, method: MethodPlan) -> HttpChaosStage:
        stage = HttpChaosStage(chaos(self.shared.figures("chaos", method)))
        _logger.warning(
            "Chaos is on", extra={"operation": method.operation, "chaos": stage.describe()}
        )
        return stage

    # What they share

    def shares(self, method: MethodPlan) -> bool:
        """Whether identical calls of a method may get one response."""
        return self._wanted("single-flight", method)

    def _is_on(self, section: str, method: MethodPlan) -> bool:
        return bool(self._settings.switch(section, method.name).value)

    def _wanted(self, section: str, method: MethodPlan) -> bool:
        """Whether a stage is on that not every method can have."""
        if not self._is_on(section, method):
            return False
        reason = why_not(section, method)
        if reason is None:
            return True
        if self._settings.asks(section, method.name):
            self._wrong(method, f"{section}: {reason}")
        else:
            told = self._left_out.setdefault(method.name, [])
            if f"{section}: {reason}" not in told:
                told.append(f"{section}: {reason}")
        return False

    def _made(self, section: str, method: MethodPlan, make: Callable[[], T]) -> Iterator[T]:
        """What ``make`` makes; nothing if it cannot, which is noted."""
        try:
            yield make()
        except (TypeError, ValueError) as error:
            given = self.shared.figures(section, method).told()
            self._wrong(method, f"{section}: {error}{f' [{given}]' if given else ''}")

    def _wrong(self, method: MethodPlan, what: str) -> None:
        mistake = f"{method.operation}: {what}"
        if mistake not in self.mistakes:
            self.mistakes.append(mistake)

    def _listen(self, policy: CircuitBreaker | AdaptiveLimiter) -> None:
        """Hear what a policy tells its own listeners, once."""
        if id(policy) not in self._forget:
            self._forget[id(policy)] = policy.events.subscribe(self._events.emit, only=_TOLD)

    # The end

    async def drain(self) -> None:
        """Wait for the end of attempts that lost a race: before their connections are closed."""
        for hedge in self.shared.all_of(Hedge):
            await hedge.drain()

    def forget(self) -> None:
        """Stop listening to policies that others may share."""
        for forget in self._forget.values():
            forget()
