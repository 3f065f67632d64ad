"""The body of a response of aiohttp, read undecoded, as far as it may be."""

from __future__ import annotations

import ssl
from typing import Any

from pyfly.client.adapters._aiohttp_pool import AiohttpAnswer
from pyfly.client.adapters._bodies import too_large
from pyfly.client.adapters._outgoing import HttpOrigin
from pyfly.client.errors import ProtocolException, ReadException
from pyfly.client.message import Headers, Response


async def whole_body(
    method: str, answer: AiohttpAnswer, limit: int, origin: HttpOrigin
) -> Response[Any]:
    """Read the whole body.

    Args:
        method: The request's.
        answer: The response.
        limit: The largest body, in bytes.
        origin: Whom to name in an error.

    Raises:
        ResponseTooLargeException: It is too large.
        ReadException: A body that lasts until the end of the connection was cut off.
        ProtocolException: It is encoded for the way in a manner that is not known.
    """
    response = answer.response
    known = check_framing(answer, origin)
    if known is not None and known > limit and method != "HEAD" and response.status != 304:
        raise too_large(origin.peer, limit)
    content = response.content
    body: bytes = await content.readany()
    if len(body) > limit or not content.at_eof():
        body = await _more(body, content, limit, origin)
    if known is None:
        require_whole(answer, origin)
    fields, encoding = response.headers, None
    if body and "Content-Encoding" in fields:  # these look-ups are written in C
        encoding = ", ".join(fields.getall("Content-Encoding")) or None
    headers = Headers(response.raw_headers)
    return Response(response.status, headers, body, content_encoding=encoding)


async def _more(first: bytes, content: Any, limit: int, origin: HttpOrigin) -> bytes:
    chunks, size = [first], len(first)
    while size <= limit:
        chunk = await content.readany()
        chunks.append(chunk)
        size += len(chunk)
        if content.at_eof():
            break
    if size > limit:
        raise too_large(origin.peer, limit)
    return b"".join(chunks)


def check_framing(answer: AiohttpAnswer, origin: HttpOrigin) -> int | None:
    """The length that a response tells; None if it tells none.

    Raises:
        ProtocolException: Its transfer-encoding is other than ``chunked``: aiohttp passes
            that over, and takes the body for one that lasts until the end of the connection.
    """
    fields = answer.response.headers
    length = fields.get("Content-Length")
    if length is not None:
        return int(length) if length.isdecimal() else None
    coding = fields.get("Transfer-Encoding")
    if coding is not None and coding.strip().lower() != "chunked":
        raise ProtocolException(f"{origin.peer} broke HTTP: its transfer-encoding is not known")
    return None


def require_whole(answer: AiohttpAnswer, origin: HttpOrigin) -> None:
    """Refuse a body that ended with its connection, if that did not end in good order.

    aiohttp takes a reset for an end. And without the notice of TLS such a body may have been
    cut by anybody (RFC 8446, section 6.1).
    """
    tls, response, ended = answer.tls, answer.response, answer.ended
    framed = "Content-Length" in response.headers or "Transfer-Encoding" in response.headers
    if framed or response.content.total_bytes == 0:
        return
    if ended is not None and ended.done() and (error := ended.exception()) is not None:
        raise _cut_off(origin) from error
    if tls is None:
        return
    try:
        closed = not tls.read(1)
    except ssl.SSLZeroReturnError:  # the notice came, and was answered
        closed = True
    except (ssl.SSLError, ValueError):
        closed = False
    if not closed:
        raise _cut_off(origin)


def _cut_off(origin: HttpOrigin) -> ReadException:
    return ReadException(f"the connection to {origin.peer} broke before the whole response came")
