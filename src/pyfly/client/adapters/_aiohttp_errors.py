"""From aiohttp's exceptions to ours; the texts are those of the httpx family's."""

from __future__ import annotations

import re
from typing import Any

from pyfly.client.adapters._aiohttp_connecting import stage_of_connecting
from pyfly.client.adapters._aiohttp_pool import load_aiohttp
from pyfly.client.adapters._errors import AttemptFacts, from_transport, named
from pyfly.client.errors import ProtocolException, ReadException
from pyfly.kernel.exceptions import PyFlyException
from pyfly.transport.errors import ConnectTimeout, TransportError

#: aiohttp's class → the name in the family's table; the first that fits counts.
_NAMES = (
    ("ServerTimeoutError", "ReadTimeout"),
    ("ClientConnectorError", "ConnectError"),
    ("ClientOSError", "ReadError"),
    ("InvalidURL", "InvalidURL"),
    ("ClientConnectionError", "ReadError"),
    ("ClientError", "HTTPError"),
)
#: How the parser's complaint begins, before it quotes the peer, and what is said of it.
_FAULTS = (
    ("Got more than", "its headers are longer than 100 KiB"),
    ("Too many headers", "it sent too many headers"),
    ("Duplicate Content-Length", "it sent two different lengths"),
    ("Content-Length can't be present", "it sent two different lengths"),
    ("Transfer-Encoding can't be present", "it sent two different lengths"),
    ("Invalid character in Content-Length", "its content-length is no number"),
    ("Bad status line", "its status line is malformed"),
    ("Invalid character in chunk size", "the size of a chunk is malformed"),
    ("Invalid header", "a header line is malformed"),
    ("Not enough data to satisfy transfer", "in the middle of a chunk"),
)
_CUT_SHORT = re.compile(r"received (\d+) of (\d+) bytes")


def translate_aiohttp(exc: Any, exchange: AttemptFacts) -> PyFlyException | None:
    """Our exception for one of aiohttp's, its cause set; None if it is not theirs."""
    error: PyFlyException
    if isinstance(exc, TransportError):
        error = from_transport(exc, exchange)
        error.__cause__ = exc.__cause__ or exc
        return error
    if isinstance(exc, UnicodeError):  # of a host name that no resolver takes
        return named("ConnectError", exc, exchange)
    aiohttp: Any = load_aiohttp()
    if not isinstance(exc, aiohttp.ClientError):
        return None
    peer = exchange.peer
    if isinstance(exc, aiohttp.ServerDisconnectedError):
        answered = not isinstance(exc.message, str)  # it is what came of a head
        when = "within the head of its answer" if answered else "without an answer"
        error = ReadException(f"{peer} closed the connection {when}")
    elif isinstance(exc, aiohttp.ClientPayloadError | aiohttp.ClientResponseError):
        error = _broken(exc, peer)
    else:
        name = next(ours for theirs, ours in _NAMES if isinstance(exc, getattr(aiohttp, theirs)))
        return named(name, exc, exchange)
    error.__cause__ = exc
    return error


def out_of_time(exc: BaseException, exchange: AttemptFacts) -> PyFlyException:
    """The error for a passed deadline, which says what a connection was at by then."""
    stage = stage_of_connecting(exchange.began)
    if stage is None:
        return exchange.timed_out()
    error = named("ConnectTimeout", ConnectTimeout(stage), exchange)
    error.__cause__ = exc
    return error


def _broken(exc: Any, peer: str) -> PyFlyException:
    """What was wrong with a response; the parser's words are matched, never shown."""
    text = getattr(exc, "message", "") or getattr(exc.__cause__, "message", "") or str(exc)
    found = _CUT_SHORT.search(text)
    if str(exc).endswith(")"):  # it goes on with the socket's own exception
        return ReadException(f"the connection to {peer} broke before the whole response came")
    if found is not None:
        amount = f"after {found[1]} of {found[2]} bytes"
        return ReadException(f"{peer} closed the connection {amount} of the body")
    for start, meaning in _FAULTS:
        if text.startswith(start):
            if meaning.startswith("in the middle"):
                return ReadException(f"{peer} closed the connection {meaning} of the body")
            return ProtocolException(f"{peer} broke HTTP: {meaning}")
    return ProtocolException(f"{peer} broke HTTP")
