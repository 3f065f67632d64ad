"""Each response of the table gives the value or the very exception it should, and harms nothing.

The next call is never answered with what was left of it, a connection that is in doubt is not
used again (the server counts), the time is bounded by the timeout and memory by the limit.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from pyfly.client.errors import HttpStatusException
from pyfly.testing import FaultServer
from pyfly.testing.fault_server import Answer
from tests.client.hostile_responses.case import Case
from tests.client.hostile_responses.conftest import Adapter, Client
from tests.client.hostile_responses.differences import DIFFERENCES, as_seen_by
from tests.client.hostile_responses.limits import MEMORY, SLACK
from tests.client.hostile_responses.table import CASES
from tests.support.patience import at_most

Clients = Callable[[Case, str], Client]
#: Cases in which far more than the limit is sent or unfolds.
LARGE = ("bomb", "without an end", "without a length and", "100,000", "mebibyte", "GB", "deep")


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    """It answers the second call as it should."""
    with FaultServer() as server:
        server.on("/next", Answer(200, b"next"))
        yield server


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_hostile_response(
    case: Case, adapter: Adapter, client_of: Clients, server: FaultServer
) -> None:
    case = as_seen_by(adapter.library, case)
    server.on("/x", case.does)
    client = client_of(case, server.url)
    before = server.connections
    began = time.monotonic()
    assert_gives(client, case)
    taken = time.monotonic() - began
    assert taken < at_most(SLACK)
    time.sleep(case.pause)  # on the real clock: bytes are on their way through the kernel
    assert client.next() == b"next"
    used = server.connections - before
    assert used in ((1, 2) if case.reused is None else (1,) if case.reused else (2,))


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if any(word in case.name for word in LARGE)],
    ids=lambda case: case.name,
)
def test_memory_is_bounded(
    case: Case, adapter: Adapter, client_of: Clients, server: FaultServer
) -> None:
    case = as_seen_by(adapter.library, case)
    server.on("/x", case.does)
    client = client_of(case, server.url)
    client.next()
    tracemalloc.start()
    try:
        assert_gives(client, case)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MEMORY


def assert_gives(client: Client, case: Case) -> None:
    """Whether the call returns or raises what it should."""
    if case.raises:
        with pytest.raises(case.gives) as caught:
            client.call()
        assert type(caught.value) is case.gives
        if isinstance(caught.value, HttpStatusException):
            _ = caught.value.problem  # reading it raises nothing
    else:
        assert client.call() == case.gives


def test_the_table_is_as_long_as_it_claims() -> None:
    names = [case.name for case in CASES]
    assert len(names) >= 100
    assert len(set(names)) == len(names)


def test_every_difference_is_one_of_a_case_of_the_table() -> None:
    cases = {case.name: case for case in CASES}
    for library, differences in DIFFERENCES.items():
        for name in differences:
            assert as_seen_by(library, cases[name]) != cases[name]
