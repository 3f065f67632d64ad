"""The adapters that the contract is run over; a further one is one more row.

The contract is written once, in synchronous tests: a :class:`Caller` runs an asynchronous
adapter in an event loop of its own, and calls a synchronous one directly.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from pyfly.client.adapters.aiohttp import AiohttpClientAdapter
from pyfly.client.adapters.httpx import HttpxClientAdapter
from pyfly.client.adapters.httpx_sync import HttpxSyncClientAdapter
from pyfly.client.adapters.settings import ConnectionSettings
from pyfly.client.adapters.stock import StockHttpxClientAdapter, StockHttpxSyncClientAdapter
from pyfly.client.errors import ProtocolException
from pyfly.client.message import BodyStream, Request, Response


class Row:
    """One adapter: how to make it, how it is called, and what it is excused from.

    Attributes:
        name: Shown as the test's parameter.
        setting: What ``adapter`` is in a configuration.
        asynchronous: Whether its methods are coroutines.
        library: The library whose exceptions are the causes of ours; ``own`` for our transport.
        lacks: What its library cannot do, by the words of :func:`needs`; ``docs/adapters.md``
            tells users the same.
    """

    def __init__(
        self,
        library: str,
        asynchronous: bool,
        kind: Callable[..., Any],
        *,
        lacks: frozenset[str] = frozenset(),
        transport: str = "",
        **settings: Any,
    ) -> None:
        self.name = f"{library}{transport}-{'async' if asynchronous else 'sync'}"
        self.library = library
        self.setting = "httpx2" if library == "own" else library
        self.asynchronous = asynchronous
        self.lacks = lacks
        self._kind = kind
        self._settings = settings
        if library in ("httpx2", "httpx"):
            self._settings["library"] = library

    def adapter(self, base_url: str, *, timeout: float = 5.0, **options: Any) -> Any:
        """An adapter, not started; options of the adapter first, else connection settings."""
        own = {name: options.pop(name) for name in ("headers",) if name in options}
        for name in ("connect_timeout", "pool_timeout", "keepalive_expiry"):
            if name in options:
                options[name] = timedelta(seconds=options[name])
        settings = ConnectionSettings(**{**self._settings, **options})
        return self._kind(base_url, timedelta(seconds=timeout), settings=settings, **own)

    def sockets(self, adapter: Any) -> int:
        """How many connections an adapter has open in the running loop."""
        if "stock" in self.name:  # its sockets are the library's: the peer alone can tell
            return 0
        if self.library == "aiohttp":
            return len(adapter._pools.tracked())
        return len(adapter._pools.current().sockets)

    def caused(self, error: BaseException) -> bool:
        """Whether the cause of one of our errors is the library's own."""
        cause = type(error.__cause__).__module__
        if self.library == "own":
            return cause == "pyfly.transport.errors"
        return cause.partition(".")[0] == self.library

    def may_refuse_what_follows(self) -> contextlib.AbstractContextManager[None]:
        """Bytes after a response, in the same packet, may be an error of that response."""
        if "takes a response that is followed by nonsense" in self.lacks:
            return contextlib.suppress(ProtocolException)
        return contextlib.nullcontext()

    def needs(self, *abilities: str) -> None:
        """Skip a test that asks for what the row lacks."""
        for ability in abilities:
            if ability in self.lacks:
                pytest.skip(f"{self.name} has no: {ability}")


_AIOHTTP_LACKS = frozenset(
    {
        "a question mark with nothing behind it",
        "refuses empty lines before a status",
        "takes a response that is followed by nonsense",
    }
)
if os.environ.get("PYFLY_TEST_LOOP") == "uvloop":  # it writes past Python's sockets
    _AIOHTTP_LACKS |= {
        "an answer before the upload was read, within TLS",
        "what a connection was at when it failed",
    }

#: The stock transports, a setting away: what pyfly's own connections do better.
_STOCK_LACKS = frozenset(
    {
        # The core hands what follows a response to the next request on the connection.
        "bytes after a response never answer the next request",
        # It takes an end of the connection without TLS's notice for the end of the body.
        "a body that was cut within TLS",
        # The library's client reads whole responses, however long.
        "a limit for request()",
        # A socket within start_tls belongs to nobody when that is cancelled or times out.
        "a handshake that ends early closes its socket",
        # Closing the core's pool refuses, or breaks, while a request is on its way.
        "stop() ends what is under way",
        # Its sockets are closed by their event loop or pool alone.
        "an adapter that is dropped leaves nothing",
        # A child of fork() would write into its parent's connections.
        "forks",
        # The library's URL class refuses them.
        "URLs and names of more than 64 KiB",
        # It writes to the end before it reads.
        "an answer from a peer that reads no more",
        # Its errors do not tell a failed handshake, or proxy, from a failed connection.
        "what a connection was at when it failed",
    }
)
_STOCK_ASYNC_LACKS = _STOCK_LACKS | {
    # anyio's stream reports a broken pipe to the reader as well, though an answer lies there.
    "an answer before the upload was read",
    # anyio says that all attempts failed.
    "the reason why none of several addresses answers",
}
_STOCK_SYNC_LACKS = _STOCK_LACKS | {
    # The library's timeouts are for each system call.
    "a deadline for the attempt as a whole",
    "an idle timeout for streams",
    # The core forgets a Unix socket that it could not connect.
    "a socket that cannot connect is closed",
    # It lets the UnicodeError of getaddrinfo() through.
    "an error for names that are none",
}

