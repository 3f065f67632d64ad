"""The same steps over an asynchronous and over a synchronous client."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel

from pyfly.client import (
    Header,
    Headers,
    Request,
    Response,
    ServerSentEvent,
    Stream,
    SyncStream,
    get,
    post,
    service_client,
)
from pyfly.client._settings.config import ClientConfig
from pyfly.client._stream.streamer import streamer
from pyfly.client._stream.sync_streamer import sync_streamer
from pyfly.client.wiring import ClientFactory, WiredClient
from pyfly.core import Config
from pyfly.resilience.assembly import assemble
from pyfly.resilience.clock import SYSTEM_CLOCK, Clock

T = TypeVar("T")


class Session:
    """One wired client, and the event loop that it needs if it is asynchronous.

    Args:
        asynchronous: Which kind.
        cls: The client class.
        base_url: Where its service is.
        settings: Below ``pyfly.client.default``.
        clock: Where the client takes the time from.
    """

    port: Any

    def __init__(
        self,
        asynchronous: bool,
        cls: Any,
        base_url: str | None = None,
        *,
        port: Any = None,
        clock: Clock = SYSTEM_CLOCK,
        listeners: Sequence[Any] = (),
        settings: dict[str, Any] | None = None,
        retry: dict[str, Any] | None = None,
        breaker: dict[str, Any] | None = None,
    ) -> None:
        self.asynchronous = asynchronous
        self._runner = asyncio.Runner() if asynchronous else None
        options: dict[str, Any] = {"default": {"stop-timeout": "200ms", **(settings or {})}}
        options["retry"] = {"base-delay": "1ms", **(retry or {})}
        if breaker is not None:
            options["circuit-breaker"] = breaker
        config = Config({"pyfly": {"client": options}}, environ={})
        workshop = ClientFactory(ClientConfig(config), None, listeners, clock)
        self.client: Any
        self.wiring: WiredClient
        self.client, self.wiring = workshop.make(cls, base_url=base_url, port=port)

    def run(self, result: Any) -> Any:
        """Await, if the client is asynchronous."""
        if self._runner is None or not asyncio.iscoroutine(result):
            return result
        return self._runner.run(result, context=contextvars.copy_context())

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """The value of a call."""
        return self.run(getattr(self.client, method)(*args, **kwargs))

    def stream(self, method: str, *args: Any, **kwargs: Any) -> Handle[Any]:
        """A stream that nobody has opened."""
        return Handle(self, getattr(self.client, method)(*args, **kwargs))

    def items(self, method: str, *args: Any, **kwargs: Any) -> list[Any]:
        """Everything that a stream has."""
        return self.stream(method, *args, **kwargs).rest()

    def with_stage(self, method: str, *stages: Any) -> Callable[[], Handle[Any]]:
        """Makes streams of a method that pass through some stages more."""
        wiring = self.wiring
        ours = next(each for each in wiring.steps.values() if each.method.name == method)
        steps = ours.replace(pipeline=assemble([*ours.pipeline.stages, *stages]))
        make: Any = streamer if self.asynchronous else sync_streamer
        function = make(steps, wiring.port, wiring.lifecycle, wiring.settings, "")
        return lambda: Handle(self, function(Request("GET", "/", {})))

    def spin(self) -> None:
        """Let the event loop do what is due."""
        if self._runner is not None:
            self._runner.run(asyncio.sleep(0.01))

    def stop(self) -> None:
        """Stop the client."""
        if self._runner is None:
            self.wiring.stop_sync()
        else:
            self._runner.run(self.wiring.stop())

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
        if self._runner is not None:
            self.spin()
            left = asyncio.all_tasks(self._runner.get_loop())
            self._runner.close()
            assert not left, f"tasks are left: {left}"


class Handle(Generic[T]):
    """One stream, read by hand."""

    def __init__(self, session: Session, stream: Any) -> None:
        self.session = session
        self.stream = stream

    def next(self) -> T:
        """The next item; StopIteration or StopAsyncIteration at the end."""
        if self.session.asynchronous:
            return self.session.run(self._anext())  # type: ignore[no-any-return]
        return next(self.stream)  # type: ignore[no-any-return]

    async def _anext(self) -> Any:
        try:
            return await anext(self.stream)
        except StopAsyncIteration:
            raise EOFError from None

    def rest(self) -> list[T]:
        """All items that are left."""
        if self.session.asynchronous:
            return self.session.run(_listed(self.stream))  # type: ignore[no-any-return]
        return list(self.stream)

    def enter(self) -> Handle[T]:
        """Open it."""
        if self.session.asynchronous:
            self.session.run(_entered(self.stream))
        else:
            self.stream.__enter__()
        return self

    def close(self) -> None:
        """Close it."""
        if self.session.asynchronous:
            self.session.run(self.stream.aclose())
        else:
            self.stream.close()


async def _entered(stream: Any) -> None:
    await stream.__aenter__()  # whose result is the stream, which nobody is to hold


async def _listed(stream: Any) -> list[Any]:
    return [item async for item in stream]


class Row(BaseModel):
    """What the feeds hold."""

    id: int
    name: str = ""


def no_such_feed(error: Any) -> Exception:
    """A mapping of a status."""
    return LookupError("no such feed")


@service_client(base_url="http://feed.test")
class AsyncFeed:
    """Every kind of stream, asynchronously."""

    @get("/bytes")
    def chunks(self) -> AsyncIterator[bytes]: ...

    @get("/drip")
    def drip(self, n: int, ms: int = 10) -> AsyncIterator[bytes]: ...

    @get("/text")
    def text(self) -> AsyncIterator[str]: ...

    @get("/mapped", errors={404: no_such_feed})
    def mapped(self) -> AsyncIterator[bytes]: ...

    @get("/rows")
    def rows(self) -> AsyncIterator[Row]: ...

    @get("/values")
    def values(self) -> AsyncIterator[Any]: ...

    @get("/anything")
    def anything(self) -> AsyncIterator: ...  # type: ignore[type-arg]  # to be taken as Any

    @get("/maybe")
    def maybe(self) -> AsyncIterator[Row | None]: ...

    @post("/rows")
    def search(self, body: dict[str, Any]) -> AsyncIterator[Row]: ...

    @get("/events")
    def events(
        self, last: Annotated[str | None, Header("Last-Event-ID")] = None
    ) -> AsyncIterator[ServerSentEvent]: ...

    @get("/once", reconnect=False)
    def once(self) -> AsyncIterator[ServerSentEvent]: ...

    @post("/chat")
    def chat(self, body: dict[str, Any]) -> AsyncIterator[ServerSentEvent]: ...

    @post("/chat", reconnect=True)
    def chat_on(self, body: dict[str, Any]) -> Stream[ServerSentEvent]: ...

    @get("/users/{user}")
    async def user(self, user: str) -> dict[str, Any]: ...


@service_client(base_url="http://feed.test")
class SyncFeed:
    """Every kind of stream, synchronously."""

    @get("/bytes")
    def chunks(self) -> Iterator[bytes]: ...

    @get("/drip")
    def drip(self, n: int, ms: int = 10) -> Iterator[bytes]: ...

    @get("/text")
    def text(self) -> Iterator[str]: ...

    @get("/mapped", errors={404: no_such_feed})
    def mapped(self) -> Iterator[bytes]: ...

    @get("/rows")
    def rows(self) -> Iterator[Row]: ...

    @get("/values")
    def values(self) -> Iterator[Any]: ...

    @get("/anything")
    def anything(self) -> Iterator: ...  # type: ignore[type-arg]  # to be taken as Any

    @get("/maybe")
    def maybe(self) -> Iterator[Row | None]: ...

    @post("/rows")
    def search(self, body: dict[str, Any]) -> Iterator[Row]: ...

    @get("/events")
    def events(
        self, last: Annotated[str | None, Header("Last-Event-ID")] = None
    ) -> Iterator[ServerSentEvent]: ...

    @get("/once", reconnect=False)
    def once(self) -> Iterator[ServerSentEvent]: ...

    @post("/chat")
    def chat(self, body: dict[str, Any]) -> Iterator[ServerSentEvent]: ...

    @post("/chat", reconnect=True)
    def chat_on(self, body: dict[str, Any]) -> SyncStream[ServerSentEvent]: ...

    @get("/users/{user}")
    def user(self, user: str) -> dict[str, Any]: ...


def feed(asynchronous: bool) -> Any:
    """The class of one kind."""
    return AsyncFeed if asynchronous else SyncFeed


class Answer:
    """One response by script; an exception among the pieces is raised by the read.

    Attributes:
        closed: How often it was closed, or aborted, while it was open.
        untils: The ends that reads were given.
    """

    def __init__(
        self,
        *pieces: bytes | BaseException,
        status: int = 200,
        kind: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        fields = {**({"content-type": kind} if kind else {}), **(headers or {})}
        self.status_code = status
        self.headers = Headers(fields)
        self.content_encoding = fields.get("content-encoding")
        self.pieces = list(pieces)
        self.closed = 0
        self.is_open = True
        self.untils: list[float | None] = []

    def take(self, until: float | None) -> bytes:
        """What a read gives."""
        self.untils.append(until)
        assert self.is_open, "read after it was closed"
        piece = self.pieces.pop(0) if self.pieces else b""
        if isinstance(piece, BaseException):
            raise piece
        return piece

    def whole(self) -> Response[Any]:
        """The body as a whole."""
        self.shut()
        body = b"".join(piece for piece in self.pieces if isinstance(piece, bytes))
        return Response(
            self.status_code, self.headers, body, content_encoding=self.content_encoding
        )

    def shut(self) -> None:
        """Close it."""
        self.closed += self.is_open
        self.is_open = False


class AsyncAnswer(Answer):
    """For an asynchronous client."""

    async def read(self, until: float | None) -> bytes:
        return self.take(until)

    async def read_all(self) -> Response[Any]:
        return self.whole()

    async def aclose(self) -> None:
        self.shut()

    def abort(self) -> None:
        self.shut()


class SyncAnswer(Answer):
    """For a synchronous client."""

    def read(self, until: float | None) -> bytes:
        return self.take(until)

    def read_all(self) -> Response[Any]:
        return self.whole()

    def close(self) -> None:
        self.shut()

    def abort(self) -> None:
        self.shut()


class ScriptedPort:
    """A streaming port without a network: each request takes the next answer or exception.

    Attributes:
        requests: What it was asked.
        answers: What it has given.
    """

    takes_encoded = True
    bounds_deadline = True
    base_url = "http://feed.test"

    def __init__(self, *script: Answer | BaseException) -> None:
        self.script = list(script)
        self.requests: list[Request] = []
        self.answers: list[Answer] = []

    def next(self, request: Request) -> Any:
        """The answer to a request."""
        self.requests.append(request)
        assert self.script, "one request more than the script has answers"
        answer = self.script.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        self.answers.append(answer)
        return answer

    def header(self, name: str) -> list[str | None]:
        """The values of a header in all requests."""
        return [
            {key.lower(): value for key, value in request.headers.items()}.get(name)
            for request in self.requests
        ]


class AsyncPort(ScriptedPort):
    """For an asynchronous client."""

    async def open(self, request: Request, deadline: float | None, idle: float) -> Any:
        return self.next(request)

    async def send(self, request: Request, deadline: float | None) -> Response[Any]:
        return self.next(request).whole()  # type: ignore[no-any-return]

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class SyncPort(ScriptedPort):
    """For a synchronous client."""

    def open(self, request: Request, deadline: float | None, idle: float) -> Any:
        return self.next(request)

    def send(self, request: Request, deadline: float | None) -> Response[Any]:
        return self.next(request).whole()  # type: ignore[no-any-return]

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Kit:
    """Answers, ports and sessions of one kind of client."""

    def __init__(self, asynchronous: bool) -> None:
        self.asynchronous = asynchronous

    def answer(self, *pieces: bytes | BaseException, **options: Any) -> Answer:
        """A scripted answer."""
        return (AsyncAnswer if self.asynchronous else SyncAnswer)(*pieces, **options)

    def events(self, *pieces: bytes | BaseException, **options: Any) -> Answer:
        """An event stream."""
        return self.answer(*pieces, kind="text/event-stream", **options)

    def port(self, *script: Answer | BaseException) -> ScriptedPort:
        """A port that gives answers one by one."""
        return (AsyncPort if self.asynchronous else SyncPort)(*script)

    def session(self, *script: Answer | BaseException, **options: Any) -> Session:
        """A client of such a port."""
        port = self.port(*script)
        made = Session(self.asynchronous, feed(self.asynchronous), port=port, **options)
        made.port = port
        return made

    def over(self, base_url: str, **options: Any) -> Session:
        """A client of a real service."""
        return Session(self.asynchronous, feed(self.asynchronous), base_url, **options)


@asynccontextmanager
async def wired(base_url: str, settings: dict[str, Any] | None = None) -> AsyncIterator[Any]:
    """An asynchronous client in the running loop."""
    options = {"pyfly": {"client": {"default": settings or {}}}}
    workshop = ClientFactory(ClientConfig(Config(options, environ={})))
    client, wiring = workshop.make(AsyncFeed, base_url=base_url)
    try:
        yield client
    finally:
        await wiring.stop()
