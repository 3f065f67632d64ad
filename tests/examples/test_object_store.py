"""The object store's client against a server that speaks the protocol and checks signatures."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import escape

import pytest

from examples.object_store import Found, Signer, declared, objects
from pyfly.client import (
    ClientErrorException,
    Exchange,
    ForbiddenException,
    NotFoundException,
    connect,
    download,
)
from tests.examples.serving import Answer, Request, Server, demand, query_of
from tests.support.http1 import answer

SECRET = "s3cret"
BIG = bytes(range(256)) * 4096
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=AKID/(\d{8})/eu-1/s3/aws4_request, "
    r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
)


def signature(request: Request, day: str, names: str) -> str:
    """The signature of what has arrived, by the text of the standard."""
    path, _, query = request.target.partition("?")
    parameters = sorted(query.split("&")) if query else [""]
    headers = "".join(f"{n}:{','.join(request.values(n)).strip()}\n" for n in names.split(";"))
    (payload,) = request.values("x-amz-content-sha256")
    canonical = "\n".join((request.method, path, "&".join(parameters), headers, names, payload))
    scope = f"{day}/eu-1/s3/aws4_request"
    (date,) = request.values("x-amz-date")
    text = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{SECRET}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


class Api:
    """One bucket in memory."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, str]] = {}

    def __call__(self, request: Request) -> Answer:
        found = _AUTHORIZATION.fullmatch("".join(request.values("authorization")))
        if not found:
            return answer(403, b"<Error><Code>AccessDenied</Code></Error>")
        demand({"host", "x-amz-date"} <= set(found[2].split(";")), "too little is signed")
        demand(signature(request, found[1], found[2]) == found[3], "SignatureDoesNotMatch")
        bucket, _, key = request.path[1:].partition("/")
        demand(bucket == "my-bucket", f"another bucket: {bucket}")
        if not key:
            return self.listed(query_of(request))
        return self.one(request, unquote(key))

    def one(self, request: Request, key: str) -> Answer:
        stored = self.objects.get(key)
        if request.method == "PUT":
            if request.values("if-none-match") == ["*"] and stored:
                return answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
            (kind,) = request.values("content-type")
            self.objects[key] = request.body, kind
            return answer(200, b"", [("ETag", etag(request.body))])
        if stored is None:
            return answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        if request.method == "DELETE":
            del self.objects[key]
            return answer(204)
        data, kind = stored
        headers = [("ETag", etag(data)), ("Content-Type", kind)]
        if request.values("if-match") not in ([], [etag(data)]):
            return answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
        if spans := request.values("range"):
            first, last = map(int, spans[0].removeprefix("bytes=").split("-"))
            where = ("Content-Range", f"bytes {first}-{last}/{len(data)}")
            return answer(206, data[first : last + 1], [*headers, where])
        return answer(200, data, headers)

    def listed(self, query: dict[str, str]) -> bytes:
        demand(query.pop("list-type") == "2", "no version of the list")
        after = query.pop("continuation-token", "")
        prefix = query.pop("prefix", "")
        demand(not query, f"{query}")
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
        more, keys = len(keys) > 2, keys[:2]
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><ETag>{escape(etag(self.objects[key][0]))}</ETag>"
            f"<Size>{len(self.objects[key][0])}</Size></Contents>"
            for key in keys
        )
        token = f"<NextContinuationToken>{escape(keys[-1])}</NextContinuationToken>"
        text = (
            '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"{contents}{token if more else ''}</ListBucketResult>"
        )
        return answer(200, text.encode(), [("Content-Type", "application/xml")])


def etag(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'


def client(server: Server, secret: str = SECRET) -> Any:
    return connect(declared(server.url, Signer(server.authority, "eu-1", "AKID", secret)))


async def test_a_file_is_streamed_there_and_back(tmp_path: Path) -> None:
    source, copy = tmp_path / "big.bin", tmp_path / "copy.bin"
    source.write_bytes(BIG)
    with Server(Api()) as server:
        async with client(server) as store:
            stored = await store.store("my-bucket", "dir/big.bin", source, "application/x-big")
            tag = stored.headers["etag"]
            facts = await store.facts("my-bucket", "dir/big.bin")
            written = await download(store.load("my-bucket", "dir/big.bin", tag), copy)
            middle = await store.load_range("my-bucket", "dir/big.bin", "bytes=255-257")
    assert (written, copy.read_bytes()) == (len(BIG), BIG)
    assert (facts.headers["etag"], facts.headers["content-type"]) == (
        etag(BIG),
        "application/x-big",
    )
    assert middle == b"\xff\x00\x01"
    assert server.requests[0].values("content-length") == [str(len(BIG))]


async def test_an_upload_of_unknown_length_is_sent_in_chunks() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for number in range(3):
            yield b"%d" % number * 70_000

    api = Api()
    with Server(api) as server:
        async with client(server) as store:
            await store.store("my-bucket", "stream", pieces())
    assert api.objects["stream"][0] == b"0" * 70_000 + b"1" * 70_000 + b"2" * 70_000
    assert server.requests[0].values("transfer-encoding") == ["chunked"]


KEYS = [
    "a b/ü?x=1&y#z",
    "100%/%2e%2e/+plus",
    "quote'(1)*!~/日本.txt",
    "folder//twice/",
    "<&>;=,@:$",
]


@pytest.mark.parametrize("key", KEYS)
async def test_whatever_the_key_its_signature_is_right(key: str) -> None:
    api = Api()
    with Server(api) as server:
        async with client(server) as store:
            await store.store("my-bucket", key, b"x")
            assert list(api.objects) == [key]
            assert [o.key async for o in objects(store, "my-bucket", key[:3])] == [key]
            await store.remove("my-bucket", key)
    assert api.objects == {}


async def test_a_list_goes_on_from_page_to_page() -> None:
    with Server(Api()) as server:
        async with client(server) as store:
            for number in range(5):
                await store.store("my-bucket", f"p/{number} &", b"x" * number)
            await store.store("my-bucket", "other", b"")
            found = [found async for found in objects(store, "my-bucket", "p/")]
    assert found == [Found(f"p/{n} &", n, etag(b"x" * n)) for n in range(5)]
    assert len(server.requests) == 6 + 3


async def test_conditions_and_errors_are_exceptions() -> None:
    with Server(Api()) as server:
        async with client(server) as store:
            await store.store("my-bucket", "a", b"1", if_none_match="*")
            with pytest.raises(ClientErrorException) as taken:
                await store.store("my-bucket", "a", b"2", if_none_match="*")
            with pytest.raises(ClientErrorException) as changed:
                async with store.load("my-bucket", "a", '"other"'):
                    pass
            with pytest.raises(NotFoundException) as missing:
                await store.facts("my-bucket", "b")
            with pytest.raises(ForbiddenException) as denied:
                await unsigned(server)
    assert taken.value.status_code == changed.value.status_code == 412
    assert missing.value.operation == "Declared.facts"
    assert b"AccessDenied" in denied.value.body


async def unsigned(server: Server) -> None:
    class Silent(Signer):
        def before_request(self, exchange: Exchange) -> None:
            """Sign nothing."""

    async with connect(declared(server.url, Silent("", "", "", ""))) as store:
        await store.load_range("my-bucket", "a", "bytes=0-0")
