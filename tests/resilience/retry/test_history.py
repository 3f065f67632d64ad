from __future__ import annotations

import pickle
from datetime import timedelta
from typing import Any

import pytest

from pyfly.kernel.exceptions import AttemptTimeoutException
from pyfly.resilience import AttemptSummary, RetryPolicy
from pyfly.resilience.retry.history import attach, summary
from tests.resilience.support import Driver, ManualClock, Scripted, outcome


def raised(driver: Driver, clock: ManualClock, *steps: object, attempts: int = 3) -> Any:
    policy = RetryPolicy(attempts, timedelta(seconds=1), clock=clock)
    return outcome(lambda: driver.retry(policy, Scripted(*steps)))


def test_the_exception_that_leaves_tells_what_the_attempts_did(
    driver: Driver, clock: ManualClock
) -> None:
    error = raised(driver, clock, AttemptTimeoutException("too slow"), OSError(), ValueError())
    assert error.retry_history == (
        AttemptSummary(1, "AttemptTimeoutException: too slow", None, 0.0),
        AttemptSummary(2, "OSError", 0.0, 1.0),
        AttemptSummary(3, "ValueError", 0.0, 2.0),
    )
    assert error.__notes__ == [
        "Retried: attempt 1 failed: AttemptTimeoutException: too slow; "
        "waited 1 s; attempt 2 failed after 0 s: OSError; "
        "waited 2 s; attempt 3 failed after 0 s: ValueError"
    ]


def test_durations_are_those_of_each_attempt_but_the_first_which_is_not_timed(
    driver: Driver, clock: ManualClock
) -> None:
    def body() -> None:
        clock.now += 0.25
        raise OSError

    policy = RetryPolicy(3, clock=clock)
    error = outcome(lambda: driver.retry(policy, body))
    assert [one.duration for one in error.retry_history] == [None, 0.25, 0.25]


def test_one_attempt_is_no_history(driver: Driver, clock: ManualClock) -> None:
    error = raised(driver, clock, OSError(), attempts=1)
    assert not hasattr(error, "retry_history")
    assert not hasattr(error, "__notes__")


def test_the_text_of_foreign_exceptions_is_left_out_since_it_may_hold_secrets(
    driver: Driver, clock: ManualClock
) -> None:
    error = raised(driver, clock, OSError("https://user:secret@host"))
    assert "secret" not in error.__notes__[0]
    assert "secret" not in repr(error.retry_history)


def test_long_texts_and_long_stories_are_cut(driver: Driver, clock: ManualClock) -> None:
    error = raised(driver, clock, AttemptTimeoutException("x" * 5_000), attempts=40)
    (note,) = error.__notes__
    assert len(error.retry_history) == 40
    assert len(note) < 4_000
    assert "attempt 1 failed" in note
    assert "… 30 more …" in note
    assert "attempt 31 failed" not in note
    assert "attempt 32 failed" in note
    assert "attempt 40 failed" in note


def test_the_history_pickles_with_the_exception(driver: Driver, clock: ManualClock) -> None:
    error = raised(driver, clock, AttemptTimeoutException("too slow"))
    again = pickle.loads(pickle.dumps(error))
    assert again.retry_history == error.retry_history
    assert again.__notes__ == error.__notes__


def test_one_instance_raised_again_and_again_collects_a_few_notes_only(
    driver: Driver, clock: ManualClock
) -> None:
    error = OSError()
    error.add_note("a note of its own")
    for _ in range(20):
        raised(driver, clock, error, attempts=2)
    assert len(error.__notes__) == 4
    assert error.__notes__[0] == "a note of its own"


class Closed(Exception):
    """Takes no attribute and no note."""

    def __setattr__(self, name: str, value: object) -> None:
        raise TypeError("closed")


class OddNotes(Exception):
    """Has notes of the wrong kind."""

    __notes__: Any = 3


@pytest.mark.parametrize("kind", [Closed, OddNotes])
def test_an_exception_that_takes_no_history_is_raised_as_it_is(
    driver: Driver, clock: ManualClock, kind: type[Exception]
) -> None:
    error = kind()
    assert raised(driver, clock, error) is error


def test_an_exception_of_ours_whose_text_fails_is_told_by_its_type() -> None:
    class Broken(AttemptTimeoutException):
        def __str__(self) -> str:
            raise RuntimeError

    assert summary(1, Broken(), 0.0, 0.0).error == "Broken"
    assert summary(1, None, 0.0, 0.0).error == ""


def test_nothing_is_attached_for_a_single_summary() -> None:
    error = OSError()
    attach(error, [summary(1, error, 0.0, 0.0)])
    assert not hasattr(error, "retry_history")
