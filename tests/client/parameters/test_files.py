"""Files in multipart bodies, on the wire."""

import asyncio
import io
import os
import pathlib
import re
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfly.client import (
    ClientArgumentException,
    ClientDeclarationException,
    Header,
    PortValueException,
    connect,
    connect_sync,
    http_client,
    post,
    put,
)
from pyfly.client._codec.multipart import Multipart
from pyfly.client._declare.markers import File, Form
from pyfly.client.message import FilePart, Request
from pyfly.testing import client_for
from tests.client.parameters.support import Part, boundary_of, parse, parts_of
from tests.rules.support import PlainPort
from tests.support.ids import stable
from tests.support.servers import Recorded, ServerClient

OCTETS = "application/octet-stream"
BIG = os.urandom(700_000)  # more than two reads


async def sent(guide: ServerClient, value: Any, marker: File = File()) -> Recorded:  # noqa: B008
    @http_client(base_url=guide.url)
    class Client:
        @post("/echo/files")
        async def send(self, f: Annotated[Any, marker]) -> None: ...

    async with connect(Client) as client:
        await client.send(value)
    return guide.request()


async def pieces() -> AsyncIterator[bytes]:
    yield b"one "
    yield b""
    yield b"two"


def plain_pieces() -> Iterator[bytes | bytearray | memoryview]:
    yield b"one "
    yield bytearray(b"two ")
    yield memoryview(b"three")


async def test_text_fields_and_files_make_one_body_in_their_order(guide: ServerClient) -> None:
    @http_client(base_url=guide.url)
    class Client:
        @put("/echo/{album}")
        async def upload(
            self,
            album: str,
            title: Annotated[str, Form()],
            photo: Annotated[bytes, File("p", filename="ü.png", content_type="image/x-own")],
            more: Annotated[dict[str, Any], Form()],
            note: Annotated[str | None, File()] = None,
        ) -> dict[str, Any]: ...

    async with connect(Client) as client:
        await client.upload("a/b", 'Zoë\r\n"', b"\x00\xff", {"size": 3, "tag": ["x", "y"]})
    request = guide.request()
    assert request.target == "/echo/a%2Fb"
    assert request.header("content-length") == str(len(request.body))
    assert parts_of(request) == [
        Part("title", None, None, 'Zoë\r\n"'.encode()),
        Part("p", "ü.png", "image/x-own", b"\x00\xff"),
        Part("size", None, None, b"3"),
        Part("tag", None, None, b"x"),
        Part("tag", None, None, b"y"),
    ]


async def test_each_request_has_a_boundary_of_its_own(guide: ServerClient) -> None:
    boundaries = set()
    for _ in range(3):
        boundaries.add(boundary_of((await sent(guide, b"x")).header("content-type")))
        guide.reset()
    assert len(boundaries) == 3
    assert all(len(boundary) == 32 for boundary in boundaries)


@pytest.fixture
def picture(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "picture.png"
    path.write_bytes(BIG)
    return path


@pytest.mark.parametrize(
    ("value", "content"),
    [
        (b"bytes", b"bytes"),
        (bytearray(b"array"), b"array"),
        (memoryview(b"view"), b"view"),
        ("tëxt", "tëxt".encode()),
        (io.BytesIO(b"in memory"), b"in memory"),
        ("", b""),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_content_in_memory_is_named_after_its_field(
    guide: ServerClient, value: Any, content: bytes
) -> None:
    assert parts_of(await sent(guide, value)) == [Part("f", "f", OCTETS, content)]


async def test_a_path_is_streamed_with_its_name_type_and_length(
    guide: ServerClient, picture: pathlib.Path
) -> None:
    request = await sent(guide, picture)
    assert request.header("content-length") == str(len(request.body))
    assert parts_of(request) == [Part("f", "picture.png", "image/png", BIG)]


async def test_a_file_object_is_sent_from_where_it_stands_and_stays_open(
    guide: ServerClient, picture: pathlib.Path
) -> None:
    with picture.open("rb") as file:
        file.seek(500_000)
        request = await sent(guide, file)
        assert not file.closed
    assert parts_of(request) == [Part("f", "picture.png", "image/png", BIG[500_000:])]


async def test_a_temporary_file_has_no_name_to_send(guide: ServerClient) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"x")
        file.seek(0)
        assert parts_of(await sent(guide, file)) == [Part("f", "f", OCTETS, b"x")]


@pytest.mark.parametrize("make", [pieces, plain_pieces])
async def test_an_iterator_is_sent_in_chunks(guide: ServerClient, make: Any) -> None:
    request = await sent(guide, make())
    assert request.header("transfer-encoding") == "chunked"
    assert request.header("content-length") is None
    assert parts_of(request)[0].content in (b"one two", b"one two three")


async def test_a_file_that_cannot_seek_is_sent_in_chunks(guide: ServerClient) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"through a pipe")
    os.close(writing)
    with open(reading, "rb") as file:
        request = await sent(guide, file)
    assert request.header("transfer-encoding") == "chunked"
    assert parts_of(request) == [Part("f", "f", OCTETS, b"through a pipe")]


async def test_a_named_pipe_is_sent_in_chunks(guide: ServerClient, tmp_path: pathlib.Path) -> None:
    pipe = tmp_path / "pipe.txt"
    os.mkfifo(pipe)
    threading.Thread(target=pipe.write_bytes, args=(b"line\n",)).start()
    request = await sent(guide, pipe)
    assert parts_of(request) == [Part("f", "pipe.txt", "text/plain", b"line\n")]


class AsyncFile:
    """A file as web frameworks hand it over."""

    name = "upload.json"

    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)

    async def read(self, size: int = -1) -> bytes:
        await asyncio.sleep(0)
        return self._file.read(size)


