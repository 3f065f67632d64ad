from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pyfly.resilience import current_deadline, deadline, deadline_until, detached, parse_deadline
from pyfly.resilience.deadlines import deadline_on
from tests.resilience.support import ManualClock


def test_it_sets_the_end_itself(clock: ManualClock) -> None:
    with deadline_until(107.5, clock=clock):
        clock.now += 3
        assert deadline_on(clock) == 107.5
    assert deadline_on(clock) is None


def test_by_default_it_is_a_time_of_the_monotonic_clock() -> None:
    at = time.monotonic() + 60
    with deadline_until(at):
        assert current_deadline() == at


def test_the_nearest_end_wins_in_both_directions(clock: ManualClock) -> None:
    with deadline(5, clock=clock), deadline_until(109, clock=clock):
        assert deadline_on(clock) == 105
    with deadline_until(103, clock=clock), deadline(5, clock=clock):
        assert deadline_on(clock) == 103
    with deadline_until(103, clock=clock), detached():
        assert deadline_on(clock) is None


def test_none_leaves_the_deadline_as_it_is(clock: ManualClock) -> None:
    with deadline_until(None, clock=clock):
        assert deadline_on(clock) is None
    with deadline(5, clock=clock), deadline_until(None, clock=clock):
        assert deadline_on(clock) == 105


def test_a_time_that_has_passed_is_a_deadline(clock: ManualClock) -> None:
    with deadline_until(-5, clock=clock):
        assert deadline_on(clock) == -5


def test_a_datetime_is_measured_against_the_clocks_date(clock: ManualClock) -> None:
    now = datetime.fromtimestamp(clock.time(), UTC)
    with deadline_until(now + timedelta(seconds=8), clock=clock):
        assert deadline_on(clock) == pytest.approx(clock.now + 8)


async def test_a_middleware_holds_the_calls_of_a_request_to_what_its_caller_allows(
    clock: ManualClock,
) -> None:
    seen: list[float | None] = []

    async def app(scope: dict[str, Any]) -> None:
        seen.append(deadline_on(clock))

    async def middleware(scope: dict[str, Any]) -> None:
        arrived = clock.monotonic()
        left = parse_deadline(dict(scope["headers"]).get("grpc-timeout"), "grpc")
        with deadline_until(None if left is None else arrived + left, clock=clock):
            await app(scope)

    for headers in ([("grpc-timeout", "2S")], [("grpc-timeout", "soon")], []):
        await middleware({"headers": headers})
    assert seen == [102.0, None, None]


@pytest.mark.parametrize(
    ("at", "kind", "text"),
    [
        ("7", TypeError, "not str"),
        (True, TypeError, "not bool"),
        (math.nan, ValueError, "a finite time, not nan"),
        (datetime(2026, 1, 1), ValueError, "a datetime with a time zone"),
    ],
)
def test_anything_else_is_refused(at: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=rf"deadline_until\(\).*{text}"):
        deadline_until(at)
