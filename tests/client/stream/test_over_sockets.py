"""Streams over real connections: what they hold, and that nothing of it is left."""

from __future__ import annotations

import asyncio
import gc
import gzip
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from pyfly.client import (
    AttemptTimeoutException,
    ClientStoppedException,
    ConnectException,
    DeadlineExceededException,
    HttpxClientAdapter,
    HttpxSyncClientAdapter,
    NotFoundException,
    PoolExhaustedException,
    ProtocolException,
    ReadException,
    ReadTimeoutException,
    ResponseTooLargeException,
    StreamStateException,
    StreamTimeoutException,
    connect,
    deadline,
)
from pyfly.core import Config
from tests.client.contract.conftest import Certificates
from tests.client.contract.peer import Connection as PeerConnection
from tests.client.contract.peer import Peer
from tests.client.stream.support import AsyncFeed, Kit, Session, wired
from tests.support.patience import at_most
from tests.support.servers import ServerClient


class Service:
    """Sessions of one kind over one library, and the hand on their service."""

    def __init__(self, kit: Kit, library: str, guide: ServerClient) -> None:
        self.kit = kit
        self.guide = guide
        self.library = library

    def session(self, settings: dict[str, Any] | None = None, **options: Any) -> Session:
        """A client of the service."""
        chosen = {"adapter": self.library, **(settings or {})}
        return self.kit.over(self.guide.url, settings=chosen, **options)

    def by_own_client(self) -> Iterator[Session]:
        """A client over a library's client of the user's own."""
        if self.kit.asynchronous:
            own: Any = httpx2.AsyncClient()
            port: Any = HttpxClientAdapter(self.guide.url, client=own)
        else:
            own = httpx2.Client()
            port = HttpxSyncClientAdapter(self.guide.url, client=own)
        session = self.kit.over(self.guide.url, port=port, settings={"stream-idle-timeout": "50ms"})
        with session:
            yield session
            session.run(own.aclose() if self.kit.asynchronous else own.close())


@pytest.fixture(params=["httpx2", "httpx", "aiohttp"])
def service(kit: Kit, guide: ServerClient, request: pytest.FixtureRequest) -> Service:
    if request.param == "aiohttp" and not kit.asynchronous:
        pytest.skip("aiohttp is for asynchronous clients")
    return Service(kit, request.param, guide)


@pytest.fixture
def own(kit: Kit, guide: ServerClient) -> Iterator[Session]:
    yield from Service(kit, "httpx2", guide).by_own_client()


def script(guide: ServerClient, path: str, *chunks: bytes, **more: Any) -> None:
    """The next answer for a path, chunked."""
    guide.script(path, {"chunks": list(chunks), **more})


# Connections


def test_chunks_come_while_the_service_sends_them(service: Service) -> None:
    with service.session() as session:
        stream = session.stream("drip", 3, 300)
        began = time.monotonic()
        assert stream.next() == b"."
        assert time.monotonic() - began < at_most(0.29)
        assert stream.rest() == [b".", b"."]


def test_a_connection_is_used_again_when_a_stream_was_read_to_its_end(service: Service) -> None:
    with service.session() as session:
        for _ in range(3):
            assert b"".join(session.items("drip", 2, 0)) == b".."
        assert session.call("user", "1")["id"] == "1"
        assert service.guide.connections().opened == 1


@pytest.mark.parametrize("end", ["close", "drop"])
def test_and_closed_when_it_was_not(service: Service, end: str) -> None:
    with service.session() as session:
        stream: Any = session.stream("drip", 500)
        assert stream.next() == b"."
        if end == "close":
            stream.close()
        else:
            del stream
        service.guide.wait_for_open(0)
        assert session.call("user", "1")["id"] == "1"
        assert service.guide.connections().opened == 2


@pytest.mark.survives(
    "Streams", "a stream is dropped without being closed", "its connection is closed"
)
def test_a_stream_that_nobody_reads_is_closed_when_it_is_dropped(service: Service) -> None:
    with service.session() as session:
        session.stream("drip", 500).enter()
        gc.collect()
        service.guide.wait_for_open(0)