async def test_an_asynchronous_file_is_sent_as_well(guide: ServerClient) -> None:
    request = await sent(guide, AsyncFile(BIG))
    assert parts_of(request) == [Part("f", "upload.json", "application/json", BIG)]


async def test_a_list_of_files_repeats_the_part(guide: ServerClient, picture: pathlib.Path) -> None:
    value = [picture, None, b"2", (b"3", {b"4"})]
    parts = parts_of(await sent(guide, value))
    assert [(part.filename, part.content) for part in parts] == [
        ("picture.png", BIG),
        ("f", b"2"),
        ("f", b"3"),
        ("f", b"4"),
    ]


async def test_no_file_at_all_leaves_an_empty_body(guide: ServerClient) -> None:
    request = await sent(guide, None)
    boundary = boundary_of(request.header("content-type"))
    assert request.body == f"--{boundary}--\r\n".encode()


async def test_a_part_names_itself_over_the_marker_over_the_file(
    guide: ServerClient, picture: pathlib.Path
) -> None:
    marker = File(filename="marker.gif", content_type="image/gif")
    value = [FilePart(picture, "own.txt", "text/own"), FilePart(picture, "own.txt"), picture]
    parts = parts_of(await sent(guide, value, marker))
    assert [(part.filename, part.content_type) for part in parts] == [
        ("own.txt", "text/own"),
        ("own.txt", "image/gif"),
        ("marker.gif", "image/gif"),
    ]
    guide.reset()
    named = FilePart(picture, filename="page.html")
    assert [part.content_type for part in parts_of(await sent(guide, named))] == ["text/html"]


def test_a_synchronous_client_sends_the_same(guide: ServerClient, picture: pathlib.Path) -> None:
    @http_client(base_url=guide.url)
    class Client:
        @post("/echo/files")
        def send(self, title: Annotated[str, Form()], f: Annotated[Any, File()]) -> None: ...

    reading, writing = os.pipe()
    os.close(writing)
    with connect_sync(Client) as client, picture.open("rb") as file, open(reading, "rb") as pipe:
        for value in (picture, file, BIG, plain_pieces(), pipe):
            client.send("t", value)
        with pytest.raises(ClientArgumentException, match="needs an asynchronous client"):
            client.send("t", pieces())
    contents = [parts_of(request)[1].content for request in guide.requests()[:5]]
    assert contents == [BIG, BIG, BIG, b"one two three", b""]


async def test_files_are_never_read_on_the_event_loop(guide: ServerClient) -> None:
    threads: set[int] = set()

    class Watched(io.RawIOBase):
        def __init__(self) -> None:
            self.at = 0

        def seekable(self) -> bool:
            threads.add(threading.get_ident())
            return True

        def seek(self, offset: int, whence: int = 0) -> int:
            threads.add(threading.get_ident())
            self.at = len(BIG) if whence == 2 else offset
            return self.at

        def tell(self) -> int:
            return self.at

        def read(self, size: int = -1) -> bytes:
            threads.add(threading.get_ident())
            self.at += size
            return BIG[self.at - size : self.at]

    request = await sent(guide, Watched())
    assert parts_of(request)[0].content == BIG
    assert threads
    assert threading.get_ident() not in threads


def raising() -> Iterator[bytes]:
    yield b"x"
    raise KeyError("secret")


