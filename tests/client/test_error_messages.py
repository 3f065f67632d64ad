"""Each error tells what was called, what came back, how many attempts, and what to do.

Every kind is provoked through a real client, most of them by a server that misbehaves.
"""

from __future__ import annotations

import asyncio
import pickle
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple, Protocol
from unittest.mock import AsyncMock

import pytest
import trustme

from pyfly.client import (
    CallException,
    Form,
    Header,
    HttpClientPort,
    HttpxClientAdapter,
    Page,
    Query,
    Response,
    connect,
    errors,
    get,
    post,
    service_client,
)
from pyfly.client.errors import status_error
from pyfly.client.message import Headers
from pyfly.core import Config
from pyfly.kernel.exceptions import (
    AttemptTimeoutException,
    DeadlineExceededException,
    PyFlyException,
)
from pyfly.resilience import deadline
from pyfly.testing import client_for

SECRET = "hunter2"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "


@dataclass
class Item:
    id: str


@service_client("http://unused", retry=2, retry_base_delay=0.001)
class Shop(Protocol):
    @get("/items/{id}")
    async def item(
        self,
        id: str,
        token: Annotated[str, Query("access_token")] = SECRET,
        key: Annotated[str, Header("X-Api-Key")] = SECRET,
    ) -> Item: ...

    @get("/items")
    async def items(self) -> Any: ...

    @post("/items")
    async def create(self, body: Any) -> Any: ...

    @get("/rows", reconnect=False)
    def rows(self) -> AsyncIterator[Item]: ...

    @get("/pages", paginate=Page.cursor(items="data"))
    def pages(self) -> AsyncIterator[Item]: ...

    @get("/circle", paginate=Page.link())
    def circle(self) -> AsyncIterator[Item]: ...


Call = Callable[[Shop], Awaitable[object]]


async def item(shop: Shop) -> object:
    return await shop.item("1")


async def items(shop: Shop) -> object:
    return await shop.items()


async def create(shop: Shop) -> object:
    return await shop.create({"password": SECRET})


async def rows(shop: Shop) -> object:
    return [row async for row in shop.rows()]


async def pages(shop: Shop) -> object:
    return [row async for row in shop.pages()]


async def circle(shop: Shop) -> object:
    return [row async for row in shop.circle()]


async def dots(shop: Shop) -> object:
    return await shop.item("..")


def answer(body: bytes, *fields: str, status: str = "200 OK") -> bytes:
    kind = () if any(field.startswith("Content-Type") for field in fields) else (JSON,)
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *kind, *fields, f"X: {SECRET}"]
    return "\r\n".join([*head, "", ""]).encode() + body


JSON = "Content-Type: application/json"
LEAK = f'{{"detail": "{SECRET}"}}'.encode()


def failing(status: str, *fields: str) -> bytes:
    return answer(LEAK, *fields, status=status)


class Case(NamedTuple):
    """What a server sends, what is called, and what the error has to say."""

    kind: type[CallException]
    sends: bytes | None
    came_back: str
    advice: str
    call: Call = item
    attempts: int = 1
    settings: Mapping[str, Any] = MappingProxyType({})


