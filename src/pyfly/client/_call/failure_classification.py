"""What a failure means: does it speak against the service, and may the request be repeated?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Set

from pyfly.client._call.idempotency_key import KEY, has_idempotency_key
from pyfly.client.errors import (
    ClientArgumentException,
    ClientDeclarationException,
    ClientStoppedException,
    ConnectException,
    HttpStatusException,
    PaginationException,
    PoolExhaustedException,
    ResponseDecodeException,
    ResponseException,
    StreamStateException,
    TlsException,
    TransportException,
)
from pyfly.client.plan import MethodPlan, ParameterKind
from pyfly.kernel.exceptions import (
    AttemptTimeoutException,
    CircuitBreakerException,
    DeadlineExceededException,
    PyFlyException,
    RefusedException,
)
from pyfly.resilience import UnwantedResultException
from pyfly.resilience.call import Call
from pyfly.resilience.timeout.state import TOTAL_TIMEOUT

#: Timeouts and transport errors among them, yet the same again if the request were repeated.
_FINAL = (DeadlineExceededException, TlsException, PoolExhaustedException, ResponseException)
#: What a call raises before its first attempt or after its last.
_OUTSIDE = (
    CircuitBreakerException,
    ClientArgumentException,
    ClientDeclarationException,
    ClientStoppedException,
    PaginationException,
    ResponseDecodeException,
    StreamStateException,
)
_LIBRARIES = ("aiohttp", "h11", "httpcore", "httpcore2", "httpx", "httpx2")
#: A service that says these has too much to do.
_OVERLOAD_STATUSES = frozenset({429, 503})
#: These ask for another try rather than answer: they prove nothing of a service.
_NO_ANSWER_STATUSES = frozenset({408, 429})


def speaks_against_service(error: BaseException) -> bool:
    """Returns whether a failed attempt counts for the circuit breaker.

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


def is_answer(error: BaseException) -> bool:
    """Whether a failed attempt proves that the service works, though the caller has no value.

    A 404 or a body that is too large does, so it closes a half-open circuit: a client that gets
    nothing else would be half-open for ever. A 408 and a 429 do not.
    """
    if isinstance(error, HttpStatusException):
        return not (speaks_against_service(error) or error.status_code in _NO_ANSWER_STATUSES)
    return isinstance(error, ResponseException)


def is_rejection(error: Exception) -> bool:
    """Returns whether the service turned an attempt away: a 429, a 503, or no answer at all."""
    if isinstance(error, HttpStatusException):
        return error.status_code in _OVERLOAD_STATUSES
    if isinstance(error, DeadlineExceededException):
        return False
    return isinstance(error, (ConnectionError, TimeoutError))


def is_drop(error: Exception) -> bool:
    """Whether the service has too much to do at once: a 429, a 503, or no answer in time."""
    if isinstance(error, HttpStatusException):
        return error.status_code in _OVERLOAD_STATUSES
    return isinstance(error, TimeoutError) and not isinstance(error, DeadlineExceededException)


def is_transient(error: Exception, statuses: Set[int]) -> bool:
    """Returns whether the same request might succeed if it were sent again.

    Args:
        error: What an attempt raised.
        statuses: Those that are tried again, unless the service says otherwise itself.
    """
    if isinstance(error, HttpStatusException):
        told = error.headers.get("x-should-retry", "").strip().lower()
        return told == "true" or (told != "false" and error.status_code in statuses)
    if isinstance(error, UnwantedResultException):
        return True
    if isinstance(error, _FINAL):
        return False
    return isinstance(error, (ConnectionError, TimeoutError, TransportException))


def is_named(error: Exception, kinds: Iterable[type[Exception]]) -> bool:
    """Returns whether ``retry_on`` names an error so exactly that it is repeated whatever it is.

    So do the classes of statuses, and those of a user's own port or interceptor; ``Exception`` and
    the errors of Python's own modules do not, for they are more than one thing.
    """
    return any(
        isinstance(error, kind) and (issubclass(kind, HttpStatusException) or _is_foreign(kind))
        for kind in kinds
    )


def never_retried(kind: type[Exception], own_connections: bool) -> str | None:
    """Returns why naming a class in ``retry_on`` changes nothing; None: it may.

    Args:
        kind: The class.
        own_connections: Whether attempts raise nothing of an HTTP library.
    """
    for never in _OUTSIDE:
        if issubclass(kind, never):
            return f"{kind.__name__} is raised outside the attempts"
    if issubclass(kind, _FINAL) and not issubclass(kind, (HttpStatusException, RefusedException)):
        return f"{kind.__name__} would come again"
    if own_connections and kind.__module__.partition(".")[0] in _LIBRARIES:
        return f"{kind.__module__}.{kind.__name__} is raised as an exception of pyfly.client"
    return None


def _is_foreign(kind: type[Exception]) -> bool:
    return not issubclass(kind, PyFlyException) and (
        kind.__module__.partition(".")[0] not in sys.stdlib_module_names
    )


def may_retry(
    method: MethodPlan, kinds: Iterable[type[Exception]], statuses: Set[int]
) -> Callable[[Call, Exception], str | None]:
    """For one method: None if a failed attempt may be followed by another, else why not.

    Args:
        method: The method.
        kinds: What ``retry_on`` names.
        statuses: The statuses that are tried again.
    """

    def judge(call: Call, error: Exception) -> str | None:
        if isinstance(error, RefusedException):  # nothing was sent, and the policy names it
            return None
        if not is_transient(error, statuses) and not is_named(error, kinds):
            return f"{type(error).__name__} would come again"
        if safe or isinstance(error, ConnectException) or has_idempotency_key(call.payload):
            return None
        return _twice(method)

    safe = method.idempotent or method.retryable
    return judge


def may_hedge(method: MethodPlan) -> Callable[[Call], str | None]:
    """For one method: None if an attempt may be sent once more beside itself, else why not."""

    def judge(call: Call) -> str | None:
        return None if safe or has_idempotency_key(call.payload) else _twice(method)

    safe = method.idempotent
    return judge


def why_no_hedge(method: MethodPlan) -> str | None:
    """Returns why no call of a method can be hedged; None if some can."""
    if not method.asynchronous:
        return "a synchronous call cannot be hedged (declare the client with async def)"
    if method.idempotent or _may_have_key(method):
        return None
    return f"{_twice(method)} (write @idempotent, or @idempotent(key=True), if it may)"


def _may_have_key(method: MethodPlan) -> bool:
    if any(name.lower() == KEY for name in method.headers):
        return True
    return any(
        parameter.kind is ParameterKind.HEADERS or parameter.wire_name.lower() == KEY
        for parameter in method.of_kind(ParameterKind.HEADER, ParameterKind.HEADERS)
    )


def _twice(method: MethodPlan) -> str:
    return f"a {method.http_method} that may have had its effect must not be sent twice"
