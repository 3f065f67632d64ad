"""From a value of the test's to what a service would have sent for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args, get_origin

from pyfly.client import ServerSentEvent
from pyfly.client._codec.encode import to_json, to_json_line
from pyfly.client._compile.shapes import members
from pyfly.client.message import Headers, Response
from pyfly.client.pagination import Page
from pyfly.client.plan import MethodPlan, allows_none
from pyfly.kernel.record import Record
from pyfly.testing.requests.received import SeenRequest

_JSON = "application/json"
_BYTES = (bytes, bytearray, memoryview)


class Reply(Record):
    """What is sent in answer to one request.

    Attributes:
        status: The status.
        headers: The header fields.
        chunks: The body, in the pieces in which a stream delivers it.
        breaks: Raised after the body; None if it ends as it should.
        every: Seconds before each piece.
    """

    status: int
    headers: Headers
    chunks: tuple[bytes, ...] = ()
    breaks: BaseException | None = None
    every: float = 0.0


NOTHING = Reply(204, Headers())


def reply_to(method: MethodPlan, value: Any) -> Reply:
    """The reply that a method decodes into ``value``.

    Raises:
        TypeError: The value has no form on the wire.
        ValueError: Likewise.
    """
    if isinstance(value, Response):
        return _whole(method, value)
    if value is None and (method.returns is None or allows_none(method.returns)):
        return NOTHING
    if isinstance(value, _BYTES):
        return _typed("application/octet-stream", bytes(value))
    if isinstance(value, str) and _wants_text(method.returns):
        return _typed("text/plain; charset=utf-8", value.encode())
    return _typed(_JSON, to_json(value))


def _whole(method: MethodPlan, response: Response[Any]) -> Reply:
    """A response as it is; its value is its body if it has no bytes."""
    if response.content or response.value is None:
        return Reply(response.status_code, response.headers, (response.content,))
    body = reply_to(method, response.value)
    given = response.headers.fields
    kind = [] if "content-type" in response.headers else body.headers.fields
    return Reply(response.status_code, Headers([*kind, *given]), body.chunks)


def _wants_text(annotation: Any) -> bool:
    if get_origin(annotation) is Response:
        annotation = get_args(annotation)[0]
    return str in members(annotation)


def _typed(kind: str, *chunks: bytes) -> Reply:
    return Reply(200, Headers({"Content-Type": kind}), chunks)


def stream_reply(method: MethodPlan, items: Sequence[Any]) -> Reply:
    """The reply whose stream yields ``items``, each in a piece of its own.

    Raises:
        TypeError: An item has no form on the wire.
        ValueError: Likewise.
    """
    assert method.stream is not None  # by the rule
    kind = method.stream.item
    if kind is ServerSentEvent:
        pieces = [_event(item) for item in items]
        if not any(item.retry is not None for item in items):
            pieces.append(b"retry: 0\n\n")  # ask for no pause before the client comes again
        return _typed("text/event-stream", *pieces)
    if kind is bytes:
        return _typed("application/octet-stream", *(bytes(item) for item in items))
    if kind is str:
        return _typed("text/plain; charset=utf-8", *(f"{item}\n".encode() for item in items))
    return _typed("application/x-ndjson", *map(to_json_line, items))


def _event(event: ServerSentEvent) -> bytes:
    if not isinstance(event, ServerSentEvent):
        raise TypeError(f"a {type(event).__name__} is no ServerSentEvent")
    fields = [("event", event.event)] if event.event != "message" else []
    fields += [("id", event.id)] if event.id else []
    fields += [("retry", str(event.retry))] if event.retry is not None else []
    fields += [("data", line) for line in event.data.split("\n")]
    return "".join(f"{name}: {value}\n" for name, value in fields).encode() + b"\n"


def asks_first(page: Page, seen: SeenRequest) -> bool:
    """Whether a request asks for the first page."""
    asked = dict(seen.pairs)
    return all(asked.get(name) == text for name, text in page.first().items())


def page_reply(page: Page, items: Sequence[Any]) -> Reply:
    """One page with all items, after which there is none.

    Raises:
        TypeError: An item has no form on the wire.
        ValueError: Likewise.
    """
    body: Any = list(items)
    if page.items is not None:
        body = _put({}, page.items, body)
        total = getattr(page, "_total", None)
        if total is not None:  # by offset it counts items, by number pages
            _put(body, total, len(items) if len(page.params) > 1 else 1)
    return _typed(_JSON, to_json(body))


def _put(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    *parents, last = path.split(".")
    inner = body
    for key in parents:
        inner = inner.setdefault(key, {})
    inner[last] = value
    return body


def plain_reply(
    status: int,
    headers: Mapping[str, str] | Iterable[tuple[str, str]],
    body: bytes | str | Iterable[bytes],
) -> Reply:
    """A reply as it is given, byte for byte."""
    if isinstance(body, str):
        body = body.encode()
    chunks = (
        (bytes(body),)
        if isinstance(body, _BYTES)
        else tuple(bytes(memoryview(each)) for each in body)
    )
    return Reply(status, Headers(headers), chunks)
