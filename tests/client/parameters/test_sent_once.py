"""Retries send a body again as a whole, or not at all."""

import io
import os
import pathlib
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Annotated, Any

import pytest

from pyfly.client import (
    ClientArgumentException,
    RedirectException,
    RetryPolicy,
    ServerErrorException,
    connect,
    connect_sync,
    idempotent,
    post,
    service_client,
)
from pyfly.client._declare.markers import File, Form
from pyfly.client.message import Request
from pyfly.core import Config
from pyfly.resilience import RetrySuppressed
from tests.client.parameters.support import body_of, parts_of
from tests.support.servers import ServerClient

CONTENT = os.urandom(600_000)
POLICY = RetryPolicy(3, base_delay=timedelta(milliseconds=1))


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "content.bin"
    path.write_bytes(CONTENT)
    return path


def client_class(url: str, heard: Any = lambda event: None) -> Any:
    @service_client(base_url=url, retry=POLICY, listeners=[heard])
    class Client:
        @idempotent
        @post("/echo/body")
        async def send(self, body: Any) -> None: ...

        @idempotent
        @post("/echo/body")
        async def upload(
            self, title: Annotated[str, Form()], f: Annotated[Any, File()]
        ) -> None: ...

    return Client


async def test_a_path_is_opened_anew_for_each_attempt(
    guide: ServerClient, path: pathlib.Path
) -> None:
    guide.fail("/echo/body", 503, 503)
    async with connect(client_class(guide.url)) as client:
        await client.send(path)
    requests = guide.requests()
    assert [request.body == CONTENT for request in requests] == [True] * 3


async def test_a_file_object_is_wound_back_for_each_attempt(
    guide: ServerClient, path: pathlib.Path
) -> None:
    guide.fail("/echo/body", 503, 503)
    with path.open("rb") as file:
        file.seek(100)
        async with connect(client_class(guide.url)) as client:
            await client.upload("title", [file, path, b"bytes", io.BytesIO(b"memory")])
    contents = [[part.content for part in parts_of(request)] for request in guide.requests()]
    assert contents == [[b"title", CONTENT[100:], CONTENT, b"bytes", b"memory"]] * 3


async def test_a_form_is_sent_again_under_the_same_boundary(guide: ServerClient) -> None:
    guide.fail("/echo/body", 503)
    async with connect(client_class(guide.url)) as client:
        await client.upload("title", b"x")
    first, second = guide.requests()
    assert (first.body, first.headers) == (second.body, second.headers)


async def pieces() -> AsyncIterator[bytes]:
    yield b"x"


def plain() -> Iterator[bytes]:
    yield b"x"


@pytest.mark.parametrize("method", ["send", "upload"])
@pytest.mark.parametrize("make", [pieces, plain], ids=["async", "plain"])
async def test_an_iterator_is_never_sent_twice(guide: ServerClient, make: Any, method: str) -> None:
    guide.fail("/echo/body", 503)
    events: list[Any] = []
    async with connect(client_class(guide.url, events.append)) as client:
        call = getattr(client, method)
        with pytest.raises(ServerErrorException):
            await (call(make()) if method == "send" else call("title", make()))
    assert b"x" in body_of(guide.request())
    (suppressed,) = [event for event in events if isinstance(event, RetrySuppressed)]
    assert suppressed.reason == "the body is an iterator, which cannot be sent twice"


async def test_a_pipe_is_never_sent_twice(guide: ServerClient, tmp_path: pathlib.Path) -> None:
    guide.fail("/echo/body", 503)
    events: list[Any] = []
    reading, writing = os.pipe()
    os.write(writing, b"once")
    os.close(writing)
    with open(reading, "rb") as file:
        async with connect(client_class(guide.url, events.append)) as client:
            with pytest.raises(ServerErrorException):
                await client.send(file)
    assert body_of(guide.request()) == b"once"
    (suppressed,) = [event for event in events if isinstance(event, RetrySuppressed)]
    assert suppressed.reason == "the body is a file that cannot seek, which cannot be sent twice"


def test_a_synchronous_client_does_the_same(guide: ServerClient, path: pathlib.Path) -> None:
    @service_client(base_url=guide.url, retry=POLICY)
    class Client:
        @idempotent
        @post("/echo/body")
        def send(self, body: Any) -> None: ...

    guide.fail("/echo/body", 503, 503)
    with connect_sync(Client) as client:
        client.send(path)
        assert [request.body == CONTENT for request in guide.requests()] == [True] * 3
        guide.reset()
        guide.fail("/echo/body", 503)
        with pytest.raises(ServerErrorException):
            client.send(plain())
    assert body_of(guide.request()) == b"x"


async def test_a_second_use_is_an_error_and_no_empty_body(guide: ServerClient) -> None:
    requests: list[Request] = []

    class Repeats:
        def before_request(self, exchange: Any) -> None:
            requests.append(exchange.request)

    @service_client(base_url=guide.url, retry=False, interceptors=[Repeats()])
    class Client:
        @post("/echo/body")
        async def send(self, body: Any) -> None: ...

    async with connect(Client) as client:
        await client.send(pieces())
    (request,) = requests
    assert request.single_use == "the body is an iterator, which cannot be sent twice"
    assert request.content is not None
    assert not isinstance(request.content, bytes)
    again = aiter(request.content)
    with pytest.raises(ClientArgumentException, match="it is an iterator, which cannot be sent"):
        await anext(again)


async def test_a_redirect_does_not_repeat_what_is_sent_once(guide: ServerClient) -> None:
    @service_client(base_url=guide.url, retry=False, name="shop")
    class Client:
        @post("/echo/body")
        async def send(self, body: Any) -> None: ...

    config = Config({"pyfly": {"client": {"default": {"follow-redirects": True}}}}, environ={})
    guide.script("/echo/body", {"status": 307, "headers": {"Location": "/echo/there"}})
    async with connect(Client, config=config) as client:
        with pytest.raises(RedirectException, match="cannot be sent twice"):
            await client.send(pieces())
