"""How long the way of one call is: functions, files, and steps from one file into another.

A function that goes on after a wait counts again. The response comes in one packet, with the
fields that most services send.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import pairwise
from types import FrameType
from typing import Any

from pyfly.client import connect, connect_sync, get, service_client
from tests.client.contract.peer import Peer

BODY = b'{"id": "42"}'
ANSWER = (
    b"HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2026 18:00:00 GMT\r\nServer: test\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\nConnection: keep-alive\r\n\r\n%b"
) % (len(BODY), BODY)
FUNCTIONS, FILES, HOPS = 60, 12, 35


class Way:
    """What a call enters while this is open: the file of each function of ours, in order."""

    def __init__(self) -> None:
        self.files: list[str] = []

    def __enter__(self) -> Way:
        sys.setprofile(self._note)
        return self

    def __exit__(self, *raised: object) -> None:
        sys.setprofile(None)

    def _note(self, frame: FrameType, event: str, _: object) -> None:
        name = frame.f_code.co_filename.replace("\\", "/")
        if event == "call" and ("/src/pyfly/" in name or name.startswith("<pyfly")):
            self.files.append(name)

    def assert_short(self) -> None:
        """Whether it is as short as it shall be."""
        assert 20 < len(self.files) <= FUNCTIONS
        assert len(set(self.files)) <= FILES
        assert sum(one != other for one, other in pairwise(self.files)) <= HOPS


def test_an_asynchronous_call_is_short() -> None:
    with Peer(lambda connection: connection.answer_all(ANSWER)) as peer:

        @service_client(base_url=peer.url)
        class Things:
            @get("/things/{number}")
            async def thing(self, number: str) -> Any:
                raise NotImplementedError

        async def calls() -> Way:
            async with connect(Things) as things:
                for _ in range(3):
                    assert await things.thing("42") == {"id": "42"}
                with Way() as way:
                    await things.thing("42")
                return way

        asyncio.run(calls()).assert_short()


def test_a_synchronous_call_is_short() -> None:
    with Peer(lambda connection: connection.answer_all(ANSWER)) as peer:

        @service_client(base_url=peer.url)
        class Things:
            @get("/things/{number}")
            def thing(self, number: str) -> Any:
                raise NotImplementedError

        with connect_sync(Things) as things:
            for _ in range(3):
                assert things.thing("42") == {"id": "42"}
            with Way() as way:
                things.thing("42")
        way.assert_short()
