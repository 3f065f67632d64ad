"""From an argument to a segment of the path, or to a refusal."""

import enum
import string
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import quote

import pytest

from pyfly.client import ClientArgumentException, Path, connect, get, http_client
from tests.rules.support import PlainPort, over
from tests.support.servers import ServerClient


@http_client(base_url="http://users:80")
class Users:
    @get("/users/{user_id}/posts")
    async def posts(self, user_id: Any) -> Any: ...

    @get("/a/{first}/{second}")
    async def two(self, first: str, second: str) -> Any: ...

    @get("/files/{name}")
    async def file(self, name: Annotated[str, Path(segments=True)]) -> Any: ...


class Colour(enum.Enum):
    DEEP_RED = "deep red"


@pytest.mark.parametrize("character", string.printable.rstrip("\t\n\r\x0b\x0c"))
async def test_every_byte_but_the_unreserved_ones_is_encoded(
    port: PlainPort, character: str
) -> None:
    await over(port, Users).posts(f"a{character}b")
    assert port.path == f"/users/a{quote(character, safe='')}b/posts"


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("é", "%C3%A9"),
        ("日本", "%E6%97%A5%E6%9C%AC"),
        ("💥", "%F0%9F%92%A5"),
        ("%2e%2e", "%252e%252e"),
        ("%2F", "%252F"),
        ("../..", "..%2F.."),
        ("..\\..", "..%5C.."),
        ("a/../../admin", "a%2F..%2F..%2Fadmin"),
        ("//evil.example", "%2F%2Fevil.example"),
        ("http://evil.example/", "http%3A%2F%2Fevil.example%2F"),
        ("x?admin=1#f", "x%3Fadmin%3D1%23f"),
        ("...", "..."),
        (" ", "%20"),
    ],
)
async def test_a_value_stays_one_segment(port: PlainPort, value: str, encoded: str) -> None:
    await over(port, Users).posts(value)
    assert port.path == f"/users/{encoded}/posts"


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (7, "7"),
        (-1.5, "-1.5"),
        (True, "true"),
        (False, "false"),
        (Colour.DEEP_RED, "deep%20red"),
        (date(2024, 2, 29), "2024-02-29"),
        (Decimal("1.50"), "1.50"),
        (uuid.UUID(int=7), str(uuid.UUID(int=7))),
        (datetime(2024, 2, 29, 1, 2, 3, tzinfo=UTC), "2024-02-29T01%3A02%3A03Z"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_values_are_converted_as_query_values_are(
    port: PlainPort, value: Any, encoded: str
) -> None:
    await over(port, Users).posts(value)
    assert port.path == f"/users/{encoded}/posts"


async def test_a_value_that_looks_like_a_placeholder_stays_literal(port: PlainPort) -> None:
    await over(port, Users).two("{second}", "{first}")
    assert port.path == "/a/%7Bsecond%7D/%7Bfirst%7D"


REFUSED = [
    None,
    "",
    ".",
    "..",
    "\ud800",
    "a\udfffb",
    "a\x00b",
    "a\nb",
    "a\rb",
    "a\tb",
    "\x1b",
    "\x7f",
    float("nan"),
    float("inf"),
    datetime(2024, 1, 1),
]


@pytest.mark.parametrize("value", REFUSED, ids=repr)
async def test_a_hostile_value_is_refused_before_anything_is_sent(
    port: PlainPort, value: Any
) -> None:
    with pytest.raises(ClientArgumentException) as caught:
        await over(port, Users).posts(value)
    assert port.requests == []
    assert caught.value.parameter == "user_id"
    assert "Users.posts" in str(caught.value)
    assert "user_id" in str(caught.value)
    assert caught.value.operation == "Users.posts"


async def test_segments_keep_their_slashes_when_asked_for(port: PlainPort) -> None:
    await over(port, Users).file("docs/a b/é?.txt")
    assert port.path == "/files/docs/a%20b/%C3%A9%3F.txt"


@pytest.mark.parametrize(
    "value", ["..", ".", "a/../b", "../a", "a/..", "./a", "a/./b", "a/.", "", "a\x00", "a/\ud800"]
)
async def test_dot_segments_are_refused_even_then(port: PlainPort, value: str) -> None:
    with pytest.raises(ClientArgumentException):
        await over(port, Users).file(value)
    assert port.requests == []


@pytest.mark.parametrize("value", ["%2e%2e/x", "..%2f", "..\\x", "a%2f..%2fb"])
async def test_segments_in_disguise_are_encoded(port: PlainPort, value: str) -> None:
    await over(port, Users).file(value)
    assert port.path == "/files/" + quote(value, safe="/")


@pytest.mark.parametrize(
    "value", ["../admin", "a/b?c#d", "//evil.example/", "\\\\evil", "a;b=c@d:e", "%2e%2e%2f", "é "]
)
async def test_what_is_encoded_is_what_is_on_the_wire(guide: ServerClient, value: str) -> None:
    @http_client(base_url=guide.url)
    class Echo:
        @get("/echo/{value}/end")
        async def echo(self, value: str) -> dict: ...

    async with connect(Echo) as client:
        await client.echo(value)
    line = guide.request().raw.split(b"\r\n")[0].decode()
    assert line == f"GET /echo/{quote(value, safe='')}/end HTTP/1.1"
