"""The stages of each method of a client."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from pyfly.client._call.failure_classification import (
    is_answer,
    is_drop,
    is_rejection,
    may_hedge,
    may_retry,
    never_retried,
    speaks_against_service,
    why_no_hedge,
)
from pyfly.client._compile.policies import is_header_to_set
from pyfly.client._protection.shared import HostBreakers, SharedPolicies
from pyfly.client._protection.stages import (
    DeadlineHeaderStage,
    HttpChaosStage,
    RequestFlightStage,
)
from pyfly.client._settings.config import Settings
from pyfly.client._settings.constructors import retry_policy
from pyfly.client._settings.table import statuses_of
from pyfly.client.auth.stage import AuthStage
from pyfly.client.interceptors import hooks_of
from pyfly.client.plan import ClientPlan, MethodPlan
from pyfly.resilience import (
    AdaptiveLimiter,
    AdaptiveLimiterStage,
    CircuitBreaker,
    CircuitTransition,
    Clock,
    Event,
    Events,
    Fallback,
    Hedge,
    LimitChanged,
    RefusalWithheld,
    RetryBudget,
    RetryPolicy,
    ThrottleStage,
)
from pyfly.resilience._guard import least
from pyfly.resilience.assembly import assemble
from pyfly.resilience.bulkhead.stage import BulkheadStage
from pyfly.resilience.circuit_breaker.stage import CircuitBreakerStage
from pyfly.resilience.fallback.stage import FallbackStage
from pyfly.resilience.hedge.stage import HedgeStage
from pyfly.resilience.pipeline import Pipeline, Stage
from pyfly.resilience.rate_limiter.stage import RateLimiterStage
from pyfly.resilience.retry.stage import RetryStage
from pyfly.resilience.timeout.stage import AttemptTimeoutStage, TotalTimeoutStage

T = TypeVar("T")
P = TypeVar("P", CircuitBreaker, AdaptiveLimiter)

_logger = logging.getLogger("pyfly.client.chaos")

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
        own_connections: Whether the port is pyfly's, and so raises its exceptions only.
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
        own_connections: bool = True,
        host: str = "",
        host_breakers: HostBreakers | None = None,
    ) -> None:
        self._settings = settings
        self._events = events
        self._port_bounds = port_bounds
        self._own_connections = own_connections
        self._left_out: dict[str, list[str]] = {}
        self._forget: dict[int, Callable[[], None]] = {}
        self.mistakes: list[str] = []
        name = plan.declaration.name or plan.cls.__name__
        hosts = {} if host_breakers is None else host_breakers
        self.shared = SharedPolicies(name, settings, clock, host, hosts)
        made = self.shared.policy
        self._makers: dict[str, Callable[[MethodPlan], Stage]] = {
            "fallback": self._fallback,
            "circuit-breaker": self._breaker,
            "retry": self._retry,
            "hedge": self._hedge,
            "rate-limiter": lambda method: RateLimiterStage(made("rate-limiter", method)),
            "throttle": lambda method: ThrottleStage(made("throttle", method), is_rejection),
            "bulkhead": lambda method: BulkheadStage(made("bulkhead", method)),
            "adaptive-limit": lambda method: AdaptiveLimiterStage(
                self._subscribed(made("adaptive-limit", method)), is_drop
            ),
            "deadline-header": self._deadline_header,
            "chaos": self._chaos,
        }

    def pipeline(self, method: MethodPlan, extra: Sequence[Stage] = ()) -> Pipeline:
        """Returns the stages that calls of a method go through, ``extra`` ones among them.

        What is wrong is added to :attr:`mistakes`, and the pipeline is not to be used.
        """
        before = len(self.mistakes)
        stages = [*extra, *self._timeouts(method)]
        if self.shares(method):
            auth = next((stage for stage in extra if isinstance(stage, AuthStage)), None)
            flights = self.shared.policy("single-flight", method)
            stages.append(RequestFlightStage(flights, method, auth))
        for section, make in self._makers.items():
            # The retry stage numbers the attempts, also where there is only one.
            if section == "retry" or self._has(section, method):
                stage = self._made(section, method, make)
                if stage is not None:
                    stages.append(stage)
        if len(self.mistakes) == before:
            try:
                return assemble(stages)
            except ValueError as error:
                self._mistake(method, str(error))
        return Pipeline(())

    def shares(self, method: MethodPlan) -> bool:
        """Returns whether identical calls of a method may get one response."""
        return self._has("single-flight", method)

    def left_out(self, method: MethodPlan) -> list[str]:
        """Returns the stages that the client's settings ask for and this method cannot have."""
        return self._left_out.get(method.name, [])

    def _is_on(self, section: str, method: MethodPlan) -> bool:
        return bool(self._settings.switch(section, method.name).value)

    def _has(self, section: str, method: MethodPlan) -> bool:
        """Returns whether a method has a stage: it is on, and the method can have it."""
        if not self._is_on(section, method):
            return False
        reason = applicability(section, method)
        if reason is None:
            return True
        text = f"{section}: {reason}"
        left_out = self._left_out.setdefault(method.name, [])
        if self._settings.asks(section, method.name):
            self._mistake(method, text)
        elif text not in left_out:
            left_out.append(text)
        return False

    def _made(
        self, section: str, method: MethodPlan, make: Callable[[MethodPlan], T | None]
    ) -> T | None:
        """Returns what is made from the settings of a policy; None if they are wrong."""
        try:
            return make(method)
        except (TypeError, ValueError) as error:
            given = self._settings.policy(section, method.name).describe()
            self._mistake(method, f"{section}: {error}{f' [{given}]' if given else ''}")
            return None

    def _mistake(self, method: MethodPlan, what: str) -> None:
        mistake = f"{method.operation}: {what}"
        if mistake not in self.mistakes:
            self.mistakes.append(mistake)

    # The stages

    def _timeouts(self, method: MethodPlan) -> Iterable[Stage]:
        total = self._settings.seconds("total-timeout", method.name)
        attempt = AttemptTimeoutStage(self._attempt_timeout(method), port_bounds=self._port_bounds)
        return TotalTimeoutStage(total), attempt

    def _attempt_timeout(self, method: MethodPlan) -> float | None:
        attempt = self._settings.seconds("timeout", method.name)
        return least(attempt, self._settings.seconds("total-timeout", method.name))

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
        breaker = self._subscribed(self.shared.circuit_breaker(method))
        return CircuitBreakerStage(
            breaker, speaks_against_service, is_answer, self._attempt_timeout(method)
        )

    def _retry(self, method: MethodPlan) -> RetryStage:
        policy, settings = RetryPolicy(max_attempts=1), self._settings.policy("retry", method.name)
        if self._is_on("retry", method):
            policy = retry_policy(settings)
            reasons = [never_retried(kind, self._own_connections) for kind in policy.retry_on]
            if reasons and None not in reasons:
                raise ValueError(f"retry_on never applies: {'; '.join(map(str, reasons))}")
        bounded = policy.max_attempts > 1 or self._is_on("hedge", method)
        budget = self._budget(method) if bounded else None
        judge = may_retry(method, policy.retry_on, statuses_of(settings["on-status"]))
        return RetryStage(policy, may_retry=judge, budget=budget)

    def _hedge(self, method: MethodPlan) -> HedgeStage:
        return HedgeStage(self.shared.hedge(method, self._budget(method)), may_hedge(method))

    def _budget(self, method: MethodPlan) -> RetryBudget | None:
        return self._made("retry-budget", method, self.shared.retry_budget)

    def _deadline_header(self, method: MethodPlan) -> DeadlineHeaderStage:
        settings = self._settings.policy("deadline-header", method.name)
        name = settings.require("name", "which header tells the time that is left")
        if not is_header_to_set(name):
            raise ValueError(f"{name!r} is no header name, or not a caller's to set")
        return DeadlineHeaderStage(name, settings["format"])

    def _chaos(self, method: MethodPlan) -> HttpChaosStage:
        stage = HttpChaosStage(self._settings.policy("chaos", method.name))
        _logger.warning(
            "Chaos is on", extra={"operation": method.operation, "chaos": stage.describe()}
        )
        return stage

    def _subscribed(self, policy: P) -> P:
        """Returns the policy; the listeners of the client hear what it tells its own."""
        if id(policy) not in self._forget:
            self._forget[id(policy)] = policy.events.subscribe(self._events.emit, only=_TOLD)
        return policy

    # The end

    async def drain(self) -> None:
        """Wait for the end of attempts that lost a race: before their connections are closed."""
        for hedge in self.shared.all_of(Hedge):
            await hedge.drain()

    def forget(self) -> None:
        """Stop listening to policies that others may share."""
        for forget in self._forget.values():
            forget()


def applicability(section: str, method: MethodPlan) -> str | None:
    """Returns why a method cannot have a stage; None if it can."""
    if section in ("fallback", "single-flight", "hedge") and method.stream is not None:
        return "a stream takes none (it is for methods that return a value)"
    if section == "hedge":
        return why_no_hedge(method)
    if section == "single-flight":
        return _why_not_shared(method)
    return None


def _why_not_shared(method: MethodPlan) -> str | None:
    if method.http_method not in ("GET", "HEAD"):
        return f"a {method.http_method} is not shared (only GET and HEAD are)"
    for interceptor in method.interceptors:
        if "before_request" in hooks_of(interceptor):
            name = getattr(interceptor, "__name__", type(interceptor).__name__)
            return (
                f"the interceptor {name} may give each caller's request other headers, so its "
                "calls must not be shared (do without one of them)"
            )
    return None
