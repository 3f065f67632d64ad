from __future__ import annotations

import asyncio
import contextvars
import threading
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest

from pyfly.resilience import current_deadline, deadline, detached
from pyfly.resilience.deadlines import deadline_on
from tests.resilience.support import ManualClock


@pytest.fixture
def now() -> Any:
    with mock.patch("time.monotonic", return_value=100.0) as monotonic:
        yield monotonic


def test_there_is_none_by_default() -> None:
    assert current_deadline() is None
    assert deadline_on(ManualClock()) is None


def test_it_holds_within_the_block_and_counts_from_the_entry(now: mock.Mock) -> None:
    scope = deadline(2.5)
    now.return_value = 200.0
    with scope:
        assert current_deadline() == 202.5
    assert current_deadline() is None


def test_it_takes_a_timedelta_too(now: mock.Mock) -> None:
    with deadline(timedelta(milliseconds=500)):
        assert current_deadline() == 100.5


def test_the_nearest_end_wins_in_either_order(now: mock.Mock) -> None:
    with deadline(5):
        with deadline(10):
            assert current_deadline() == 105.0
        with deadline(2):
            assert current_deadline() == 102.0
        assert current_deadline() == 105.0


def test_detached_frees_from_it_and_a_new_one_may_be_set_inside(now: mock.Mock) -> None:
    with deadline(5), detached():
        assert current_deadline() is None
        with deadline(60):
            assert current_deadline() == 160.0
        assert current_deadline() is None


def test_an_exception_ends_the_block_like_a_return(now: mock.Mock) -> None:
    with pytest.raises(KeyError), deadline(5):
        raise KeyError
    assert current_deadline() is None


def test_deadlines_on_different_clocks_are_compared_by_what_is_left(now: mock.Mock) -> None:
    clock = ManualClock(7.0)
    with deadline(5, clock=clock):
        assert current_deadline() == 105.0
        assert deadline_on(clock) == 12.0
        clock.now += 3
        assert current_deadline() == 102.0
        with deadline(4):
            assert deadline_on(clock) == 12.0
        with deadline(1):
            assert deadline_on(clock) == 11.0


def test_a_block_can_be_entered_again_but_not_twice_at_a_time(now: mock.Mock) -> None:
    scope = deadline(5)
    with scope:
        pass
    with scope, pytest.raises(RuntimeError, match=r"deadline\(\) block is entered already"):
        scope.__enter__()
    assert current_deadline() is None
    scope.__exit__(None, None, None)
    assert current_deadline() is None


async def test_tasks_inherit_it_and_keep_theirs_apart() -> None:
    async def child(seconds: float) -> float | None:
        with deadline(seconds):
            await asyncio.sleep(0)
            return current_deadline()

    with deadline(60):
        outer = current_deadline()
        near, far = await asyncio.gather(child(1), child(1_000))
    assert near is not None
    assert outer is not None
    assert near < outer
    assert far == outer


def test_threads_do_not_see_each_others(now: mock.Mock) -> None:
    seen: list[float | None] = []
    with deadline(5):
        thread = threading.Thread(target=lambda: seen.append(current_deadline()))
        thread.start()
        thread.join()
    assert seen == [None]


def test_leaving_in_another_context_raises_nothing_and_changes_nothing_there(
    now: mock.Mock,
) -> None:
    scope = deadline(5)
    contextvars.Context().run(scope.__enter__)
    with deadline(7):
        scope.__exit__(None, None, None)
        assert current_deadline() == 107.0


def test_leaving_in_a_copy_of_the_context_restores_what_was_before(now: mock.Mock) -> None:
    outer = contextvars.copy_context()
    scopes = [deadline(9), deadline(5)]
    outer.run(scopes[0].__enter__)
    outer.run(scopes[1].__enter__)
    copy = outer.copy()
    copy.run(scopes[1].__exit__, None, None, None)
    assert copy.run(current_deadline) == 109.0
    copy.run(scopes[0].__exit__, None, None, None)
    assert copy.run(current_deadline) is None


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        ("5", TypeError, "takes seconds or a timedelta, not str"),
        (True, TypeError, "not bool"),
        (None, TypeError, "not NoneType"),
        (-1, ValueError, "not negative, not -1"),
        (timedelta(seconds=-1), ValueError, "not negative, not -1.0"),
        (float("nan"), ValueError, "not nan"),
        (float("inf"), ValueError, r"use detached\(\) for no deadline"),
    ],
)
def test_spans_that_make_no_sense_are_refused(value: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        deadline(value)
