"""Calls as a person writes them, without a framework; and the least that can be written."""

from __future__ import annotations

import asyncio
import importlib
import json
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

from benchmarks.http.opened import PARAMS, Opened, target

__all__ = ["open_aiohttp", "open_floor", "open_httpx"]


async def open_httpx(library: str, url: str, stack: AsyncExitStack) -> Opened:
    """httpx or httpx2."""
    module: Any = importlib.import_module(library)
    limits = module.Limits(max_connections=200, max_keepalive_connections=200)
    client = await stack.enter_async_context(module.AsyncClient(base_url=url, limits=limits))

    async def call(size: int) -> Any:
        response = await client.get(f"/items/{size}", params=PARAMS)
        response.raise_for_status()
        return response.json()

    async def held(size: int) -> Any:
        return (await client.get(f"/held/{size}")).json()

    return Opened(call, held)


async def open_aiohttp(decoder: str, url: str, stack: AsyncExitStack) -> Opened:
    """aiohttp, with its own ``json()`` or with pydantic's parser on the bytes."""
    aiohttp: Any = importlib.import_module("aiohttp")
    connector = aiohttp.TCPConnector(limit=200)
    session = await stack.enter_async_context(
        aiohttp.ClientSession(base_url=url, connector=connector, raise_for_status=True)
    )
    from_json: Any = None
    if decoder == "bytes":
        from_json = importlib.import_module("pydantic_core").from_json

    async def call(size: int) -> Any:
        async with session.get(f"/items/{size}", params=PARAMS) as response:
            if from_json is not None:
                return from_json(await response.read())
            return await response.json()

    async def held(size: int) -> Any:
        async with session.get(f"/held/{size}") as response:
            return await response.json()

    return Opened(call, held)


class _Wire(asyncio.Protocol):
    """One connection with one request at a time; parses, and nothing else."""

    def __init__(self, parser: Any) -> None:
        self._make = parser
        self.transport: Any = None
        self.closed = False
        self._parser: Any = None
        self._body: list[bytes] = []
        self._done: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._parser = self._make(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True

    def ask(self, request: bytes) -> asyncio.Future[bytes]:
        self._done = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._done

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        self._body.append(data)

    def on_message_complete(self) -> None:
        body, self._body = b"".join(self._body), []
        if self._done is not None and not self._done.done():
            self._done.set_result(body)


async def open_floor(_: str, url: str, stack: AsyncExitStack) -> Opened:
    """A bare asyncio Protocol with httptools and a list of free connections."""
    httptools: Any = importlib.import_module("httptools")
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 80
    free: list[_Wire] = []
    made: list[_Wire] = []
    stack.callback(lambda: [wire.transport.close() for wire in made])

    async def ask(path: str) -> Any:
        wire = free.pop() if free else None
        if wire is None:
            _, wire = await asyncio.get_running_loop().create_connection(
                lambda: _Wire(httptools.HttpResponseParser), host, port
            )
            made.append(wire)
        request = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
        try:
            async with asyncio.timeout(30):
                body = await wire.ask(request)
        except BaseException:
            wire.transport.close()
            raise
        free.append(wire)
        return json.loads(body)

    async def call(size: int) -> Any:
        return await ask(target(size))

    async def held(size: int) -> Any:
        return await ask(f"/held/{size}")

    return Opened(call, held)