async def raising_later() -> AsyncIterator[bytes]:
    yield b"x"
    raise ConnectionError("secret")


class Strange:
    def read(self, size: int) -> str:
        return "text"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (7, "a int is no file (pass bytes, str, a pathlib.Path"),
        ({"a": b"x"}, "a dict is no file"),
        ("\ud800", "half of a surrogate pair"),
        (pathlib.Path("/nowhere/at/all"), "'/nowhere/at/all': No such file or directory"),
        (pathlib.Path("/"), "'/' is a directory"),
        (io.StringIO("text"), 'open as text (open it with mode "rb")'),
        (FilePart(b"x", filename=""), "the file name must be a non-empty str"),
        (FilePart(b"x", filename="a\x00b"), "the file name holds a control character"),
        (FilePart(b"x", filename="\udcff"), "the file name holds half of a surrogate pair"),
        (FilePart(b"x", content_type="text/x\r\nEvil: 1"), "is no media type"),
        (FilePart(b"x", content_type="text"), "'text' is no media type (write one like"),
    ],
    ids=lambda value: stable(repr(value)),
)
async def test_what_cannot_be_a_file_is_refused_before_a_byte_is_sent(
    guide: ServerClient, value: Any, reason: str
) -> None:
    with pytest.raises(ClientArgumentException) as caught:
        await sent(guide, value)
    assert str(caught.value).startswith("Client.send: POST /echo/files: 'f' cannot be sent: ")
    assert reason in str(caught.value)
    assert caught.value.parameter == "f"
    assert guide.requests() == []


@pytest.mark.parametrize(
    ("value", "reason", "cause"),
    [
        (raising(), "its iterator raised KeyError (see the cause)", KeyError),
        (raising_later(), "its iterator raised ConnectionError", ConnectionError),
        (iter(["text"]), "its iterator yields str, not bytes (encode each item)", type(None)),
        (Strange(), "its read() returns str, not bytes", type(None)),
    ],
    ids=lambda value: stable(value)[:30],
)
async def test_a_mistake_that_shows_while_sending_ends_the_request(
    guide: ServerClient, value: Any, reason: str, cause: type
) -> None:
    with pytest.raises(ClientArgumentException) as caught:
        await sent(guide, value)
    assert reason in str(caught.value)
    assert "secret" not in str(caught.value)
    assert isinstance(caught.value.__cause__, cause)
    assert all(request.raw[-5:] != b"0\r\n\r\n" for request in guide.requests())


async def test_a_file_that_shrinks_while_it_is_sent_ends_the_request(guide: ServerClient) -> None:
    class Shrinking(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return b""

    with pytest.raises(ClientArgumentException, match="became shorter while it was sent, by 3"):
        await sent(guide, Shrinking(b"abc"))


async def test_a_file_that_grows_is_sent_as_long_as_it_was(
    guide: ServerClient, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"abc")

    async def other() -> AsyncIterator[bytes]:
        with path.open("ab") as file:
            file.write(b"def")
        yield b"first"

    request = await sent(guide, [other(), path])
    assert [part.content for part in parts_of(request)] == [b"first", b"abc"]


HOSTILE = [
    'a"; name="other',
    "a\r\nX-Evil: 1",
    "a\r\n\r\nbody",
    'a"\r\nContent-Type: text/html\r\n\r\n<script>',
    "../../etc/passwd",
    "‮gpj.exe",
    "data:text/html,x.png",
    "a;b=c",
    "ä€😀.txt",
    "%2",
    " ",
    "a\tb",
    "x" * 65_536,
]


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name)[:30])
async def test_no_name_leaves_its_quotes(guide: ServerClient, name: str) -> None:
    shown = name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
    (part,) = parts_of(await sent(guide, FilePart(b"content", filename=name)))
    assert part == Part("f", shown, part.content_type, b"content")
    assert re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", part.content_type or "")


@pytest.mark.parametrize("name", ["\\", "a\\", 'a\\"b', "C:\\a.png", "%22", "a%0d%0Ab"])
async def test_a_name_that_readers_would_take_for_another_is_refused(
    guide: ServerClient, name: str
) -> None:
    with pytest.raises(ClientArgumentException, match="the file name holds"):
        await sent(guide, FilePart(b"content", filename=name))
    assert guide.requests() == []

    @http_client(base_url=guide.url)
    class Client:
        @post("/echo/files")
        async def send(
            self, fields: Annotated[dict[str, str], Form()], f: Annotated[bytes, File()] = b""
        ) -> None: ...

    async with connect(Client) as client:
        with pytest.raises(ClientArgumentException, match="'fields' cannot be sent: the field na"):
            await client.send({name: "x"})
    assert guide.requests() == []


