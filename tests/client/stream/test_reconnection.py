"""Event streams are continued when their connection ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pyfly.client import (
    CircuitBreakerException,
    ClientStoppedException,
    ConnectException,
    DeadlineExceededException,
    NotFoundException,
    ProtocolException,
    ReadException,
    ReadTimeoutException,
    Request,
    ResponseDecodeException,
    ResponseTooLargeException,
    ServerErrorException,
    StreamTimeoutException,
    TlsException,
    connect,
    deadline,
)
from pyfly.client._stream.reconnection import Reconnection
from pyfly.client._stream.server_sent_events import EventParser
from pyfly.core import Config
from pyfly.kernel.exceptions import RefusedException
from tests.client.stream.support import AsyncFeed, Kit
from tests.resilience.support import ManualClock

GONE = {"status": 204}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_a_stream_goes_on_after_its_last_event_when_its_connection_ends(
    kit: Kit, clock: ManualClock
) -> None:
    script = (
        kit.events(b"id: 1\ndata: a\n\n"),
        kit.events(b"id: 2\ndata: b\n\nid: 3\ndata: lost"),
        kit.answer(**GONE),
    )
    with kit.session(*script, clock=clock) as session:
        assert [event.data for event in session.items("events")] == ["a", "b"]
        assert session.port.header("last-event-id") == [None, "1", "2"]
        assert session.port.header("accept") == ["text/event-stream"] * 3
        assert [answer.closed for answer in session.port.answers] == [1, 1, 1]
    assert clock.sleeps == [3.0, 3.0]


@pytest.mark.survives(
    "Streams", "a connection of server-sent events breaks", "reconnection after the last event"
)
@pytest.mark.parametrize(
    "error", [ReadException("cut"), ReadTimeoutException("silence"), ProtocolException("chunk")]
)
def test_and_when_it_breaks(kit: Kit, clock: ManualClock, error: Exception) -> None:
    script = (
        kit.events(b"id: 1\ndata: a\n\n", error),
        kit.events(b"data: b\n\n"),
        kit.answer(**GONE),
    )
    with kit.session(*script, clock=clock) as session:
        events = session.items("events")
    assert [(event.id, event.data) for event in events] == [("1", "a"), ("1", "b")]


def test_the_service_says_how_long_to_wait(kit: Kit, clock: ManualClock) -> None:
    script = (
        kit.events(b"retry: 500\n\n"),
        kit.events(b"data: a\n\n"),
        kit.events(b"retry: 0\ndata: a\n\n"),
        kit.answer(**GONE),
    )
    with kit.session(*script, clock=clock) as session:
        session.items("events")
    assert clock.sleeps == [0.5, 0.5, 0.0]


def test_pauses_grow_while_nothing_comes_and_start_anew_when_something_does(
    kit: Kit, clock: ManualClock
) -> None:
    script = (
        kit.events(b"data: a\n\n"),
        *[ConnectException("refused") for _ in range(3)],
        kit.events(),
        kit.events(b": hello\n"),
        kit.events(b"data: b\n\n"),
        kit.answer(**GONE),
    )
    options: dict[str, Any] = {"retry": {"enabled": False}, "breaker": {"enabled": False}}
    with kit.session(*script, clock=clock, **options) as session:
        assert [event.data for event in session.items("events")] == ["a", "b"]
    assert clock.sleeps == [3.0, 6.0, 12.0, 24.0, 48.0, 3.0, 3.0]


def test_each_connection_is_a_call_with_its_retries(kit: Kit, clock: ManualClock) -> None:
    script = (kit.events(b"data: a\n\n"), kit.answer(status=503), kit.answer(**GONE))
    with kit.session(*script, clock=clock, retry={"base-delay": "10ms"}) as session:
        session.items("events")
    assert clock.sleeps == [3.0, 0.01]


@pytest.mark.survives("Streams", "the circuit is open at a reconnection", "it is waited for")
def test_an_open_circuit_is_waited_for(kit: Kit, clock: ManualClock) -> None:
    script = (
        kit.events(b"data: a\n\n"),
        *[ConnectException("refused") for _ in range(2)],
        kit.events(b"data: b\n\n"),
        kit.answer(**GONE),
    )
    with kit.session(
        *script,
        clock=clock,
        retry={"enabled": False},
        breaker={"failure-threshold": 2, "recovery-timeout": "100s"},
    ) as session:
        assert [event.data for event in session.items("events")] == ["a", "b"]
    # After the second failure the circuit is open: refused once, and told when to come again.
    assert clock.sleeps == [3.0, 6.0, 12.0, 88.0, 3.0]


def test_the_first_connection_has_to_succeed(kit: Kit, clock: ManualClock) -> None:
    script = [ConnectException("refused") for _ in range(3)]
    with kit.session(*script, clock=clock) as session, pytest.raises(ConnectException):
        session.items("events")


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        ({"status": 404}, NotFoundException),
        ({"status": 500}, ServerErrorException),
        ({"kind": "text/html"}, ResponseDecodeException),
    ],
)
def test_an_answer_that_is_no_event_stream_ends_it(
    kit: Kit, clock: ManualClock, failure: dict[str, Any], error: type[Exception]
) -> None:
    script = (kit.events(b"data: a\n\n"), kit.answer(**failure))
    with kit.session(*script, clock=clock, retry={"enabled": False}) as session:
        stream = session.stream("events")
        assert stream.next().data == "a"
        with pytest.raises(error):
            stream.next()


def test_a_certificate_that_is_not_trusted_ends_it(kit: Kit, clock: ManualClock) -> None:
    script = (kit.events(b"data: a\n\n"), TlsException("not trusted"))
    with kit.session(*script, clock=clock) as session, pytest.raises(TlsException):
        session.items("events")


def test_an_event_over_the_limit_ends_it(kit: Kit, clock: ManualClock) -> None:
    with (
        kit.session(
            kit.events(b"data: " + b"x" * 2000), clock=clock, settings={"max-response-size": 1000}
        ) as session,
        pytest.raises(ResponseTooLargeException),
    ):
        session.items("events")


@pytest.mark.survives("Streams", "compressed events are cut off", "reconnection")
def test_a_gzip_that_is_cut_off_is_a_connection_that_broke(kit: Kit, clock: ManualClock) -> None:
    import zlib

    compressor = zlib.compressobj(wbits=31)
    sent = compressor.compress(b"data: a\n\n") + compressor.flush(zlib.Z_SYNC_FLUSH)
    headers = {"content-encoding": "gzip"}
    with kit.session(kit.events(sent, headers=headers), kit.answer(**GONE), clock=clock) as session:
        assert [event.data for event in session.items("events")] == ["a"]
    with (
        kit.session(kit.events(sent, headers=headers), clock=clock) as session,
        pytest.raises(ResponseDecodeException, match="truncated"),
    ):
        session.items("once")


# When there is no reconnection


@pytest.mark.parametrize(("method", "args"), [("once", ()), ("chat", ({},))])
def test_the_end_is_the_end_where_it_is_switched_off_or_the_request_must_not_be_repeated(
    kit: Kit, clock: ManualClock, method: str, args: tuple[Any, ...]
) -> None:
    with kit.session(kit.events(b"data: a\n\n"), clock=clock) as session:
        assert [event.data for event in session.items(method, *args)] == ["a"]
    with (
        kit.session(kit.events(b"data: a\n\n", ReadException("cut")), clock=clock) as session,
        pytest.raises(ReadException),
    ):
        session.items(method, *args)
    assert clock.sleeps == []


def test_a_post_is_repeated_where_the_method_says_so(kit: Kit, clock: ManualClock) -> None:
    script = (kit.events(b"data: a\n\n"), kit.answer(**GONE))
    with kit.session(*script, clock=clock) as session:
        session.items("chat_on", {"q": 1})
        assert [request.content for request in session.port.requests] == [b'{"q":1}'] * 2


# The last id


def test_a_stream_can_begin_after_an_event_of_before(kit: Kit, clock: ManualClock) -> None:
    script = (kit.events(b"data: a\n\n"), kit.events(b"id\ndata: b\n\n"), kit.answer(**GONE))
    with kit.session(*script, clock=clock) as session:
        assert [event.id for event in session.items("events", last="41")] == ["41", ""]
        assert session.port.header("last-event-id") == ["41", "41", None]


def test_an_id_beyond_ascii_is_sent_back_as_utf_8(kit: Kit, clock: ManualClock) -> None:
    script = (kit.events("id: é\ndata: a\n\n".encode()), kit.answer(**GONE))
    with kit.session(*script, clock=clock) as session:
        session.items("events")
        assert session.port.header("last-event-id")[1].encode("latin-1") == "é".encode()


@pytest.mark.survives(
    "Streams", "an event whose id no header can carry", "`ProtocolException`; nothing is injected"
)
@pytest.mark.parametrize("event_id", ["a\x01b", " a", "a ", "a\u2028b"])
def test_an_id_that_no_header_can_carry_ends_the_stream_at_its_connections_end(
    kit: Kit, clock: ManualClock, event_id: str
) -> None:
    with kit.session(kit.events(f"id: {event_id}\ndata: a\n\n".encode()), clock=clock) as session:
        stream = session.stream("events")
        assert stream.next().id == event_id
        with pytest.raises(ProtocolException, match="no header can carry"):
            stream.next()


# Ends


def test_the_whole_stream_ends_in_time(kit: Kit, clock: ManualClock) -> None:
    script = [kit.events(b"data: a\n\n") for _ in range(4)]
    with (
        kit.session(*script, clock=clock, settings={"stream-timeout": "7s"}) as session,
        pytest.raises(StreamTimeoutException, match=r"within 7 s, its stream-timeout"),
    ):
        session.items("events")
    assert clock.sleeps == [3.0, 3.0, 1.0]


def test_and_by_the_callers_deadline(kit: Kit, clock: ManualClock) -> None:
    script = [kit.events(b"data: a\n\n") for _ in range(4)]
    with (
        kit.session(*script, clock=clock) as session,
        deadline(4, clock=clock),
        pytest.raises(DeadlineExceededException, match=r"Feed\.events: .*caller's deadline"),
    ):
        session.items("events")
    assert clock.sleeps == [3.0, 1.0]


def test_reconnecting_is_bounded_by_the_end_of_the_stream(kit: Kit, clock: ManualClock) -> None:
    script = (kit.events(b"data: a\n\n"), *[kit.answer(status=503) for _ in range(3)])
    with (
        kit.session(
            *script,
            clock=clock,
            settings={"stream-timeout": "4s"},
            retry={"base-delay": "500ms", "max-attempts": 9},
        ) as session,
        pytest.raises((StreamTimeoutException, ServerErrorException)),
    ):
        session.items("events")
    assert clock.now <= 104.1


# Stopping


async def test_a_stop_ends_the_pause_before_a_reconnection() -> None:
    kit = Kit(True)
    port = kit.port(kit.events(b"retry: 60000\ndata: a\n\n"))
    async with connect(AsyncFeed, port=port, config=config()) as client:
        stream: Any = client.events()
        await anext(stream)
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.01)
        await client.__pyfly_wiring__.stop()  # type: ignore[attr-defined]  # set by the wiring
        with pytest.raises(ClientStoppedException):
            await waiting


async def test_cancelling_ends_the_pause_before_a_reconnection() -> None:
    kit = Kit(True)
    port = kit.port(kit.events(b"retry: 60000\ndata: a\n\n"))
    async with connect(AsyncFeed, port=port, config=config()) as client:
        stream: Any = client.events()
        await anext(stream)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream), 0.02)


def config() -> Config:
    return Config({"pyfly": {"client": {"default": {"stop-timeout": "20ms"}}}}, environ={})


def test_a_client_that_is_stopped_meanwhile_makes_no_further_connection(
    kit: Kit, clock: ManualClock
) -> None:
    with kit.session(kit.events(b"data: a\n\n"), clock=clock) as session:
        stream = session.stream("events")
        stream.next()
        if kit.asynchronous:
            session.wiring.lifecycle.running = False  # as while it waits for others
        else:
            clock.on_sleep = session.stop
        with pytest.raises(ClientStoppedException):
            stream.next()
        session.wiring.lifecycle.running = True


def test_a_draining_client_makes_no_further_connection(clock: ManualClock) -> None:
    kit = Kit(False)
    with kit.session(kit.events(b"data: a\n\n"), clock=clock) as session:
        stream = session.stream("events")
        stream.next()
        session.wiring.lifecycle.running = False
        with pytest.raises(ClientStoppedException):
            stream.next()
        session.wiring.lifecycle.running = True


# The rules alone


def rules(headers: dict[str, str] | None = None) -> Reconnection:
    return Reconnection(Request("GET", "/", headers or {}))


@pytest.mark.survives("Streams", "a service that asks for a pause of years", "an hour at most")
def test_a_service_is_obeyed_for_an_hour_at_most() -> None:
    reconnection = rules()
    parser = EventParser(100)
    list(parser.feed(b"retry: 999999999999999\n\n"))
    reconnection.ended(parser)
    assert reconnection.pause() == 3600.0


def test_pauses_are_doubled_up_to_a_minute() -> None:
    reconnection = rules()
    assert [reconnection.pause() for _ in range(7)] == [3, 6, 12, 24, 48, 60, 60]


def test_no_pause_is_doubled_from_a_second() -> None:
    reconnection, parser = rules(), EventParser(100)
    list(parser.feed(b"retry: 0\n\n"))
    reconnection.ended(parser)
    assert [reconnection.pause() for _ in range(3)] == [0, 2, 4]


def test_a_refusal_says_how_long_to_wait_once() -> None:
    reconnection = rules()
    refusal = CircuitBreakerException("open", retry_after=20.0)
    assert reconnection.failed(refusal)
    assert [reconnection.pause() for _ in range(2)] == [20, 6]
    assert reconnection.failed(RefusedException("busy"))


def test_what_the_caller_asks_for_stays_as_it_is() -> None:
    request = rules({"Accept": "x/y", "Last-Event-ID": "9"}).request()
    assert request.headers == {"accept": "x/y", "last-event-id": "9"}


def test_an_error_of_ours_is_not_tried_again() -> None:
    assert not rules().failed(KeyError("bug"))
    assert not rules().failed(StreamTimeoutException("over"))
