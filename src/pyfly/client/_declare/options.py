"""``@retryable`` and ``@idempotent``: what a user knows about a method and HTTP does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["idempotent", "is_idempotent", "is_retryable", "retryable"]

F = TypeVar("F", bound=Callable[..., Any])


def retryable(function: F) -> F:
    """Allow retries of a ``POST`` or ``PATCH``, even if an attempt may have had its effect."""
    function.__pyfly_retryable__ = True  # type: ignore[attr-defined]  # metadata on a function
    return function


def idempotent(function: F) -> F:
    """Say that the service treats repeated requests as one, so that retries are harmless."""
    function.__pyfly_idempotent__ = True  # type: ignore[attr-defined]  # metadata on a function
    return function


def is_retryable(stub: Any) -> bool:
    """Whether ``@retryable`` stands on the stub, above or below the verb."""
    return bool(getattr(stub, "__pyfly_retryable__", False))


def is_idempotent(stub: Any) -> bool:
    """Whether ``@idempotent`` stands on the stub, above or below the verb."""
    return bool(getattr(stub, "__pyfly_idempotent__", False))
