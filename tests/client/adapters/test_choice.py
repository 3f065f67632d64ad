"""The adapter that the configuration names, and what is said where it cannot be had."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
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

ROOT = Path(__file__).parents[3]


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
        ("pyreqwest", "PyreqwestClientAdapter"),
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


def test_an_unknown_adapter_is_an_error_of_the_configuration() -> None:
    with pytest.raises(ConfigException, match="aiohttp"):
        connect_sync(Blocking, config=configured("aiohtp")).__enter__()


@pytest.mark.parametrize("adapter", ["aiohttp", "pyreqwest"])
def test_an_asynchronous_adapter_refuses_a_synchronous_client(adapter: str) -> None:
    with pytest.raises(ClientDeclarationException) as caught:
        connect_sync(Blocking, config=configured(adapter)).__enter__()
    assert f"Blocking: the adapter {adapter} serves asynchronous clients alone" in str(caught.value)
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
    config = Config({"pyfly": {"client": {"default": {"adapter": sys.argv[1]}}}}, environ={})
    async with connect(Users, config=config) as users:
        await users.root()

try:
    asyncio.run(main())
except ImportError as exc:
    print(type(exc).__name__, exc)
"""


@pytest.mark.parametrize("library", ["httpx", "aiohttp", "pyreqwest"])
def test_a_missing_library_is_told_with_what_to_install(library: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, library], capture_output=True, text=True, timeout=30
    )
    assert done.stdout == (
        f"MissingLibraryException {library} is chosen but {library} is not installed: "
        f"pip install 'pyfly-client[{library}]'\n"
    ), done.stderr


CLOSING = """
import asyncio, sys
sys.path.insert(0, sys.argv[2])
from pyfly.client import PyreqwestClientAdapter
from pyfly.client.message import Request

async def main():
    for _ in range(2):
        adapter = PyreqwestClientAdapter(sys.argv[1])
        await adapter.start()
        for _ in range(3):
            assert (await adapter.send(Request("GET", "/", {}), None)).content == b"hi"
        await adapter.stop()

asyncio.run(main())
print("done")
"""


@pytest.mark.timeout(600)
def test_short_programs_over_pyreqwest_end_as_they_should() -> None:
    """Fifty of them: the library is known to abort some programs as they end."""
    command = [sys.executable, "-W", "error", "-c", CLOSING]

    def run(_number: int) -> tuple[int, str, str]:
        done = subprocess.run(
            [*command, peer.url, str(ROOT / "src")], capture_output=True, text=True, timeout=60
        )
        return done.returncode, done.stdout, done.stderr

    with Peer() as peer, ThreadPoolExecutor(os.cpu_count()) as programs:
        assert set(programs.map(run, range(50))) == {(0, "done\n", "")}


FORKED = """
import asyncio, os, sys
from pyfly.client import ClientStoppedException, PyreqwestClientAdapter
from pyfly.client.message import Request

adapter = PyreqwestClientAdapter("http://127.0.0.1:1")
read, write = os.pipe()
if not os.fork():
    try:
        asyncio.run(adapter.send(Request("GET", "/", {}), None))
    except ClientStoppedException as exc:
        os.write(write, str(exc).encode())
    os._exit(0)
os.wait()
print(os.read(read, 1000).decode())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="this platform cannot fork")
def test_pyreqwest_after_a_fork_is_refused_rather_than_waited_for() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=30
    )
    assert "was made before this process was forked" in done.stdout, done.stderr
