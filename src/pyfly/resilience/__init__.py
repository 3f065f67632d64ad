"""Protection for calls to things that fail: circuit breaker, retry, timeouts, budgets.

Each policy works alone around any function, and as a stage of a :class:`Pipeline`. Nothing
here knows of HTTP.
"""

from __future__ import annotations

from pyfly.resilience.adaptive_limiter.limiter import AdaptiveLimiter, AdaptiveLimiterSnapshot
from pyfly.resilience.adaptive_limiter.policy import AIMDPolicy, Gradient2Policy
from pyfly.resilience.adaptive_limiter.stage import AdaptiveLimiterStage
from pyfly.resilience.assemble import ORDER, assemble
from pyfly.resilience.bulkhead.bulkhead import Bulkhead, BulkheadSnapshot
from pyfly.resilience.bulkhead.stage import BulkheadStage
from pyfly.resilience.call import AttemptRecord, Call
from pyfly.resilience.chaos.chaos import Chaos
from pyfly.resilience.chaos.events import ChaosInjected
from pyfly.resilience.chaos.stage import ChaosStage
from pyfly.resilience.circuit_breaker.breaker import CircuitBreaker
from pyfly.resilience.circuit_breaker.failure_rule import FailureRule
from pyfly.resilience.circuit_breaker.policy import CircuitBreakerPolicy, CountWindow, TimeWindow
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
