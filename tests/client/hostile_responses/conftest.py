"""Clients of every adapter, called the same way.

No postponed annotations here: those of the methods are made up at run time.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from typing import Any, NamedTuple

import pytest

from pyfly.client import connect, connect_sync, get, head, http_client, resilience
from pyfly.core import Config
from tests.client.hostile_responses.case import Case
from tests.client.hostile_responses.limits import LIMIT, SLACK, TIMEOUT


class Adapter(NamedTuple):
    """One way to send requests.

    Attributes:
        library: What ``adapter`` is set to in a configuration.
        asynchronous: Whether its clients are.
    """

    library: str
    asynchronous: bool

    def __str__(self) -> str:
        return f"{self.library}-{'async' if self.asynchronous else 'sync'}"


#: A further adapter is one more line.
ADAPTERS = [
    Adapter("httpx2", True),
    Adapter("httpx2", False),
    Adapter("aiohttp", True),
]


class Client:
    """A client with two methods: one for the hostile response, one for what comes after it."""

    def __init__(self, client: Any, runner: asyncio.Runner | None) -> None:
        self._client = client
        self._runner = runner

    def call(self) -> Any:
        """Get the hostile response."""
        return self._run(self._client.call)

    def next(self) -> Any:
        """Get the one after it."""
        return self._run(self._client.next)

    def _run(self, method: Callable[[], Any]) -> Any:
        if self._runner is None:
            return method()

        async def call() -> Any:
            return await method()

        return self._runner.run(call())


@pytest.fixture(params=ADAPTERS, ids=str)
def adapter(request: pytest.FixtureRequest) -> Adapter:
    """Each adapter in turn."""
    found: Adapter = request.param
    return found


@pytest.fixture
def client_of(adapter: Adapter) -> Iterator[Callable[[Case, str], Client]]:
    """Makes a client for a case; it is stopped when the test is over, and leaves no task."""
    with ExitStack() as stack:

        def make(case: Case, url: str) -> Client:
            cls = _class(case, url, adapter.asynchronous)
            config = _config(case, adapter)
            if not adapter.asynchronous:
                return Client(stack.enter_context(connect_sync(cls, config=config)), None)
            runner = stack.enter_context(asyncio.Runner())
            clients = AsyncExitStack()
            client = runner.run(clients.enter_async_context(connect(cls, config=config)))

            def stop() -> None:
                runner.run(clients.aclose())
                assert not asyncio.all_tasks(runner.get_loop())

            stack.callback(stop)
            return Client(client, runner)

        yield make


def _class(case: Case, url: str, asynchronous: bool) -> type:
    verb = {"GET": get, "HEAD": head}[case.method]
    limited = resilience(timeout=TIMEOUT) if case.slow else resilience()
    returns = case.returns
    if asynchronous:

        @http_client(base_url=url)
        class Hostile:
            @limited
            @verb("/x")
            async def call(self) -> returns: ...  # type: ignore[valid-type]

            @get("/next")
            async def next(self) -> bytes: ...  # type: ignore[empty-body]

        return Hostile

    @http_client(base_url=url)
    class HostileSync:
        @limited
        @verb("/x")
        def call(self) -> returns: ...  # type: ignore[valid-type]

        @get("/next")
        def next(self) -> bytes: ...  # type: ignore[empty-body]

    return HostileSync


def _config(case: Case, adapter: Adapter) -> Config:
    values = {
        "adapter": adapter.library,
        "max-response-size": LIMIT,
        "timeout": SLACK,
        "follow-redirects": case.follow,
    }
    return Config(
        {f"pyfly.client.default.{key}": value for key, value in values.items()}, environ={}
    )
