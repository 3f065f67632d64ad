"""Everything a declared client can raise.

::

    PyFlyException
    ├── ClientDeclarationException           the class is wrong; every mistake at once
    └── InfrastructureException
        ├── RefusedException                 nothing was sent: CircuitBreakerException, …
        ├── OperationTimeoutException        AttemptTimeoutException, DeadlineExceededException
        └── ServiceClientException
            ├── ClientArgumentException      a value that must not be sent; also a ValueError
            ├── ClientStoppedException       the client was stopped
            ├── PortValueException           a port gave a plain value where bytes are needed
            ├── StreamStateException         a stream is used at the wrong time; also a RuntimeError
            ├── ResponseException            an answer came, but no usable value
            │   ├── ResponseDecodeException
            │   ├── ResponseTooLargeException
            │   ├── PaginationException      the next page cannot be told, or must not be fetched
            │   └── HttpStatusException      status_code, headers, body, problem, retry_after
            │       ├── RedirectException                       3xx
            │       ├── ClientErrorException                    4xx
            │       │   ├── BadRequestException                 400
            │       │   ├── AccessDeniedException
            │       │   │   ├── UnauthorizedException           401
            │       │   │   └── ForbiddenException              403
            │       │   ├── NotFoundException                   404
            │       │   ├── ConflictException                   409
            │       │   ├── UnprocessableContentException       422
            │       │   └── TooManyRequestsException            429
            │       └── ServerErrorException                    5xx
            └── TransportException           no complete answer came; __cause__ is the library's
                ├── ConnectException         also a ConnectionError; nothing was sent
                │   ├── ConnectTimeoutException                 also a TimeoutError
                │   └── TlsException
                ├── ReadException            also a ConnectionError
                ├── WriteException           also a ConnectionError
                ├── ReadTimeoutException     also a TimeoutError
                ├── WriteTimeoutException    also a TimeoutError
                ├── StreamTimeoutException   also a TimeoutError; stream-timeout passed
                ├── PoolExhaustedException   also a RefusedException
                ├── ProxyException           also a ConnectionError
                └── ProtocolException        the peer broke HTTP

Each knows the call it belongs to: ``operation`` (``Inventory.product``), ``method``,
``url_template`` and ``attempts``.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from pyfly.client.message import Headers
from pyfly.client.problem import ProblemDetail, parse_problem
from pyfly.client.retry_after import parse_retry_after
from pyfly.kernel.exceptions import (
    PyFlyException,
    RefusedException,
    ServiceClientException,
)

__all__ = [
    "AccessDeniedException",
    "BadRequestException",
    "CallException",
    "ClientArgumentException",
    "ClientDeclarationException",
    "ClientErrorException",
    "ClientStoppedException",
    "ConflictException",
    "ConnectException",
    "ConnectTimeoutException",
    "ForbiddenException",
    "HttpStatusException",
    "NotFoundException",
    "PaginationException",
    "PoolExhaustedException",
    "PortValueException",
    "ProtocolException",
    "ProxyException",
    "ReadException",
    "ReadTimeoutException",
    "RedirectException",
    "ResponseDecodeException",
    "ResponseException",
    "ResponseTooLargeException",
    "ServerErrorException",
    "StreamStateException",
    "StreamTimeoutException",
    "TlsException",
    "TooManyRequestsException",
    "TransportException",
    "UnauthorizedException",
    "UnprocessableContentException",
    "WriteException",
    "WriteTimeoutException",
    "status_error",
    "status_text",
]

#: How many bytes of an error's body are kept.
BODY_LIMIT = 64 * 1024


class ClientDeclarationException(PyFlyException, TypeError):
    """A client class cannot become a client.

    Attributes:
        problems: Every mistake found, each as ``Class.method: what is wrong (what to write)``.
    """

    def __init__(self, client: str, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        mistakes = "1 mistake" if count == 1 else f"{count} mistakes"
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        super().__init__(f"{client} cannot become a client: {mistakes}{lines}")


class CallException(ServiceClientException):
    """Base of what goes wrong in one call of a client; it knows which call that was.

    Attributes:
        operation: The declared method, such as ``Inventory.product``.
        method: The HTTP method.
        url_template: The path as declared, such as ``/products/{product_id}``.
        attempts: How many attempts had been made when the error came.
    """

    operation: str | None = None
    method: str | None = None
    url_template: str | None = None
    attempts: int = 0

    def at_call(self, operation: str, method: str, url_template: str, attempts: int) -> None:
        """Note the call; the first one to say so is right."""
        if self.operation is None:
            self.operation = operation
            self.method = method
            self.url_template = url_template
            self.attempts = attempts

    def __str__(self) -> str:
        text = super().__str__()
        if self.operation is None:
            return text
        tried = f" (after {self.attempts} attempts)" if self.attempts > 1 else ""
        return f"{self.operation}: {self.method} {self.url_template}: {text}{tried}"


class ClientArgumentException(CallException, ValueError):
    """A value that must not be sent; nothing left this process.

    Attributes:
        parameter: The parameter that held it.
    """

    parameter: str | None = None


class ClientStoppedException(CallException):
    """The client was stopped, or is stopping: it takes no more calls."""


class PortValueException(CallException, TypeError):
    """A port returned a decoded value where status, headers or bytes are needed."""


class StreamStateException(CallException, RuntimeError):
    """A stream is used before it is open, after its end, or by two at the same time."""


class ResponseException(CallException):
    """An answer came back, but not one that can be used."""


class ResponseDecodeException(ResponseException, ValueError):
    """The body is not what the return annotation says.

    Attributes:
        location: Where in the body the mismatch is, such as ``items.0.price``; may be empty.
    """

    location: str = ""


class ResponseTooLargeException(ResponseException):
    """The body is larger than ``max-response-size``, or grows past it when decompressed."""


class PaginationException(ResponseException):
    """The pages of a list do not follow each other as ``paginate=`` says they do."""


class HttpStatusException(ResponseException):
    """The service answered with a status that is no success.

    Attributes:
        status_code: 300 to 599.
        headers: The response's header fields.
        body: The response's body, at most 64 KiB of it; never part of the message.
        retry_after: Seconds that the service asks to wait, from ``Retry-After``; or None.
        error_body: The body, decoded as an :class:`~pyfly.client.ErrorBody` says; else None.
    """

    error_body: Any = None

    def __init__(self, status_code: int, headers: Headers, body: bytes = b"") -> None:
        super().__init__(f"answered {status_text(status_code)}")
        self.status_code = status_code
        self.headers = headers
        self.body = body[:BODY_LIMIT]
        self.retry_after = parse_retry_after(headers)

    @property
    def problem(self) -> ProblemDetail | None:
        """The problem details of the body (RFC 9457); None if it holds none."""
        return parse_problem(self.headers, self.body)


class RedirectException(HttpStatusException):
    """The service redirects (3xx), and redirects are off or must not be followed.

    Attributes:
        location: Where to, as the service sent it; None if it did not.
    """

    def __init__(self, status_code: int, headers: Headers, body: bytes = b"") -> None:
        super().__init__(status_code, headers, body)
        self.location = headers.get("location")


class ClientErrorException(HttpStatusException):
    """4xx: the service did not accept the request."""


class BadRequestException(ClientErrorException):
    """400."""


class AccessDeniedException(ClientErrorException):
    """401 or 403."""


class UnauthorizedException(AccessDeniedException):
    """401: credentials are missing or not valid."""


class ForbiddenException(AccessDeniedException):
    """403: the credentials do not allow this."""


class NotFoundException(ClientErrorException):
    """404."""


class ConflictException(ClientErrorException):
    """409."""


class UnprocessableContentException(ClientErrorException):
    """422."""


class TooManyRequestsException(ClientErrorException):
    """429: the service limits the rate of calls; see ``retry_after``."""


class ServerErrorException(HttpStatusException):
    """5xx: the service failed."""


class TransportException(CallException):
    """No complete answer came back; ``__cause__`` is the error of the HTTP library."""


class ConnectException(TransportException, ConnectionError):
    """No connection could be made: nothing was sent."""


class ConnectTimeoutException(ConnectException, TimeoutError):
    """No connection was made within ``connect-timeout``: nothing was sent."""


class TlsException(ConnectException):
    """The TLS handshake failed, most often because the certificate is not trusted."""


class ReadException(TransportException, ConnectionError):
    """The connection broke while the response was awaited or read."""


class WriteException(TransportException, ConnectionError):
    """The connection broke while the request was sent."""


class ReadTimeoutException(TransportException, TimeoutError):
    """The peer sent nothing for too long."""


class WriteTimeoutException(TransportException, TimeoutError):
    """The peer took nothing for too long."""


class StreamTimeoutException(TransportException, TimeoutError):
    """The whole body of a stream did not come within ``stream-timeout``."""


class PoolExhaustedException(TransportException, RefusedException):
    """All connections were in use for too long: nothing was sent."""


class ProxyException(TransportException, ConnectionError):
    """The proxy refused or failed."""


class ProtocolException(TransportException):
    """The peer broke HTTP: a bad status line, header, chunk or length."""


_BY_STATUS: dict[int, type[HttpStatusException]] = {
    400: BadRequestException,
    401: UnauthorizedException,
    403: ForbiddenException,
    404: NotFoundException,
    409: ConflictException,
    422: UnprocessableContentException,
    429: TooManyRequestsException,
}
_BY_HUNDRED: dict[int, type[HttpStatusException]] = {
    3: RedirectException,
    4: ClientErrorException,
    5: ServerErrorException,
}


def status_error(status_code: int, headers: Headers, body: bytes) -> HttpStatusException:
    """The exception for a status: its own class, else that of its hundred.

    A status that HTTP does not have, 600 and above, counts as 5xx (RFC 9110, section 15).
    """
    hundred = min(status_code // 100, 5)
    kind = _BY_STATUS.get(status_code) or _BY_HUNDRED.get(hundred, HttpStatusException)
    if status_code == 304:  # it answers a conditional request, and leads nowhere
        kind = HttpStatusException
    return kind(status_code, headers, body)


def status_text(status_code: int) -> str:
    """``503 Service Unavailable``."""
    try:
        return f"{status_code} {HTTPStatus(status_code).phrase}"
    except ValueError:
        return str(status_code)
