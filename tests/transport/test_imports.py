"""The transport stands on its own, and a call over it loads no HTTP library."""

from __future__ import annotations

import subprocess
import sys

from tests.client.contract.peer import Peer

LOADED = """
names = ("httpx2", "httpx", "httpcore2", "httpcore", "h11", "anyio", "aiohttp", "socksio")
print([name for name in names if name in sys.modules], "pyfly.client" in sys.modules)
"""
ROOM = """
import pkgutil, sys
import pyfly.transport
for module in pkgutil.walk_packages(pyfly.transport.__path__, "pyfly.transport."):
    __import__(module.name)
"""
CALL = """
import asyncio, sys
from pyfly.client import connect, connect_sync, get, service_client

@service_client(sys.argv[1])
class Things:
    @get("/")
    async def thing(self) -> str: ...

@service_client(sys.argv[1])
class BlockingThings:
    @get("/")
    def thing(self) -> str: ...

async def main():
    async with connect(Things) as things:
        assert await things.thing() == "hi"

asyncio.run(main())
with connect_sync(BlockingThings) as things:
    assert things.thing() == "hi"
"""


def loaded_by(program: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program + LOADED, *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_room_knows_no_client_and_no_http_library() -> None:
    assert loaded_by(ROOM) == "[] False\n"


def test_a_call_over_the_default_adapter_loads_no_http_library() -> None:
    with Peer() as peer:
        assert loaded_by(CALL, peer.url) == "[] True\n"
