"""Whatever a value is: it arrives as it is, in its own slot, or nothing is sent at all.

Each kind of value in each slot, over each adapter, asserted on the bytes that a socket was sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pyfly.client import ClientArgumentException, connect, connect_sync
from tests.client.contract.rows import ROWS, Row
from tests.client.hostile_parameters.kinds import KINDS, Kind
from tests.client.hostile_parameters.reading import PREFIX
from tests.client.hostile_parameters.slots import SLOTS, Slot, client_class, text_of
from tests.client.hostile_parameters.wire import Recorder, read_requests

CASES = [(slot, kind) for slot in SLOTS for kind in KINDS if slot.converts or kind.textual]


class Session:
    """One client over one adapter, with the server that it calls."""

    def __init__(self, row: Row, server: Recorder, call: Callable[[str, Any], Any]) -> None:
        self.row = row
        self.server = server
        self.call = call


@pytest.fixture(scope="module", params=ROWS, ids=lambda row: row.name)
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    row: Row = request.param
    cls = client_class(row.asynchronous)
    with Recorder() as server:
        port = row.adapter(f"http://{server.host}{PREFIX}/")
        if not row.asynchronous:
            with connect_sync(cls, port=port) as client:
                yield Session(row, server, lambda name, value: getattr(client, name)(value))
        else:
            with asyncio.Runner() as runner:
                manager = connect(cls, port=port)
                client = runner.run(manager.__aenter__())
                yield Session(
                    row, server, lambda name, value: runner.run(getattr(client, name)(value))
                )
                runner.run(manager.__aexit__(None, None, None))
        assert server.take() == b"", "something was sent behind the last request"


def case_id(case: tuple[Slot, Kind]) -> str:
    return f"{case[0].name}-{case[1].name}"


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_a_value_arrives_in_its_slot_as_it_is_or_nothing_is_sent(
    session: Session, case: tuple[Slot, Kind]
) -> None:
    slot, kind = case
    assert session.server.take() == b"", "something was sent behind an earlier request"
    for value in kind.spellings:
        if slot.takes(value):
            arrives(session, slot, value)
        else:
            is_refused(session, slot, value)


#: What the adapters say whose libraries take no more than 64 KiB.
TOO_LONG = ("sends at most 65534; choose another adapter", "takes 64 KiB at most (URL too long)")


def arrives(session: Session, slot: Slot, value: Any) -> None:
    try:
        session.call(slot.name, slot.argument(value))
    except ClientArgumentException as error:
        if not any(words in str(error) for words in TOO_LONG):
            raise
        session.row.needs("URLs and names of more than 64 KiB")
        raise
    (sent,) = read_requests(session.server.take())
    assert sent.one("host") == session.server.host
    assert sent.one("x-first") == "1"
    expected = text_of(value)
    if expected is not None and slot.name == "header_name":  # names compare without case
        expected = expected.lower()
    assert slot.read(sent) == expected


def is_refused(session: Session, slot: Slot, value: Any) -> None:
    with pytest.raises(ClientArgumentException) as caught:
        session.call(slot.name, slot.argument(value))
    assert session.server.take() == b""
    error = caught.value
    assert error.parameter == slot.parameter
    assert str(error).startswith(f"Hostile.{slot.name}: ")
    assert f"{slot.parameter!r} cannot be sent: " in str(error)
    assert len(str(error)) < 500


def test_there_are_at_least_four_hundred_cases_for_each_adapter() -> None:
    assert len({case_id(case) for case in CASES}) == len(CASES) >= 400
