"""Bodies that came whole and are still not what they should be; and redirects."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

from pydantic import BaseModel

from pyfly.client.errors import (
    BadRequestException,
    NotFoundException,
    RedirectException,
    ResponseDecodeException,
    ResponseTooLargeException,
    ServerErrorException,
    TooManyRequestsException,
)
from pyfly.testing.fault_server import Answer, Behaviour, Bomb, TruncatedGzip
from tests.client.hostile_responses.case import Case, kept, ok
from tests.client.hostile_responses.limits import LIMIT

__all__ = ["BODIES", "Product"]

PLAIN = b'{"ok": true}'
GZIP = gzip.compress(PLAIN, mtime=0)
FINE = {"ok": True}


class Product(BaseModel):
    """What the typed methods return."""

    id: int
    name: str


class Price(BaseModel):
    """With a field that NaN would fit."""

    price: float


def encoded(body: bytes, *names: str, status: int = 200) -> Answer:
    """A body that claims these encodings."""
    return Answer(status, body, headers={"Content-Encoding": ", ".join(names)})


def times(body: bytes, count: int) -> bytes:
    """Compressed so many times over."""
    for _ in range(count):
        body = gzip.compress(body, mtime=0)
    return body


def raw_deflate(body: bytes) -> bytes:
    """Without the zlib header."""
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(body) + compressor.flush()


NAMED = GZIP[:3] + b"\x08" + GZIP[4:10] + b"x" * (LIMIT - 1000) + b"\0" + GZIP[10:]

COMPRESSED = [
    Case("a gzip bomb of 64 MiB", Bomb(), ResponseTooLargeException, reused=True),
    Case("a deflate bomb of 64 MiB", Bomb(encoding="deflate"), ResponseTooLargeException,
         reused=True),
    Case("a bomb in a bomb", Bomb(64 << 20, times=2), ResponseTooLargeException, reused=True),
    Case("a bomb that is small only on the outside", Bomb(LIMIT + 1, times=3),
         ResponseTooLargeException, reused=True),
    Case("six encodings on one body", encoded(times(PLAIN, 6), *["gzip"] * 6),
         ResponseTooLargeException, reused=True),
    Case("five encodings on one body", encoded(times(PLAIN, 5), *["gzip"] * 5), PLAIN, reused=True),
    Case("a thousand encodings on one body", encoded(PLAIN, *["gzip"] * 1000),
         ResponseTooLargeException, reused=True),
    Case("a gzip without its check sum", TruncatedGzip(), ResponseDecodeException, reused=True),
    Case("a gzip cut in the middle", TruncatedGzip(b"x" * 1000, missing=15),
         ResponseDecodeException, reused=True),
    Case("a gzip of one byte", encoded(b"\x1f", "gzip"), ResponseDecodeException, reused=True),
    Case("a gzip that is none", encoded(b"plain text", "gzip"), ResponseDecodeException,
         reused=True),
    Case("a gzip with a wrong check sum", encoded(GZIP[:-8] + b"\0\0\0\0" + GZIP[-4:], "gzip"),
         ResponseDecodeException, reused=True),
    Case("a gzip with a wrong size", encoded(GZIP[:-4] + b"\xff\0\0\0", "gzip"),
         ResponseDecodeException, reused=True),
    Case("a gzip with garbage behind it", encoded(GZIP + b"garbage", "gzip"),
         ResponseDecodeException, reused=True),
    Case("a gzip with zeros behind it", encoded(GZIP + b"\0" * 512, "gzip"), PLAIN, reused=True),
    Case("a gzip of two members", encoded(gzip.compress(b"a") + gzip.compress(b"b"), "gzip"),
         b"ab", reused=True),
    Case("a gzip of two members, the second cut",
         encoded(GZIP + gzip.compress(b"b")[:-3], "gzip"), ResponseDecodeException, reused=True),
    Case("a gzip of 3,000 empty members", encoded(gzip.compress(b"", mtime=0) * 3000, "gzip"), b"",
         reused=True),
    Case("a gzip with a file name of 63 KiB", encoded(NAMED, "gzip"), PLAIN, reused=True),
    Case("a gzip with nothing in the body", encoded(b"", "gzip"), b"", reused=True),
    Case("deflate without the zlib header", encoded(raw_deflate(PLAIN), "deflate"), PLAIN,
         reused=True),
    Case("a deflate that is cut", encoded(zlib.compress(PLAIN)[:-3], "deflate"),
         ResponseDecodeException, reused=True),
    Case("a deflate with garbage behind it", encoded(zlib.compress(PLAIN) + b"?", "deflate"),
         ResponseDecodeException, reused=True),
    Case("a deflate with a wrong check sum",
         encoded(zlib.compress(PLAIN)[:-4] + b"abcd", "deflate"), ResponseDecodeException,
         reused=True),
    Case("an encoding that nobody knows", encoded(PLAIN, "x-mystery"), ResponseDecodeException,
         reused=True),
    Case("a known encoding under an unknown one", encoded(GZIP, "gzip", "x-mystery"),
         ResponseDecodeException, reused=True),
    Case("an encoding with a parameter", encoded(GZIP, "gzip;q=1"), ResponseDecodeException,
         reused=True),
    Case("a br that is none", encoded(b"\xff\xff\xff\xff", "br"), ResponseDecodeException,
         reused=True),
    Case("a zstd that is none", encoded(b"\xff\xff\xff\xff", "zstd"), ResponseDecodeException,
         reused=True),
    Case("encodings in two fields",
         kept(ok(times(PLAIN, 2), b"Content-Encoding: gzip", b"Content-Encoding: GZIP")), PLAIN,
         reused=True),
    Case("an encoding that changes nothing", encoded(PLAIN, "identity", ""), PLAIN, reused=True),
    Case("an error whose body is no gzip", encoded(b"plain text", "gzip", status=503),
         ServerErrorException, reused=True),
    Case("an error whose body is a bomb", Answer(400, gzip.compress(bytes(1 << 20)),
         headers={"Content-Encoding": "gzip"}), BadRequestException, reused=True),
    Case("an error whose body is in an unknown encoding", encoded(b"?", "x-mystery", status=429),
         TooManyRequestsException, reused=True),
]  # fmt: skip


def text(name: str, body: bytes, kind: bytes, gives: Any) -> Case:
    """A text that claims a type."""
    does = kept(ok(body, b"Content-Type: " + kind))
    return Case(name, does, gives, reused=True, returns=str)


TEXTS = [
    text("a charset that nobody knows", b"hi", b"text/plain; charset=x-none",
         ResponseDecodeException),
    text("a charset of 10,000 characters", b"hi", b"text/plain; charset=" + b"x" * 10_000,
         ResponseDecodeException),
    text("a charset that is no text encoding", b"6869", b"text/plain; charset=hex",
         ResponseDecodeException),
    text("a charset that unfolds escapes", b"\\d", b"text/plain; charset=unicode_escape",
         ResponseDecodeException),
    text("a charset of domain names", b"xn--" + b"a" * 5000, b"text/plain; charset=idna",
         ResponseDecodeException),
    text("a charset that Python keeps undefined", b"hi", b"text/plain; charset=undefined",
         ResponseDecodeException),
    text("a charset with quotes and no name", b"hi", b'text/plain; charset=""', "hi"),
    text("a text that is not in its charset", b"caf\xe9", b"text/plain; charset=utf-8",
         ResponseDecodeException),
    text("a text that is not in the charset of those without one", b"caf\xe9", b"text/plain",
         ResponseDecodeException),
    text("a text cut within a character", "é".encode()[:1], b"text/plain; charset=utf-8",
         ResponseDecodeException),
    text("an overlong form of a character", b"\xc0\xaf", b"text/plain; charset=utf-8",
         ResponseDecodeException),
    text("half of a surrogate pair in UTF-8", b"\xed\xa0\x80", b"text/plain; charset=utf-8",
         ResponseDecodeException),
    text("a UTF-16 of an odd number of bytes", b"\xff\xfeh\0i", b"text/plain; charset=utf-16",
         ResponseDecodeException),
    text("a text in Latin-1", b"caf\xe9", b"text/plain; charset=ISO-8859-1", "café"),
    text("two content types", b"caf\xe9",
         b"text/plain; charset=latin-1\r\nContent-Type: text/html; charset=utf-8",
         ResponseDecodeException),
]  # fmt: skip


def json(name: str, body: bytes, gives: Any, returns: Any = Any, kind: str = "") -> Case:
    """A body where JSON is wanted."""
    headers = {"Content-Type": kind or "application/json"}
    return Case(name, Answer(200, body, headers=headers), gives, reused=True, returns=returns)


BAD = ResponseDecodeException
DEEP = b"[" * 50_000 + b"]" * 50_000

JSON = [
    json("HTML with a 200", b"<html>Sorry!</html>", BAD, kind="text/html"),
    json("JSON that says it is HTML", PLAIN, FINE, kind="text/html"),
    json("no body where JSON is wanted", b"", BAD),
    json("nothing but white space", b" \r\n\t ", BAD),
    json("JSON that is cut short", b'{"ok": tr', BAD),
    json("two JSON documents", b"{}{}", BAD),
    json("garbage behind JSON", b"{}x", BAD),
    json("a comma before the end", b"[1,]", BAD),
    json("single quotes", b"{'ok': true}", BAD),
    json("a comment in JSON", b"/* */ {}", BAD),
    json("a control character in a text", b'"a\nb"', BAD),
    json("a NUL in JSON", b"{}\0", BAD),
    json("JSON behind a JavaScript guard", b")]}',\n{}", BAD),
    json("NaN", b'{"a": NaN}', BAD),
    json("Infinity", b"[Infinity]", BAD),
    json("minus Infinity", b"-Infinity", BAD),
    json("NaN where a model is wanted", b'{"price": NaN}', BAD, Price),
    json("a number beyond all floats where a model is wanted", b'{"price": 1e400}', BAD, Price),
    json("a number beyond all floats", b"1e400", BAD),
    json("an integer of 5,000 digits", b"1" * 5000, BAD),
    json("an integer of 5,000 digits where a model is wanted",
         b'{"id": %b, "name": "a"}' % (b"1" * 5000), BAD, Product),
    json("JSON nested 50,000 deep", DEEP[: LIMIT // 2], BAD),
    json("objects nested 10,000 deep", b'{"a":' * 10_000 + b"1" + b"}" * 10_000, BAD),
    json("JSON nested too deep where a model is wanted",
         b'{"id": 1, "name": "a", "more": %b}' % (b"[" * 20_000 + b"]" * 20_000), BAD, Product),
    json("a key given twice", b'{"a": 1, "a": 2}', {"a": 2}),
    json("the key of a prototype", b'{"__proto__": {"a": 1}}', {"__proto__": {"a": 1}}),
    json("half of a surrogate pair as an escape", b'"\\ud800"', "\ud800"),
    json("half of a surrogate pair where a model is wanted", b'{"id": 1, "name": "\\ud800"}', BAD,
         Product),
    json("a NUL as an escape", b'"\\u0000"', "\0"),
    json("bytes that are no UTF-8 in JSON", b'"\xff"', BAD),
    json("JSON behind a byte order mark", b"\xef\xbb\xbf" + PLAIN, FINE),
    json("JSON behind a byte order mark where a model is wanted",
         b'\xef\xbb\xbf{"id": 1, "name": "a"}', Product(id=1, name="a"), Product),
    json("JSON in UTF-16 where a model is wanted", '{"id": 1, "name": "a"}'.encode("utf-16"), BAD,
         Product),
    json("JSON in UTF-16", PLAIN.decode().encode("utf-16"), FINE),
    json("JSON in UTF-16 cut within a character", PLAIN.decode().encode("utf-16")[:-1], BAD),
    json("JSON in UTF-32", PLAIN.decode().encode("utf-32"), FINE),
    json("a list where an object is wanted", b"[]", BAD, dict[str, Any]),
    json("a text where a list is wanted", b'"[]"', BAD, list[Any]),
    json("null where an object is wanted", b"null", BAD, dict[str, Any]),
    json("null where a model or nothing is wanted", b"null", None, Product | None),
    json("a field that is missing", b'{"id": 1}', BAD, Product),
    json("a field of another type", b'{"id": "one", "name": "a"}', BAD, Product),
    json("an error object with a 200", b'{"error": "no such product"}', BAD, Product),
    json("a model that is wrong in its 1,000th item",
         b"[" + b'{"id": 1, "name": "a"},' * 999 + b"{}]", BAD, list[Product]),
    Case("204 where a model is wanted", Answer(204), BAD, reused=True, returns=Product),
    Case("404 with HTML", Answer(404, "<html>"), NotFoundException, reused=True, returns=Any),
    Case("problem details that are no JSON",
         Answer(500, b"{", headers={"Content-Type": "application/problem+json"}),
         ServerErrorException, reused=True, returns=Any),
]  # fmt: skip


def redirect(
    name: str, does: Behaviour, gives: Any = RedirectException, *, follow: bool = True
) -> Case:
    """An answer that leads elsewhere."""
    return Case(name, does, gives, reused=True, follow=follow)


def leading(location: str | None, status: int = 302) -> Answer:
    """A redirect without a body."""
    return Answer(status, b"", headers={"Location": location})


REDIRECTS = [
    *(redirect(f"a {status} while redirects are off", leading("/next", status), follow=False)
      for status in (301, 302, 303, 307, 308)),
    *(redirect(f"a {status}, which leads nowhere", leading("/next", status))
      for status in (300, 305, 306)),
    redirect("a redirect within the origin", leading("/next"), b"next"),
    redirect("a redirect without a location", leading(None)),
    redirect("a redirect to nothing", leading("")),
    redirect("a redirect to itself", leading("/x")),
    redirect("a redirect to another host", leading("http://other.invalid/")),
    redirect("a redirect to another host by two slashes", leading("//other.invalid/x")),
    redirect("a redirect to another host by backslashes", leading("\\\\other.invalid\\x")),
    redirect("a redirect to another port", leading("http://127.0.0.1:1/")),
    redirect("a redirect to another scheme of the web", leading("https://127.0.0.1/")),
    redirect("a redirect to a file", leading("file:///etc/passwd")),
    redirect("a redirect to a script", leading("javascript:alert(1)")),
    redirect("a redirect to a name with credentials", leading("http://a:b@other.invalid/")),
    redirect("a redirect to a port that is none", leading("http://127.0.0.1:99999/")),
    redirect("a redirect to a broken address", leading("http://[::1/")),
    redirect("a redirect with a space in it", leading("/a b")),
    redirect("a redirect in UTF-8",
             kept(ok(b"", "Location: /next?é".encode(), status=b"302 Found")), b"next"),
    redirect("two locations", kept(ok(b"", b"Location: /next", b"Location: http://other.invalid/",
             status=b"302 Found"))),
    redirect("a redirect to an address of 90 KiB", leading("/next?" + "x" * 90_000), b"next"),
    redirect("a redirect whose body is a bomb",
             Answer(302, gzip.compress(bytes(1 << 20)),
                    headers={"Location": "/next", "Content-Encoding": "gzip"}), b"next"),
]  # fmt: skip

BODIES = [*COMPRESSED, *TEXTS, *JSON, *REDIRECTS]