def test_a_stream_holds_a_place_until_it_is_closed(service: Service) -> None:
    with service.session({"max-connections": 1, "pool-timeout": "30ms"}) as session:
        stream = session.stream("drip", 500).enter()
        with pytest.raises(PoolExhaustedException):
            session.call("user", "1")
        stream.close()
        assert session.call("user", "1")["id"] == "1"
        first = session.stream("drip", 500)
        first.next()
        del first
        session.spin()
        assert session.call("user", "1")["id"] == "1"


def test_a_place_is_free_after_a_failure_to_open(service: Service) -> None:
    service.guide.script("/bytes", {"reset": True}, {"status": 404}, {"raw": "nonsense\r\n\r\n"})
    with service.session(
        {"max-connections": 1, "pool-timeout": "100ms"}, retry={"enabled": False}
    ) as session:
        for error in (ReadException, NotFoundException, ProtocolException):
            with pytest.raises(error):
                session.stream("chunks").enter()
        assert session.items("drip", 1) == [b"."]


@pytest.mark.survives(
    "Streams", "the body of a stream's error is too large", "`ResponseTooLargeException`"
)
def test_a_body_of_an_error_is_bounded(service: Service) -> None:
    service.guide.script("/bytes", {"status": 500, "body": "x" * 5000})
    with (
        service.session({"max-response-size": 1000}, retry={"enabled": False}) as session,
        pytest.raises(ResponseTooLargeException),
    ):
        session.stream("chunks").enter()


def test_connections_that_have_idled_too_long_are_closed(service: Service) -> None:
    with service.session({"keepalive-expiry": "1ms"}) as session:
        for _ in range(2):
            assert session.items("drip", 1, 0) == [b"."]
            time.sleep(0.02)
        assert service.guide.connections().opened == 2


def test_streams_come_through_tls(kit: Kit, certificates: Certificates) -> None:
    def serve(peer: PeerConnection) -> None:
        while True:
            peer.read_request()
            peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab")
            peer.wait(0.02)
            peer.send(b"cd")

    with (
        Peer(serve, tls=certificates.server()) as peer,
        kit.over(peer.url, settings={"ca": str(certificates.ca)}) as session,
    ):
        assert b"".join(session.items("chunks")) == b"abcd"
        stream: Any = session.stream("chunks")
        assert stream.next() == b"ab"
        del stream
        session.spin()
        assert b"".join(session.items("chunks")) == b"abcd"


# Bodies that break


@pytest.mark.survives("Streams", "a chunked stream is cut off", "what came, then `ReadException`")
@pytest.mark.parametrize("how", [{"cut": 0}, {"cut": 0, "reset": True}])
def test_a_chunked_body_that_is_cut_off_is_an_error(service: Service, how: Any) -> None:
    script(service.guide, "/bytes", b"abc", pace=0.02, **how)
    with service.session() as session:
        stream = session.stream("chunks")
        assert stream.next() == b"abc"
        with pytest.raises(ReadException, match=r"Feed\.chunks: GET /bytes: "):
            stream.next()
        assert len(service.guide.requests()) == 1


@pytest.mark.survives(
    "Streams", "a stream ends before its length", "what came, then `ReadException`"
)
def test_a_body_shorter_than_its_length_is_an_error(service: Service) -> None:
    raw = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"
    service.guide.script("/bytes", {"raw": raw, "hang_up": True})
    with service.session() as session:
        stream = session.stream("chunks")
        assert stream.next() == b"abc"
        with pytest.raises(ReadException, match="after 3 of 10 bytes"):
            stream.next()


@pytest.mark.survives(
    "Streams", "a bad chunk within a stream", "what came, then `ProtocolException`"
)
def test_a_bad_chunk_is_an_error(service: Service) -> None:
    # In one packet with the head it is an error of the head, and tried again.
    raw = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n"
    script = {"raw": raw, "hang_up": True}
    service.guide.script("/bytes", script, script, script)
    with service.session() as session, pytest.raises(ProtocolException, match="chunk"):
        session.items("chunks")


