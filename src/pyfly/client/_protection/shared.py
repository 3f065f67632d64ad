"""The policies with a state, made once and shared by the methods they are for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pyfly.client._protection import policies
from pyfly.client._settings.config import Settings
from pyfly.client._settings.policy_settings import PolicySettings
from pyfly.client.plan import MethodPlan
from pyfly.resilience import (
    AdaptiveLimiter,
    Bulkhead,
    CircuitBreaker,
    CircuitBreakerPolicy,
    Clock,
    Hedge,
    RateLimiter,
    RetryBudget,
    SingleFlight,
    Throttle,
)

__all__ = ["HostBreakers", "SharedPolicies"]

T = TypeVar("T")

HostBreakers = dict[tuple[str, CircuitBreakerPolicy], CircuitBreaker]
"""The circuits that the clients of a context have in common, by host and settings."""


class SharedPolicies:
    """What the methods of one client share.

    All of them have one bulkhead, one limiter, one circuit …; a method whose own level gives
    figures for a policy has one of its own.

    Args:
        client: The client's name, for errors and events.
        settings: Its settings.
        clock: Where the time comes from.
        host: Where its requests go, such as ``inventory:8080``; ``""`` if the port keeps that
            to itself.
        host_breakers: The circuits of hosts.
    """

    def __init__(
        self,
        client: str,
        settings: Settings,
        clock: Clock,
        host: str,
        host_breakers: HostBreakers,
    ) -> None:
        self._client = client
        self._settings = settings
        self._clock = clock
        self._host = host
        self._host_breakers = host_breakers
        self._made: dict[tuple[str, str | None], Any] = {}

    def figures(self, section: str, method: MethodPlan) -> PolicySettings:
        """The settings of a policy for a method."""
        return PolicySettings(self._settings, section, method.name)

    def _one(
        self,
        section: str,
        method: MethodPlan,
        make: Callable[[PolicySettings, str], T],
        own: bool = False,
    ) -> T:
        """The policy of a method, which is that of others as well unless it is its own."""
        own = own or self._settings.is_own(section, method.name)
        scope = method.name if own else None
        if (section, scope) not in self._made:
            name = method.operation if own else self._client
            self._made[section, scope] = make(self.figures(section, method), name)
        found: T = self._made[section, scope]
        return found

    def retry_budget(self, method: MethodPlan) -> RetryBudget | None:
        """What bounds its retries and hedges; None if nothing does."""
        if not self._settings.value("retry.budget", method.name):
            return None
        return self._one(
            "retry-budget", method, lambda of, _: policies.retry_budget(of, self._clock)
        )

    def circuit_breaker(self, method: MethodPlan) -> CircuitBreaker:
        """Its circuit: the client's, its own, or that of the host."""
        per = self._settings.value("circuit-breaker.per")
        if per == "host":
            return self._one("circuit-breaker", method, self._host_breaker)
        return self._one(
            "circuit-breaker",
            method,
            lambda of, name: policies.circuit_breaker(of, name, self._clock),
            own=per == "method",
        )

    def _host_breaker(self, figures: PolicySettings, name: str) -> CircuitBreaker:
        given = figures.whole(CircuitBreaker)
        if given is not None:
            return given
        if not self._host:
            raise ValueError(
                "per is host, but the port does not say where its requests go (set per to "
                "client or method, or give the client a base URL)"
            )
        key = self._host, policies.circuit_breaker_policy(figures)
        breaker = self._host_breakers.get(key)
        if breaker is None:
            breaker = policies.circuit_breaker(figures, self._host, self._clock)
            self._host_breakers[key] = breaker
        return breaker

    def bulkhead(self, method: MethodPlan) -> Bulkhead:
        """How many of its attempts run at once."""
        return self._one(
            "bulkhead", method, lambda of, name: policies.bulkhead(of, name, self._clock)
        )

    def rate_limiter(self, method: MethodPlan) -> RateLimiter:
        """How many of its attempts begin in a second."""
        return self._one(
            "rate-limiter", method, lambda of, name: policies.rate_limiter(of, name, self._clock)
        )

    def throttle(self, method: MethodPlan) -> Throttle:
        """Whether its attempts are held back."""
        return self._one(
            "throttle", method, lambda of, name: policies.throttle(of, name, self._clock)
        )

    def adaptive_limiter(self, method: MethodPlan) -> AdaptiveLimiter:
        """How many of its attempts run at once, as the service can take."""
        return self._one(
            "adaptive-limit",
            method,
            lambda of, name: policies.adaptive_limiter(of, name, self._clock),
        )

    def hedge(self, method: MethodPlan, budget: RetryBudget | None) -> Hedge:
        """When its attempts are sent once more: each method has latencies of its own."""
        return self._one(
            "hedge", method, lambda of, _: policies.hedge(of, budget, self._clock), own=True
        )

    def single_flight(self, method: MethodPlan) -> SingleFlight:
        """Its calls under way; their keys tell the methods apart."""
        return self._one("single-flight", method, lambda *_: SingleFlight(clock=self._clock))

    def all_of(self, kind: type[T]) -> list[T]:
        """Every policy of a kind that was made, each once."""
        found = {id(made): made for made in self._made.values() if isinstance(made, kind)}
        return list(found.values())
