"""From the exceptions of the transport and of HTTP libraries to ours, at the edge.

The transport and the httpx family name what goes wrong alike, so one table by name serves them
all. No message holds a URL, a header value or anything that the peer wrote.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import time
import traceback
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from pyfly.client.adapters._bodies import too_large
from pyfly.client.adapters._library import MissingLibraryException
from pyfly.client.adapters._outgoing import HttpOrigin
from pyfly.client.adapters._tls import proxy_for
from pyfly.client.adapters.settings import ConnectionSettings
from pyfly.client.errors import (
    CallException,
    ClientArgumentException,
    ConnectException,
    ConnectTimeoutException,
    PoolExhaustedException,
    ProtocolException,
    ProxyException,
    ReadException,
    ReadTimeoutException,
    ResponseDecodeException,
    TlsException,
    TransportException,
    WriteException,
    WriteTimeoutException,
    status_error,
)
from pyfly.client.message import Headers
from pyfly.kernel.exceptions import AttemptTimeoutException, PyFlyException
from pyfly.transport.errors import (
    BodyTooLarge,
    ConnectError,
    ConnectTimeout,
    MissingLibraryError,
    PrematureEnd,
    ProxyError,
    RemoteProtocolError,
    TlsFileError,
    TransportError,
)
from pyfly.transport.proxy import Proxy

#: h11 and idna too: the family lets some of their exceptions through.
_ROOTS = frozenset({"httpx2", "httpx", "httpcore2", "httpcore", "h11", "idna"})

#: Exception of the family → ours and what it means; the nearest base class counts.
_KINDS: dict[str, tuple[type[CallException], str]] = {
    "ConnectTimeout": (ConnectTimeoutException, "no connection to {peer} within {connect}"),
    "ReadTimeout": (ReadTimeoutException, "{peer} sent nothing for {read}"),
    "WriteTimeout": (WriteTimeoutException, "{peer} took nothing for {read}"),
    "PoolTimeout": (
        PoolExhaustedException,
        "all {connections} connections were in use for {pool}; raise max-connections, "
        "or lower the number of calls at once",
    ),
    "TimeoutException": (ReadTimeoutException, "the exchange with {peer} took too long"),
    "ConnectError": (ConnectException, "cannot connect to {peer}"),
    "ReadError": (ReadException, "the connection to {peer} broke before the whole response came"),
    "WriteError": (WriteException, "the connection to {peer} broke while the request was sent"),
    "CloseError": (ReadException, "the connection to {peer} could not be closed"),
    "NetworkError": (ReadException, "the connection to {peer} broke"),
    "ProxyError": (ProxyException, "the proxy refused to connect to {peer}"),
    "UnsupportedProtocol": (
        ClientArgumentException,
        "the URL cannot be used: it must start with http:// or https://",
    ),
    "InvalidURL": (ClientArgumentException, "the URL cannot be used: it is malformed"),
    "IDNAError": (ConnectException, "cannot connect to {peer}: its host is no domain name"),
    "LocalProtocolError": (
        ClientArgumentException,
        "the request to {peer} would break HTTP: a header, the method or the length is wrong",
    ),
    "RemoteProtocolError": (ProtocolException, "{peer} broke HTTP"),
    "ProtocolError": (ProtocolException, "the exchange with {peer} broke HTTP"),
    "DecodingError": (
        ResponseDecodeException,
        "the body that {peer} sent is not encoded as its content-encoding says",
    ),
    "TooManyRedirects": (ProtocolException, "{peer} redirected too often"),
    "HTTPStatusError": (ProtocolException, "{peer} answered with an error status"),
    "CookieConflict": (ClientArgumentException, "two cookies of the client have the same name"),
    "StreamError": (
        TransportException,
        "a body of the exchange with {peer} cannot be read twice; a hook or an auth has read it",
    ),
    "ConnectionNotAvailable": (ConnectException, "the connection to {peer} was taken"),
    "TransportError": (TransportException, "the exchange with {peer} failed"),
    "RequestError": (TransportException, "the exchange with {peer} failed"),
    "HTTPError": (TransportException, "the exchange with {peer} failed"),
    "SSEError": (ProtocolException, "{peer} sent malformed server-sent events"),
}

#: The only texts of h11 that are shown: they quote nothing that the peer sent.
_CUT_SHORT = re.compile(r"received (\d+) bytes, expected (\d+)")
_PEER_FAULTS = (
    ("illegal status line", "its status line is malformed"),
    ("illegal header line", "a header line is malformed"),
    ("illegal chunk header", "the size of a chunk is malformed"),
    ("illegal request line", "its status line is malformed"),
    ("Receive buffer too long", "its headers are longer than 100 KiB"),
    ("conflicting Content-Length", "it sent two different lengths"),
    ("bad Content-Length", "its content-length is no number"),
    ("Only Transfer-Encoding: chunked", "its transfer-encoding is not known"),
    ("multiple Transfer-Encoding", "it sent two transfer-encodings"),
    ("Too much data", "it sent more than its length says"),
    ("no response line received", "it sent an empty line instead of a status"),
)
#: What a connection was being made of when its time was over.
_STAGES = {
    "name": " (its name was not resolved)",
    "tls": " (the TLS handshake did not end)",
    "proxy": " (the proxy did not open the way)",
}
_NO_NAME = "there is no such name"
#: What a resolver said.
_UNRESOLVED = {
    socket.EAI_AGAIN: "the resolver gives no answer now",
    getattr(socket, "EAI_NODATA", None): "it has no address",
}
#: TLS alerts with which a server refuses the certificate of a client (RFC 8446, section 6.2).
_CERTIFICATE_ALERTS = ("CERTIFICATE_REQUIRED", "UNKNOWN_CA", "BAD_CERTIFICATE", "HANDSHAKE_FAILURE")


class AttemptFacts:
    """What an error has to tell about the exchange that it ended."""

    __slots__ = ("began", "deadline", "origin", "read_timeout", "settings")

    def __init__(
        self,
        origin: HttpOrigin | None,
        settings: ConnectionSettings,
        read_timeout: float,
        deadline: float | None = None,
        began: float = 0.0,
    ) -> None:
        self.origin = origin
        self.settings = settings
        self.read_timeout = read_timeout
        self.deadline = deadline
        self.began = began

    @property
    def peer(self) -> str:
        """``host:port``."""
        return "the service" if self.origin is None else self.origin.peer

    def silent(self, idle: float) -> ReadTimeoutException:
        """The error for a body of which nothing came for ``idle`` seconds."""
        return ReadTimeoutException(f"{self.peer} sent nothing for {_seconds(idle)}")

    def timed_out(self, stage: str = "") -> AttemptTimeoutException:
        """The error for a passed deadline; ``stage`` is what was going on."""
        span = (self.deadline or self.began) - self.began
        return AttemptTimeoutException(
            f"the attempt at {self.peer} took longer than {_seconds(span)}{stage}",
            timeout=span,
        )


def from_transport(exc: TransportError, exchange: AttemptFacts) -> PyFlyException:
    """Our exception for one of the transport's, its cause set."""
    error: PyFlyException
    peer = exchange.peer
    match exc:
        case BodyTooLarge():
            return too_large(peer, exc.limit)
        case TlsFileError():
            error = TlsException(str(exc))
            error.__cause__ = exc.__cause__
            return error
        case MissingLibraryError():
            error = MissingLibraryException(str(exc))
        case PrematureEnd():
            error = ReadException(f"{peer} {exc}")
        case RemoteProtocolError():
            error = ProtocolException(f"{peer} broke HTTP: {exc}")
        case ProxyError():
            error = ProxyException(
                f"no way to {peer} through the proxy {exc.proxy}: {exc}{_os_reason(exc)}"
            )
        case _:
            return named(_name(exc) or "TransportError", exc, exchange)
    error.__cause__ = exc
    return error