def test_a_compressed_body_is_plain(service: Service) -> None:
    data = gzip.compress(b'{"id": 1}\n{"id": 2}\n')
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/x-ndjson"}
    script(service.guide, "/rows", data[:9], data[9:], headers=headers)
    with service.session() as session:
        assert [row.id for row in session.items("rows")] == [1, 2]


def test_events_are_continued_over_real_connections(service: Service) -> None:
    kind = {"Content-Type": "text/event-stream"}
    script(service.guide, "/events", b"retry: 1\nid: 1\ndata: a\n\n", headers=kind, cut=0)
    script(service.guide, "/events", b"id: 2\ndata: b\n\n", headers=kind)
    service.guide.script("/events", {"raw": "HTTP/1.1 204 No Content\r\n\r\n"})
    with service.session() as session:
        assert [event.data for event in session.items("events")] == ["a", "b"]
    ids = [request.header("last-event-id") for request in service.guide.requests()]
    assert ids == [None, "1", "2"]


# Time


def test_the_timeout_of_an_attempt_ends_at_the_headers(service: Service) -> None:
    with service.session({"timeout": "100ms"}) as session:
        assert session.items("drip", 15, 10) == [b"."] * 15


@pytest.mark.survives("Streams", "the headers of a stream do not come", "`AttemptTimeoutException`")
def test_headers_that_do_not_come_in_time_are_an_error(service: Service) -> None:
    service.guide.script("/bytes", {"delay": 2})
    with (
        service.session({"timeout": "50ms"}, retry={"enabled": False}) as session,
        pytest.raises(AttemptTimeoutException),
    ):
        session.items("chunks")


@pytest.mark.survives(
    "Streams", "silence between two chunks", "`ReadTimeoutException` after `stream-idle-timeout`"
)
def test_silence_between_two_chunks_is_an_error(service: Service) -> None:
    with service.session({"stream-idle-timeout": "50ms"}) as session:
        stream = session.stream("drip", 3, 1000)
        assert stream.next() == b"."
        with pytest.raises(ReadTimeoutException, match="sent nothing for 50 ms"):
            stream.next()
        service.guide.wait_for_open(0)


@pytest.mark.survives(
    "Streams", "a stream that never ends", "`StreamTimeoutException` after `stream-timeout`"
)
def test_a_stream_that_takes_too_long_as_a_whole_is_an_error(service: Service) -> None:
    with (
        service.session({"stream-timeout": "100ms"}) as session,
        pytest.raises(StreamTimeoutException, match=r"within 0\.1 s, its stream-timeout"),
    ):
        session.items("drip", 500, 10)


def test_headers_that_come_after_the_whole_time_are_an_error(service: Service) -> None:
    service.guide.script("/bytes", {"delay": 2})
    with (
        service.session({"stream-timeout": "50ms"}) as session,
        pytest.raises(StreamTimeoutException, match=r"within 0\.05 s, its stream-timeout"),
    ):
        session.items("chunks")


def test_the_callers_deadline_holds_for_opening_and_for_reading(service: Service) -> None:
    service.guide.script("/bytes", {"delay": 2})
    with service.session() as session:
        with deadline(0.05), pytest.raises(DeadlineExceededException):
            session.items("chunks")
        stream = session.stream("drip", 100, 20)
        assert stream.next() == b"."
        with deadline(0.05), pytest.raises(DeadlineExceededException, match="was not over by the"):
            stream.rest()


def test_a_deadline_around_the_opening_alone_does_not_bind_the_reading(service: Service) -> None:
    with service.session() as session:
        stream = session.stream("drip", 8, 20)
        with deadline(0.05):
            stream.enter()
        assert len(stream.rest()) == 8


@pytest.mark.survives("Streams", "the body of an error drips", "`AttemptTimeoutException` in time")
def test_the_error_of_a_service_that_drips_comes_in_time(service: Service) -> None:
    head = "HTTP/1.1 500 No\r\nContent-Length: 1000\r\n\r\nabc"
    service.guide.script("/bytes", {"raw": head + "x" * 5})
    with (
        service.session({"timeout": "100ms"}, retry={"enabled": False}) as session,
        pytest.raises(AttemptTimeoutException),
    ):
        session.items("chunks")


# Stopping


