from __future__ import annotations

import logging
import pickle
from typing import Any

import pytest

from pyfly.resilience import (
    AttemptFailed,
    AttemptStarted,
    BudgetEmpty,
    CallFailed,
    CallStarted,
    CallSucceeded,
    CircuitState,
    CircuitTransition,
    DeadlineExceeded,
    Event,
    Events,
    History,
    PermitRefused,
    RetryScheduled,
    RetrySuppressed,
)


def started(attempt: int = 1) -> AttemptStarted:
    return AttemptStarted("Shop.product", 1.0, attempt)


def test_without_listeners_nothing_is_wanted() -> None:
    events = Events([])
    assert not events.on
    assert not events.wants(AttemptStarted)
    events.emit(started())


def test_every_listener_hears_every_event_in_order() -> None:
    first, second = History(), History()
    events = Events([first, second])
    events.emit(started(1))
    events.emit(started(2))
    assert events.on
    assert first.events == second.events == [started(1), started(2)]


def test_a_listener_can_limit_what_it_hears_by_its_attribute_only() -> None:
    history = History(BudgetEmpty)
    events = Events([history])
    events.emit(started())
    events.emit(BudgetEmpty("x", 1.0))
    assert history.names() == ["BudgetEmpty"]
    assert events.wants(BudgetEmpty)
    assert not events.wants(AttemptStarted)


def test_who_subscribes_can_limit_a_listener_too() -> None:
    heard: list[Event] = []
    events = Events()
    events.subscribe(heard.append, only=(AttemptStarted, CallStarted))
    events.emit(BudgetEmpty("x", 1.0))
    events.emit(started())
    assert heard == [started()]


def test_wants_changes_with_the_listeners() -> None:
    events = Events()
    assert not events.wants(BudgetEmpty)
    unsubscribe = events.subscribe(History())
    assert events.wants(BudgetEmpty)
    unsubscribe()
    assert not events.wants(BudgetEmpty)
    assert not events.on


def test_unsubscribing_twice_is_harmless_and_removes_one_subscription_only() -> None:
    history = History()
    events = Events([history])
    unsubscribe = events.subscribe(history)
    events.emit(started())
    unsubscribe()
    unsubscribe()
    events.emit(started(2))
    assert history.events == [started(), started(), started(2)]


@pytest.mark.survives(
    "Retries, breakers and time", "one listener of several raises", "the others hear the event"
)
def test_a_listener_that_raises_is_logged_and_the_others_hear_the_event(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(event: Event) -> None:
        raise RuntimeError("disk full")

    history = History()
    with caplog.at_level(logging.ERROR, logger="pyfly.resilience"):
        Events([broken, history]).emit(started())
    assert len(history) == 1
    (record,) = caplog.records
    assert record.name == "pyfly.resilience.events"
    assert record.getMessage() == "A listener raised; the call goes on"
    assert "broken" in record.__dict__["listener"]
    assert record.__dict__["event"] == "AttemptStarted"


def test_an_exception_of_a_listener_that_is_no_exception_passes() -> None:
    def stop(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Events([stop]).emit(started())


def test_an_async_listener_is_refused_since_nobody_would_await_it() -> None:
    async def listener(event: Event) -> None: ...

    class Asynchronous:
        async def __call__(self, event: Event) -> None: ...

    for wrong in (listener, Asynchronous()):
        with pytest.raises(TypeError, match=r"`async def`.*write a plain function"):
            Events([wrong])


def test_a_listener_that_cannot_be_called_is_refused() -> None:
    wrong: Any = "print"
    with pytest.raises(TypeError, match="str cannot be called"):
        Events([wrong])


def test_builtin_functions_may_listen() -> None:
    heard: list[Event] = []
    Events([heard.append]).emit(started())
    assert heard == [started()]


def test_the_history_reads_like_a_list_and_stays_true_when_empty() -> None:
    history = History()
    assert history
    history(started(1))
    history(BudgetEmpty("x", 1.0))
    assert len(history) == 2
    assert history[0] == started(1)
    assert history[1:] == [BudgetEmpty("x", 1.0)]
    assert [type(e) for e in history] == [AttemptStarted, BudgetEmpty]
    assert history.of(AttemptStarted) == [started(1)]
    assert "BudgetEmpty" in repr(history)
    history.clear()
    assert list(history) == []


@pytest.mark.parametrize(
    "event",
    [
        CallStarted("x", 1.0),
        CallSucceeded("x", 1.0, attempts=2, duration=0.5),
        started(),
        PermitRefused("x", 1.0, policy="circuit breaker", name="shop", retry_after=2.0),
        CircuitTransition("x", 1.0, "shop", CircuitState.CLOSED, CircuitState.OPEN, "why"),
        DeadlineExceeded("x", 1.0),
        BudgetEmpty("x", 1.0),
    ],
    ids=lambda event: type(event).__name__,
)
def test_events_are_immutable_and_survive_pickling(event: Event) -> None:
    assert pickle.loads(pickle.dumps(event)) == event
    with pytest.raises(AttributeError, match="read-only"):
        event.at = 2.0  # type: ignore[misc] # what the test is about


def test_events_of_failures_carry_the_exception_itself() -> None:
    error = ValueError("x")
    for event in (
        CallFailed("x", 1.0, error, 1, 0.1),
        AttemptFailed("x", 1.0, 1, error, 0.1),
        RetryScheduled("x", 1.0, 1, 2.0, error),
        RetrySuppressed("x", 1.0, 1, "why", error),
    ):
        assert event.error is error
