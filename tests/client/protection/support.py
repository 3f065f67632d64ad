"""A client in virtual time, over a port that keeps what it is asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from pyfly.client.message import Headers, Request, Response
from pyfly.core import Config
from pyfly.resilience import History
from pyfly.testing import client_for
from tests.resilience.support import LoopClock, run_virtual

__all__ = ["Port", "SyncPort", "answer", "config", "outcome_of", "run_virtual", "wired"]

JSON = Headers([("content-type", "application/json")])


def answer(value: Any = None, status: int = 200, **headers: str) -> Response[Any]:
    """A JSON response."""
    fields = {name.replace("_", "-"): text for name, text in headers.items()}
    body = json.dumps(value).encode()
    return Response(status, Headers({"content-type": "application/json", **fields}), body)


class Port:
    """Takes ``delay`` seconds for each answer; the last answer comes again and again.

    An answer may be a pair of its own delay and the answer; an exception is raised.
    """

    takes_encoded = True
    base_url = "http://shop:8080"

    def __init__(self, *answers: Any, delay: float = 0.0, bounds_deadline: bool = False) -> None:
        self.answers = list(answers) or [answer({"id": 1})]
        self.delay = delay
        self.bounds_deadline = bounds_deadline
        self.requests: list[Request] = []
        self.running = self.most = self.cancelled = 0
        self.stopped_with: int | None = None

    def _next(self, request: Request) -> tuple[float, Any]:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, tuple):
            return answer
        return self.delay, answer

    @property
    def paths(self) -> list[str]:
        return [request.url for request in self.requests]

    def sent(self, header: str) -> list[str | None]:
        """The values of a header in all requests."""
        return [dict(request.headers).get(header) for request in self.requests]

    async def send(self, request: Request, deadline: float | None) -> Response[Any]:
        delay, outcome = self._next(request)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(delay)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome  # type: ignore[no-any-return]  # a response, by the tests

    async def start(self) -> None: ...

    async def stop(self) -> None:
        self.stopped_with = self.running


class SyncPort(Port):
    """The same for synchronous clients; it takes no time."""

    bounds = True

    def send(self, request: Request, deadline: float | None) -> Any:  # type: ignore[override]
        _, outcome = self._next(request)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def start(self) -> None: ...  # type: ignore[override]

    def stop(self) -> None: ...  # type: ignore[override]


def config(values: Mapping[str, Any] | None = None, **environ: str) -> Config:
    """A configuration below ``pyfly.client``."""
    return Config(
        {f"pyfly.client.{key}": one for key, one in (values or {}).items()}, environ=environ
    )


def wired(
    cls: Any, port: Any, values: Mapping[str, Any] | None = None, **more: Any
) -> tuple[Any, History]:
    """A client whose time is the running loop's, and what it tells."""
    history = History()
    more.setdefault("clock", LoopClock())
    client = client_for(cls, port=port, config=config(values), listeners=[history], **more)
    return client, history


async def outcome_of(awaitable: Any) -> Any:
    """What it returns, or the exception that it raises."""
    try:
        return await awaitable
    except Exception as error:
        return error