CASES: dict[str, Case] = {
    "300": Case(errors.RedirectException, failing("302 Found", f"Location: /?t={SECRET}"),
                "answered 302 Found", "set base_url to where it leads (see location), or"),
    "304": Case(errors.HttpStatusException, failing("304 Not Modified"), "answered 304 Not",
                "annotate the return as Response"),
    "400": Case(errors.BadRequestException, failing("400 Bad Request"), "answered 400 Bad Request",
                "body and problem hold what the service says"),
    "401": Case(errors.UnauthorizedException, failing("401 Unauthorized"), "answered 401",
                "give valid credentials with auth="),
    "403": Case(errors.ForbiddenException, failing("403 Forbidden"), "answered 403 Forbidden",
                "the credentials of auth= need a permission"),
    "404 of one": Case(errors.NotFoundException, failing("404 Not Found"), "answered 404 Not Found",
                       "annotate the return as T | None"),
    "404 of a path": Case(errors.NotFoundException, failing("404 Not Found"), "answered 404 Not",
                          "check base_url and the path", items),
    "409": Case(errors.ConflictException, failing("409 Conflict"), "answered 409 Conflict",
                "read the resource again"),
    "418": Case(errors.ClientErrorException, failing("418 I'm a Teapot"), "answered 418",
                "body and problem hold what the service says"),
    "422": Case(errors.UnprocessableContentException, failing("422 Nope"), "answered 422 ",
                "body and problem hold"),
    "429": Case(errors.TooManyRequestsException, failing("429 Too Many Requests",
                "Retry-After: 90"), "answered 429", "call less often; ask again in 90 s"),
    "500": Case(errors.ServerErrorException, failing("500 Internal Server Error"),
                "answered 500 Internal Server Error", "look at its log, or ask again later",
                attempts=2),
    "501": Case(errors.ServerErrorException, failing("501 Not Implemented"), "answered 501",
                "check verb and path"),
    "503": Case(errors.ServerErrorException, failing("503 Service Unavailable",
                "Retry-After: 90"), "answered 503", "ask again in 90 s"),
    "a post": Case(errors.ServerErrorException, failing("503 Service Unavailable"), "answered 503",
                   "ask again later", create),
    "another shape": Case(errors.ResponseDecodeException, answer(LEAK), "the body is no Item at id",
                          "annotate the return as Response to see it"),
    "no JSON": Case(errors.ResponseDecodeException, answer(b"<html>" + LEAK), "the body is no JSON",
                    "annotate the return as Response to see it", items),
    "nothing": Case(errors.ResponseDecodeException, answer(b""), "answered 200 with an empty body",
                    "annotate the return as T | None, or as None", items),
    "no gzip": Case(errors.ResponseDecodeException, answer(LEAK, "Content-Encoding: gzip"),
                    "cannot be decoded as gzip", "send an accept-encoding of identity"),
    "too large": Case(errors.ResponseTooLargeException, answer(b"[" + b"1" * 2000 + b"]"),
                      "sent a body of more than 1000 bytes", "raise max-response-size",
                      settings={"max-response-size": 1000}),
    "a wrong item": Case(errors.ResponseDecodeException, answer(b'{"id": "1"}\n' + LEAK,
                         "Content-Type: application/x-ndjson"), "item 1 is no Item at id",
                         "return AsyncIterator[bytes]", rows),
    "no list": Case(errors.ResponseDecodeException, answer(LEAK), "the page's 'data' is missing",
                    "correct items=", pages),
    "no cursor": Case(errors.PaginationException, answer(b'{"data": [], "next_cursor": []}'),
                      "is a list and no cursor", "correct next=", pages),
    "a link elsewhere": Case(errors.PaginationException, answer(b"[]",
                             f"Link: <http://y/{SECRET}>; rel=next"), "the link to the next page "
                             "is not followed", "set base_url to where the pages are", circle),
    "no answer": Case(errors.ReadException, b"", "closed the connection without an answer",
                      "look there before you repeat", attempts=2),
    "half an answer": Case(errors.ReadException, OK + b"10\r\n\r\n{", "after 1 of 10 bytes",
                           "look there before you repeat", create),
    "no HTTP": Case(errors.ProtocolException, b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "broke HTTP",
                    "check that base_url leads to an HTTP service", create),
    "a value": Case(errors.ClientArgumentException, None, "'id' cannot be sent: the segment '..'",
                    "pass a name", dots, attempts=0),
}  # fmt: skip


@pytest.fixture
def server() -> Iterator[Callable[[bytes], str]]:
    """Start a server that answers every request with the same bytes, and hangs up."""
    with ExitStack() as stack:

        def start(sends: bytes) -> str:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def serve() -> None:
                while True:
                    try:
                        connection, _ = listener.accept()
                    except OSError:
                        return
                    with connection:
                        received = b""
                        while b"\r\n\r\n" not in received and (part := connection.recv(65536)):
                            received += part
                        connection.sendall(sends)
                        connection.shutdown(socket.SHUT_WR)
                        connection.settimeout(1)
                        while not received.endswith(b"}") and received.startswith(b"POST"):
                            received += connection.recv(65536) or b"}"

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            stack.callback(thread.join, 5)
            stack.callback(listener.shutdown, socket.SHUT_RDWR)
            return f"http://127.0.0.1:{listener.getsockname()[1]}"

        yield start


async def provoked(
    call: Call, url: str, settings: Mapping[str, Any] = MappingProxyType({})
) -> PyFlyException:
    setattr(Shop, "__pyfly_connects__", ())  # noqa: B010  # so many in a minute are meant here
    config = Config({"pyfly": {"client": {"default": dict(settings)}}}, environ={})
    async with connect(Shop, base_url=url, config=config) as shop:
        with pytest.raises(PyFlyException) as caught:
            await call(shop)
    return caught.value


CALLED = {
    item: ("Shop.item", "GET", "/items/{id}"),
    dots: ("Shop.item", "GET", "/items/{id}"),
    items: ("Shop.items", "GET", "/items"),
    create: ("Shop.create", "POST", "/items"),
    rows: ("Shop.rows", "GET", "/rows"),
    pages: ("Shop.pages", "GET", "/pages"),
    circle: ("Shop.circle", "GET", "/circle"),
}
TRIED = {0: "no attempt was made", 1: "after 1 attempt", 2: "after 2 attempts"}


