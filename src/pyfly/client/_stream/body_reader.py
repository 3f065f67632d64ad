"""From the bytes of one body to its items: decompression, framing, decoding."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from pyfly.client._codec.decode import Decoder, UndecodableAnnotation, decoder_for
from pyfly.client._codec.inflater import Inflater
from pyfly.client._stream.json_items import JsonLines, JsonSequence, LinesOrArray
from pyfly.client._stream.lines import TextLines
from pyfly.client._stream.server_sent_events import EventParser, ServerSentEvent
from pyfly.client.errors import ResponseDecodeException
from pyfly.client.message import Headers, Response, charset, media_type

_JSON_LINES = frozenset(
    {
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/x-jsonl",
        "application/jsonlines",
        "application/x-jsonlines",
        "application/stream+json",
    }
)
_JSON_SEQUENCE = "application/json-seq"
_EVENTS = "text/event-stream"


class UndecodedBody(Protocol):
    """What the items are read from, such as a streamed response."""

    status_code: int
    headers: Headers
    content_encoding: str | None


class Framing(Protocol):
    """Cuts plain bytes into items."""

    def feed(self, data: bytes) -> Iterator[Any]:
        """The items that end in these bytes."""
        ...

    def end(self) -> Iterator[Any]:
        """The items that end with the body."""
        ...


class BodyReader:
    """Reads one body; nothing here waits.

    Args:
        body: The response.
        framing: How its items follow each other.
        decode: What an item becomes.
    """

    def __init__(
        self, body: UndecodedBody, framing: Framing, decode: Callable[[Any], Any] | None = None
    ) -> None:
        self._inflater = Inflater(body.content_encoding)
        self._framing = framing
        self._decode = decode
        self._fed = False

    def feed(self, data: bytes) -> Iterator[Any]:
        """The items in the next bytes; each is made when it is asked for.

        It has to be exhausted before the next call.

        Raises:
            ResponseDecodeException: They are not what they should be.
            ResponseTooLargeException: One item is too large.
        """
        self._fed = True
        for piece in self._inflater.feed(data):
            yield from self._decoded(self._framing.feed(piece))

    def end(self) -> Iterator[Any]:
        """The items that end with the body.

        Raises:
            ResponseDecodeException: There should have been more.
        """
        if self._fed:  # an empty body is not compressed
            for piece in self._inflater.end():
                yield from self._decoded(self._framing.feed(piece))
        yield from self._decoded(self._framing.end())

    def _decoded(self, items: Iterator[Any]) -> Iterator[Any]:
        return items if self._decode is None else map(self._decode, items)


class BodyFormat:
    """How the bodies of one method are read.

    Args:
        limit: The largest item, in bytes.

    Attributes:
        is_events: Whether they are server-sent events, and so can be continued.
    """

    is_events = False

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def reader(self, body: UndecodedBody) -> BodyReader:
        """What reads one body.

        Raises:
            ResponseDecodeException: It cannot be read as what it claims to be.
        """
        raise NotImplementedError


class _Chunks(BodyFormat):
    """Bytes as they come."""

    def reader(self, body: UndecodedBody) -> BodyReader:
        return BodyReader(body, _AsTheyCome())


class _AsTheyCome:
    def feed(self, data: bytes) -> Iterator[bytes]:
        return iter((data,)) if data else iter(())

    def end(self) -> Iterator[bytes]:
        return iter(())


class _Text(BodyFormat):
    """Lines of text."""

    def reader(self, body: UndecodedBody) -> BodyReader:
        return BodyReader(body, TextLines(charset(body.headers) or "utf-8", self.limit))


class EventFormat(BodyFormat):
    """Server-sent events."""

    is_events = True

    def reader(self, body: UndecodedBody) -> BodyReader:
        """What reads one body from its beginning."""
        return BodyReader(body, self.parser(body, ""))

    def parser(self, body: UndecodedBody, last_id: str) -> EventParser:
        """What parses one body, which goes on after the event ``last_id``."""
        kind = media_type(body.headers)
        if kind != _EVENTS:
            raise ResponseDecodeException(
                f"the body is no {_EVENTS} but {kind or 'of no content type'} "
                "(annotate another type of item)"
            )
        return EventParser(self.limit, last_id)


class _Items(BodyFormat):
    """Lines of JSON, or an array of it, each item decoded by itself."""

    def __init__(self, limit: int, decode: Decoder) -> None:
        super().__init__(limit)
        self._decode = decode

    def reader(self, body: UndecodedBody) -> BodyReader:
        return BodyReader(body, self._framing(body), _Item(self._decode, body))

    def _framing(self, body: UndecodedBody) -> Framing:
        kind = media_type(body.headers)
        if kind == _EVENTS:
            raise ResponseDecodeException(
                f"the body is {_EVENTS} (annotate AsyncIterator[ServerSentEvent])"
            )
        if kind in _JSON_LINES:
            return JsonLines(self.limit)
        if kind == _JSON_SEQUENCE:
            return JsonSequence(self.limit)
        is_json = kind == "application/json" or kind.endswith("+json")
        return LinesOrArray(self.limit, not is_json or body.status_code == 204)


class _Item:
    """Decodes the items of one body, one after the other."""

    def __init__(self, decode: Decoder, body: UndecodedBody) -> None:
        self._decode = decode
        self._body = body
        self._index = 0

    def __call__(self, raw: bytes) -> Any:
        index = self._index
        self._index += 1
        try:
            return self._decode(Response(200, self._body.headers, raw))
        except ResponseDecodeException as error:
            text = str(error.args[0]).removeprefix("the body").partition(" (status ")[0]
            text += " (return AsyncIterator[bytes] to read the stream as it is)"
            failure = ResponseDecodeException(f"item {index}{text}")
            failure.location = f"{index}.{error.location}" if error.location else str(index)
            raise failure from error


def reader_for(item: Any, limit: int) -> BodyFormat:
    """Choose how bodies with items of a resolved annotation are read.

    Raises:
        UndecodableAnnotation: Nothing can be decoded into it.
    """
    if item is bytes:
        return _Chunks(limit)
    if item is str:
        return _Text(limit)
    if item is ServerSentEvent:
        return EventFormat(limit)
    if item is None or item is type(None) or getattr(item, "__origin__", item) is Response:
        name = "None" if item is None or item is type(None) else "Response"
        raise UndecodableAnnotation(
            f"a stream has no items of {name} (name what the items are: bytes, str, a model, "
            "ServerSentEvent)"
        )
    return _Items(limit, decoder_for(Any if item is inspect.Parameter.empty else item))
