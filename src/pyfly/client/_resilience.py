"""From settings to the pipeline of a method."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TypeVar

from pyfly.client._compile.plan import ClientPlan, MethodPlan
from pyfly.client._verdicts import may_retry, speaks_against_service
from pyfly.client.config import Settings
from pyfly.resilience import CircuitBreaker, RetryBudget, RetryPolicy
from pyfly.resilience.assemble import assemble
from pyfly.resilience.circuit_breaker.stage import CircuitBreakerStage
from pyfly.resilience.clock import Clock
from pyfly.resilience.events import CircuitTransition, Events
from pyfly.resilience.pipeline import Pipeline, Stage
from pyfly.resilience.retry.stage import RetryStage
from pyfly.resilience.timeout.stage import AttemptTimeoutStage, TotalTimeoutStage

__all__ = ["Protection"]

T = TypeVar("T")


class Protection:
    """What protects the calls of one client: one circuit breaker and one retry budget.

    Args:
        plan: The client.
        settings: Its settings.
        events: Who hears of the circuit.
        clock: Where the time comes from.
        port_bounds: Whether the port itself ends an attempt in time.
    """

    def __init__(
        self,
        plan: ClientPlan,
        settings: Settings,
        events: Events,
        clock: Clock,
        port_bounds: bool,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._port_bounds = port_bounds
        self._shared_policy = _instance(plan.declaration.resilience["retry"], RetryPolicy)
        self.breaker = self._breaker(plan)
        self.budget = RetryBudget(clock=clock) if settings.value("retry.budget") else None
        self._forget = (
            self.breaker.events.subscribe(events.emit, only=(CircuitTransition,))
            if self.breaker is not None
            else None
        )

    def _breaker(self, plan: ClientPlan) -> CircuitBreaker | None:
        settings = self._settings
        methods = [method.name for method in plan.methods]
        if not any(settings.value("circuit-breaker.enabled", name) for name in methods):
            return None
        shared = _instance(plan.declaration.resilience["circuit_breaker"], CircuitBreaker)
        if shared is not None:
            return shared
        return CircuitBreaker(
            settings.value("circuit-breaker.failure-threshold"),
            settings.value("circuit-breaker.recovery-timeout"),
            name=plan.declaration.name or plan.cls.__name__,
            half_open_permits=settings.value("circuit-breaker.half-open-permits"),
            clock=self._clock,
        )

    def pipeline(self, method: MethodPlan, extra: Iterable[Stage] = ()) -> Pipeline:
        """The stages that calls of a method go through, ``extra`` ones among them."""
        settings, name = self._settings, method.name
        attempt, total = settings.seconds("timeout", name), settings.seconds("total-timeout", name)
        if attempt is not None and total is not None and attempt > total:
            attempt = total
        stages: list[Stage] = [TotalTimeoutStage(total)]
        if self.breaker is not None and settings.value("circuit-breaker.enabled", name):
            breaker = CircuitBreakerStage(self.breaker, speaks_against_service)
            stages += [breaker, breaker.evidence]
        policy = self.retry_policy(method)
        budget = self.budget if policy.max_attempts > 1 else None
        stages.append(RetryStage(policy, may_retry=may_retry(method), budget=budget))
        stages.append(AttemptTimeoutStage(attempt, port_bounds=self._port_bounds))
        return assemble([*stages, *extra])

    def retry_policy(self, method: MethodPlan) -> RetryPolicy:
        """How often an attempt of a method is repeated; once means never."""
        settings, name = self._settings, method.name
        if not settings.value("retry.enabled", name):
            return RetryPolicy(max_attempts=1)
        if self._shared_policy is not None:
            return self._shared_policy
        return RetryPolicy(
            settings.value("retry.max-attempts", name),
            settings.value("retry.base-delay", name) or timedelta(),
            max_retry_after=settings.value("retry.max-retry-after", name),
        )

    def forget(self) -> None:
        """Stop listening to a circuit breaker that others may share."""
        if self._forget is not None:
            self._forget()


def _instance(value: object, kind: type[T]) -> T | None:
    return value if isinstance(value, kind) else None
