"""The adapter that the configuration names, and what is said where it cannot be had."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, Protocol

import pytest

from pyfly.client import (
    ClientDeclarationException,
    connect,
    connect_sync,
    get,
    http_client,
    service_client,
)
from pyfly.client.wiring import wiring_of
from pyfly.core import Config, ConfigException
from tests.client.contract.peer import Peer


@service_client(name="things")
class Things(Protocol):
    @get("/things/{number}")
    async def thing(self, number: int) -> str: ...


@http_client(base_url="http://127.0.0.1:1")
class Blocking(Protocol):
    @get("/")
    def root(self) -> str: ...


def configured(default: str, /, url: str = "http://127.0.0.1:1", **things: Any) -> Config:
    settings = {
        "default": {"adapter": default},
        "clients": {"things": {"base-url": url, **things}},
    }
    return Config({"pyfly": {"client": settings}}, environ={})


@pytest.mark.parametrize(
    ("adapter", "kind"),
    [
        ("httpx2", "HttpxClientAdapter"),
        ("httpx", "HttpxClientAdapter"),
        ("aiohttp", "AiohttpClientAdapter"),
    ],
)
async def test_the_configuration_names_the_adapter(adapter: str, kind: str) -> None:
    with Peer() as peer:
        async with connect(Things, config=configured(adapter, peer.url)) as things:
            wiring = wiring_of(things)
            assert wiring is not None
            assert type(wiring.port).__name__ == kind
            assert await things.thing(7) == "hi"
    assert peer.requests[0].startswith(b"GET /things/7 HTTP/1.1\r\n")


async def test_a_client_can_have_an_adapter_of_its_own() -> None:
    config = configured("httpx2", adapter="aiohttp")
    async with connect(Things, config=config) as things:
        wiring = wiring_of(things)
        assert wiring is not None
        assert type(wiring.port).__name__ == "AiohttpClientAdapter"


@pytest.mark.parametrize("name", ["aiohtp", "pyreqwest"])
def test_an_unknown_adapter_is_an_error_that_names_the_known_ones(name: str) -> None:
    with pytest.raises(ConfigException, match=r"httpx2, httpx.* aiohttp"):
        connect_sync(Blocking, config=configured(name)).__enter__()


def test_an_asynchronous_adapter_refuses_a_synchronous_client() -> None:
    with pytest.raises(ClientDeclarationException) as caught:
        connect_sync(Blocking, config=configured("aiohttp")).__enter__()
    assert "Blocking: the adapter aiohttp serves asynchronous clients alone" in str(caught.value)
    assert "write the methods with 'async def', or set adapter to httpx2" in str(caught.value)


BLOCKED = """
import asyncio, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == sys.argv[1]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
from pyfly.client import connect, get, http_client
from pyfly.core import Config

@http_client(base_url="http://127.0.0.1:1")
class Users:
    @get("/")
    async def root(self) -> str: ...

async def main():
    settings = {"adapter": sys.argv[1]}
    if sys.argv[1] != "aiohttp":
        settings["transport"] = "stock"
    config = Config({"pyfly": {"client": {"default": settings}}}, environ={})
    async with connect(Users, config=config) as users:
        await users.root()

try:
    asyncio.run(main())
except ImportError as exc:
    print(type(exc).__name__, exc)
"""


@pytest.mark.parametrize("library", ["httpx2", "httpx", "aiohttp"])
def test_a_missing_library_is_told_with_what_to_install(library: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, library], capture_output=True, text=True, timeout=30
    )
    assert done.stdout == (
        f"MissingLibraryException {library} is chosen but {library} is not installed: "
        f"pip install 'pyfly-client[{library}]'\n"
    ), done.stderr
