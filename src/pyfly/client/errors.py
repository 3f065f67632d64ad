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
``url_template`` and ``attempts``. Its message tells them, what came back, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, NoReturn, Self

from pyfly.client.message import Headers
from pyfly.client.problem import ProblemDetail, parse_problem
from pyfly.client.retry_after import parse_retry_after
from pyfly.kernel.exceptions import (
    DeadlineExceededException,
    OperationTimeoutException,
    PyFlyException,
    RefusedException,
    ServiceClientException,
)
from pyfly.kernel.secrets import shown

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
    "raise_as",
    "status_error",
    "status_text",
    "timeout_text",
]

#: How many bytes of an error's body are kept.
BODY_LIMIT = 64 * 1024
#: How many characters of the title, and of the detail, of a problem a message shows.
_SAID_LIMIT = 300
_MAYBE_DONE = (
    "it may have carried out the request: look there before you repeat one that has effects"
)


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

    #: What to do, where the text of the error itself does not say it.
    _advice = ""

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
        text = self._text()
        if self.operation is None:
            return text
        tried = _tried(self.attempts)
        text = f"{text}; {tried}" if text.endswith(")") else f"{text} ({tried})"
        advice = f"; {self.advice}" if self.advice else ""
        return f"{self.operation}: {self.method} {self.url_template}: {text}{advice}"

    def _text(self) -> str:
        return super().__str__()

    @property
    def advice(self) -> str:
        """What to do, in a few words; empty where the text of the error says it itself."""
        return self._advice


def _tried(attempts: int) -> str:
    if attempts == 0:
        return "no attempt was made"
    return "after 1 attempt" if attempts == 1 else f"after {attempts} attempts"


class ClientArgumentException(CallException, ValueError):
    """A value that must not be sent; nothing left this process.

    Attributes:
        parameter: The parameter that held it.
    """

    parameter: str | None = None


class ClientStoppedException(CallException):
    """The client was stopped, or is stopping: it takes no more calls."""


