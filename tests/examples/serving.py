"""A server in a thread of its own for the clients of the examples: strict, and it takes notes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from types import TracebackType
from typing import Any, Self

from pyfly.core import Config
from tests.support.http1 import Malformed, Request, RequestReader, answer

__all__ = ["QUICK", "Answer", "Complaint", "Request", "Server", "as_json", "demand", "query_of"]

#: Settings with which a failed attempt is repeated at once.
QUICK = Config({"pyfly.client.retry.base-delay": "1ms"}, environ={})

#: A whole response, or its pieces as they come.
Answer = bytes | AsyncIterator[bytes]


class Complaint(Exception):
    """The request is not as the API has it."""


def demand(condition: object, what: str) -> None:
    """Complain unless something holds."""
    if not condition:
        raise Complaint(what)


def query_of(request: Request) -> dict[str, str]:
    """The query by name; a name stands once."""
    query: dict[str, str] = {pair[0]: pair[1] for pair in request.query}
    demand(len(query) == len(request.query), f"{request.query}")
    return query


def as_json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> bytes:
    """A response with a JSON body."""
    fields = [("Content-Type", "application/json; charset=utf-8"), *(headers or {}).items()]
    return answer(status, json.dumps(value).encode(), fields)


class Server:
    """Serves one API on loopback for the length of a ``with`` block.

    Leaving the block raises the first complaint of ``handle``, so that a client that sends
    something else than the API wants fails the test.

    Attributes:
        requests: What it was sent.
    """

    def __init__(self, handle: Callable[[Request], Answer]) -> None:
        self.requests: list[Request] = []
        self.hangups = 0
        self._handle = handle
        self._complaints: list[BaseException] = []
        self._runner = asyncio.Runner()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(5)
        assert not self._thread.is_alive()
        if self._complaints:
            raise self._complaints[0]

    @property
    def targets(self) -> list[str]:
        """Verb and target of each request."""
        return [f"{request.method} {request.target}" for request in self.requests]

    def _run(self) -> None:
        with self._runner as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.authority = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self.url = f"http://{self.authority}"
        self._ready.set()
        await self._over.wait()
        server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests = RequestReader(reader)
        try:
            while not self._over.is_set():
                request = await requests.next()
                if request is None:
                    break
                self.requests.append(request)
                await self._respond(request, writer)
        except ConnectionError:
            self.hangups += 1
        except Malformed as error:
            self._complaints.append(error)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _respond(self, request: Request, writer: asyncio.StreamWriter) -> None:
        try:
            demand(request.values("host") == [self.authority], "the Host is another")
            answered = self._handle(request)
        except Exception as error:
            self._complaints.append(error)
            answered = answer(400, str(error).encode())
        if isinstance(answered, bytes):
            head, mark, _ = answered.partition(b"\r\n\r\n")
            writer.write(head + mark if request.method == "HEAD" else answered)
        else:
            async for piece in answered:
                writer.write(piece)
                await writer.drain()
        await writer.drain()
