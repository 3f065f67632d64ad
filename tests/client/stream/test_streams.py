"""Streams of both kinds of client, over a port by script."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from pyfly.client import (
    BulkheadException,
    CircuitBreakerException,
    NotFoundException,
    ReadException,
    ResponseDecodeException,
    ResponseException,
    ResponseTooLargeException,
    ServerErrorException,
    ServerSentEvent,
    StreamStateException,
    connect,
)
from pyfly.client._stream.body_reader import reader_for
from pyfly.client.interceptors import InterceptorStage
from pyfly.resilience.adaptive_limiter.limiter import AdaptiveLimiter
from pyfly.resilience.adaptive_limiter.stage import AdaptiveLimiterStage
from pyfly.resilience.bulkhead.bulkhead import Bulkhead
from pyfly.resilience.bulkhead.stage import BulkheadStage
from pyfly.resilience.call import Call
from tests.client.stream.support import Answer, AsyncFeed, Handle, Kit, Row

LINES = b'{"id": 1, "name": "a"}\n{"id": 2}\n'
NDJSON = "application/x-ndjson"
ENDS = (EOFError, StopIteration)


# Items


def test_bytes_are_chunks_as_they_come(kit: Kit) -> None:
    with kit.session(kit.answer(b"ab", b"c")) as session:
        assert session.items("chunks") == [b"ab", b"c"]


def test_bytes_are_decompressed(kit: Kit) -> None:
    data = gzip.compress(b"hello")
    answer = kit.answer(data[:5], data[5:], headers={"content-encoding": "gzip"})
    with kit.session(answer) as session:
        assert b"".join(session.items("chunks")) == b"hello"


def test_a_compressed_stream_may_be_empty(kit: Kit) -> None:
    with kit.session(kit.answer(headers={"content-encoding": "gzip"})) as session:
        assert session.items("chunks") == []


@pytest.mark.survives(
    "Streams", "a gzip stream is cut off", "what came, then `ResponseDecodeException`"
)
def test_a_truncated_gzip_is_an_error_after_what_came(kit: Kit) -> None:
    data = gzip.compress(b"hello" * 100)
    answer = kit.answer(data[:-4], headers={"content-encoding": "gzip"})
    with kit.session(answer) as session:
        stream = session.stream("chunks")
        assert stream.next() == b"hello" * 100
        with pytest.raises(ResponseDecodeException, match=r"Feed\.chunks: GET /bytes: .*truncated"):
            stream.next()


def test_text_comes_in_lines(kit: Kit) -> None:
    answer = kit.answer(b"caf\xe9\r", b"\nb", kind="text/plain; charset=latin-1")
    with kit.session(answer) as session:
        assert session.items("text") == ["café", "b"]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (NDJSON, LINES),
        ("application/jsonl", LINES),
        ("text/plain", LINES),
        ("", LINES),
        ("application/json", b'[{"id": 1, "name": "a"}, {"id": 2}]'),
        ("application/vnd.x+json", b'[{"id": 1, "name": "a"}, {"id": 2}]'),
        ("application/json", LINES),
        ("application/json-seq", b'\x1e{"id": 1, "name": "a"}\n\x1e{"id": 2}\n'),
    ],
)
def test_models_come_from_lines_arrays_and_sequences(kit: Kit, kind: str, data: bytes) -> None:
    for size in (1, 7, 1000):
        pieces = [data[start : start + size] for start in range(0, len(data), size)]
        with kit.session(kit.answer(*pieces, kind=kind)) as session:
            assert session.items("rows") == [Row(id=1, name="a"), Row(id=2)]


@pytest.mark.parametrize("method", ["values", "anything"])
def test_items_may_be_any_json(kit: Kit, method: str) -> None:
    with kit.session(kit.answer(b'[1, "a", null, {"b": []}]', kind="application/json")) as session:
        assert session.items(method) == [1, "a", None, {"b": []}]


def test_an_item_may_be_null_where_the_annotation_has_room_for_it(kit: Kit) -> None:
    with kit.session(kit.answer(b'null\n{"id": 1}\n', kind=NDJSON)) as session:
        assert session.items("maybe") == [None, Row(id=1)]


@pytest.mark.parametrize("kind", [NDJSON, "application/json", ""])
def test_no_content_has_no_items(kit: Kit, kind: str) -> None:
    with kit.session(kit.answer(status=204, kind=kind)) as session:
        assert session.items("rows") == []


@pytest.mark.survives(
    "Streams",
    "an item that is not what the annotation says",
    "`ResponseDecodeException` with its number",
)
@pytest.mark.parametrize(
    ("data", "message", "location"),
    [
        (b'{"id": 1}\n{"id": "x"}\n', "item 1 is no Row at id: ", "1.id"),
        (b"<html>", "item 0 is no Row", "0"),
        (b'{"id": 1}\n{"id"', "item 1 is no Row", "1"),
    ],
)
def test_an_item_that_does_not_decode_is_an_error_with_its_number(
    kit: Kit, data: bytes, message: str, location: str
) -> None:
    with (
        kit.session(kit.answer(data, kind=NDJSON)) as session,
        pytest.raises(ResponseDecodeException, match=message) as caught,
    ):
        session.items("rows")
    assert caught.value.location == location
    assert caught.value.operation == f"{type(session.client).__name__}.rows"
    assert session.port.answers[0].closed == 1


@pytest.mark.parametrize(
    ("kind", "data", "why"),
    [
        ("application/json", b'[{"id": 1},]', "after the last"),
        ("application/json", b'[{"id": 1}] x', "something follows"),
        ("application/json", b'[{"id": 1}', "ends within it"),
        ("application/json", b"", "it is empty"),
        ("text/event-stream", b"data: 1\n\n", r"AsyncIterator\[ServerSentEvent\]"),
        ("application/json-seq", b"[]", "record separator"),
    ],
)
def test_a_body_that_is_not_what_it_claims_is_an_error(
    kit: Kit, kind: str, data: bytes, why: str
) -> None:
    with (
        kit.session(kit.answer(data, kind=kind)) as session,
        pytest.raises(ResponseDecodeException, match=why),
    ):
        session.items("rows")


@pytest.mark.survives("Streams", "an item without an end", "`ResponseTooLargeException`")
def test_an_item_is_bounded_by_the_largest_response(kit: Kit) -> None:
    answer = kit.answer(*[b"[" + b" " * 600] * 2, kind="application/json")
    with (
        kit.session(answer, settings={"max-response-size": 1000}) as session,
        pytest.raises(ResponseTooLargeException),
    ):
        session.items("values")


def test_a_stream_as_a_whole_is_not_bounded(kit: Kit) -> None:
    answer = kit.answer(*[b"x" * 900] * 10)
    with kit.session(answer, settings={"max-response-size": 1000}) as session:
        assert len(session.items("chunks")) == 10


def test_events_come_with_their_fields(kit: Kit) -> None:
    answer = kit.events(b"event: a\nid: 1\ndata: {}\n\n", b"data: 2\n\n", status=200)
    with kit.session(answer, kit.answer(status=204)) as session:
        first, second = session.items("once")
    assert (first.event, first.id, first.json()) == ("a", "1", {})
    assert (second.event, second.data) == ("message", "2")


def test_one_body_of_events_can_be_read_by_itself(kit: Kit) -> None:
    reader = reader_for(ServerSentEvent, 100).reader(kit.events())
    assert [event.data for event in reader.feed(b"data: a\n\ndata: b")] == ["a"]
    assert list(reader.end()) == []


@pytest.mark.survives(
    "Streams", "server-sent events of another content type", "`ResponseDecodeException`"
)
def test_events_of_another_content_type_are_an_error(kit: Kit) -> None:
    with (
        kit.session(kit.answer(b"{}", kind="application/json")) as session,
        pytest.raises(ResponseDecodeException, match="no text/event-stream but application/json"),
    ):
        session.items("events")


# When it is sent, and what is known then


def test_nothing_is_sent_before_the_first_item_is_asked_for(kit: Kit) -> None:
    with kit.session(kit.answer(b"a")) as session:
        stream = session.stream("chunks")
        assert repr(stream.stream).endswith("Feed.chunks, not open yet>")
        assert session.port.requests == []
        assert stream.next() == b"a"
        assert repr(stream.stream).endswith("Feed.chunks, open>")
        assert len(session.port.requests) == 1


def test_entering_opens_it_and_tells_the_head(kit: Kit) -> None:
    answer = kit.answer(b"a", status=206, headers={"x-total": "1"})
    with kit.session(answer) as session:
        stream = session.stream("chunks")
        with pytest.raises(StreamStateException, match="has no response yet"):
            _ = stream.stream.headers
        stream.enter()
        assert (stream.stream.status_code, stream.stream.headers["X-Total"]) == (206, "1")
        assert stream.rest() == [b"a"]
        assert stream.stream.headers["X-Total"] == "1"


def test_a_body_is_sent_with_the_request(kit: Kit) -> None:
    with kit.session(kit.answer(LINES, kind=NDJSON)) as session:
        assert len(session.items("search", {"name": "a"})) == 2
        (request,) = session.port.requests
    assert (request.method, request.content) == ("POST", b'{"name":"a"}')


# One pass


def test_a_stream_that_is_over_cannot_be_read_again(kit: Kit) -> None:
    with kit.session(kit.answer(b"a")) as session:
        stream = session.stream("chunks")
        assert stream.rest() == [b"a"]
        with pytest.raises(ENDS):
            stream.next()
        with pytest.raises(StreamStateException, match=r"is over: it can be read once \(call the"):
            stream.rest()
        with pytest.raises(StreamStateException, match="is over"):
            stream.enter()
        assert repr(stream.stream).endswith(", closed>")


def test_reading_can_be_interrupted_and_go_on(kit: Kit) -> None:
    with kit.session(kit.answer(b"a", b"b", b"c")) as session:
        stream = session.stream("chunks")
        assert stream.next() == b"a"
        assert stream.rest() == [b"b", b"c"]


def test_after_an_error_a_stream_does_not_pretend_to_have_ended(kit: Kit) -> None:
    with kit.session(kit.answer(b"a", ReadException("cut"))) as session:
        stream = session.stream("chunks")
        assert stream.next() == b"a"
        with pytest.raises(ReadException, match=r"Feed\.chunks: GET /bytes: cut"):
            stream.next()
        with pytest.raises(StreamStateException, match="before its time, by a ReadException"):
            stream.next()


# Closing


@pytest.mark.parametrize(
    "end",
    [
        lambda stream: stream.close(),
        lambda stream: stream.rest(),
        lambda stream: setattr(stream, "stream", None),
    ],
    ids=["close", "end", "dropped"],
)
def test_whatever_ends_a_stream_closes_its_response_once(
    kit: Kit, end: Callable[[Handle[Any]], Any]
) -> None:
    with kit.session(kit.answer(b"a", b"b")) as session:
        stream = session.stream("chunks")
        stream.next()
        (answer,) = session.port.answers
        assert answer.closed == 0
        end(stream)
        gc.collect()
        assert answer.closed == 1
        stream = session.stream("chunks")  # and one that was never opened
        stream.close()


def test_leaving_a_loop_closes_the_response(kit: Kit) -> None:
    async def first_async(client: Any) -> bytes:
        async for chunk in client.chunks():
            return bytes(chunk)
        return b""

    def first_sync(client: Any) -> bytes:
        for chunk in client.chunks():
            return bytes(chunk)
        return b""

    with kit.session(kit.answer(b"a", b"b")) as session:
        first = first_async if kit.asynchronous else first_sync
        assert session.run(first(session.client)) == b"a"
        assert session.port.answers[0].closed == 1


def test_leaving_its_block_closes_it(kit: Kit) -> None:
    async def enter_async(client: Any) -> None:
        async with client.chunks() as stream:
            assert await anext(stream) == b"a"
            raise KeyError

    def enter_sync(client: Any) -> None:
        with client.chunks() as stream:
            assert next(stream) == b"a"
            raise KeyError

    with kit.session(kit.answer(b"a", b"b")) as session:
        enter = enter_async if kit.asynchronous else enter_sync
        with pytest.raises(KeyError):
            session.run(enter(session.client))
        assert session.port.answers[0].closed == 1


# The pipeline


def test_a_status_is_an_error_as_for_any_call(kit: Kit) -> None:
    answer = kit.answer(b'{"title": "gone"}', status=404, kind="application/problem+json")
    with (
        kit.session(answer) as session,
        pytest.raises(NotFoundException, match=r"Feed\.rows: GET /rows: answered 404") as caught,
    ):
        session.items("rows")
    assert caught.value.problem is not None
    assert caught.value.problem.title == "gone"


def test_a_status_may_be_an_error_of_the_users_own(kit: Kit) -> None:
    with (
        kit.session(kit.answer(status=404)) as session,
        pytest.raises(LookupError, match="no such feed"),
    ):
        session.items("mapped")


def test_opening_is_retried(kit: Kit) -> None:
    script = (kit.answer(status=503), ReadException("cut"), kit.answer(b"a"))
    with kit.session(*script) as session:
        assert session.items("chunks") == [b"a"]
        assert len(session.port.requests) == 3


def test_opening_gives_up_with_the_last_error(kit: Kit) -> None:
    with (
        kit.session(*[kit.answer(status=503) for _ in range(3)]) as session,
        pytest.raises(ServerErrorException, match="after 3 attempts"),
    ):
        session.stream("chunks").enter()


def test_nothing_is_retried_once_the_headers_have_come(kit: Kit) -> None:
    with kit.session(kit.answer(b"a", ReadException("cut"))) as session:
        with pytest.raises(ReadException):
            session.items("chunks")
        assert len(session.port.requests) == 1


def test_failures_to_open_open_the_circuit_and_broken_bodies_do_not(kit: Kit) -> None:
    broken = [kit.answer(ReadException("cut")) for _ in range(4)]
    refused = [kit.answer(status=500) for _ in range(2)]
    with kit.session(
        *broken, *refused, retry={"enabled": False}, breaker={"failure-threshold": 2}
    ) as session:
        for _ in broken:
            with pytest.raises(ReadException):
                session.items("chunks")
        for _ in refused:
            with pytest.raises(ServerErrorException):
                session.items("chunks")
        with pytest.raises(CircuitBreakerException):
            session.items("chunks")


def test_listeners_hear_of_the_call_when_the_headers_have_come(kit: Kit) -> None:
    heard: list[str] = []
    with kit.session(
        kit.answer(b"a"), listeners=[lambda event: heard.append(type(event).__name__)]
    ) as session:
        stream = session.stream("chunks").enter()
        assert heard[0] == "CallStarted"
        assert heard[-1] == "CallSucceeded"
        count = len(heard)
        assert stream.rest() == [b"a"]
        assert len(heard) == count


def test_a_redirect_is_an_error_and_followed_where_that_is_on(kit: Kit) -> None:
    def script() -> list[Answer]:
        moved = kit.answer(b"see", status=302, headers={"location": "/elsewhere"})
        return [moved, kit.answer(b"a")]

    with kit.session(*script(), settings={"follow-redirects": True}) as session:
        assert session.items("chunks") == [b"a"]
        assert session.port.requests[1].url == "http://feed.test/elsewhere"
    with (
        kit.session(*script()) as session,
        pytest.raises(ResponseException, match="302"),
    ):
        session.items("chunks")


# What stages hold


def test_a_permit_is_held_until_the_stream_is_closed(kit: Kit) -> None:
    bulkhead = Bulkhead(1)
    with kit.session(kit.answer(b"a", b"b"), kit.answer(b"c"), ReadException("cut")) as session:
        make = session.with_stage("chunks", BulkheadStage(bulkhead))
        stream = make()
        stream.next()
        with pytest.raises(BulkheadException):
            make().next()
        stream.close()
        assert bulkhead.snapshot().running == 0
        assert make().rest() == [b"c"]
        assert bulkhead.snapshot().running == 0


def test_the_adaptive_limit_takes_the_length_of_a_stream_for_no_sample(kit: Kit) -> None:
    limiter = AdaptiveLimiter()
    with kit.session(kit.answer(b"a", b"b")) as session:
        stream = session.with_stage("chunks", AdaptiveLimiterStage(limiter))()
        stream.next()
        assert limiter.rules.in_flight == 1
        stream.close()
        assert limiter.rules.in_flight == 0
        assert limiter.snapshot().limit == AdaptiveLimiter().limit


class Holding:
    """Holds something for each attempt, and notes when it is given back."""

    name = "bulkhead"

    def __init__(self) -> None:
        self.freed = 0

    def wrap(self, inner: Any) -> Any:
        async def hold(call: Call) -> Any:
            result = await inner(call)
            self.note(call)
            return result

        return hold

    def wrap_sync(self, inner: Any) -> Any:
        def hold(call: Call) -> Any:
            result = inner(call)
            self.note(call)
            return result

        return hold

    def note(self, call: Call) -> None:
        assert call.on_close is not None
        call.on_close.append(self.free)

    def free(self) -> None:
        self.freed += 1

    def describe(self) -> str:
        return ""


@pytest.mark.parametrize("end", ["close", "rest", "drop", "error"])
def test_what_stages_hold_is_given_back_once_however_the_stream_ends(kit: Kit, end: str) -> None:
    holding = Holding()
    last = ReadException("cut") if end == "error" else b"b"
    with kit.session(kit.answer(b"a", last)) as session:
        stream: Any = session.with_stage("chunks", holding)()
        assert stream.next() == b"a"
        assert holding.freed == 0
        if end == "drop":
            del stream
        elif end == "error":
            with pytest.raises(ReadException):
                stream.rest()
        else:
            getattr(stream, end)()
        gc.collect()
        assert holding.freed == 1


def test_what_stages_hold_is_given_back_if_the_call_fails_after_all(kit: Kit) -> None:
    holding = Holding()

    class Failing(Holding):
        name = "rate limiter"

        def note(self, call: Call) -> None:
            raise KeyError("outside of the attempt's stages")

    with kit.session(kit.answer(b"a")) as session:
        stream = session.with_stage("chunks", holding, Failing())()
        with pytest.raises(KeyError):
            stream.next()
        assert holding.freed == 1
        assert session.port.answers[0].closed == 1


def test_a_response_that_an_interceptor_rejects_is_closed(kit: Kit) -> None:
    seen: list[Any] = []

    class Rejecting:
        def after_response(self, exchange: Any, response: Any) -> None:
            seen.append(response)
            if exchange.attempt == 1:
                raise ReadException("not this one")

    with kit.session(kit.answer(b"a"), kit.answer(b"b")) as session:
        plan = next(m for m in session.wiring.plan.methods if m.name == "chunks")
        stream = session.with_stage("chunks", InterceptorStage(plan, [Rejecting()]))()
        assert stream.next() == b"b"
        first, second = session.port.answers
        assert (first.closed, second.closed) == (1, 0)
        stream.close()
    assert repr(seen[0]) == "<Response 200, streamed>"
    with pytest.raises(ResponseException, match="is not there yet"):
        _ = seen[0].content


# One reader at a time


def test_two_threads_cannot_read_one_stream_at_once() -> None:
    kit = Kit(False)
    entered, go = threading.Event(), threading.Event()

    class Waiting(type(kit.answer())):  # type: ignore[misc]  # the class of the kind
        def read(self, until: float | None) -> bytes:
            entered.set()
            assert go.wait(5)
            return super().read(until)  # type: ignore[no-any-return]

    with kit.session(Waiting(b"a")) as session:
        stream = session.stream("chunks")
        got: list[bytes] = []
        reader = threading.Thread(target=lambda: got.extend(stream.rest()))
        reader.start()
        assert entered.wait(5)
        for use in (stream.next, stream.enter):
            with pytest.raises(StreamStateException, match="is being read already"):
                use()
        go.set()
        reader.join()
        assert got == [b"a"]


@pytest.mark.survives(
    "Streams", "two tasks read one stream", "`StreamStateException` for the second"
)
async def test_two_tasks_cannot_read_one_stream_at_once() -> None:
    kit = Kit(True)
    gate = asyncio.Event()

    class Waiting(type(kit.answer())):  # type: ignore[misc]  # the class of the kind
        async def read(self, until: float | None) -> bytes:
            await gate.wait()
            return self.take(until)  # type: ignore[no-any-return]

    async with connect(AsyncFeed, port=kit.port(Waiting(b"a"))) as client:
        stream: Any = client.chunks()
        reader = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        with pytest.raises(StreamStateException, match="is being read already"):
            await anext(stream)
        with pytest.raises(StreamStateException, match="is being read already"):
            await stream.__aenter__()
        gate.set()
        assert await reader == b"a"
        await stream.aclose()


def test_json_items_are_what_they_say(kit: Kit) -> None:
    rows = [{"id": number} for number in range(1000)]
    data = json.dumps(rows).encode()
    pieces = [data[start : start + 100] for start in range(0, len(data), 100)]
    with kit.session(kit.answer(*pieces, kind="application/json")) as session:
        assert [row.id for row in session.items("rows")] == list(range(1000))
