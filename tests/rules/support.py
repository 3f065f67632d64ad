"""Ports and answers that the rules' tests share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from pyfly.core import Config
from pyfly.testing import client_for


class PlainPort:
    """An ``HttpClientPort`` that keeps what it is asked and answers what it is told.

    ``answers`` are taken one by one, the last one again and again: an exception is raised,
    anything else returned.
    """

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers) or [{"ok": True}]
        self.requests: list[tuple[str, str, dict[str, Any]]] = []
        self.started = 0
        self.stopped = 0

    async def request(self, method: str, url: str, **kwargs: Any) -> Any:
        self.requests.append((method, url, kwargs))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def start(self) -> None:
        self.started += 1

    async def stop(self) -> None:
        self.stopped += 1

    @property
    def path(self) -> str:
        """The path of the only request."""
        ((_, path, _),) = self.requests
        return path


class GatedPort(PlainPort):
    """Lets every request wait until ``gate`` is set."""

    def __init__(self, *answers: Any) -> None:
        super().__init__(*answers)
        self.gate = asyncio.Event()
        self.entered = asyncio.Event()
        self.cancelled = 0

    async def request(self, method: str, url: str, **kwargs: Any) -> Any:
        self.entered.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return await super().request(method, url, **kwargs)


class Answer:
    """A response with a status, as a foreign port returns it."""

    def __init__(
        self, status_code: int, value: Any = None, headers: Mapping[str, str] | None = None
    ) -> None:
        self.status_code = status_code
        self.headers = dict(headers or {})
        self._value = value

    def json(self) -> Any:
        return self._value


def settings(values: Mapping[str, Any] | None = None, **environ: str) -> Config:
    """A configuration below ``pyfly.client``, apart from the environment of the tests."""
    return Config(
        {f"pyfly.client.{key}": one for key, one in (values or {}).items()}, environ=environ
    )


def over(port: Any, cls: Any, **values: Any) -> Any:
    """A client over a port, whatever the environment of the tests."""
    return client_for(cls, port=port, config=values.pop("config", settings()), **values)


@asynccontextmanager
async def one_answer(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that answers every request alike; its URL, and the heads of what it was sent."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads
