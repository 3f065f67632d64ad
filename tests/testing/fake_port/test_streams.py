"""Streams over a fake port."""

from __future__ import annotations

from typing import Any, cast

import pytest

from pyfly.client import (
    AttemptTimeoutException,
    ReadException,
    ReadTimeoutException,
    ServerErrorException,
    ServerSentEvent,
)
from pyfly.core import Config
from pyfly.testing import FakePort, SyncFakePort, client_for
from tests.testing.support import Feed, ManualClock, Product, SyncInventory

SAW, AXE = Product("1", "Saw"), Product("2", "Axe")


@pytest.fixture
def fake() -> FakePort:
    return FakePort()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def feed(fake: FakePort, clock: ManualClock) -> Feed:
    return client_for(Feed, port=fake, clock=clock)


async def test_items_lines_and_chunks(fake: FakePort, feed: Feed) -> None:
    fake.on(Feed.rows).yields(SAW, AXE)
    fake.on(Feed.lines).yields("one", "two")
    fake.on(Feed.export).yields(b"\x00", b"", b"\x01")
    assert [row async for row in feed.rows()] == [SAW, AXE]
    assert [line async for line in feed.lines()] == ["one", "two"]
    assert [chunk async for chunk in feed.export()] == [b"\x00", b"\x01"]
    assert [row async for row in feed.rows()] == [SAW, AXE]


async def test_nothing_at_all(fake: FakePort, feed: Feed) -> None:
    fake.on(Feed.rows).yields()
    assert [row async for row in feed.rows()] == []


async def test_a_stream_of_events_goes_on_with_the_next_answer_and_then_ends(
    fake: FakePort, feed: Feed, clock: ManualClock
) -> None:
    first = ServerSentEvent("tick", "1\n2", "7")
    rule = fake.on(Feed.events, since=3).yields(first).yields(ServerSentEvent(data="b", id="8"))
    assert [event async for event in feed.events(3)] == [
        first,
        ServerSentEvent(data="b", id="8"),
    ]
    assert [call.headers.get("last-event-id") for call in rule.calls] == [None, "7", "8"]
    assert clock.slept == [0.0, 0.0]


async def test_an_event_may_ask_for_a_pause(fake: FakePort, feed: Feed, clock: ManualClock) -> None:
    fake.on(Feed.events).yields(ServerSentEvent(data="a", retry=1500))
    assert [event.data async for event in feed.events()] == ["a"]
    assert clock.slept == [1.5]


async def test_an_event_stream_whose_last_answer_is_a_failure(fake: FakePort, feed: Feed) -> None:
    fake.on(Feed.events).responds(404)
    for _ in range(2):
        with pytest.raises(Exception, match="404"):
            await anext(feed.events())


async def test_a_body_that_breaks_off(fake: FakePort, feed: Feed) -> None:
    fake.on(Feed.rows).yields(SAW, breaks=ReadException("reset")).yields(AXE, breaks=ReadException)
    got: list[Product] = []

    async def read() -> None:
        async for row in feed.rows():
            got.append(row)

    with pytest.raises(ReadException, match="reset"):
        await read()
    with pytest.raises(ReadException, match="raised by the fake"):
        await read()
    assert got == [SAW, AXE]


async def test_items_may_take_their_time(fake: FakePort, feed: Feed, clock: ManualClock) -> None:
    fake.on(Feed.rows).yields(SAW, AXE, every=2)
    assert [row async for row in feed.rows()] == [SAW, AXE]
    assert clock.slept == [2.0, 2.0]


async def test_silence_beyond_the_idle_timeout_ends_a_stream(fake: FakePort, feed: Feed) -> None:
    fake.on(Feed.rows).yields(SAW, every=31)
    with pytest.raises(ReadTimeoutException, match="sent nothing for 30 s"):
        await anext(feed.rows())


async def test_the_stream_timeout_counts_too(fake: FakePort, clock: ManualClock) -> None:
    config = Config({"pyfly.client.default.stream-timeout": "3s"}, environ={})
    feed = client_for(Feed, port=fake, clock=clock, config=config)
    fake.on(Feed.rows).yields(SAW, AXE, every=2)
    with pytest.raises(TimeoutError):
        _ = [row async for row in feed.rows()]
    assert clock.slept == [2.0, 1.0]


