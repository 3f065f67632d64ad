"""Server-sent events, as the HTML standard defines their format.

https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.6
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyfly.client._codec.json_text import from_json
from pyfly.client._stream.lines import event_lines
from pyfly.client.errors import ResponseTooLargeException
from pyfly.kernel.record import Record

_MARK = "\ufeff"
#: More digits than any pause needs; and Python refuses to read thousands of them.
_MOST_DIGITS = 15


class ServerSentEvent(Record):
    """One event of a ``text/event-stream``.

    Attributes:
        event: Its type; ``message`` if it names none.
        data: Its data lines, joined by LF.
        id: The last id that the stream has named, in this event or before; ``""`` for none.
        retry: The pause before a reconnection that it asks for, in milliseconds; or None.
    """

    event: str = "message"
    data: str = ""
    id: str = ""
    retry: int | None = None

    def json(self) -> Any:
        """The data as JSON values.

        Raises:
            ValueError: It is no JSON.
        """
        return from_json(self.data.encode())


class EventParser:
    """Makes events of the bytes of one connection.

    Args:
        limit: The largest event, in bytes.
        last_id: The last id of the connections before.

    Attributes:
        last_id: The id to begin after, should the connection break.
        retry: The pause before a reconnection that the service asks for, in milliseconds;
            None if it does not.
    """

    def __init__(self, limit: int, last_id: str = "") -> None:
        self.last_id = last_id
        self.retry: int | None = None
        self._limit = limit
        self._lines = event_lines(limit)
        self._first = True
        self._id = last_id
        self._reset()

    def _reset(self) -> None:
        self._event = ""
        self._data: list[str] = []
        self._size = 0
        self._retry: int | None = None

    def feed(self, data: bytes) -> Iterator[ServerSentEvent]:
        """The events that end in these bytes.

        Raises:
            ResponseTooLargeException: One is larger than the limit.
        """
        for raw in self._lines.feed(data):
            line = raw.decode("utf-8", "replace")
            if self._first:
                self._first = False
                line = line.removeprefix(_MARK)
            if line:
                self._field(line, len(raw))
            else:
                yield from self._dispatch()

    def end(self) -> Iterator[ServerSentEvent]:
        """Nothing: an event without the empty line after it is not whole, and is dropped."""
        return iter(())

    def _field(self, line: str, size: int) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "data":
                self._size += size
                if self._size > self._limit:
                    raise ResponseTooLargeException(
                        f"an event of the stream is larger than {self._limit} bytes; "
                        "raise max-response-size to accept it"
                    )
                self._data.append(value)
            case "event":
                self._event = value
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS:
                self.retry = self._retry = int(value)
            case _:  # a comment, or a field that nobody knows
                pass

    def _dispatch(self) -> Iterator[ServerSentEvent]:
        self.last_id = self._id
        if self._data:
            event, data, retry = self._event or "message", "\n".join(self._data), self._retry
            self._reset()
            yield ServerSentEvent(event, data, self.last_id, retry)
        else:
            self._reset()