def test_a_field_that_is_declared_with_such_a_name_is_a_mistake() -> None:
    @http_client(base_url="http://x")
    class Client:
        @post("/a")
        async def send(
            self, a: Annotated[str, Form("a\\")], f: Annotated[bytes, File("%22")]
        ) -> None: ...

    with pytest.raises(ClientDeclarationException) as caught:
        with_port(Client, EncodedPort())
    assert [problem[:44] for problem in caught.value.problems] == [
        "Client.send: 'a': the field name holds a bac",
        "Client.send: 'f': the field name holds %22, ",
    ]


async def test_a_field_name_does_not_leave_its_quotes_either(guide: ServerClient) -> None:
    (part,) = parts_of(await sent(guide, b"x", File('a"; filename="b')))
    assert part.name == "a%22; filename=%22b"


async def test_a_caller_does_not_set_the_content_type(guide: ServerClient) -> None:
    @http_client(base_url=guide.url)
    class Client:
        @post("/echo/files")
        async def send(
            self, f: Annotated[bytes, File()], headers: dict[str, str] | None = None
        ) -> None: ...

    async with connect(Client) as client:
        with pytest.raises(ClientArgumentException, match="multipart body names its boundary"):
            await client.send(b"x", {"content-TYPE": "text/plain"})
        await client.send(b"x", {"X-Other": "1"})
    assert guide.request().header("x-other") == "1"


def test_a_constant_or_declared_content_type_is_a_declaration_error() -> None:
    @http_client(base_url="http://x", headers={"Content-Type": "application/json"})
    class Constant:
        @post("/a")
        async def send(self, f: Annotated[bytes, File()]) -> None: ...

    with pytest.raises(ClientDeclarationException, match=r"Constant\.send: headers: a multipart"):
        with_port(Constant, EncodedPort())

    @http_client(base_url="http://x")
    class Declared:
        @post("/a")
        async def send(
            self, f: Annotated[bytes, File()], kind: Annotated[str, Header("Content-Type")]
        ) -> None: ...

    with pytest.raises(ClientDeclarationException, match=r"Declared\.send: 'kind': a multipart"):
        with_port(Declared, EncodedPort())


class EncodedPort(PlainPort):
    takes_encoded = True
    bounds_deadline = True
    base_url = ""

    async def send(self, request: Request, deadline: float | None) -> Any:
        raise AssertionError("nothing is to be sent")


def with_port(cls: Any, port: Any) -> Any:
    return client_for(cls, port=port)


async def test_a_port_that_encodes_by_itself_takes_no_files() -> None:
    @http_client(base_url="http://x")
    class Client:
        @post("/a")
        async def send(
            self, title: Annotated[str, Form()], f: Annotated[BinaryIO, File()]
        ) -> None: ...

    port = PlainPort()
    with pytest.raises(PortValueException) as caught:
        await with_port(Client, port).send("t", io.BytesIO(b"x"))
    assert str(caught.value) == (
        "Client.send: POST /a: 'f' cannot be sent by PlainPort, which takes JSON bodies only (use "
        "the client's own adapter for forms, files, text and bytes: wire it without a port); no "
        "attempt was made"
    )
    assert port.requests == []


NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('"\r\n\t%;'), min_size=1
)
FIELDS = st.tuples(NAMES, st.text(st.characters(exclude_categories=["Cs"])))
FILES = st.tuples(NAMES, NAMES, st.binary(), st.sampled_from([None, "image/png", 'a/b; c="d"']))


def escaped(text: str) -> str:
    return text.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")


@given(st.lists(FIELDS | FILES))
def test_a_multipart_body_is_read_back_as_it_was(parts: list[Any]) -> None:
    multipart = Multipart()
    expected = []
    for part in parts:
        if len(part) == 2:
            multipart.add_field(*part)
            expected.append(Part(escaped(part[0]), None, None, part[1].encode()))
        else:
            name, filename, content, kind = part
            multipart.add_file(name, content, filename, kind)
            expected.append(Part(escaped(name), escaped(filename), kind, content))
    body = multipart.body()
    assert isinstance(body, bytes)
    read = parse(body, boundary_of(multipart.content_type))
    assert [
        p if e.content_type else p._replace(content_type=None)
        for p, e in zip(read, expected, strict=True)
    ] == expected