def check(
    error: PyFlyException, kind: type, called: tuple[str, str, str], came_back: str,
    attempts: int, advice: str,
) -> None:  # fmt: skip
    """The four parts, and that they survive pickling without a secret."""
    assert type(error) is kind
    assert isinstance(error, CallException)
    text = str(error)
    operation, method, template = called
    assert text.startswith(f"{operation}: {method} {template}: ")
    assert came_back in text
    assert TRIED[attempts] in text
    assert advice in text.partition(came_back)[2]
    assert text.count("\n") == 0
    assert (error.operation, error.method, error.url_template, error.attempts) == (
        *called,
        attempts,
    )
    assert SECRET not in text
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy)) == (kind, text)


@pytest.mark.parametrize("what", CASES)
async def test_an_answer_that_cannot_be_used(what: str, server: Callable[[bytes], str]) -> None:
    case = CASES[what]
    url = "http://127.0.0.1:1" if case.sends is None else server(case.sends)
    error = await provoked(case.call, url, case.settings)
    check(error, case.kind, CALLED[case.call], case.came_back, case.attempts, case.advice)


async def test_nobody_listens() -> None:
    error = await provoked(create, "http://127.0.0.1:1")
    check(
        error, errors.ConnectException, CALLED[create], "cannot connect to 127.0.0.1:1: connection "
        "refused", 2, "Is the service running, and base_url right?",
    )  # fmt: skip


async def test_nobody_answers_the_phone() -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        error = await provoked(item, url, {"connect-timeout": "50ms"})
    check(
        error, errors.ConnectTimeoutException, CALLED[item], "within 50 ms", 2,
        "connect-timeout sets how long is waited",
    )  # fmt: skip


async def test_a_certificate_that_is_not_trusted() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    served = await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context)
    async with served:
        port = served.sockets[0].getsockname()[1]
        error = await provoked(item, f"https://127.0.0.1:{port}")
    check(
        error, errors.TlsException, CALLED[item], f"TLS with 127.0.0.1:{port} failed", 1,
        "Name the authority with ca",
    )  # fmt: skip


async def test_a_proxy_that_refuses(server: Callable[[bytes], str]) -> None:
    proxy = server(failing("407 Proxy Authentication Required"))
    error = await provoked(item, "https://shop.invalid", {"proxy": proxy})
    check(
        error, errors.ProxyException, CALLED[item], "it answered 407", 2,
        "check the setting proxy",
    )  # fmt: skip


