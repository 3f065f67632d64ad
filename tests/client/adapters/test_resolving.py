"""Resolving a host's name is under the timeouts of a call, in clients of both kinds."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from pyfly.client import connect, connect_sync, get, service_client
from pyfly.client.errors import ConnectException, ConnectTimeoutException
from pyfly.core import Config
from pyfly.kernel.exceptions import (
    DeadlineExceededException,
    OperationTimeoutException,
    PyFlyException,
)
from tests.client.contract.peer import Peer


@service_client("http://slow.example:1", retry=False)
class Blocking:
    @get("/")
    def root(self) -> str:
        raise NotImplementedError


@service_client("http://slow.example:1", retry=False)
class Asynchronous:
    @get("/")
    async def root(self) -> str:
        raise NotImplementedError


def configured(**settings: str) -> Config:
    return Config({"pyfly": {"client": {"default": settings}}}, environ={})


async def failure(blocking: bool, **settings: str) -> BaseException:
    """The error of one call, which came within a second."""
    began = time.monotonic()
    try:
        if blocking:
            with connect_sync(Blocking, config=configured(**settings)) as client:
                client.root()
        else:
            async with connect(Asynchronous, config=configured(**settings)) as client:
                await client.root()
    except PyFlyException as error:
        assert time.monotonic() - began < 1
        return error
    pytest.fail("the call ended without an error")


@pytest.fixture
def slow_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Names are resolved after the test only."""
    go = threading.Event()

    def getaddrinfo(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("flags"):
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        go.wait(5)
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield
    go.set()


BOTH = pytest.mark.parametrize("blocking", [True, False], ids=["def", "async def"])


@BOTH
@pytest.mark.usefixtures("slow_resolver")
@pytest.mark.filterwarnings("ignore::pyfly.client.standalone.ClientUsageWarning")
async def test_a_slow_resolver_is_told_and_left_in_time(blocking: bool) -> None:
    error = await failure(blocking, **{"connect-timeout": "100ms"})
    assert type(error) is ConnectTimeoutException
    assert "within 100 ms (its name was not resolved)" in str(error)
    error = await failure(blocking, timeout="100ms")
    assert isinstance(error, OperationTimeoutException)
    assert "its name was not resolved" in str(error)


@pytest.mark.survives(
    "Connecting",
    "the first call of a `def` client meets a service that is silent",
    "`DeadlineExceededException` in time",
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_first_call_keeps_the_total_timeout(scheme: str) -> None:
    with Peer(lambda connection: connection.wait_for_close()) as peer:
        url = f"{scheme}://localhost:{peer.port}"

        @service_client(url, retry=False)
        class Silent:
            @get("/")
            def root(self) -> str:
                raise NotImplementedError

        with connect_sync(Silent, config=configured(**{"total-timeout": "300ms"})) as client:
            took = []
            for _ in range(3):
                began = time.monotonic()
                with pytest.raises(DeadlineExceededException):
                    client.root()
                took.append(time.monotonic() - began)
            assert took[0] < max(0.35, max(took[1:]) + 0.04)  # a busy machine is late each time


@pytest.mark.survives(
    "Connecting", "the resolver fails for now, or for good", "`ConnectException` that says which"
)
@pytest.mark.parametrize(
    ("code", "says"),
    [
        (socket.EAI_AGAIN, "its name cannot be resolved: the resolver gives no answer now"),
        (socket.EAI_NONAME, "its name cannot be resolved: there is no such name"),
        (None, "cannot connect to slow.example:1"),
    ],
)
@BOTH
@pytest.mark.filterwarnings("ignore::pyfly.client.standalone.ClientUsageWarning")
async def test_failures_of_the_resolver_read_differently(
    monkeypatch: pytest.MonkeyPatch, blocking: bool, code: int | None, says: str
) -> None:
    def getaddrinfo(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("flags") or code is not None:
            raise socket.gaierror(code or socket.EAI_NONAME, "s3cret")
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    error = await failure(blocking)
    assert type(error) is ConnectException
    assert says in str(error)
    assert "s3cret" not in str(error)