def redirect_behind(exc: Exception) -> Any:
    """The response whose ``Location`` a library of the family could not read; None for others.

    Classic httpx reads the ``Location`` even where nobody follows it, and raises what its URL
    class does in the place of the response. That is at hand in the frames of the error alone.
    """
    if (
        type(exc).__name__ not in ("RemoteProtocolError", "InvalidURL")
        and _name(exc) != "IDNAError"
    ):
        return None
    for frame, _ in traceback.walk_tb(exc.__traceback__):
        if frame.f_code.co_name == "_build_redirect_request":
            return frame.f_locals.get("response")
    return None


def translate(exc: Exception, exchange: AttemptFacts) -> PyFlyException | None:
    """Our exception for one of the family's, its cause set; None if it is not theirs."""
    name = _name(exc)
    if name is None and isinstance(exc, ssl.SSLError):
        name = "ReadError"  # anyio lets through an alert that comes after the handshake
    return None if name is None else named(name, exc, exchange)


def named(name: str, exc: Exception, exchange: AttemptFacts) -> PyFlyException:
    """Our exception for one that means what ``name`` means in the family, its cause set.

    For the libraries outside the family as well, so that their errors read the same.
    """
    past = exchange.deadline is not None and time.monotonic() >= exchange.deadline - 0.001
    error: PyFlyException
    if past and name.endswith(("Timeout", "TimeoutException")):
        error = exchange.timed_out(_stage(exc))
    else:
        kind, text = _KINDS[name]
        error = _particular(exc, name, exchange) or kind(_fill(text, exchange))
    error.__cause__ = exc
    return error


