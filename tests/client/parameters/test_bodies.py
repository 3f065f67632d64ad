"""Bodies that are no forms, on the wire."""

import asyncio
import io
import json
import pathlib
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfly.client import (
    AttemptTimeoutException,
    Body,
    ClientArgumentException,
    Header,
    PortValueException,
    connect,
    connect_sync,
    http_client,
    post,
    resilience,
)
from pyfly.client._codec.encode import to_json_line
from pyfly.testing import client_for
from tests.client.parameters.support import body_of
from tests.rules.support import PlainPort
from tests.support.ids import stable
from tests.support.patience import at_most
from tests.support.servers import Recorded, ServerClient

JSON = "application/json"
OCTETS = "application/octet-stream"
LINES = "application/x-ndjson"


async def sent(guide: ServerClient, annotation: Any, value: Any) -> Recorded:
    @http_client(base_url=guide.url)
    class Client:
        @post("/echo/body")
        async def send(self, body: annotation) -> None: ...

    async with connect(Client) as client:
        await client.send(value)
    return guide.request()


def body(media_type: str | None, annotation: Any = Any) -> Any:
    return Annotated[annotation, Body(media_type)]


async def numbers() -> AsyncIterator[Any]:
    for number in (1, 2):
        await asyncio.sleep(0)
        yield {"n": number}


async def pieces() -> AsyncIterator[bytes]:
    yield b"one "
    yield b"two"


class Struct(msgspec.Struct, rename="camel", tag="struct"):
    first_name: str
    age: int | msgspec.UnsetType = msgspec.UNSET


@pytest.mark.parametrize("annotation", [Any, dict[str, Any], bytes, body(None), bytes | None])
@pytest.mark.parametrize("value", [b"a\x00\xff", bytearray(b"a"), memoryview(b"a"), b""])
async def test_bytes_are_sent_as_they_are(guide: ServerClient, annotation: Any, value: Any) -> None:
    request = await sent(guide, annotation, value)
    assert request.body == bytes(value)
    assert request.header("content-type") == OCTETS
    assert request.header("content-length") == str(len(value))


@pytest.mark.parametrize(
    ("annotation", "value", "content", "kind"),
    [
        (body("text/plain"), "é\r\n", "é\r\n".encode(), "text/plain; charset=utf-8"),
        (body("text/plain", str), "", b"", "text/plain; charset=utf-8"),
        (
            body("text/csv; charset=latin-1", str),
            "é",
            b"\xe9",
            "text/csv; charset=latin-1",
        ),
        (body("application/xml"), "<é/>", "<é/>".encode(), "application/xml"),
        (body("application/xml"), b"<x/>", b"<x/>", "application/xml"),
        (body("image/png"), io.BytesIO(b"png"), b"png", "image/png"),
        (body(None), "text", b'"text"', JSON),
        (Any, "text", b'"text"', JSON),
        (body("application/merge-patch+json"), {"a": None}, b'{"a":null}', None),
        (body("application/vnd.api+json; v=1"), [1], b"[1]", None),
        (body("text/json"), "x", b'"x"', "text/json; charset=utf-8"),
        (Any, Struct("a"), b'{"type":"struct","firstName":"a"}', JSON),
        (Any, {"x": [Struct("a", 3)]}, b'{"x":[{"type":"struct","firstName":"a","age":3}]}', JSON),
    ],
    ids=stable,
)
async def test_the_media_type_says_how_a_value_is_written(
    guide: ServerClient, annotation: Any, value: Any, content: bytes, kind: str | None
) -> None:
    request = await sent(guide, annotation, value)
    assert request.body == content
    assert request.header("content-type") == (kind or annotation.__metadata__[0].media_type)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (AsyncIterator[bytes], pieces()),
        (Any, pieces()),
        (Iterator[bytes], iter([b"one ", b"two"])),
        (Any, (piece for piece in [b"one ", bytearray(b"two")])),
        (AsyncIterable[bytes], pieces()),
    ],
    ids=stable,
)
async def test_an_iterator_of_bytes_is_sent_in_chunks(
    guide: ServerClient, annotation: Any, value: Any
) -> None:
    request = await sent(guide, annotation, value)
    assert request.header("transfer-encoding") == "chunked"
    assert request.header("content-length") is None
    assert request.header("content-type") == OCTETS
    assert body_of(request) == b"one two"


