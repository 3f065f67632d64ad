"""Protection for calls to things that fail: circuit breaker, retry, timeouts, budgets.

Each policy works alone around any function, and as a stage of a :class:`Pipeline`. Nothing
here knows of HTTP.
"""

from __future__ import annotations

from pyfly.resilience.assemble import ORDER, assemble
from pyfly.resilience.call import AttemptRecord, Call
from pyfly.resilience.circuit_breaker.breaker import CircuitBreaker
from pyfly.resilience.circuit_breaker.policy import CircuitBreakerPolicy
from pyfly.resilience.circuit_breaker.stage import CircuitBreakerStage
from pyfly.resilience.circuit_state import CircuitState
from pyfly.resilience.clock import SYSTEM_CLOCK, Clock, SystemClock
from pyfly.resilience.deadlines import current_deadline, deadline, detached
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
    RetryScheduled,
    RetrySuppressed,
)
from pyfly.resilience.pipeline import Handler, Pipeline, Stage, SyncHandler
from pyfly.resilience.retry.history import AttemptSummary
from pyfly.resilience.retry.policy import RetryPolicy
from pyfly.resilience.retry.stage import RetryStage
from pyfly.resilience.retry_budget.budget import RetryBudget
from pyfly.resilience.timeout.policy import TimeoutPolicy
from pyfly.resilience.timeout.stage import AttemptTimeoutStage, TotalTimeoutStage

__all__ = [
    "ORDER",
    "SYSTEM_CLOCK",
    "AttemptFailed",
    "AttemptRecord",
    "AttemptStarted",
    "AttemptSucceeded",
    "AttemptSummary",
    "AttemptTimeoutStage",
    "BudgetEmpty",
    "Call",
    "CallFailed",
    "CallStarted",
    "CallSucceeded",
    "CircuitBreaker",
    "CircuitBreakerPolicy",
    "CircuitBreakerStage",
    "CircuitState",
    "CircuitTransition",
    "Clock",
    "DeadlineExceeded",
    "Event",
    "Events",
    "Handler",
    "History",
    "Listener",
    "PermitRefused",
    "Pipeline",
    "RetryBudget",
    "RetryPolicy",
    "RetryScheduled",
    "RetryStage",
    "RetrySuppressed",
    "Stage",
    "SyncHandler",
    "SystemClock",
    "TimeoutPolicy",
    "TotalTimeoutStage",
    "assemble",
    "current_deadline",
    "deadline",
    "detached",
]
