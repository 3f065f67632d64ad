"""The format of server-sent events, as the HTML standard defines it."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfly.client import ServerSentEvent
from pyfly.client._stream.server_sent_events import EventParser
from pyfly.client.errors import ResponseTooLargeException
from tests.client.stream.test_lines import CUTS, pieces

LIMIT = 10_000


def parse(data: bytes, cuts: list[int] | None = None, last_id: str = "") -> list[ServerSentEvent]:
    """All events."""
    parser = EventParser(LIMIT, last_id)
    found = [event for piece in pieces(data, cuts or []) for event in parser.feed(piece)]
    return [*found, *parser.end()]


@pytest.mark.parametrize(
    ("data", "events"),
    [
        # The examples of the standard, section 9.2.6.
        (
            b"data: This is the first message.\n\n"
            b"data: This is the second message, it\ndata: has two lines.\n\n"
            b"data: This is the third message.\n\n",
            [
                ServerSentEvent(data="This is the first message."),
                ServerSentEvent(data="This is the second message, it\nhas two lines."),
                ServerSentEvent(data="This is the third message."),
            ],
        ),
        (
            b"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\nevent: add\ndata: 11\n\n",
            [
                ServerSentEvent("add", "73857293"),
                ServerSentEvent("remove", "2153"),
                ServerSentEvent("add", "11"),
            ],
        ),
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [ServerSentEvent(data="YHOO\n+2\n10")]),
        (
            b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\n"
            b"data:  third event\n\n",
            [
                ServerSentEvent(data="first event", id="1"),
                ServerSentEvent(data="second event"),
                ServerSentEvent(data=" third event"),
            ],
        ),
        (
            b"data\n\ndata\ndata\n\ndata:",
            [ServerSentEvent(data=""), ServerSentEvent(data="\n")],
        ),
        (b"data:test\n\ndata: test\n\n", [ServerSentEvent(data="test")] * 2),
        # And what it says elsewhere.
        (b"\xef\xbb\xbfdata: a\n\n", [ServerSentEvent(data="a")]),
        (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [ServerSentEvent(data="a")]),
        (b"data: \xff\xc3\n\n", [ServerSentEvent(data="\ufffd\ufffd")]),
        (b"id: a\0b\ndata: 1\n\n", [ServerSentEvent(data="1")]),
        (b"id: 7\n\ndata: 1\n\ndata: 2\n\n", [ServerSentEvent(data=d, id="7") for d in "12"]),
        (b"event: only\n\ndata: 1\n\n", [ServerSentEvent(data="1")]),
        (
            b"retry: 10\ndata: 1\n\ndata: 2\n\n",
            [ServerSentEvent("message", "1", "", 10), ServerSentEvent(data="2")],
        ),
        (b"retry: 1x\ndata: 1\n\n", [ServerSentEvent(data="1")]),
        (b"retry: -1\ndata: 1\n\n", [ServerSentEvent(data="1")]),
        (b"retry: \xd9\xa1\ndata: 1\n\n", [ServerSentEvent(data="1")]),
        (b"retry: " + b"9" * 5000 + b"\ndata: 1\n\n", [ServerSentEvent(data="1")]),
        (b"DATA: x\nother: y\n:c\ndata: 1\n\n", [ServerSentEvent(data="1")]),
        (b"data: a:b: c\n\n", [ServerSentEvent(data="a:b: c")]),
        (b"data: not ended\n", []),
        (b"", []),
    ],
)
@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_streams_are_read_as_the_standard_says(
    data: bytes, events: list[ServerSentEvent], end: bytes
) -> None:
    data = data.replace(b"\n", end)
    for step in (len(data) or 1, 1, 2, 3):
        parser = EventParser(LIMIT)
        found = [
            event
            for start in range(0, len(data), step)
            for event in parser.feed(data[start : start + step])
        ]
        assert found == events


@given(st.text("aid:\r\n \0é\ufeff", max_size=40), CUTS)
def test_every_cutting_of_the_same_bytes_gives_the_same_events(text: str, cuts: list[int]) -> None:
    data = text.replace("a", "data").replace("i", "id").encode()
    assert parse(data, cuts) == parse(data)


@given(st.binary(max_size=60))
def test_no_bytes_are_refused(data: bytes) -> None:
    assert all(isinstance(event, ServerSentEvent) for event in parse(data))


def test_an_event_comes_with_the_empty_line_after_it_whatever_follows() -> None:
    parser = EventParser(LIMIT)
    assert list(parser.feed(b"data: 1\r\r")) == [ServerSentEvent(data="1")]
    assert list(parser.feed(b"\n")) == []
    assert list(parser.feed(b"data: 2\r\n\r")) == [ServerSentEvent(data="2")]


def test_the_id_to_go_on_after_is_that_of_the_last_whole_event() -> None:
    parser = EventParser(LIMIT, "0")
    assert parser.last_id == "0"
    list(parser.feed(b"id: 1\ndata: a\n\nid: 2\ndata: b\n"))
    assert parser.last_id == "1"
    list(parser.feed(b"\n"))
    assert parser.last_id == "2"


def test_the_last_id_of_a_connection_before_goes_on() -> None:
    assert parse(b"data: a\n\n", last_id="41") == [ServerSentEvent(data="a", id="41")]


@pytest.mark.parametrize("line", [b"data: 0123456789\n", b"data:\n", b"data: 012", b": 0123"])
def test_an_event_over_the_limit_is_refused_before_it_ends(line: bytes) -> None:
    parser = EventParser(100)
    with pytest.raises(ResponseTooLargeException, match="than 100 bytes"):
        _ = [list(parser.feed(line)) for _ in range(30)]


def test_many_small_events_are_not_bounded_together() -> None:
    parser = EventParser(20)
    assert len(list(parser.feed(b"data: 0123456789\n\n" * 50))) == 50


def test_an_event_decodes_its_data_as_json_and_pickles() -> None:
    event = ServerSentEvent("update", '{"a": [1, 2]}', "7", 100)
    assert event.json() == {"a": [1, 2]}
    assert pickle.loads(pickle.dumps(event)) == event
    with pytest.raises(ValueError, match="NaN is not in JSON"):
        ServerSentEvent(data="NaN").json()
