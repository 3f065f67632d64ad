"""What a failure means: does it speak against the service, and may the request be repeated?"""

from __future__ import annotations

from collections.abc import Callable

from pyfly.client._compile.plan import MethodPlan
from pyfly.client.errors import (
    ConnectException,
    HttpStatusException,
    PoolExhaustedException,
    ResponseException,
    TlsException,
    TransportException,
)
from pyfly.client.message import Request
from pyfly.kernel.exceptions import (
    AttemptTimeoutException,
    DeadlineExceededException,
    PyFlyException,
)
from pyfly.resilience import UnwantedResultException
from pyfly.resilience.call import Call
from pyfly.resilience.timeout.state import TOTAL_TIMEOUT

__all__ = ["is_transient", "may_retry", "speaks_against_service"]

#: Timeouts and transport errors among them, yet the same again if the request were repeated.
_FINAL = (DeadlineExceededException, TlsException, PoolExhaustedException, ResponseException)
_TRANSIENT_STATUSES = frozenset({408, 429, 500, 502, 503, 504})


def speaks_against_service(error: BaseException) -> bool:
    """Whether a failed attempt counts for the circuit breaker.

    Transport errors, timeouts of an attempt or by the client's total timeout, and 5xx but 501
    do, and so does any exception of a user's own port. What this process decided by itself does
    not, nor a caller's own deadline, nor an answer that says the request was wrong.
    """
    if isinstance(error, HttpStatusException):
        return error.status_code >= 500 and error.status_code != 501
    if isinstance(error, PoolExhaustedException):
        return False
    if isinstance(error, DeadlineExceededException):
        return error.context.get("deadline_source") == TOTAL_TIMEOUT
    if isinstance(error, (TransportException, AttemptTimeoutException)):
        return True
    return isinstance(error, Exception) and not isinstance(error, PyFlyException)


def is_transient(error: Exception) -> bool:
    """Whether the same request might succeed if it were sent again."""
    if isinstance(error, HttpStatusException):
        return error.status_code in _TRANSIENT_STATUSES
    if isinstance(error, UnwantedResultException):
        return True
    if isinstance(error, _FINAL):
        return False
    return isinstance(error, (ConnectionError, TimeoutError, TransportException))


def may_retry(method: MethodPlan) -> Callable[[Call, Exception], str | None]:
    """For one method: None if a failed attempt may be followed by another, else why not."""

    def judge(call: Call, error: Exception) -> str | None:
        if not is_transient(error):
            return f"{type(error).__name__} would come again"
        if safe or isinstance(error, ConnectException) or _has_key(call.payload):
            return None
        return f"a {method.http_method} that may have had its effect must not be sent twice"

    safe = method.idempotent or method.retryable
    return judge


def _has_key(request: Request) -> bool:
    return any(name.lower() == "idempotency-key" for name in request.headers)
