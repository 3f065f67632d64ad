"""From pyreqwest's exceptions to ours; what it tells beside the class is text from Rust."""

from __future__ import annotations

import re
import socket
from typing import Any

from pyfly.client.adapters._errors import Exchange, named
from pyfly.client.errors import ProtocolException, ProxyException, ReadException, TlsException
from pyfly.kernel.exceptions import PyFlyException

__all__ = ["translate_pyreqwest"]

#: Its class → the name in the httpx family's table.
_NAMES = {
    "ConnectTimeoutError": "ConnectTimeout",
    "ReadTimeoutError": "ReadTimeout",
    "WriteTimeoutError": "WriteTimeout",
    "PoolTimeoutError": "PoolTimeout",
    "RequestTimeoutError": "TimeoutException",
    "ConnectError": "ConnectError",
    "ReadError": "ReadError",
    "WriteError": "WriteError",
    "NetworkError": "NetworkError",
    "BuilderError": "LocalProtocolError",
    "TransportError": "TransportError",
    "RequestError": "RequestError",
    "PyreqwestError": "HTTPError",
}
#: Words of a cause → what they mean. They are matched, and never shown.
_TLS = re.compile(r"certificate|tls|ssl|handshake|InvalidContentType|corrupt message", re.I)
_REFUSES_US = re.compile(
    r"fatal alert: (?:CertificateRequired|UnknownCA|BadCertificate|HandshakeFailure)\b"
)
_CUT_OFF = re.compile(
    r"end of file before message length|unexpected.EOF|connection closed before message"
    r"|close_notify|connection reset|broken pipe",
    re.I,
)
_FAULTS = re.compile(r"invalid HTTP|invalid.*chunk|head is too large|pars|unsolicited", re.I)
_OS_ERROR = re.compile(r"os error (\d+)")


def translate_pyreqwest(exc: Exception, exchange: Exchange) -> PyFlyException | None:
    """Our exception for one of pyreqwest's, its cause set; None if it is not theirs."""
    theirs = next(
        (cls.__name__ for cls in type(exc).__mro__ if cls.__module__ == "pyreqwest.exceptions"),
        None,
    )
    if theirs is None:
        return None
    name = next(_NAMES[cls.__name__] for cls in type(exc).__mro__ if cls.__name__ in _NAMES)
    peer, text = exchange.peer, _causes(exc)
    if name.startswith("Connect") and "(Connect)" not in text:
        # It says so of everything up to the headers of the response.
        name = name.replace("Connect", "Read")
    error: PyFlyException | None = None
    if _REFUSES_US.search(text):  # with TLS 1.3 it says so only after the handshake
        why = "it does not accept our client certificate; set cert to one that it knows"
        error = TlsException(f"TLS with {peer} failed: {why}")
    elif name == "ConnectError":
        if "tunnel error" in text:
            why = ": it answered 407" if "authorization required" in text else ""
            error = ProxyException(f"the proxy refused to connect to {peer}{why}")
        elif _TLS.search(text):
            error = TlsException(f"TLS with {peer} failed: {_tls_reason(text)}")
        elif found := _OS_ERROR.search(text):
            exc.__cause__ = OSError(int(found[1]), "")  # for the sentence about it
        elif "dns" in text or "lookup" in text:
            exc.__cause__ = socket.gaierror()
    elif _CUT_OFF.search(text):
        error = ReadException(f"the connection to {peer} broke before the whole response came")
    elif name in ("RequestError", "NetworkError", "ReadError") and _FAULTS.search(text):
        error = ProtocolException(f"{peer} broke HTTP")
    if error is None:
        return named(name, exc, exchange)
    error.__cause__ = exc
    return error


def _causes(exc: Any) -> str:
    details: dict[str, Any] = getattr(exc, "details", None) or {}
    return " / ".join(cause["message"] for cause in details.get("causes") or ())


def _tls_reason(text: str) -> str:
    if "InvalidContentType" in text or "corrupt message" in text:
        return "it does not speak TLS on this port; is it http:// rather than https://?"
    if "NotValidForName" in text or "not valid for name" in text:
        return "ip address mismatch or hostname mismatch. Fix the certificate"
    if "certificate" in text.lower():
        return "certificate verify failed. Name the authority with ca, or fix the certificate"
    return "the handshake failed"