async def test_an_iterable_of_bytes_may_be_a_list(guide: ServerClient) -> None:
    request = await sent(guide, Iterable[bytes], [b"one ", b"two"])
    assert (request.body, request.header("content-type")) == (b"one two", OCTETS)
    with pytest.raises(ClientArgumentException, match="yields int, not bytes"):
        await sent(guide, Iterable[bytes], [1])


class Lazy:
    def __iter__(self) -> Iterator[bytes]:
        yield b"lazy"


async def test_an_iterable_of_another_kind_is_sent_in_chunks(guide: ServerClient) -> None:
    assert body_of(await sent(guide, Iterable[bytes], Lazy())) == b"lazy"


async def test_a_path_is_a_body_too(guide: ServerClient, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(b"content")
    request = await sent(guide, body("image/gif", pathlib.Path), path)
    assert (request.body, request.header("content-type")) == (b"content", "image/gif")
    assert request.header("content-length") == "7"


@pytest.mark.parametrize(
    ("value", "chunked"),
    [
        ([{"n": 1}, {"n": 2}], False),
        (({"n": 1}, {"n": 2}), False),
        (iter([{"n": 1}, {"n": 2}]), True),
        (numbers(), True),
        (io.BytesIO(b'{"n":1}\n{"n":2}\n'), False),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("annotation", [Any, Iterable[Any]])
async def test_lines_of_json_are_streamed_or_sent_at_once(
    guide: ServerClient, annotation: Any, value: Any, chunked: bool
) -> None:
    if isinstance(value, io.BytesIO):
        value.seek(0)
    elif chunked:
        value = numbers() if hasattr(value, "__aiter__") else iter([{"n": 1}, {"n": 2}])
    request = await sent(guide, body(LINES, annotation), value)
    assert body_of(request) == b'{"n":1}\n{"n":2}\n'
    assert request.header("content-type") == LINES
    assert (request.header("transfer-encoding") == "chunked") is chunked


@pytest.mark.parametrize(
    ("annotation", "value", "reason"),
    [
        (body("text/plain"), {"a": 1}, "a dict has no form as text/plain (pass a str or bytes)"),
        (body("text/plain; charset=ascii"), "é", "characters that ascii does not have"),
        (body("text/plain"), "\ud800", "characters that utf-8 does not have"),
        (body(LINES), {"a": 1}, "a dict has no form as application/x-ndjson (pass a list or"),
        (body(LINES), "text", "a str has no form as application/x-ndjson"),
        (body(LINES), 7, "a int has no form as application/x-ndjson"),
        (body(LINES), Struct("x"), "a Struct has no form as"),
        (body(LINES), [object()], "a object has no JSON form"),
        (Any, pathlib.Path("/nowhere"), "'/nowhere': No such file or directory"),
        (Any, io.StringIO("x"), "the file is open as text"),
        (Any, object(), "a object has no JSON form"),
        (Iterable[bytes], {"a": object()}, "a object has no JSON form"),
        (dict[str, Any], pathlib.Path("/"), "has no JSON form"),
    ],
    ids=stable,
)
async def test_what_has_no_form_is_refused_before_a_byte_is_sent(
    guide: ServerClient, annotation: Any, value: Any, reason: str
) -> None:
    with pytest.raises(ClientArgumentException) as caught:
        await sent(guide, annotation, value)
    assert reason in str(caught.value)
    assert caught.value.parameter == "body"
    assert guide.requests() == []


async def test_an_item_that_has_no_form_ends_the_request(guide: ServerClient) -> None:
    with pytest.raises(ClientArgumentException, match="a object has no JSON form"):
        await sent(guide, body(LINES), iter([1, object()]))


async def test_no_value_is_no_body(guide: ServerClient) -> None:
    request = await sent(guide, body("text/plain"), None)
    assert (request.body, request.header("content-type")) == (b"", None)
    assert request.header("content-length") == "0"


async def test_a_content_type_of_the_callers_beats_the_declared_one(guide: ServerClient) -> None:
    @http_client(base_url=guide.url, headers={"Content-Type": "application/constant"})
    class Client:
        @post("/echo/1")
        async def constant(self, body: Any) -> None: ...

        @post("/echo/2")
        async def declared(
            self, body: Annotated[Any, Body("application/declared+json")]
        ) -> None: ...

        @post("/echo/3")
        async def given(
            self,
            body: Annotated[Any, Body("application/declared+json")],
            headers: dict[str, str],
        ) -> None: ...

        @post("/echo/4")
        async def named(self, body: Any, kind: Annotated[str, Header("content-type")]) -> None: ...

    async with connect(Client) as client:
        await client.constant(b"x")
        await client.declared({})
        await client.given(b"x", {"CONTENT-TYPE": "application/given"})
        await client.named({}, "application/named")
    kinds = [request.header("content-type") for request in guide.requests()]
    assert kinds == [
        "application/constant",
        "application/declared+json",
        "application/given",
        "application/named",
    ]


def test_a_synchronous_client_sends_them_too(guide: ServerClient, tmp_path: pathlib.Path) -> None:
    @http_client(base_url=guide.url)
    class Client:
        @post("/echo/body")
        def send(self, body: Any) -> None: ...

        @post("/echo/lines")
        def lines(self, body: Annotated[Any, Body(LINES)]) -> None: ...

    path = tmp_path / "x"
    path.write_bytes(b"path")
    with connect_sync(Client) as client:
        client.send(iter([b"a", b"b"]))
        client.send(path)
        client.lines(iter([1, 2]))
        with pytest.raises(ClientArgumentException, match="needs an asynchronous client"):
            client.send(pieces())
    assert [body_of(request) for request in guide.requests()[:3]] == [b"ab", b"path", b"1\n2\n"]


@pytest.mark.parametrize("value", [b"x", iter([b"x"]), pathlib.Path("/"), io.BytesIO()])
async def test_a_port_that_encodes_by_itself_takes_json_alone(value: Any) -> None:
    @http_client(base_url="http://x")
    class Client:
        @post("/a")
        async def send(self, body: Any) -> dict[str, Any]: ...

    with pytest.raises(PortValueException, match="'body' cannot be sent by PlainPort, which"):
        await client_for(Client, port=PlainPort()).send(value)


async def test_such_a_port_hears_of_a_media_type_that_is_json() -> None:
    @http_client(base_url="http://x")
    class Client:
        @post("/a")
        async def patch(
            self, body: Annotated[Any, Body("application/merge-patch+json")]
        ) -> dict[str, Any]: ...

        @post("/b")
        async def text(self, body: Annotated[str, Body("text/plain")]) -> dict[str, Any]: ...

    port = PlainPort()
    client = client_for(Client, port=port)
    await client.patch({"a": None})
    headers = {"content-type": "application/merge-patch+json"}
    assert port.requests == [("POST", "/a", {"json": {"a": None}, "headers": headers})]
    with pytest.raises(PortValueException, match="takes JSON bodies only"):
        await client.text("x")


async def test_a_body_that_never_ends_is_ended_by_the_deadline(guide: ServerClient) -> None:
    @http_client(base_url=guide.url)
    class Client:
        @post("/echo/body")
        @resilience(timeout=0.2)
        async def send(self, body: AsyncIterator[bytes]) -> None: ...

    async def silent() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.Event().wait()

    began = time.monotonic()
    async with connect(Client) as client:
        with pytest.raises(AttemptTimeoutException):
            await client.send(silent())
    assert time.monotonic() - began < at_most(5)


async def test_a_timeout_of_the_callers_own_code_is_not_the_attempts(guide: ServerClient) -> None:
    @http_client(base_url=guide.url)
    class Client:
        @post("/echo/body")
        async def send(self, body: AsyncIterator[bytes]) -> None: ...

    async def late() -> AsyncIterator[bytes]:
        yield b"x"
        raise TimeoutError

    async with connect(Client) as client:
        with pytest.raises(ClientArgumentException, match="raised TimeoutError"):
            await client.send(late())


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc\n\u2028"), inner),
)


@given(st.lists(JSON_VALUES))
def test_lines_of_json_are_read_back_as_they_were(values: list[Any]) -> None:
    text = b"".join(map(to_json_line, values))
    assert [json.loads(line) for line in text.split(b"\n")[:-1]] == values