def test_a_stop_waits_for_a_stream_and_then_ends_it(service: Service) -> None:
    if not service.kit.asynchronous:
        pytest.skip("the next test is its twin")
    session = service.session({"stop-timeout": "100ms"})

    async def main() -> None:
        stream = session.client.drip(500, 10)
        got: list[bytes] = []

        async def read() -> None:
            async for chunk in stream:
                got.append(chunk)

        reader = asyncio.create_task(read())
        await asyncio.sleep(0.05)
        began = time.monotonic()
        await session.wiring.stop()
        assert 0.09 < time.monotonic() - began < at_most(1)
        assert got
        with pytest.raises(ClientStoppedException, match="while the stream was open"):
            await reader

    session.run(main())
    with session:
        pass
    service.guide.wait_for_open(0)


@pytest.mark.survives(
    "Streams",
    "the client is stopped while a thread reads",
    "`ClientStoppedException` in that thread",
)
def test_a_stop_ends_a_stream_that_another_thread_reads(service: Service) -> None:
    if service.kit.asynchronous:
        pytest.skip("the test before is its twin")
    with service.session({"stop-timeout": "100ms"}) as session:
        stream = session.stream("drip", 500, 10)
        raised: list[BaseException] = []

        def read() -> None:
            try:
                stream.rest()
            except BaseException as error:
                raised.append(error)

        reader = threading.Thread(target=read)
        stream.next()
        reader.start()
        time.sleep(0.05)
        began = time.monotonic()
        session.stop()
        reader.join(5)
        assert 0.09 < time.monotonic() - began < at_most(1)
        assert isinstance(raised[0], ClientStoppedException)


def test_a_stop_by_whoever_holds_the_stream_does_not_wait_for_it(service: Service) -> None:
    if service.kit.asynchronous:

        async def main() -> Any:
            async with wired(service.guide.url) as client:
                stream: Any = client.drip(500)
                await anext(stream)
                return stream, time.monotonic()

        with asyncio.Runner() as runner:
            stream, began = runner.run(main())
            assert time.monotonic() - began < at_most(1)
            with pytest.raises(ClientStoppedException):
                runner.run(_next(stream))
    else:
        with service.session({"stop-timeout": "5s"}) as session:
            held = session.stream("drip", 500)
            held.next()
            began = time.monotonic()
            session.stop()
            assert time.monotonic() - began < at_most(1)
            with pytest.raises(ClientStoppedException):
                held.next()
    service.guide.wait_for_open(0)


async def _next(stream: Any) -> Any:
    return await anext(stream)


def test_a_stopped_client_opens_no_stream(service: Service) -> None:
    with service.session() as session:
        session.call("user", "1")
        session.stop()
        with pytest.raises(ClientStoppedException):
            session.items("drip", 1)


def test_a_stream_can_be_closed_by_another_thread(guide: ServerClient) -> None:
    with Kit(False).over(guide.url) as session:
        stream = session.stream("drip", 2, 5000)
        got: list[bytes] = []

        def read() -> None:
            for chunk in stream.stream:
                got.append(chunk)  # one by one

        reader = threading.Thread(target=read)
        reader.start()
        while not got and reader.is_alive():
            time.sleep(0.01)
        stream.close()
        reader.join(5)
        assert got == [b"."]
        guide.wait_for_open(0)


async def test_a_stream_can_be_closed_by_another_task(guide: ServerClient) -> None:
    async with wired(guide.url) as client:
        stream: Any = client.drip(2, 5000)
        got: list[bytes] = []

        async def read() -> None:
            async for chunk in stream:
                got.append(chunk)

        reader = asyncio.create_task(read())
        while not got:
            await asyncio.sleep(0.01)
        await stream.aclose()
        await asyncio.wait_for(reader, 5)
        assert got == [b"."]
    guide.wait_for_open(0)


async def test_a_stop_ends_the_opening_of_a_stream(guide: ServerClient) -> None:
    guide.script("/bytes", {"delay": 5})
    async with wired(guide.url, {"stop-timeout": "50ms"}) as client:
        opening = asyncio.create_task(_next(client.chunks()))
        await asyncio.sleep(0.05)
        await client.__pyfly_wiring__.stop()
        with pytest.raises(ClientStoppedException):
            await opening