def _stage(exc: Exception) -> str:
    return _STAGES.get(exc.stage, "") if isinstance(exc, ConnectTimeout) else ""


def _name(exc: Exception) -> str | None:
    """The name of the nearest class in the table that belongs to the family."""
    for cls in type(exc).__mro__:
        known = isinstance(exc, TransportError) or cls.__module__.partition(".")[0] in _ROOTS
        if known and cls.__name__ in _KINDS:
            return cls.__name__
    return None


def _particular(exc: Exception, name: str, exchange: AttemptFacts) -> CallException | None:
    """A more exact error than the table's, where the cause tells more."""
    peer = exchange.peer
    if name in ("ConnectError", "ReadError", "WriteError"):
        tls = next((cause for cause in _causes(exc) if isinstance(cause, ssl.SSLError)), None)
        if tls is not None and (name == "ConnectError" or _refuses_us(tls)):
            return TlsException(f"TLS with {peer} failed: {_tls_reason(tls)}")
        if isinstance(exc, ConnectError) and exc.stage == "tls":
            return TlsException(f"TLS with {peer} failed: the handshake broke off{_os_reason(exc)}")
    if name in ("ConnectError", "ConnectTimeout"):
        if name == "ConnectTimeout":
            text = _fill(_KINDS[name][1], exchange)
            return ConnectTimeoutException(f"{text}{_stage(exc)}{_ignored_proxy(exchange)}")
        if (proxy := _proxy_of(exc, exchange)) is not None:
            return ProxyException(
                f"no way to {peer} through the proxy {proxy}: it cannot be reached{_os_reason(exc)}"
            )
        if exchange.settings.uds is not None:
            path = os.fspath(exchange.settings.uds)
            return ConnectException(
                f"cannot connect to {path!r}, the Unix socket for {peer}{_os_reason(exc)}. "
                "Is the service running, and uds right?"
            )
        return ConnectException(
            f"cannot connect to {peer}{_os_reason(exc)}. Is the service running, and base_url "
            f"right?{_ignored_proxy(exchange)}"
        )
    if name == "ProxyError" and (status := re.match(r"\d{3}\b", str(exc))):
        return ProxyException(f"the proxy refused to connect to {peer}: it answered {status[0]}")
    if name == "HTTPStatusError":  # a hook of the user's client has called raise_for_status()
        response: Any = getattr(exc, "response", None)
        if response is not None and response.status_code >= 300:
            return status_error(response.status_code, Headers(response.headers.raw), b"")
    if name == "RemoteProtocolError":
        return _broken_http(str(exc), peer)
    return None