#: The classic one, which is the same adapter, is held to test_stock alone: its core's pool loses
#: the places of requests that are cancelled while they wait for one.
STOCK_ROWS = [
    Row(library, asynchronous, kind, transport="-stock", lacks=lacks)
    for library in ("httpx2", "httpx")
    for asynchronous, kind, lacks in (
        (True, StockHttpxClientAdapter, _STOCK_ASYNC_LACKS),
        (False, StockHttpxSyncClientAdapter, _STOCK_SYNC_LACKS),
    )
]

#: Every adapter. One that is added here goes through the whole contract.
ROWS = [
    Row("own", True, HttpxClientAdapter),
    Row("own", False, HttpxSyncClientAdapter),
    Row("aiohttp", True, AiohttpClientAdapter, lacks=_AIOHTTP_LACKS),
    *(row for row in STOCK_ROWS if row.library == "httpx2"),
]


class Opened:
    """An opened response of either kind, called the same way."""

    def __init__(self, done: Callable[..., Any], opened: Any) -> None:
        self._done = done
        self._opened = opened
        self.status_code = opened.status_code
        self.headers = opened.headers
        self.content_encoding = opened.content_encoding

    def read(self, until: float | None = None) -> bytes:
        """The next bytes."""
        return self._done(self._opened.read, until)  # type: ignore[no-any-return]

    def read_all(self) -> Response[Any]:
        """The body as a whole."""
        return self._done(self._opened.read_all)  # type: ignore[no-any-return]

    def abort(self) -> None:
        """Close the connection at once."""
        self._opened.abort()

    def close(self) -> None:
        """Give the connection back, or close it."""
        self._done(getattr(self._opened, "aclose", None) or self._opened.close)


class Caller:
    """One adapter of a row, called the same way whichever kind it is.

    Attributes:
        adapter: The adapter itself.
    """

    def __init__(self, row: Row, runner: asyncio.Runner, base_url: str, **options: Any) -> None:
        self.row = row
        self.runner = runner
        self.adapter = row.adapter(base_url, **options)

    def send(
        self,
        method: str = "GET",
        url: str = "/",
        headers: Mapping[str, str] | None = None,
        content: bytes | BodyStream | None = None,
        *,
        within: float | None = None,
    ) -> Response[Any]:
        """One attempt; ``within`` is the deadline, in seconds from now."""
        request = Request(method, url, headers or {}, content)
        deadline = None if within is None else time.monotonic() + within
        return self._done(self.adapter.send, request, deadline)  # type: ignore[no-any-return]

    def request(self, method: str, url: str, **kwargs: Any) -> Any:
        """One request through the library's own client."""
        return self._done(self.adapter.request, method, url, **kwargs)

    @contextlib.contextmanager
    def opened(
        self,
        method: str = "GET",
        content: bytes | BodyStream | None = None,
        *,
        within: float | None = None,
        idle: float = 5.0,
    ) -> Iterator[Opened]:
        """One response whose body is handed over while it comes."""
        request = Request(method, "/", {}, content)
        deadline = None if within is None else time.monotonic() + within
        opened = Opened(self._done, self._done(self.adapter.open, request, deadline, idle))
        try:
            yield opened
        finally:
            opened.close()

    def together(self, count: int, **options: Any) -> list[Any]:
        """``count`` attempts at once; exceptions are given back, not raised.

        ``within`` may be a tuple with a span for each; ``took`` has the time that each took.
        """
        within = options.get("within")
        spans = within if isinstance(within, tuple) else (within,) * count
        self.took = [0.0] * count

        def deadline(number: int) -> float | None:
            span: float | None = spans[number]
            return None if span is None else time.monotonic() + span

        request = Request("GET", "/", {})
        if self.row.asynchronous:

            async def send(number: int) -> Any:
                began = time.monotonic()
                try:
                    return await self.adapter.send(request, deadline(number))
                finally:
                    self.took[number] = time.monotonic() - began

            async def all_of_them() -> list[Any]:
                return await asyncio.gather(*map(send, range(count)), return_exceptions=True)

            return self.runner.run(all_of_them())

        def one(number: int) -> Any:
            began = time.monotonic()
            try:
                return self.adapter.send(request, deadline(number))
            except Exception as exc:
                return exc
            finally:
                self.took[number] = time.monotonic() - began

        with ThreadPoolExecutor(count) as threads:
            return list(threads.map(one, range(count)))

    def start(self) -> None:
        """Start the adapter."""
        self._done(self.adapter.start)

    def stop(self) -> None:
        """Stop the adapter."""
        self._done(self.adapter.stop)

    def _done(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if not self.row.asynchronous:
            return function(*args, **kwargs)

        async def call() -> Any:
            return await function(*args, **kwargs)

        return self.runner.run(call())