@pytest.mark.survives(
    "Streams", "a stream is aborted", "an error, never a short stream that looks whole"
)
def test_what_was_aborted_does_not_look_like_the_end(service: Service) -> None:
    with service.session() as session:
        stream = session.stream("drip", 500).enter()
        opened = stream.stream._source._connection.response
        opened.abort()
        opened.abort()
        with pytest.raises(ReadException, match=r"was closed|broke before the whole response came"):
            stream.next()
        session.spin()


class Odd(BaseException):
    """What is no Exception, such as KeyboardInterrupt."""


@pytest.mark.parametrize("how", ["read", "close"])
def test_whatever_happens_the_connection_is_closed_and_the_place_is_free(
    service: Service, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if service.library == "aiohttp":
        pytest.skip("looks into streams over our own connections")

    def fail(*args: Any) -> Any:
        raise Odd

    with service.session({"max-connections": 1, "pool-timeout": "100ms"}) as session:
        stream = session.stream("drip", 500).enter()
        opened = stream.stream._source._connection.response
        connection = type(opened._exchange._connection)
        act = stream.close if how == "close" else lambda: [stream.next() for _ in range(500)]
        with monkeypatch.context() as failing:
            failing.setattr(connection, "read_more" if how == "read" else "finish", fail)
            with pytest.raises(Odd):
                act()
        service.guide.wait_for_open(0)
        assert session.call("user", "1")["id"] == "1"


# Cancellation


@pytest.mark.survives(
    "Streams", "the reader of a stream is cancelled", "no connection and no permit is left"
)
@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8, 20])
async def test_cancelling_at_any_moment_leaves_nothing(guide: ServerClient, turns: int) -> None:
    async with wired(guide.url, {"max-connections": 1, "pool-timeout": "1s"}) as client:
        before = asyncio.all_tasks()

        async def read() -> None:
            async for _ in client.drip(500, 1):
                pass

        reader = asyncio.create_task(read())
        for _ in range(turns):  # the first ones before there are headers
            await asyncio.sleep(0.001 if turns > 5 else 0)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        assert asyncio.all_tasks() == before
        assert (await client.user("1"))["id"] == "1"
        guide.wait_for_open(1)


async def test_a_read_that_was_cancelled_does_not_look_like_the_end(guide: ServerClient) -> None:
    async with wired(guide.url) as client:
        stream: Any = client.drip(3, 2000)
        await anext(stream)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream), 0.03)
        with pytest.raises(StreamStateException, match="by a CancelledError"):
            await anext(stream)
        await stream.aclose()


async def test_no_scope_of_ours_spans_the_pause_between_two_items(guide: ServerClient) -> None:
    async with wired(guide.url) as client:
        stream: Any = client.drip(30, 1)
        async with asyncio.timeout(5):
            first = await asyncio.create_task(_next(stream))
        second = await asyncio.create_task(_next(stream))
        rest = [chunk async for chunk in stream]  # a busy machine reads several at once
        assert b"".join([first, second, *rest]) == b"." * 30


def test_a_stream_that_outlives_its_loop_is_dropped_in_silence(guide: ServerClient) -> None:
    kept: list[Any] = []

    async def main() -> None:
        async with wired(guide.url) as client:
            stream: Any = client.drip(500)
            await anext(stream)
            kept.append(stream)

    asyncio.run(main())
    kept.clear()
    gc.collect()
    guide.wait_for_open(0)


# A client of the user's own


def test_a_client_of_ones_own_streams(own: Session) -> None:
    assert own.items("drip", 3, 1) == [b"."] * 3
    stream: Any = own.stream("drip", 500, 1)
    stream.next()
    del stream
    own.spin()
    stream = own.stream("drip", 500, 1).enter()
    stream.close()
    assert own.call("user", "1")["id"] == "1"


def test_a_client_of_ones_own_maps_errors(own: Session, guide: ServerClient) -> None:
    guide.script("/bytes", {"status": 404})
    with pytest.raises(NotFoundException):
        own.items("chunks")
    script(guide, "/bytes", b"abc", cut=0)
    with pytest.raises(ReadException):
        own.items("chunks")
    assert own.items("drip", 1) == [b"."]


