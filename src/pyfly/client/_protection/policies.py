"""From the settings of a section to the policy that they describe.

The instance that code gave is used as it is, and so shared, as long as the configuration has
changed none of its settings; else a new one is made, with what only code can say taken over.

All of them raise ``ValueError`` (or ``TypeError``) if the settings contradict each other.
"""

from __future__ import annotations

from pyfly.client._call.failure_classification import is_drop, is_rejection
from pyfly.client._settings.policy_settings import PolicySettings
from pyfly.resilience import (
    AdaptiveLimiter,
    AdaptiveLimiterStage,
    AIMDPolicy,
    Bulkhead,
    CircuitBreaker,
    CircuitBreakerPolicy,
    Clock,
    CountWindow,
    Gradient2Policy,
    Hedge,
    RateLimiter,
    RetryBudget,
    RetryPolicy,
    Throttle,
    ThrottleStage,
    TimeWindow,
)

__all__ = [
    "adaptive_limiter",
    "adaptive_limiter_stage",
    "bulkhead",
    "circuit_breaker",
    "circuit_breaker_policy",
    "hedge",
    "rate_limiter",
    "retry_budget",
    "retry_policy",
    "throttle",
    "throttle_stage",
]


def retry_policy(figures: PolicySettings) -> RetryPolicy:
    """How often an attempt is repeated."""
    arguments = figures.arguments(
        "max_attempts", "base_delay", "max_delay", "multiplier", "jitter", "max_retry_after"
    )
    source = figures.part(RetryPolicy)
    if source is None:
        return RetryPolicy(**arguments)
    changed: RetryPolicy = source.replace(**{"max_delay": None, **arguments})
    return changed


def retry_budget(figures: PolicySettings, clock: Clock) -> RetryBudget:
    """What bounds the retries and hedges."""
    source = figures.whole(RetryBudget)
    if source is not None:
        return source
    figures.refuse_unused()
    if figures["form"] == "ratio":
        given = figures.arguments("ratio", "window", "per_second")
        return RetryBudget.ratio(given["ratio"], given["window"], given["per_second"], clock=clock)
    return RetryBudget(**figures.arguments("ratio", "max_tokens", "per_second"), clock=clock)


def circuit_breaker(figures: PolicySettings, name: str, clock: Clock) -> CircuitBreaker:
    """A circuit of its own, or the one that code gave."""
    source = figures.part(CircuitBreaker)
    if source is not None and figures.whole(CircuitBreaker) is source:
        return source
    return CircuitBreaker(
        policy=circuit_breaker_policy(figures),
        name=name,
        is_failure=None if source is None else source.is_failure,
        clock=clock,
    )


def circuit_breaker_policy(figures: PolicySettings) -> CircuitBreakerPolicy:
    """When it opens and closes."""
    window = _window(figures)
    arguments = figures.arguments(
        "failure_threshold",
        "recovery_timeout",
        "half_open_permits",
        "half_open_timeout",
        "recovery_multiplier",
        "max_recovery_timeout",
    )
    if window is not None:  # it judges by rates, whatever threshold holds elsewhere
        arguments.pop("failure_threshold", None)
    return CircuitBreakerPolicy(**arguments, window=window)


def _window(figures: PolicySettings) -> CountWindow | TimeWindow | None:
    kind = figures["window.type"]
    figures.refuse_unused()
    if kind is None:
        return None
    names = ("failure_rate", "minimum_calls", "slow_rate", "slow_duration")
    arguments = {
        name: figures[f"window.{name.replace('_', '-')}"]
        for name in names
        if figures[f"window.{name.replace('_', '-')}"] is not None
    }
    if kind == "count":
        return CountWindow(figures["window.size"], **arguments)
    return TimeWindow(figures["window.span"], **arguments)


def bulkhead(figures: PolicySettings, name: str, clock: Clock) -> Bulkhead:
    """How many attempts run at once."""
    source = figures.whole(Bulkhead)
    if source is not None:
        return source
    most = figures.need("max-concurrent", "how many attempts may run at once")
    return Bulkhead(most, figures["max-queue"], figures["max-wait"], name=name, clock=clock)


def rate_limiter(figures: PolicySettings, name: str, clock: Clock) -> RateLimiter:
    """How many attempts begin in a second."""
    source = figures.whole(RateLimiter)
    if source is not None:
        return source
    figures.need("rate", "how many attempts may begin per second")
    return RateLimiter(
        **figures.arguments("rate", "per", "burst"),
        max_wait=figures["max-wait"],
        name=name,
        clock=clock,
    )


def throttle(figures: PolicySettings, name: str, clock: Clock) -> Throttle:
    """When attempts are held back."""
    source = figures.part(Throttle)
    if source is not None and figures.whole(Throttle) is source:
        return source
    rule = None if source is None else source.is_rejection
    return Throttle(**figures.arguments("k", "window"), is_rejection=rule, name=name, clock=clock)


def throttle_stage(of: Throttle) -> ThrottleStage:
    """The throttle in a client, which knows what a 429 and a 503 say."""
    return ThrottleStage(of, is_rejection)


_GRADIENT2 = ("smoothing", "long_window", "rtt_tolerance", "queue_size", "window")
_AIMD = ("backoff_ratio", "timeout")


def adaptive_limiter(figures: PolicySettings, name: str, clock: Clock) -> AdaptiveLimiter:
    """A bound on the attempts at once that finds itself."""
    source = figures.part(AdaptiveLimiter)
    if source is not None and figures.whole(AdaptiveLimiter) is source:
        return source
    kind = figures["algorithm"]
    figures.refuse_unused()
    own = _GRADIENT2 if kind == "gradient2" else _AIMD
    arguments = figures.arguments("initial_limit", "min_limit", "max_limit", *own)
    policy = Gradient2Policy(**arguments) if kind == "gradient2" else AIMDPolicy(**arguments)
    rule = None if source is None else source.is_drop
    return AdaptiveLimiter(policy, is_drop=rule, name=name, clock=clock)


def adaptive_limiter_stage(of: AdaptiveLimiter) -> AdaptiveLimiterStage:
    """The limiter in a client, which knows what a 429 and a 503 say."""
    return AdaptiveLimiterStage(of, is_drop)


def hedge(figures: PolicySettings, budget: RetryBudget | None, clock: Clock) -> Hedge:
    """When an attempt is sent once more beside itself, within the client's budget."""
    source = figures.part(Hedge)
    if source is not None and source.budget is not None and source.budget is not budget:
        raise ValueError(
            "the Hedge has a budget of its own, and retries and hedges of a call share one "
            "(give it as retry_budget=…)"
        )
    if source is not None and source.budget is budget and figures.whole(Hedge) is source:
        return source
    if figures["delay"] is None and figures["quantile"] is None:
        raise ValueError("nothing says when to hedge (set delay, or quantile, or enabled: false)")
    arguments = figures.arguments("delay", "quantile", "max_hedges", "min_samples")
    return Hedge(**arguments, budget=budget, clock=clock)
