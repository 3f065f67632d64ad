"""The policies with a state, made once and shared by the methods they are for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from pyfly.client._settings.config import Settings
from pyfly.client._settings.constructors import circuit_breaker, circuit_breaker_policy, hedge
from pyfly.client._settings.policy_settings import PolicySettings
from pyfly.client._settings.table import POLICIES
from pyfly.client.plan import MethodPlan
from pyfly.resilience import CircuitBreaker, CircuitBreakerPolicy, Clock, Hedge, RetryBudget

T = TypeVar("T")

HostBreakers = dict[tuple[str, CircuitBreakerPolicy], CircuitBreaker]
"""The circuits that the clients of a context have in common, by host and settings."""


class SharedPolicies:
    """What the methods of one client share.

    All of them have one bulkhead, one limiter, one circuit …; a method whose own level sets
    something of a policy has one of its own.

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

    def policy(
        self,
        section: str,
        method: MethodPlan,
        make: Callable[[PolicySettings, str, Clock], Any] | None = None,
        own: bool = False,
    ) -> Any:
        """Returns the policy of a method, which others have as well unless it is its own.

        Args:
            section: Which policy, such as ``bulkhead``.
            method: The method.
            make: Makes it; default: what its table says.
            own: Whether it is its own, whatever is set.
        """
        own = own or self._settings.is_own(section, method.name)
        scope = method.name if own else None
        if (section, scope) not in self._made:
            make = make or POLICIES[section].make
            assert make is not None  # by the table
            settings = self._settings.policy(section, method.name)
            name = method.operation if own else self._client
            self._made[section, scope] = make(settings, name, self._clock)
        return self._made[section, scope]

    def retry_budget(self, method: MethodPlan) -> RetryBudget | None:
        """Returns what bounds its retries and hedges; None if nothing does."""
        if not self._settings.switch("retry-budget", method.name).value:
            return None
        budget: RetryBudget = self.policy("retry-budget", method)
        return budget

    def circuit_breaker(self, method: MethodPlan) -> CircuitBreaker:
        """Returns its circuit: the client's, its own, or that of the host."""
        per = self._settings.value("circuit-breaker.per")
        make = self._host_breaker if per == "host" else None
        breaker: CircuitBreaker = self.policy("circuit-breaker", method, make, own=per == "method")
        return breaker

    def _host_breaker(self, settings: PolicySettings, name: str, clock: Clock) -> CircuitBreaker:
        given = settings.sole_instance(CircuitBreaker)
        if given is not None:
            return given
        if not self._host:
            raise ValueError(
                "per is host, but the port does not say where its requests go (set per to "
                "client or method, or give the client a base URL)"
            )
        key = self._host, circuit_breaker_policy(settings)
        if key not in self._host_breakers:
            self._host_breakers[key] = circuit_breaker(settings, self._host, clock)
        return self._host_breakers[key]

    def hedge(self, method: MethodPlan, budget: RetryBudget | None) -> Hedge:
        """Returns when its attempts are sent once more: each method has its own latencies."""
        made: Hedge = self.policy("hedge", method, partial(hedge, budget=budget), own=True)
        return made

    def all_of(self, kind: type[T]) -> list[T]:
        """Returns every policy of a kind that was made, each once."""
        found = {id(made): made for made in self._made.values() if isinstance(made, kind)}
        return list(found.values())