def test_the_body_of_an_error_may_break_too(own: Session, guide: ServerClient) -> None:
    raw = "HTTP/1.1 404 N\r\nContent-Length: 9\r\n\r\nx"
    guide.script("/bytes", *[{"raw": raw, "hang_up": True}] * 3)
    with pytest.raises(ReadException):
        own.items("chunks")


def test_a_stop_closes_the_streams_of_a_client_of_ones_own(
    own: Session, guide: ServerClient
) -> None:
    stream = own.stream("drip", 500, 1).enter()
    own.stop()
    own.spin()
    guide.wait_for_open(0)
    with pytest.raises(ClientStoppedException):
        stream.next()


async def test_a_cancelled_read_closes_the_stream_of_a_client_of_ones_own(
    guide: ServerClient,
) -> None:
    async with httpx2.AsyncClient() as client:
        port = HttpxClientAdapter(guide.url, client=client)
        async with connect(AsyncFeed, port=port) as feed:
            stream: Any = feed.drip(3, 2000)
            await anext(stream)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(stream), 0.03)
            guide.wait_for_open(0)


def test_a_client_of_ones_own_is_held_to_the_idle_timeout(own: Session) -> None:
    if not own.asynchronous:
        pytest.skip("a blocking client has its own timeouts")
    stream = own.stream("drip", 3, 1000)
    stream.next()
    with pytest.raises(ReadTimeoutException, match="sent nothing for 50 ms"):
        stream.next()


def test_what_a_hook_has_read_is_streamed_as_it_is(kit: Kit, guide: ServerClient) -> None:
    data = gzip.compress(b"hello")
    guide.script("/bytes", *[{"body": data, "headers": {"Content-Encoding": "gzip"}}] * 2)

    async def read_async(response: Any) -> None:
        await response.aread()

    def read_sync(response: Any) -> None:
        response.read()

    if kit.asynchronous:
        client: Any = httpx2.AsyncClient(event_hooks={"response": [read_async]})
        port: Any = HttpxClientAdapter(guide.url, client=client)
    else:
        client = httpx2.Client(event_hooks={"response": [read_sync]})
        port = HttpxSyncClientAdapter(guide.url, client=client)
    with kit.over(guide.url, port=port) as session:
        assert session.items("chunks") == [b"hello"]
        guide.script("/text", {"status": 404})
        with pytest.raises(NotFoundException):
            session.items("text")
        session.run(client.aclose() if kit.asynchronous else client.close())


def test_a_client_of_ones_own_that_cannot_connect_is_an_error(kit: Kit, unused_port: int) -> None:
    url = f"http://127.0.0.1:{unused_port}"
    if kit.asynchronous:
        client: Any = httpx2.AsyncClient()
        port: Any = HttpxClientAdapter(url, client=client)
    else:
        client = httpx2.Client()
        port = HttpxSyncClientAdapter(url, client=client)
    with kit.over(url, port=port, retry={"enabled": False}) as session:
        with pytest.raises(ConnectException):
            session.items("chunks")
        with deadline(0), pytest.raises(DeadlineExceededException):
            session.items("chunks")
        session.run(client.aclose() if kit.asynchronous else client.close())


async def test_a_slow_answer_to_a_client_of_ones_own_is_an_error(guide: ServerClient) -> None:
    drip = {"raw": "HTTP/1.1 500 N\r\nContent-Length: 9\r\n\r\nx"}
    guide.script("/bytes", {"delay": 2}, drip, {"delay": 2}, drip)
    async with httpx2.AsyncClient() as own:
        port = HttpxClientAdapter(guide.url, client=own)
        settings = {"default": {"timeout": "100ms"}, "retry": {"enabled": False}}
        config = Config({"pyfly": {"client": settings}}, environ={})
        async with connect(AsyncFeed, port=port, config=config) as client:
            for _ in range(2):
                with pytest.raises(AttemptTimeoutException, match="took longer than 100 ms"):
                    await anext(client.chunks())
            for _ in range(2):
                with deadline(0.05), pytest.raises(DeadlineExceededException):
                    await anext(client.chunks())
