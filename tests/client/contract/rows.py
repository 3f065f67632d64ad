"""The adapters that the contract is run over; a further one is one more row.

The contract is written once, in synchronous tests: a :class:`Caller` runs an asynchronous
adapter in an event loop of its own, and calls a synchronous one directly.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Literal

from pyfly.client.adapters.httpx import HttpxClientAdapter
from pyfly.client.adapters.httpx_sync import HttpxSyncClientAdapter
from pyfly.client.adapters.settings import ConnectionSettings
from pyfly.client.message import BodyStream, Request, Response

Library = Literal["httpx2", "httpx"]


class Row:
    """One adapter: how to make it, and how it is called.

    Attributes:
        name: Shown as the test's parameter.
        asynchronous: Whether its methods are coroutines.
        library: The library it stands on.
    """

    def __init__(self, library: Library, asynchronous: bool, kind: Callable[..., Any]) -> None:
        self.name = f"{library}-{'async' if asynchronous else 'sync'}"
        self.library = library
        self.asynchronous = asynchronous
        self._kind = kind

    def adapter(self, base_url: str, *, timeout: float = 5.0, **options: Any) -> Any:
        """An adapter, not started; options of the adapter first, else connection settings."""
        own = {name: options.pop(name) for name in ("headers", "pools") if name in options}
        for name in ("connect_timeout", "pool_timeout", "keepalive_expiry"):
            if name in options:
                options[name] = timedelta(seconds=options[name])
        settings = ConnectionSettings(library=self.library, **options)
        return self._kind(base_url, timedelta(seconds=timeout), settings=settings, **own)


ROWS = [
    Row("httpx2", True, HttpxClientAdapter),
    Row("httpx2", False, HttpxSyncClientAdapter),
    Row("httpx", True, HttpxClientAdapter),
    Row("httpx", False, HttpxSyncClientAdapter),
]


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

    def together(self, count: int, **options: Any) -> list[Any]:
        """``count`` attempts at once; exceptions are given back, not raised."""

        def deadline() -> float | None:
            within = options.get("within")
            return None if within is None else time.monotonic() + within

        request = Request("GET", "/", {})
        if self.row.asynchronous:

            async def all_of_them() -> list[Any]:
                sends = [self.adapter.send(request, deadline()) for _ in range(count)]
                return await asyncio.gather(*sends, return_exceptions=True)

            return self.runner.run(all_of_them())

        def one(_: int) -> Any:
            try:
                return self.adapter.send(request, deadline())
            except Exception as exc:
                return exc

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
