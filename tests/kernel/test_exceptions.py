"""The exception tree."""

from __future__ import annotations

import gc
import pickle
import weakref

import pytest

from pyfly.kernel import exceptions
from pyfly.kernel.exceptions import (
    AttemptTimeoutException,
    BulkheadException,
    CircuitBreakerException,
    DeadlineExceededException,
    InfrastructureException,
    OperationTimeoutException,
    PyFlyException,
    RateLimitException,
    RefusedException,
)
from pyfly.resilience import CircuitBreaker
from pyfly.testing import VirtualClock

ALL = [getattr(exceptions, name) for name in exceptions.__all__]


@pytest.mark.parametrize("kind", ALL)
def test_every_exception_pickles_with_text_attributes_cause_and_notes(
    kind: type[PyFlyException],
) -> None:
    error = kind("what was wrong", code="E1", context={"a": 1})
    error.__cause__ = ValueError("cause")
    error.add_note("a note")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert (str(copy), copy.code, copy.context) == ("what was wrong", "E1", {"a": 1})
    assert isinstance(copy.__cause__, ValueError)
    assert copy.__notes__ == ["a note"]
    assert copy.message == "what was wrong"


@pytest.mark.parametrize("kind", ALL)
def test_every_exception_may_be_made_without_arguments(kind: type[PyFlyException]) -> None:
    assert isinstance(kind(), PyFlyException)
    assert str(PyFlyException()) == ""


def test_timeouts_are_timeout_errors_and_keep_their_text() -> None:
    for kind in (OperationTimeoutException, AttemptTimeoutException, DeadlineExceededException):
        error = kind("too slow", "CODE", timeout=2.0)
        assert isinstance(error, TimeoutError)
        assert (str(error), error.code, error.timeout, error.args) == (
            "too slow",
            "CODE",
            2.0,
            ("too slow",),
        )


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (CircuitBreakerException, "Circuit breaker is open"),
        (RateLimitException, "Rate limit exceeded"),
        (BulkheadException, "Bulkhead is full"),
        (RefusedException, "The call was refused"),
    ],
)
def test_refusals_compose_their_text_from_name_and_time_left(
    kind: type[RefusedException], text: str
) -> None:
    assert str(kind()) == text
    assert str(kind(name="inventory", retry_after=2.5)) == f"{text}: inventory (retry in 2.5 s)"
    assert str(kind("my own")) == "my own"
    copy = pickle.loads(pickle.dumps(kind(name="inventory", retry_after=2.5)))
    assert (copy.name, copy.retry_after) == ("inventory", 2.5)


def test_the_context_is_copied() -> None:
    context = {"a": 1}
    error = InfrastructureException("x", context=context)
    context["a"] = 2
    assert error.context == {"a": 1}


async def test_a_refusal_of_an_open_circuit_is_as_its_constructor_makes_it() -> None:
    refusal = await refusal_of_an_open_circuit()
    made = CircuitBreakerException(name="stock", retry_after=refusal.retry_after)
    assert str(refusal) == str(made) == "Circuit breaker is open: stock (retry in 30.0 s)"
    assert (refusal.code, refusal.context, refusal.args) == (None, {}, ())
    refusal.context["order"] = 7
    assert refusal.context == {"order": 7}
    again = pickle.loads(pickle.dumps(refusal))
    assert (again.name, again.retry_after, again.context) == (
        "stock",
        refusal.retry_after,
        {"order": 7},
    )
    with pytest.raises(AttributeError, match="has no attribute 'contxt'"):
        getattr(refusal, "contxt")  # noqa: B009  a name that the checkers would refuse


class Quota(RateLimitException):
    """As users write them: ``super().__init__`` is forgotten."""

    def __init__(self) -> None:
        self.used = 7


def test_a_refusal_whose_constructor_does_not_call_ours_can_be_read_and_pickled() -> None:
    again = pickle.loads(pickle.dumps(Quota()))
    assert str(again) == "Rate limit exceeded"
    assert (again.name, again.retry_after, again.context, again.used) == (None, None, {}, 7)


async def test_a_refusal_is_freed_when_it_was_caught_without_the_garbage_collector() -> None:
    breaker = await open_circuit()
    kept: list[weakref.ref[CircuitBreakerException]] = []
    gc.disable()
    try:
        for refused in (lambda: breaker.call(fails), lambda: breaker.call_sync(fails)):
            try:
                await refused()
            except CircuitBreakerException as refusal:
                kept.append(weakref.ref(refusal))
        assert [reference() for reference in kept] == [None, None]
    finally:
        gc.enable()


async def fails() -> None:
    raise ConnectionError


async def open_circuit() -> CircuitBreaker:
    breaker = CircuitBreaker(name="stock", failure_threshold=1, clock=VirtualClock())
    with pytest.raises(ConnectionError):
        await breaker.call(fails)
    return breaker


async def refusal_of_an_open_circuit() -> CircuitBreakerException:
    breaker = await open_circuit()
    with pytest.raises(CircuitBreakerException) as raised:
        await breaker.call(fails)
    return raised.value


class Down(CircuitBreakerException, ConnectionError):
    """As a user may say that an open circuit is a lost connection."""


def test_a_refusal_can_be_an_error_of_another_kind_too() -> None:
    down = Down("gone", name="stock", retry_after=2.0)
    copy = pickle.loads(pickle.dumps(down))
    assert isinstance(copy, OSError)
    assert (str(copy), copy.name, copy.retry_after, copy.context) == ("gone", "stock", 2.0, {})
