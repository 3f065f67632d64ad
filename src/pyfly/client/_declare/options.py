"""What can be said of a method besides its verb and path, in the verb or by a decorator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict, TypeVar

__all__ = [
    "VerbOptions",
    "idempotent",
    "is_idempotent",
    "is_retryable",
    "resilience",
    "resilience_of",
    "retryable",
]

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


def retryable(function: F) -> F:
    """Allow retries of a ``POST`` or ``PATCH``, even if an attempt may have had its effect."""
    setattr(function, "__pyfly_retryable__", True)  # noqa: B010  # metadata on any callable
    return function


def idempotent(function: F) -> F:
    """Say that the service treats repeated requests as one, so that retries are harmless."""
    setattr(function, "__pyfly_idempotent__", True)  # noqa: B010  # metadata on any callable
    return function


def is_retryable(stub: Any) -> bool:
    """Whether ``@retryable`` stands on the stub, above or below the verb."""
    return bool(getattr(stub, "__pyfly_retryable__", False))


def is_idempotent(stub: Any) -> bool:
    """Whether ``@idempotent`` stands on the stub, above or below the verb."""
    return bool(getattr(stub, "__pyfly_idempotent__", False))


def resilience(
    *,
    retry: int | bool | None = None,
    timeout: float | None = None,
    total_timeout: float | None = None,
    breaker: bool | None = None,
) -> Callable[[F], F]:
    """Give one method settings of its own; the configuration of the method beats them.

    Args:
        retry: Attempts in all; False for one; True for the configured number.
        timeout: Seconds that one attempt may take.
        total_timeout: Seconds that a call may take, with its retries and pauses.
        breaker: False lets this method pass by the client's circuit breaker.
    """
    given = {
        "retry": retry,
        "timeout": timeout,
        "total_timeout": total_timeout,
        "breaker": breaker,
    }

    def decorate(function: F) -> F:
        setattr(function, "__pyfly_method_resilience__", given)  # noqa: B010  # as above
        return function

    return decorate


def resilience_of(stub: Any) -> dict[str, Any]:
    """What ``@resilience`` said of the stub, above or below the verb; empty if it did not."""
    given = getattr(stub, "__pyfly_method_resilience__", None) or {}
    return {name: value for name, value in given.items() if value is not None}
