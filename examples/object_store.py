"""Objects in an S3-like store: signed requests, streamed uploads and downloads, ETags.

    export OBJECT_STORE=https://s3.eu-central-1.amazonaws.com AWS_REGION=eu-central-1
    AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… \\
        python examples/object_store.py bucket report.pdf
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path as FilePath
from typing import Annotated, Any, NamedTuple, Protocol
from urllib.parse import urlsplit
from xml.etree import ElementTree

from pyfly.client import (
    Body,
    Exchange,
    Header,
    Path,
    Query,
    Response,
    Stream,
    connect,
    delete,
    download,
    get,
    head,
    put,
    service_client,
)

Key = Annotated[str, Path(segments=True)]
IfMatch = Annotated[str | None, Header("If-Match")]
IfNoneMatch = Annotated[str | None, Header("If-None-Match")]


class Signer:
    """Signs each attempt with AWS Signature Version 4, the payload left out.

    What is signed is what is on the wire: paths and queries are encoded once, by the client.
    """

    def __init__(self, host: str, region: str, access_key: str, secret_key: str) -> None:
        self._host = host
        self._region = region
        self._access_key = access_key
        self._secret_key = secret_key

    def before_request(self, exchange: Exchange) -> None:
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        payload = "UNSIGNED-PAYLOAD"
        path, _, query = exchange.request.url.partition("?")
        signed = {"host": self._host, "x-amz-content-sha256": payload, "x-amz-date": now}
        names = ";".join(signed)
        canonical = "\n".join(
            (
                exchange.http_method,
                path,
                "&".join(sorted(query.split("&"))),
                *(f"{name}:{value}" for name, value in signed.items()),
                "",
                names,
                payload,
            )
        )
        scope = f"{now[:8]}/{self._region}/s3/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        signature = self._sign(scope, f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{digest}")
        exchange.set_header("x-amz-content-sha256", payload)
        exchange.set_header("x-amz-date", now)
        exchange.set_header(
            "authorization",
            f"AWS4-HMAC-SHA256 Credential={self._access_key}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}",
        )

    def _sign(self, scope: str, text: str) -> str:
        key = f"AWS4{self._secret_key}".encode()
        for part in (*scope.split("/"), text):
            key = hmac.digest(key, part.encode(), "sha256")
        return key.hex()


def signer() -> Signer:
    """The signer for the store and the credentials of the environment."""
    return Signer(
        urlsplit(os.environ.get("OBJECT_STORE", "http://localhost:9000")).netloc,
        os.environ.get("AWS_REGION", "us-east-1"),
        os.environ.get("AWS_ACCESS_KEY_ID", ""),
        os.environ.get("AWS_SECRET_ACCESS_KEY", ""),
    )


class ObjectStore(Protocol):
    @put("/{bucket}/{key}")
    async def store(
        self,
        bucket: str,
        key: Key,
        body: Annotated[FilePath | bytes | AsyncIterator[bytes], Body()],
        content_type: Annotated[str, Header("Content-Type")] = "application/octet-stream",
        if_none_match: IfNoneMatch = None,
    ) -> Response[None]:
        """Store a file: a path is streamed from the disk. The ETag is in the headers."""
        ...

    @get("/{bucket}/{key}")
    def load(self, bucket: str, key: Key, if_match: IfMatch = None) -> Stream[bytes]: ...

    @get("/{bucket}/{key}")
    async def load_range(
        self, bucket: str, key: Key, bytes_: Annotated[str, Header("Range")]
    ) -> bytes: ...

    @head("/{bucket}/{key}")
    async def facts(self, bucket: str, key: Key) -> Response[None]: ...

    @delete("/{bucket}/{key}")
    async def remove(self, bucket: str, key: Key) -> None: ...

    @get("/{bucket}", params={"list-type": 2})
    async def list_page(
        self,
        bucket: str,
        prefix: str | None = None,
        token: Annotated[str | None, Query("continuation-token")] = None,
    ) -> bytes:
        """One page, in XML."""
        ...


class Found(NamedTuple):
    """An object of a list."""

    key: str
    size: int
    etag: str


async def objects(store: ObjectStore, bucket: str, prefix: str = "") -> AsyncIterator[Found]:
    """All objects whose keys begin with a prefix."""
    token: str | None = None
    while True:
        page = ElementTree.fromstring(await store.list_page(bucket, prefix or None, token))
        for item in page.iterfind("{*}Contents"):
            text = {part.tag.rpartition("}")[2]: part.text or "" for part in item}
            yield Found(text["Key"], int(text["Size"]), text["ETag"])
        token = page.findtext("{*}NextContinuationToken")
        if not token:
            return


def declared(base_url: str, sign: Signer) -> Any:
    """The client for one store."""

    @service_client(base_url=base_url, interceptors=[sign])
    class Declared(ObjectStore, Protocol): ...

    return Declared


async def main(bucket: str, name: str) -> None:
    """Store a file, load it again, and list what is there."""
    url = os.environ.get("OBJECT_STORE", "http://localhost:9000")
    async with connect(declared(url, signer())) as store:
        stored = await store.store(bucket, f"files/{name}", FilePath(name))
        print("stored as", stored.headers["etag"])
        await download(store.load(bucket, f"files/{name}", stored.headers["etag"]), f"{name}.copy")
        async for found in objects(store, bucket, "files/"):
            print(f"{found.size:>12} {found.key}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