def _proxy_of(exc: Exception, exchange: AttemptFacts) -> str | None:
    """The proxy that a library was to go through; the transport says so by itself."""
    if isinstance(exc, TransportError) or exchange.origin is None:
        return None
    url = proxy_for(exchange.settings, exchange.origin)
    return None if url is None else Proxy.at(url).peer


def _broken_http(text: str, peer: str) -> TransportException | None:
    if "without sending a response" in text:
        return ReadException(f"{peer} closed the connection without an answer")
    if "peer closed connection" in text:
        found = _CUT_SHORT.search(text)
        amount = f"after {found[1]} of {found[2]} bytes" if found else "in the middle of a chunk"
        return ReadException(f"{peer} closed the connection {amount} of the body")
    if "unexpectedly closed connection" in text:
        return ReadException(f"{peer} closed the connection before the end of the body")
    for start, meaning in _PEER_FAULTS:
        if start.lower() in text.lower():
            return ProtocolException(f"{peer} broke HTTP: {meaning}")
    return None


def _fill(text: str, exchange: AttemptFacts) -> str:
    settings = exchange.settings
    return text.format(
        peer=exchange.peer,
        connect=_span(settings.connect_timeout),
        pool=_span(settings.pool_timeout),
        read=_seconds(exchange.read_timeout),
        connections=settings.max_connections,
    )


def _span(value: timedelta) -> str:
    return _seconds(value.total_seconds())


def _seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 0.9995 else f"{round(value, 2):g} s"


def _causes(exc: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = exc
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        if type(following).__module__.partition(".")[0] != "aiohttp":
            yield following  # aiohttp's are OSErrors and SSLErrors too, but tell less
        for argument in following.args:
            if isinstance(argument, BaseException):
                yield argument
        following = following.__cause__ or following.__context__


def _os_reason(exc: Exception) -> str:
    for cause in _causes(exc):
        if isinstance(cause, socket.gaierror):
            return f": its name cannot be resolved: {_UNRESOLVED.get(cause.errno, _NO_NAME)}"
        if isinstance(cause, UnicodeError):
            return ": its name is no domain name"
        if isinstance(cause, ssl.SSLError):
            return f": {_tls_reason(cause)}"
        if isinstance(cause, OSError) and cause.errno:
            # Not strerror: asyncio puts a sentence of its own there.
            return f": {os.strerror(cause.errno).lower()}"
    return ""


def _reason(tls: ssl.SSLError) -> str:
    return getattr(tls, "reason", None) or ""  # only those that OpenSSL has raised have one


def _refuses_us(tls: ssl.SSLError) -> bool:
    reason = _reason(tls)
    return "ALERT" in reason and any(alert in reason for alert in _CERTIFICATE_ALERTS)


def _tls_reason(tls: ssl.SSLError) -> str:
    if isinstance(tls, ssl.SSLCertVerificationError):
        why = getattr(tls, "verify_message", "") or "certificate verify failed"
        return f"{why.rstrip('.').lower()}. Name the authority with ca, or fix the certificate"
    if _refuses_us(tls):
        return "it does not accept our client certificate; set cert to one that it knows"
    if _reason(tls) == "WRONG_VERSION_NUMBER":
        return "it does not speak TLS on this port; is it http:// rather than https://?"
    return (_reason(tls) or "the handshake was cut off").lower().replace("_", " ")


def _ignored_proxy(exchange: AttemptFacts) -> str:
    settings, origin = exchange.settings, exchange.origin
    if settings.trust_env or settings.proxy or settings.uds or origin is None:
        return ""
    for name in (f"{origin.scheme}_proxy", "all_proxy"):
        for spelled in (name.upper(), name):
            if os.environ.get(spelled):
                return f" ({spelled} is set but ignored: trust-env is off)"
    return ""
