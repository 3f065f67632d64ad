"""How far one call travels through the house: what a reader has to follow, counted."""

from __future__ import annotations

import dis
import sys
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import pyfly
from pyfly.client import connect, connect_sync, get, http_client
from tests.support.servers import ServerClient

HOUSE = str(Path(pyfly.__file__).parent)
#: Where a function stands that waits: at its yield, from Python 3.12 on behind it.
WAITING = (dis.opmap["YIELD_VALUE"], dis.opmap["RESUME"])


@http_client(name="shops")
class Shops:
    @get("/products/{id}")
    async def product(self, id: str) -> dict[str, Any]:
        raise NotImplementedError


@http_client(name="shops")
class BlockingShops:
    @get("/products/{id}")
    def product(self, id: str) -> dict[str, Any]:
        raise NotImplementedError


class Trip(NamedTuple):
    """What one call comes to.

    Attributes:
        functions: Our functions that are called, each time counted.
        files: Our files that they are in, generated functions being one.
        hops: How often a call or a return leads from one file to another.
    """

    functions: int
    files: int
    hops: int


class Profile:
    """Notes where calls and returns lead; what waits, and goes on, has not left."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.places: list[str] = []

    def __call__(self, frame: FrameType, event: str, arg: object) -> None:
        file = frame.f_code.co_filename
        if not file.startswith((HOUSE, "<pyfly")):
            return
        code, at = frame.f_code.co_code, frame.f_lasti
        if event == "call" and code[at + 1] & 3 == 0:  # RESUME at the start of a function
            self.called.append(file)
            self.places.append(file)
        elif event == "return" and code[at] not in WAITING:
            self.places.append(file)

    def trip(self) -> Trip:
        hops = sum(here != there for here, there in zip(self.places, self.places[1:], strict=False))
        return Trip(len(self.called), len(set(self.called)), hops)


async def test_one_call_on_the_default_adapter_is_a_short_trip(guide: ServerClient) -> None:
    guide.script("/products/42", *[{"body": {"id": 42}}] * 4)
    profile = Profile()
    async with connect(Shops, base_url=guide.url) as shops:
        for _ in range(3):
            await shops.product("42")
        sys.setprofile(profile)
        try:
            await shops.product("42")
        finally:
            sys.setprofile(None)
    assert_short(profile.trip())


def test_one_call_of_a_blocking_client_is_as_short(guide: ServerClient) -> None:
    guide.script("/products/42", *[{"body": {"id": 42}}] * 4)
    profile = Profile()
    with connect_sync(BlockingShops, base_url=guide.url) as shops:
        for _ in range(3):
            shops.product("42")
        sys.setprofile(profile)
        try:
            shops.product("42")
        finally:
            sys.setprofile(None)
    assert_short(profile.trip())


def assert_short(trip: Trip) -> None:
    assert 20 < trip.functions <= 60, trip
    assert trip.files <= 12, trip
    assert trip.hops <= 35, trip
