"""What can be said of a method besides its verb and path, in the verb or by a decorator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal, TypedDict, TypeVar, Unpack, overload

from pyfly.kernel.secrets import SecretText, is_secret
from pyfly.resilience import (
    AdaptiveLimiter,
    AIMDPolicy,
    Bulkhead,
    CircuitBreaker,
    CircuitBreakerPolicy,
    DeadlineFormat,
    Fallback,
    Gradient2Policy,
    Hedge,
    RateLimiter,
    RetryBudget,
    RetryPolicy,
    Throttle,
    TimeoutPolicy,
)

F = TypeVar("F", bound=Callable[..., Any])


class VerbOptions(TypedDict, total=False):
    """The keyword arguments of ``@get`` and its siblings, all optional."""

    #: Header fields of every request; ``${placeholders}`` are resolved from the configuration.
    headers: Mapping[str, str]
    #: Query parameters of every request, before the declared ones.
    params: Mapping[str, Any]
    #: What a status raises instead of its own exception; see ``@service_client(errors=…)``.
    errors: Mapping[Any, Any]
    #: ``None``, to return None for a 404 where the annotation is ``T | None``.
    not_found: None
    #: How the pages of a list follow each other; see :class:`~pyfly.client.Page`.
    paginate: Any
    #: Whether server-sent events are continued on a new connection after theirs has ended. By
    #: default those of a method that may be asked twice (``GET``, or ``@idempotent``) are.
    reconnect: bool
    #: Called around every attempt, inside those of the client.
    interceptors: Sequence[Any]
    #: Credentials of this method instead of the client's; None for none.
    auth: Any


class PolicyOptions(TypedDict, total=False):
    """What protects calls, as ``@service_client`` and ``@resilience`` take it; all optional.

    False switches a policy off, True switches it on with the figures that the configuration or
    a wider level gives. The instance of a policy can be shared with other clients and functions.
    """

    #: Seconds that one attempt may take (30); a ``TimeoutPolicy`` says the next one as well.
    timeout: float | timedelta | TimeoutPolicy
    #: Seconds that a call may take, with its retries and pauses; by default without end.
    total_timeout: float | timedelta
    #: What bounds retries and hedges; by default at most 20 % of the calls.
    retry_budget: bool | RetryBudget
    #: Attempts at once; by default without bound.
    bulkhead: int | bool | Bulkhead
    #: Attempts per second; by default without bound.
    rate_limiter: float | bool | RateLimiter
    #: A bound on the attempts at once that finds itself.
    adaptive_limit: bool | Gradient2Policy | AIMDPolicy | AdaptiveLimiter
    #: Hold attempts back while the service turns many away.
    throttle: bool | Throttle
    #: Seconds after which an attempt without an answer is sent once more beside itself.
    hedge: float | bool | Hedge
    #: Identical GETs at the same time share one call.
    single_flight: bool
    #: What answers in place of a call that fails.
    fallback: Fallback[Any] | bool
    #: The header that tells the service how much time is left, and its format (``"ms"``).
    deadline_header: str | tuple[str, DeadlineFormat] | Literal[False]


def with_hidden_secrets(options: VerbOptions) -> VerbOptions:
    """The options with credentials that a traceback which shows values does not show."""
    hidden = options.copy()
    if isinstance(auth := options.get("auth"), str):
        hidden["auth"] = SecretText(auth)
    for name in ("headers", "params"):
        given: Any = options.get(name)
        if isinstance(given, Mapping):
            hidden[name] = {
                key: SecretText(value) if isinstance(value, str) and is_secret(str(key)) else value
                for key, value in given.items()
            }
    return hidden


POLICY_OPTIONS = tuple(PolicyOptions.__annotations__)


def retryable(function: F) -> F:
    """Allow retries of a ``POST`` or ``PATCH``, even if an attempt may have had its effect."""
    setattr(function, "__pyfly_retryable__", True)  # noqa: B010  # metadata on any callable
    return function


@overload
def idempotent(function: F) -> F: ...
@overload
def idempotent(*, key: bool = False) -> Callable[[F], F]: ...
def idempotent(function: F | None = None, *, key: bool = False) -> F | Callable[[F], F]:
    """Say that the service treats repeated requests as one: they are retried, and may be hedged.

    Args:
        function: The stub, where nothing is to be said: ``@idempotent``.
        key: Send an ``Idempotency-Key``: one for each call, the same with all its attempts and
            hedges, so that the service can tell them from another call. A caller who sends
            such a header keeps to that.
    """

    def decorate(function: F) -> F:
        setattr(function, "__pyfly_idempotent__", True)  # noqa: B010  # metadata on any callable
        setattr(function, "__pyfly_idempotency_key__", key)  # noqa: B010  # as above
        return function

    return decorate if function is None else decorate(function)


def is_retryable(stub: Any) -> bool:
    """Whether ``@retryable`` stands on the stub, above or below the verb."""
    return bool(getattr(stub, "__pyfly_retryable__", False))


def is_idempotent(stub: Any) -> bool:
    """Whether ``@idempotent`` stands on the stub, above or below the verb."""
    return bool(getattr(stub, "__pyfly_idempotent__", False))


def makes_key(stub: Any) -> bool:
    """Whether its calls get an ``Idempotency-Key``."""
    return bool(getattr(stub, "__pyfly_idempotency_key__", False))


def resilience(
    *,
    retry: int | bool | RetryPolicy | None = None,
    breaker: bool | CircuitBreaker | CircuitBreakerPolicy | None = None,
    **policies: Unpack[PolicyOptions],
) -> Callable[[F], F]:
    """Give one method settings of its own; the configuration of the method beats them.

    Args:
        retry: Attempts in all; False for one; True for the configured number; or a policy.
        breaker: False lets this method pass by the client's circuit breaker; a policy or a
            circuit breaker gives it one of its own.
        **policies: ``timeout``, ``total_timeout``, ``bulkhead``, ``hedge``, … as
            ``@service_client`` takes them.

    Example::

        @resilience(retry=5, total_timeout=2.0, hedge=0.2, fallback=Fallback(value=[]))
        @get("/products")
        async def search(self, category: str) -> list[Product]: ...
    """
    given = {"retry": retry, "breaker": breaker, **policies}

    def decorate(function: F) -> F:
        setattr(function, "__pyfly_method_resilience__", given)  # noqa: B010  # as above
        return function

    return decorate


def resilience_of(stub: Any) -> dict[str, Any]:
    """What ``@resilience`` said of the stub, above or below the verb; empty if it did not."""
    given = getattr(stub, "__pyfly_method_resilience__", None) or {}
    return {name: value for name, value in given.items() if value is not None}
