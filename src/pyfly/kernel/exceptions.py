"""The exception tree that every room of pyfly shares.

::

    PyFlyException                     message, code, context
    └── InfrastructureException        something outside this process, or its protection, failed
        ├── RefusedException           this process declined to try; carries retry_after
        │   ├── CircuitBreakerException
        │   ├── RateLimitException
        │   └── BulkheadException
        ├── OperationTimeoutException  also a TimeoutError
        │   ├── AttemptTimeoutException
        │   └── DeadlineExceededException
        └── ServiceClientException     a call to another service failed; see pyfly.client.errors

All of them pickle, keyword-only constructors included, with their cause and their notes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = [
    "AttemptTimeoutException",
    "BulkheadException",
    "CircuitBreakerException",
    "DeadlineExceededException",
    "InfrastructureException",
    "OperationTimeoutException",
    "PyFlyException",
    "RateLimitException",
    "RefusedException",
    "ServiceClientException",
]


class PyFlyException(Exception):
    """Base of everything that pyfly raises on purpose.

    Args:
        message: One sentence for a person: what was wrong, where, and what to do.
        code: A stable identifier for programs, or None.
        context: Facts for logs, without secrets; copied.
    """

    def __init__(
        self,
        message: str = "",
        code: str | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> None:
        # Only the message goes up: a second argument would turn the text of an OSError
        # (our connection and timeout errors are those too) into an errno.
        super().__init__(message)
        self.code = code
        self.context: dict[str, Any] = dict(context) if context else {}

    @property
    def message(self) -> str:
        """The text of this error, as ``str()`` gives it."""
        return str(self)

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""

    def __reduce__(self) -> tuple[Any, ...]:
        state = (self.args, self.__dict__, self.__cause__, self.__suppress_context__)
        return _rebuild, (type(self),), state

    def __setstate__(self, state: Any) -> None:
        self.args, values, self.__cause__, self.__suppress_context__ = state
        self.__dict__.update(values)


def _rebuild(cls: type[PyFlyException]) -> PyFlyException:
    return cls.__new__(cls)


class InfrastructureException(PyFlyException):
    """Something outside this process, or the protection against it, failed."""


class RefusedException(InfrastructureException):
    """This process declined to try: nothing was sent.

    Attributes:
        name: What refused, such as the name of a circuit breaker; None if it has none.
        retry_after: Seconds until it is worth asking again; None if unknown.
    """

    default_message = "The call was refused"
    # What a refusal of an open circuit, made without the constructor, does not set.
    code: str | None = None
    name: str | None = None
    retry_after: float | None = None

    def __init__(
        self,
        message: str = "",
        code: str | None = None,
        context: Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, code, context)
        self.name = name
        self.retry_after = retry_after

    def __getattr__(self, name: str) -> Any:
        if name != "context":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self.context = {}
        return self.context

    def __str__(self) -> str:  # composed when read: most refusals are caught unread
        if self.args and self.args[0]:
            return str(self.args[0])
        text = self.default_message
        if self.name:
            text += f": {self.name}"
        if self.retry_after is not None:
            text += f" (retry in {self.retry_after:.1f} s)"
        return text


class CircuitBreakerException(RefusedException):
    """The circuit is open, or half-open with its probe under way."""

    default_message = "Circuit breaker is open"


class RateLimitException(RefusedException):
    """The client's own rate limiter had no token left."""

    default_message = "Rate limit exceeded"


class BulkheadException(RefusedException):
    """Too many calls were under way, and the queue was full or waited too long."""

    default_message = "Bulkhead is full"


class OperationTimeoutException(InfrastructureException, TimeoutError):
    """Something took longer than it was allowed to.

    Attributes:
        timeout: The span that was allowed, in seconds; None if unknown.
        told: The message with what was called and what to do; None where that is not known.
    """

    told: str | None = None

    def __init__(
        self,
        message: str = "",
        code: str | None = None,
        context: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = None,
    ) -> None:
        super().__init__(message, code, context)
        self.timeout = timeout

    def __str__(self) -> str:
        return super().__str__() if self.told is None else self.told


class AttemptTimeoutException(OperationTimeoutException):
    """One attempt took longer than its timeout; a retry may follow."""


class DeadlineExceededException(OperationTimeoutException):
    """The deadline of the whole call has passed: no time is left for another attempt."""


class ServiceClientException(InfrastructureException):
    """A call to another service failed. Its kinds are in :mod:`pyfly.client.errors`."""