async def slow_server(sends: bytes) -> asyncio.Server:
    """Sends something, and then nothing until the client has gone."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(sends)
        await reader.read()
        writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0)


@pytest.mark.parametrize(
    ("kind", "settings", "came_back", "advice"),
    [
        (errors.ReadTimeoutException, {"stream-idle-timeout": "50ms"}, "sent nothing for",
         "raise timeout (for a stream stream-idle-timeout)"),
        (errors.StreamTimeoutException, {"stream-timeout": "50ms"}, "was not over within 0.05 s",
         "raise stream-timeout"),
    ],
)  # fmt: skip
async def test_a_stream_that_stands_still(
    kind: type, settings: dict[str, Any], came_back: str, advice: str
) -> None:
    served = await slow_server(OK + b'100\r\n\r\n[{"id": "1"},')
    async with served:
        url = f"http://127.0.0.1:{served.sockets[0].getsockname()[1]}"
        error = await provoked(rows, url, settings)
    check(error, kind, CALLED[rows], came_back, 1, advice)


@pytest.mark.parametrize(
    ("settings", "limit", "kind", "came_back", "told"),
    [
        ({"timeout": "50ms"}, None, AttemptTimeoutException, "took longer than 50 ms",
         "(after 2 attempts); raise timeout if it may take so long"),
        ({"total-timeout": "50ms"}, None, DeadlineExceededException, "not done within 0.05 s, its "
         "total timeout", "(during attempt 1); raise total-timeout if it may take so long"),
        ({}, 0.05, DeadlineExceededException, "the caller's deadline",
         "; its caller set that with deadline(…)"),
    ],
)  # fmt: skip
async def test_a_call_that_takes_too_long(
    settings: dict[str, Any], limit: float | None, kind: type, came_back: str, told: str
) -> None:
    served = await slow_server(b"")
    async with served:
        url = f"http://127.0.0.1:{served.sockets[0].getsockname()[1]}"
        with nullcontext() if limit is None else deadline(limit):
            error = await provoked(item, url, settings)
    text = str(error)
    assert type(error) is kind
    assert text.startswith("Shop.item: GET /items/{id}: ")
    assert text.count("Shop.item") == 1
    assert came_back in text
    assert text.endswith(told)
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.message) == (kind, text, text)


async def test_a_body_that_nobody_takes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # it is never read from
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        port = HttpxClientAdapter(url, timeout=timedelta(milliseconds=50))
        async with connect(Shop, port=port) as shop:
            with pytest.raises(PyFlyException) as caught:
                await shop.create("x" * 20_000_000)
    check(
        caught.value, errors.WriteTimeoutException, CALLED[create], "took nothing for 50 ms",
        1, "raise timeout if sending this body may take so long",
    )  # fmt: skip


async def test_a_pool_that_is_exhausted() -> None:
    served = await slow_server(b"")
    async with served:
        url = f"http://127.0.0.1:{served.sockets[0].getsockname()[1]}"
        defaults = {"max-connections": 1, "pool-timeout": "50ms"}
        config = Config({"pyfly": {"client": {"default": defaults}}}, environ={})
        async with connect(Shop, base_url=url, config=config) as shop:
            first = asyncio.ensure_future(shop.items())
            await asyncio.sleep(0.02)
            with pytest.raises(PyFlyException) as caught:
                await shop.items()
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
    check(
        caught.value, errors.PoolExhaustedException, CALLED[items], "all 1 connections were in use",
        1, "raise max-connections",
    )  # fmt: skip


async def test_a_client_that_was_stopped(server: Callable[[bytes], str]) -> None:
    async with connect(Shop, base_url=server(answer(b"[]"))) as shop:
        pass
    with pytest.raises(errors.ClientStoppedException) as caught:
        await shop.items()
    assert "Shop has been stopped and takes no more calls (make a new client" in str(caught.value)


async def test_a_port_that_cannot_give_or_take_what_is_needed() -> None:
    @service_client("http://x")
    class Needy(Protocol):
        @get("/whole")
        async def whole(self) -> Response[Any]: ...

        @post("/form")
        async def form(self, name: Annotated[str, Form()]) -> Any: ...

    port = AsyncMock(spec=HttpClientPort)
    port.request.return_value = {"password": SECRET}
    needy = client_for(Needy, port=port)
    with pytest.raises(errors.PortValueException) as whole:
        await needy.whole()
    check(
        whole.value, errors.PortValueException, ("Needy.whole", "GET", "/whole"), "AsyncMock", 1,
        "status",
    )  # fmt: skip
    with pytest.raises(errors.PortValueException) as form:
        await needy.form(SECRET)
    check(
        form.value, errors.PortValueException, ("Needy.form", "POST", "/form"),
        "'name' cannot be sent by AsyncMock", 0, "use the client's own adapter",
    )  # fmt: skip


async def test_a_stream_that_is_used_at_the_wrong_time(server: Callable[[bytes], str]) -> None:
    async with connect(Shop, base_url=server(answer(b"[]"))) as shop:
        stream: Any = shop.rows()
        with pytest.raises(errors.StreamStateException) as early:
            _ = stream.headers
        assert "Shop.rows: the stream has no response yet (enter it with" in str(early.value)
        assert [row async for row in stream] == []
        with pytest.raises(errors.StreamStateException) as late:
            [row async for row in stream]
        assert "Shop.rows: the stream is over: it can be read once (call the method" in (
            str(late.value)
        )


TREE = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, CallException)
]


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_every_error_pickles_with_its_call_and_shows_no_secret(kind: Any) -> None:
    headers = Headers({"Authorization": SECRET, "Location": f"/?token={SECRET}"})
    is_status = issubclass(kind, errors.HttpStatusException)
    error = kind(503, headers, SECRET.encode()) if is_status else kind("what happened")
    error.at_call("Shop.item", "GET", "/items/{id}", 2)
    error.at_call("Other.call", "PUT", "/", 7)
    cause = OSError("refused")
    error.__cause__ = cause
    text = str(error)
    assert text.startswith("Shop.item: GET /items/{id}: ")
    assert "(after 2 attempts)" in text
    for shown in (text, repr(error), repr(getattr(error, "headers", ""))):
        assert "Bearer" not in shown
        assert f"'{SECRET}'" not in shown
    assert SECRET not in text
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.attempts) == (kind, text, 2)
    assert str(copy.__cause__) == "refused"
    if is_status:
        assert copy.body == SECRET.encode()
        assert copy.headers == headers


def test_an_error_outside_a_call_is_its_text_alone() -> None:
    assert str(errors.ReadException("broken")) == "broken"
    assert str(status_error(404, Headers(), b"")) == "answered 404 Not Found"


def test_every_kind_is_provoked_somewhere_above() -> None:
    provoked_above = Path(__file__).read_text("utf-8")
    bases = {
        errors.CallException, errors.ResponseException, errors.AccessDeniedException,
        errors.TransportException,
    }  # fmt: skip
    # After a write that failed our adapters read, since the peer may have answered early: what
    # they tell then is a ReadException. A client of the user's own may raise it.
    elsewhere = {"WriteException"}
    for kind in TREE:
        if kind not in bases and kind.__name__ not in elsewhere:
            assert f"errors.{kind.__name__}" in provoked_above
