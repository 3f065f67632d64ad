"""Protection for calls to things that fail: circuit breaker, retry, timeouts, budgets.

Each policy works alone around any function, and as a stage of a :class:`Pipeline`. Nothing
here knows of HTTP.
"""

from typing import TYPE_CHECKING

from pyfly.kernel.front_door import front_door

if TYPE_CHECKING:
    from pyfly.resilience.adaptive_limiter.limiter import AdaptiveLimiter, AdaptiveLimiterSnapshot
    from pyfly.resilience.adaptive_limiter.policy import AIMDPolicy, Gradient2Policy
    from pyfly.resilience.adaptive_limiter.stage import AdaptiveLimiterStage
    from pyfly.resilience.assembly import ORDER, assemble
    from pyfly.resilience.bulkhead.bulkhead import Bulkhead, BulkheadSnapshot
    from pyfly.resilience.bulkhead.stage import BulkheadStage
    from pyfly.resilience.call import AttemptRecord, Call
    from pyfly.resilience.chaos.chaos import Chaos
    from pyfly.resilience.chaos.events import ChaosInjected
    from pyfly.resilience.chaos.stage import ChaosStage
    from pyfly.resilience.circuit_breaker.breaker import CircuitBreaker
    from pyfly.resilience.circuit_breaker.failure_rule import FailureRule
    from pyfly.resilience.circuit_breaker.policy import (
        CircuitBreakerPolicy,
        CountWindow,
        TimeWindow,
    )
    from pyfly.resilience.circuit_breaker.snapshot import CircuitBreakerSnapshot
    from pyfly.resilience.circuit_breaker.stage import CircuitBreakerStage
    from pyfly.resilience.circuit_breaker.state import CircuitMode
    from pyfly.resilience.circuit_state import CircuitState
    from pyfly.resilience.clock import SYSTEM_CLOCK, Clock, SystemClock
    from pyfly.resilience.deadline_header import DeadlineFormat, format_deadline, parse_deadline
    from pyfly.resilience.deadlines import current_deadline, deadline, deadline_until, detached
    from pyfly.resilience.events import (
        AttemptFailed,
        AttemptStarted,
        AttemptSucceeded,
        BudgetEmpty,
        CallFailed,
        CallStarted,
        CallSucceeded,
        CircuitTransition,
        DeadlineExceeded,
        Event,
        Events,
        History,
        Listener,
        PermitRefused,
        RefusalWithheld,
        RetryScheduled,
        RetrySuppressed,
    )
    from pyfly.resilience.fallback.events import FallbackUsed
    from pyfly.resilience.fallback.fallback import Fallback
    from pyfly.resilience.fallback.stage import FallbackStage
    from pyfly.resilience.hedge.events import HedgeFailed, HedgeSent, HedgeSuppressed, HedgeWon
    from pyfly.resilience.hedge.hedge import Hedge
    from pyfly.resilience.hedge.stage import HedgeStage
    from pyfly.resilience.limit_events import LimitChanged
    from pyfly.resilience.pipeline import Handler, Pipeline, Stage, SyncHandler
    from pyfly.resilience.rate_limiter.limiter import RateLimiter, RateLimiterSnapshot
    from pyfly.resilience.rate_limiter.stage import RateLimiterStage
    from pyfly.resilience.retry.errors import UnwantedResultException
    from pyfly.resilience.retry.history import AttemptSummary
    from pyfly.resilience.retry.policy import RetryPolicy
    from pyfly.resilience.retry.stage import RetryStage
    from pyfly.resilience.retry_budget.budget import RetryBudget
    from pyfly.resilience.single_flight.events import FlightJoined
    from pyfly.resilience.single_flight.single_flight import SingleFlight
    from pyfly.resilience.single_flight.stage import SingleFlightStage
    from pyfly.resilience.throttle.errors import ThrottledException
    from pyfly.resilience.throttle.stage import ThrottleStage
    from pyfly.resilience.throttle.throttle import Throttle, ThrottleSnapshot
    from pyfly.resilience.timeout.policy import TimeoutPolicy
    from pyfly.resilience.timeout.stage import AttemptTimeoutStage, TotalTimeoutStage

