from __future__ import annotations

from typing import Any

import pytest

from pyfly.resilience.fallback.fallback import Fallback


async def asynchronous(error: Exception) -> Any:
    return True


class AsyncCallable:
    async def __call__(self, error: Exception) -> bool:
        return True


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "either value=… or handler=….*none of them is given"),
        ({"value": 1, "handler": str}, "both of them is given"),
        ({"handler": 3}, "handler must be a function .* not int; write value=…"),
        ({"value": 1, "on": TimeoutError}, r"write on=\(TimeoutError,\)"),
        ({"value": 1, "on": ()}, "on is empty, so nothing would ever be answered"),
        ({"value": 1, "on": ("TimeoutError",)}, "on must hold exception classes, not 'Timeout"),
        ({"value": 1, "on": (KeyboardInterrupt,)}, "on must not hold KeyboardInterrupt"),
        ({"value": 1, "on": [TimeoutError]}, "or a function from an exception to a bool, not list"),
        ({"value": 1, "on": asynchronous}, "write asynchronous with `def`"),
        ({"value": 1, "on": AsyncCallable()}, "write AsyncCallable with `def`"),
        ({"value": 1, "clock": 3}, "Fallback: clock must have the methods"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(TypeError, match=text):
        Fallback(**settings)


def test_settings_are_told_in_one_line_without_the_value() -> None:
    assert Fallback(value="secret").policy.describe() == "a fixed value (str), for Exception"
    assert Fallback(handler=asynchronous, on=(OSError, KeyError)).policy.describe() == (
        "what asynchronous makes of the exception, for OSError, KeyError"
    )
    named = Fallback(value=None, on=callable, name="cache")
    assert repr(named) == (
        "<Fallback cache: a fixed value (NoneType), for the exceptions that callable names>"
    )
    assert "UNSET" in repr(Fallback(handler=str).policy)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="read-only"):
        Fallback(value=1).policy.value = 2  # type: ignore[misc] # that is the point
