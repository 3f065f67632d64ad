from __future__ import annotations

import traceback

import pytest

from pyfly.kernel.exceptions import (
    BulkheadException,
    CircuitBreakerException,
    DeadlineExceededException,
)
from pyfly.resilience.single_flight.table import copied


class TwoArguments(Exception):
    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


class Counted(Exception):
    count = 0

    def __init__(self) -> None:
        type(self).count += 1
        super().__init__()

    def __str__(self) -> str:
        return str(self.number)

    @property
    def number(self) -> int:
        return id(self)


def raised(error: Exception) -> Exception:
    try:
        try:
            raise KeyError("cause")
        except KeyError as cause:
            raise error from cause
    except Exception as caught:
        return caught


@pytest.mark.parametrize(
    "error",
    [
        OSError(2, "No such file", "name"),
        ValueError("text"),
        UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"),
        ExceptionGroup("several", [OSError(), KeyError()]),
        BulkheadException("full", name="shop", retry_after=3.0),
        CircuitBreakerException(name="shop", retry_after=3.0),
        DeadlineExceededException("late", context={"a": 1}, timeout=2.0),
    ],
)
def test_a_copy_is_like_the_original_but_another_instance(error: Exception) -> None:
    error.add_note("a note")
    original = raised(error)
    twin = copied(original)
    assert twin is not original
    assert type(twin) is type(original)
    assert str(twin) == str(original)
    assert vars(twin) == vars(original)
    assert twin.__cause__ is original.__cause__
    assert traceback.extract_tb(twin.__traceback__) == traceback.extract_tb(original.__traceback__)
    twin.add_note("another")
    assert original.__notes__ == ["a note"]


def test_raising_a_copy_leaves_the_traceback_of_the_original_alone() -> None:
    original = raised(ValueError())
    before = len(traceback.extract_tb(original.__traceback__))
    for _ in range(3):
        with pytest.raises(ValueError):  # noqa: PT011 - it has no text
            raise copied(original)
    assert len(traceback.extract_tb(original.__traceback__)) == before


@pytest.mark.parametrize("error", [TwoArguments("one", "two"), Counted()])
def test_what_cannot_be_copied_faithfully_is_returned_as_it_is(error: Exception) -> None:
    assert copied(error) is error
