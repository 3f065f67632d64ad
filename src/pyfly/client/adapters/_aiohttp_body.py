"""The body of a response of aiohttp, read undecoded, as far as it may be."""

from __future__ import annotations

import ssl
from typing import Any

from pyfly.client.adapters._errors import Exchange
from pyfly.client.adapters._wire import Body
from pyfly.client.errors import ProtocolException, ReadException
from pyfly.client.message import Response

__all__ = ["check_framing", "require_whole", "whole_body"]


async def whole_body(method: str, answer: Any, exchange: Exchange) -> Response[Any]:
    """Read the whole body.

    Args:
        method: The request's.
        answer: aiohttp's response.
        exchange: What to tell in an error, and the limit.

    Raises:
        ResponseTooLargeException: It is too large.
        ReadException: TLS was cut off in a body that lasts until the end of the connection.
        ProtocolException: It is encoded for the way in a manner that is not known.
    """
    limit = exchange.settings.max_response_size
    body = Body(method, answer.status, answer.raw_headers, limit, exchange.peer)
    check_framing(answer, exchange)
    content = answer.content
    while True:
        chunk = await content.readany()
        if chunk:
            body.add(chunk)
        if content.at_eof():
            break
    require_whole(answer, exchange)
    return body.response()


def check_framing(answer: Any, exchange: Exchange) -> None:
    """Refuse a transfer-encoding other than ``chunked``, which aiohttp passes over."""
    coding = answer.headers.get("Transfer-Encoding")
    if coding is not None and coding.strip().lower() != "chunked":
        raise ProtocolException(f"{exchange.peer} broke HTTP: its transfer-encoding is not known")


def require_whole(answer: Any, exchange: Exchange) -> None:
    """Refuse a body that ended with its connection, if TLS did not end with its notice.

    Such a body may have been cut by anybody (RFC 8446, section 6.1).
    """
    tls = answer.tls
    if tls is None or "Content-Length" in answer.headers or answer.content.total_bytes == 0:
        return
    if "Transfer-Encoding" in answer.headers:
        return
    try:
        closed = not tls.read(1)
    except ssl.SSLZeroReturnError:  # the notice came, and was answered
        closed = True
    except (ssl.SSLError, ValueError):
        closed = False
    if not closed:
        raise ReadException(
            f"the connection to {exchange.peer} broke before the whole response came"
        )