class PortValueException(CallException, TypeError):
    """A port cannot give or take what the method needs.

    It returned a decoded value where status, headers or bytes are needed; or the method sends a
    form, files, text or bytes, and the port encodes JSON only.
    """


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
        body: The response's body, at most 64 KiB of it; never part of the message, but for the
            title and detail of a problem document.
        retry_after: Seconds that the service asks to wait, from ``Retry-After``; or None.
        error_body: The body, decoded as an :class:`~pyfly.client.ErrorBody` says; else None.
    """

    error_body: Any = None

    _advice = "annotate the return as Response to get it without an error"

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

    def _text(self) -> str:
        """With what the service says in the title and detail of a problem, capped."""
        problem = self.problem
        said = (problem.title, problem.detail) if problem is not None else ()
        texts = (" ".join(shown(each).split())[:_SAID_LIMIT] for each in said if each)
        return ": ".join([super()._text(), *(text for text in texts if text.isprintable())])


class RedirectException(HttpStatusException):
    """The service redirects (3xx), and redirects are off or must not be followed.

    Attributes:
        location: Where to, as the service sent it; None if it did not.
    """

    _advice = "set base_url to where it leads (see location), or follow-redirects to true"

    def __init__(self, status_code: int, headers: Headers, body: bytes = b"") -> None:
        super().__init__(status_code, headers, body)
        self.location = headers.get("location")

    def refused(self, why: str, advice: str) -> Self:
        """The same, of a redirect that must not be followed although redirects are on."""
        self.args = (f"{self.args[0]}, which is not followed: {why}",)
        self._advice = advice
        return self


class ClientErrorException(HttpStatusException):
    """4xx: the service did not accept the request."""

    _advice = "body and problem hold what the service says of the request"


class BadRequestException(ClientErrorException):
    """400."""


class AccessDeniedException(ClientErrorException):
    """401 or 403."""


class UnauthorizedException(AccessDeniedException):
    """401: credentials are missing or not valid."""

    _advice = "give valid credentials with auth="


class ForbiddenException(AccessDeniedException):
    """403: the credentials do not allow this."""

    _advice = "the credentials of auth= need a permission for this"


class NotFoundException(ClientErrorException):
    """404."""

    @property
    def advice(self) -> str:
        """By the path: one thing that is not there, or a path that is wrong."""
        if self.url_template is None or not self.url_template.endswith("}"):
            return "check base_url and the path"
        if self.method in ("GET", "HEAD"):
            return "annotate the return as T | None if this may happen"
        return "say not_found=None in the verb if this may happen"


class ConflictException(ClientErrorException):
    """409."""

    _advice = "read the resource again before the next try"


class UnprocessableContentException(ClientErrorException):
    """422."""

    _advice = "body and problem hold what the service says of the values"


class TooManyRequestsException(ClientErrorException):
    """429: the service limits the rate of calls; see ``retry_after``."""

    @property
    def advice(self) -> str:
        """With the time that the service asks for."""
        return f"call less often; {_when(self.retry_after)}"


class ServerErrorException(HttpStatusException):
    """5xx: the service failed."""

    @property
    def advice(self) -> str:
        """With the time that the service asks for."""
        if self.status_code == HTTPStatus.NOT_IMPLEMENTED:
            return "it does not know this method: check verb and path"
        return f"the service failed: look at its log, or {_when(self.retry_after)}"


class TransportException(CallException):
    """No complete answer came back; ``__cause__`` is the error of the HTTP library."""

    _advice = "__cause__ holds what the HTTP library says"


class ConnectException(TransportException, ConnectionError):
    """No connection could be made: nothing was sent."""

    _advice = ""  # the text says it


class ConnectTimeoutException(ConnectException, TimeoutError):
    """No connection was made within ``connect-timeout``: nothing was sent."""

    _advice = "is it reachable? connect-timeout sets how long is waited"


class TlsException(ConnectException):
    """The TLS handshake failed, most often because the certificate is not trusted."""

    _advice = "verify, ca and cert are the settings for it"


class ReadException(TransportException, ConnectionError):
    """The connection broke while the response was awaited or read."""

    _advice = _MAYBE_DONE


class WriteException(TransportException, ConnectionError):
    """The connection broke while the request was sent."""

    _advice = _MAYBE_DONE


class ReadTimeoutException(TransportException, TimeoutError):
    """The peer sent nothing for too long."""

    _advice = "raise timeout (for a stream stream-idle-timeout) if it may take so long"


class WriteTimeoutException(TransportException, TimeoutError):
    """The peer took nothing for too long."""

    _advice = "raise timeout if sending this body may take so long"


class StreamTimeoutException(TransportException, TimeoutError):
    """The whole body of a stream did not come within ``stream-timeout``."""

    _advice = "raise stream-timeout if the stream may take so long"


class PoolExhaustedException(TransportException, RefusedException):
    """All connections were in use for too long: nothing was sent."""

    _advice = ""  # the text says it


class ProxyException(TransportException, ConnectionError):
    """The proxy refused or failed."""

    _advice = "check the setting proxy, and whether the proxy allows this host"


class ProtocolException(TransportException):
    """The peer broke HTTP: a bad status line, header, chunk or length."""

    _advice = "check that base_url leads to an HTTP service, and what is between"


def _when(retry_after: float | None) -> str:
    return "ask again later" if retry_after is None else f"ask again in {retry_after:g} s"


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


def raise_as(raised: BaseException, error: BaseException) -> NoReturn:
    """Raise what an error means; it is the cause if that is another one."""
    try:
        if raised is error:
            raise error
        raise raised from error
    finally:
        del raised, error  # they hold the frame that holds them: who fails often would pile it up


def timeout_text(
    error: OperationTimeoutException, operation: str, called: str, attempts: int
) -> str:
    """The whole message of a timeout: what was called, how often, and what to do."""
    text = str(error).removeprefix(f"{operation}: ")
    if not isinstance(error, DeadlineExceededException):
        text, setting = f"{text} ({_tried(attempts)})", "timeout"
    elif error.context.get("deadline_source") == "caller":
        return f"{operation}: {called}: {text}; its caller set that with deadline(…)"
    else:
        setting = "total-timeout"
    return f"{operation}: {called}: {text}; raise {setting} if it may take so long"


def status_text(status_code: int) -> str:
    """``503 Service Unavailable``."""
    try:
        return f"{status_code} {HTTPStatus(status_code).phrase}"
    except ValueError:
        return str(status_code)
