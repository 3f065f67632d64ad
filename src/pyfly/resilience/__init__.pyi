"""The public names of :mod:`pyfly.resilience`, and where each lives: the one list of them."""

from pyfly.resilience.adaptive_limiter.limiter import (
    AdaptiveLimiter as AdaptiveLimiter,
    AdaptiveLimiterSnapshot as AdaptiveLimiterSnapshot,
)
from pyfly.resilience.adaptive_limiter.policy import (
    AIMDPolicy as AIMDPolicy,
    Gradient2Policy as Gradient2Policy,
)
from pyfly.resilience.adaptive_limiter.stage import AdaptiveLimiterStage as AdaptiveLimiterStage
from pyfly.resilience.assembly import ORDER as ORDER, assemble as assemble
from pyfly.resilience.bulkhead.bulkhead import (
    Bulkhead as Bulkhead,
    BulkheadSnapshot as BulkheadSnapshot,
)
from pyfly.resilience.bulkhead.stage import BulkheadStage as BulkheadStage
from pyfly.resilience.call import AttemptRecord as AttemptRecord, Call as Call
from pyfly.resilience.chaos.chaos import Chaos as Chaos
from pyfly.resilience.chaos.stage import ChaosInjected as ChaosInjected
from pyfly.resilience.chaos.stage import ChaosStage as ChaosStage
from pyfly.resilience.circuit_breaker.circuit_breaker import CircuitBreaker as CircuitBreaker
from pyfly.resilience.circuit_breaker.failure_rule import FailureRule as FailureRule
from pyfly.resilience.circuit_breaker.policy import (
    CircuitBreakerPolicy as CircuitBreakerPolicy,
    CountWindow as CountWindow,
    TimeWindow as TimeWindow,
)
from pyfly.resilience.circuit_breaker.state import (
    CircuitBreakerSnapshot as CircuitBreakerSnapshot,
)
from pyfly.resilience.circuit_breaker.stage import CircuitBreakerStage as CircuitBreakerStage
from pyfly.resilience.circuit_breaker.state import CircuitMode as CircuitMode
from pyfly.resilience.events import CircuitState as CircuitState
from pyfly.resilience.clock import (
    SYSTEM_CLOCK as SYSTEM_CLOCK,
    Clock as Clock,
    SystemClock as SystemClock,
)
from pyfly.resilience.deadlines import (
    DeadlineFormat as DeadlineFormat,
    format_deadline as format_deadline,
    parse_deadline as parse_deadline,
)
from pyfly.resilience.deadlines import (
    current_deadline as current_deadline,
    deadline as deadline,
    deadline_until as deadline_until,
    detached as detached,
)
from pyfly.resilience.events import (
    AttemptFailed as AttemptFailed,
    AttemptStarted as AttemptStarted,
    AttemptSucceeded as AttemptSucceeded,
    BudgetEmpty as BudgetEmpty,
    CallFailed as CallFailed,
    CallStarted as CallStarted,
    CallSucceeded as CallSucceeded,
    CircuitTransition as CircuitTransition,
    DeadlineExceeded as DeadlineExceeded,
    Event as Event,
    Events as Events,
    History as History,
    Listener as Listener,
    PermitRefused as PermitRefused,
    RefusalWithheld as RefusalWithheld,
    RetryScheduled as RetryScheduled,
    RetrySuppressed as RetrySuppressed,
)
from pyfly.resilience.fallback.fallback import FallbackUsed as FallbackUsed
from pyfly.resilience.fallback.fallback import Fallback as Fallback
from pyfly.resilience.fallback.stage import FallbackStage as FallbackStage
from pyfly.resilience.events import (
    HedgeFailed as HedgeFailed,
    HedgeSent as HedgeSent,
    HedgeSuppressed as HedgeSuppressed,
    HedgeWon as HedgeWon,
)
from pyfly.resilience.hedge.hedge import Hedge as Hedge
from pyfly.resilience.hedge.stage import HedgeStage as HedgeStage
from pyfly.resilience.events import LimitChanged as LimitChanged
from pyfly.resilience.pipeline import (
    Handler as Handler,
    Pipeline as Pipeline,
    Stage as Stage,
    SyncHandler as SyncHandler,
)
from pyfly.resilience.rate_limiter.limiter import (
    RateLimiter as RateLimiter,
    RateLimiterSnapshot as RateLimiterSnapshot,
)
from pyfly.resilience.rate_limiter.stage import RateLimiterStage as RateLimiterStage
from pyfly.resilience.retry.policy import UnwantedResultException as UnwantedResultException
from pyfly.resilience.retry.history import AttemptSummary as AttemptSummary
from pyfly.resilience.retry.policy import RetryPolicy as RetryPolicy
from pyfly.resilience.retry.stage import RetryStage as RetryStage
from pyfly.resilience.retry_budget.budget import RetryBudget as RetryBudget
from pyfly.resilience.single_flight.table import FlightJoined as FlightJoined
from pyfly.resilience.single_flight.single_flight import SingleFlight as SingleFlight
from pyfly.resilience.single_flight.stage import SingleFlightStage as SingleFlightStage
from pyfly.resilience.throttle.policy import ThrottledException as ThrottledException
from pyfly.resilience.throttle.stage import ThrottleStage as ThrottleStage
from pyfly.resilience.throttle.throttle import (
    Throttle as Throttle,
    ThrottleSnapshot as ThrottleSnapshot,
)
from pyfly.resilience.timeout.policy import TimeoutPolicy as TimeoutPolicy
from pyfly.resilience.timeout.stage import (
    AttemptTimeoutStage as AttemptTimeoutStage,
    TotalTimeoutStage as TotalTimeoutStage,
)
