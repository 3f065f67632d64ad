"""The exception tree."""

from __future__ import annotations

import pickle

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