__all__ = [
    "ORDER",
    "SYSTEM_CLOCK",
    "AIMDPolicy",
    "AdaptiveLimiter",
    "AdaptiveLimiterSnapshot",
    "AdaptiveLimiterStage",
    "AttemptFailed",
    "AttemptRecord",
    "AttemptStarted",
    "AttemptSucceeded",
    "AttemptSummary",
    "AttemptTimeoutStage",
    "BudgetEmpty",
    "Bulkhead",
    "BulkheadSnapshot",
    "BulkheadStage",
    "Call",
    "CallFailed",
    "CallStarted",
    "CallSucceeded",
    "Chaos",
    "ChaosInjected",
    "ChaosStage",
    "CircuitBreaker",
    "CircuitBreakerPolicy",
    "CircuitBreakerSnapshot",
    "CircuitBreakerStage",
    "CircuitMode",
    "CircuitState",
    "CircuitTransition",
    "Clock",
    "CountWindow",
    "DeadlineExceeded",
    "DeadlineFormat",
    "Event",
    "Events",
    "FailureRule",
    "Fallback",
    "FallbackStage",
    "FallbackUsed",
    "FlightJoined",
    "Gradient2Policy",
    "Handler",
    "Hedge",
    "HedgeFailed",
    "HedgeSent",
    "HedgeStage",
    "HedgeSuppressed",
    "HedgeWon",
    "History",
    "LimitChanged",
    "Listener",
    "PermitRefused",
    "Pipeline",
    "RateLimiter",
    "RateLimiterSnapshot",
    "RateLimiterStage",
    "RefusalWithheld",
    "RetryBudget",
    "RetryPolicy",
    "RetryScheduled",
    "RetryStage",
    "RetrySuppressed",
    "SingleFlight",
    "SingleFlightStage",
    "Stage",
    "SyncHandler",
    "SystemClock",
    "Throttle",
    "ThrottleSnapshot",
    "ThrottleStage",
    "ThrottledException",
    "TimeWindow",
    "TimeoutPolicy",
    "TotalTimeoutStage",
    "UnwantedResultException",
    "assemble",
    "current_deadline",
    "deadline",
    "deadline_until",
    "detached",
    "format_deadline",
    "parse_deadline",
]

_HOMES = {
    "ORDER": "assembly",
    "SYSTEM_CLOCK": "clock",
    "AIMDPolicy": "adaptive_limiter.policy",
    "AdaptiveLimiter": "adaptive_limiter.limiter",
    "AdaptiveLimiterSnapshot": "adaptive_limiter.limiter",
    "AdaptiveLimiterStage": "adaptive_limiter.stage",
    "AttemptFailed": "events",
    "AttemptRecord": "call",
    "AttemptStarted": "events",
    "AttemptSucceeded": "events",
    "AttemptSummary": "retry.history",
    "AttemptTimeoutStage": "timeout.stage",
    "BudgetEmpty": "events",
    "Bulkhead": "bulkhead.bulkhead",
    "BulkheadSnapshot": "bulkhead.bulkhead",
    "BulkheadStage": "bulkhead.stage",
    "Call": "call",
    "CallFailed": "events",
    "CallStarted": "events",
    "CallSucceeded": "events",
    "Chaos": "chaos.chaos",
    "ChaosInjected": "chaos.events",
    "ChaosStage": "chaos.stage",
    "CircuitBreaker": "circuit_breaker.breaker",
    "CircuitBreakerPolicy": "circuit_breaker.policy",
    "CircuitBreakerSnapshot": "circuit_breaker.snapshot",
    "CircuitBreakerStage": "circuit_breaker.stage",
    "CircuitMode": "circuit_breaker.state",
    "CircuitState": "circuit_state",
    "CircuitTransition": "events",
    "Clock": "clock",
    "CountWindow": "circuit_breaker.policy",
    "DeadlineExceeded": "events",
    "DeadlineFormat": "deadline_header",
    "Event": "events",
    "Events": "events",
    "FailureRule": "circuit_breaker.failure_rule",
    "Fallback": "fallback.fallback",
    "FallbackStage": "fallback.stage",
    "FallbackUsed": "fallback.events",
    "FlightJoined": "single_flight.events",
    "Gradient2Policy": "adaptive_limiter.policy",
    "Handler": "pipeline",
    "Hedge": "hedge.hedge",
    "HedgeFailed": "hedge.events",
    "HedgeSent": "hedge.events",
    "HedgeStage": "hedge.stage",
    "HedgeSuppressed": "hedge.events",
    "HedgeWon": "hedge.events",
    "History": "events",
    "LimitChanged": "limit_events",
    "Listener": "events",
    "PermitRefused": "events",
    "Pipeline": "pipeline",
    "RateLimiter": "rate_limiter.limiter",
    "RateLimiterSnapshot": "rate_limiter.limiter",
    "RateLimiterStage": "rate_limiter.stage",
    "RefusalWithheld": "events",
    "RetryBudget": "retry_budget.budget",
    "RetryPolicy": "retry.policy",
    "RetryScheduled": "events",
    "RetryStage": "retry.stage",
    "RetrySuppressed": "events",
    "SingleFlight": "single_flight.single_flight",
    "SingleFlightStage": "single_flight.stage",
    "Stage": "pipeline",
    "SyncHandler": "pipeline",
    "SystemClock": "clock",
    "Throttle": "throttle.throttle",
    "ThrottleSnapshot": "throttle.throttle",
    "ThrottleStage": "throttle.stage",
    "ThrottledException": "throttle.errors",
    "TimeWindow": "circuit_breaker.policy",
    "TimeoutPolicy": "timeout.policy",
    "TotalTimeoutStage": "timeout.stage",
    "UnwantedResultException": "retry.errors",
    "assemble": "assembly",
    "current_deadline": "deadlines",
    "deadline": "deadlines",
    "deadline_until": "deadlines",
    "detached": "deadlines",
    "format_deadline": "deadline_header",
    "parse_deadline": "deadline_header",
}

if not TYPE_CHECKING:  # a checker that saw it would take every misspelt name
    __getattr__, __dir__ = front_door(__name__, _HOMES)