async def test_a_failed_opening_is_retried(fake: FakePort, feed: Feed, clock: ManualClock) -> None:
    fake.on(Feed.rows).responds(503, body=[b"a", b"b"]).yields(SAW)
    assert [row async for row in feed.rows()] == [SAW]
    assert clock.slept == [1.0]


async def test_a_body_that_is_wanted_as_a_whole_takes_its_time_too(
    fake: FakePort, feed: Feed, clock: ManualClock
) -> None:
    fake.on(Feed.rows).yields(SAW, every=40)
    body = await fake.open(_request(), clock.monotonic() + 5, 30)
    with pytest.raises(AttemptTimeoutException):
        await body.read_all()
    body = await fake.open(_request(), None, 30)
    assert (await body.read_all()).content == b'{"id":"1","name":"Saw","price":1.5}\n'
    assert clock.slept == [5.0, 40.0]


def _request() -> Any:
    from pyfly.client.message import Request

    return Request("GET", "/rows", {})


async def test_an_aborted_body_cannot_be_read(fake: FakePort) -> None:
    fake.on(Feed.rows).yields(SAW)
    body = await fake.open(_request(), None, 30)
    body.abort()
    with pytest.raises(ReadException, match="was closed"):
        await body.read(None)


async def test_any_answer_can_be_streamed(fake: FakePort, feed: Feed) -> None:
    fake.on("GET", "/rows").responds(200, body=[b'{"id": "1"}\n{"id"', b': "2"}'])
    assert [row.id async for row in feed.rows()] == ["1", "2"]


async def test_a_status_ends_a_stream_that_has_not_begun(fake: FakePort, feed: Feed) -> None:
    fake.on(Feed.rows).responds(500)
    with pytest.raises(ServerErrorException):
        await anext(feed.rows())


@pytest.mark.parametrize("name", ["links", "pages", "offsets", "cursors"])
async def test_a_paginated_method_yields_one_page_of_all(
    fake: FakePort, feed: Feed, name: str
) -> None:
    fake.on(getattr(Feed, name)).yields(SAW, AXE)
    for _ in range(2):
        assert [item async for item in getattr(feed, name)()] == [SAW, AXE]


async def test_pages_are_matched_by_the_arguments_of_the_method(fake: FakePort, feed: Feed) -> None:
    rule = fake.on(Feed.cursors, kind="old").yields(SAW)
    assert [item async for item in feed.cursors("old")] == [SAW]
    assert rule.calls[0].arguments == {"kind": "old"}


async def test_pages_do_not_break_off_in_the_middle(fake: FakePort) -> None:
    rule = fake.on(Feed.links)
    with pytest.raises(TypeError, match="pages come as a whole"):
        rule.yields(SAW, every=1)
    with pytest.raises(TypeError, match="pages come as a whole"):
        rule.yields(SAW, breaks=ReadException)


async def test_an_item_without_a_form_is_refused_at_once(fake: FakePort) -> None:
    with pytest.raises(TypeError, match="has no form on the wire"):
        fake.on(Feed.rows).yields(cast(Any, object()))
    with pytest.raises(TypeError, match="has no form on the wire"):
        fake.on(Feed.links).yields(cast(Any, object()))
    with pytest.raises(TypeError, match="a str is no ServerSentEvent"):
        fake.on(Feed.events).yields(cast(Any, "a"))


def test_synchronous_streams() -> None:
    clock = ManualClock()
    with SyncFakePort() as fake:
        inventory = client_for(SyncInventory, port=fake, clock=clock)
        fake.on(SyncInventory.rows).responds(503).yields(SAW, AXE, every=1)
        assert list(inventory.rows()) == [SAW, AXE]
        assert clock.slept == [1.0, 1.0, 1.0]
        body = fake.open(_request(), None, 30)
        body.close()
        with pytest.raises(ReadException, match="was closed"):
            body.read(None)
        assert fake.open(_request(), None, 30).read_all().status_code == 200
