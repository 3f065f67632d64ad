"""From the settings of a policy to the policy.

An instance that code gave is used as it is, and so shared, as long as the configuration has
changed none of its settings; else a new one is made, which takes over what only code can say.

All of them raise ``ValueError`` (or ``TypeError``) if the settings contradict each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from pyfly.client._settings.policy_settings import PolicySettings
from pyfly.resilience import (
    AdaptiveLimiter,
    CircuitBreaker,
    CircuitBreakerPolicy,
    Clock,
    Hedge,
    RetryBudget,
    RetryPolicy,
    SingleFlight,
)

T = TypeVar("T")


def _given_or(settings: PolicySettings, kind: type[T], make: Callable[[T | None], T]) -> T:
    """Returns the instance that code gave if nothing changed it; else a new one."""
    source = settings.any_instance(kind)
    if source is not None and settings.sole_instance(kind) is source:
        return source
    return make(source)


def made_of_settings(
    kind: type[T], requires: tuple[str, str] | None = None, keeps: str = ""
) -> Callable[[PolicySettings, str, Clock], T]:
    """Returns the constructor of a policy that takes each of its settings as an argument.

    Args:
        kind: The class of the policy.
        requires: A setting that it cannot do without, and what that says, for the error.
        keeps: What is taken over from an instance that code gave.
    """

    new = cast("Callable[..., T]", kind)

    def construct(settings: PolicySettings, name: str, clock: Clock) -> T:
        def make(source: T | None) -> T:
            if requires is not None:
                settings.require(*requires)
            kept = {keeps: getattr(source, keeps, None)} if keeps else {}
            return new(**settings.arguments(), **kept, name=name, clock=clock)

        return _given_or(settings, kind, make)

    return construct


def retry_policy(settings: PolicySettings, *_: Any) -> RetryPolicy:
    """Returns the policy that says how often an attempt is repeated."""
    source = settings.any_instance(RetryPolicy)
    arguments = settings.arguments()
    arguments.pop("on_status", None)  # which errors may be repeated is told to the stage
    if source is None:
        return RetryPolicy(**arguments)
    changed: RetryPolicy = source.replace(**{"max_delay": None, **arguments})
    return changed


def retry_budget(settings: PolicySettings, _: str, clock: Clock) -> RetryBudget:
    """Returns the budget that bounds retries and hedges."""

    def make(source: RetryBudget | None) -> RetryBudget:
        kind = RetryBudget.ratio if settings.form == "ratio" else RetryBudget
        return kind(**settings.form_arguments(), clock=clock)

    return _given_or(settings, RetryBudget, make)


def circuit_breaker(settings: PolicySettings, name: str, clock: Clock) -> CircuitBreaker:
    """Returns a circuit breaker that knows the failures that code named."""

    def make(source: CircuitBreaker | None) -> CircuitBreaker:
        is_failure = None if source is None else source.is_failure
        policy = circuit_breaker_policy(settings)
        return CircuitBreaker(policy=policy, name=name, is_failure=is_failure, clock=clock)

    return _given_or(settings, CircuitBreaker, make)


def circuit_breaker_policy(settings: PolicySettings) -> CircuitBreakerPolicy:
    """Returns the policy that says when a circuit opens and closes."""
    window = settings.make_form()
    arguments = settings.arguments()
    if window is not None:  # it judges by rates, whatever threshold holds elsewhere
        arguments.pop("failure_threshold", None)
    return CircuitBreakerPolicy(**arguments, window=window)


def adaptive_limiter(settings: PolicySettings, name: str, clock: Clock) -> AdaptiveLimiter:
    """Returns a limit on the attempts at once that adapts to the service."""

    def make(source: AdaptiveLimiter | None) -> AdaptiveLimiter:
        rule = None if source is None else source.is_drop
        return AdaptiveLimiter(settings.make_form(), is_drop=rule, name=name, clock=clock)

    return _given_or(settings, AdaptiveLimiter, make)


def hedge(
    settings: PolicySettings, _: str, clock: Clock, budget: RetryBudget | None = None
) -> Hedge:
    """Returns the hedge that sends an attempt once more, within the budget of the client."""
    source = settings.any_instance(Hedge)
    if source is not None and source.budget is not budget:
        if source.budget is not None:
            raise ValueError(
                "the Hedge has a budget of its own, and retries and hedges of a call share one "
                "(give it as retry_budget=…)"
            )
    elif source is not None and settings.sole_instance(Hedge) is source:
        return source
    if settings["delay"] is None and settings["quantile"] is None:
        raise ValueError("nothing says when to hedge (set delay, or quantile, or enabled: false)")
    return Hedge(**settings.arguments(), budget=budget, clock=clock)


def single_flight(_: PolicySettings, __: str, clock: Clock) -> SingleFlight:
    """Returns the calls that others may share; their keys tell the methods apart."""
    return SingleFlight(clock=clock)
