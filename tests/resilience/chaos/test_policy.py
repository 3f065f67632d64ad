from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pyfly.resilience.chaos.chaos import Chaos

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"seed": "x"}, TypeError, "seed must be a whole number, not 'x'"),
        ({"seed": True}, TypeError, "seed must be a whole number"),
        ({"fault": 0.1}, TypeError, "fault must be a pair of a rate and a function that makes"),
        ({"fault": (0.1,)}, TypeError, "fault must be a pair"),
        ({"fault": (0.1, OSError())}, TypeError, r"fault=\(0.1, lambda: OSError\(…\)\)"),
        ({"fault": (0.1, "boom")}, TypeError, "a function that makes an exception, not str"),
        ({"latency": (0.1, 2)}, TypeError, r"write timedelta\(seconds=2\)"),
        ({"latency": (0.1, -SECOND)}, ValueError, "latency must not be negative"),
        ({"outcome": [0.1, 2]}, TypeError, "outcome must be a pair of a rate and the value"),
        ({"outcome": (10, 2)}, ValueError, "rate of outcome must be at most 1, not 10: write 0.1"),
        ({"outcome": (1000, 2)}, ValueError, "rate of outcome must be at most 1, not 1000$"),
        ({"outcome": (-0.1, 2)}, ValueError, "the rate of outcome must be at least 0"),
        ({"behaviour": ("1", str)}, TypeError, "the rate of behaviour must be a number"),
        ({"behaviour": (0.1, 3)}, TypeError, "behaviour must be a rate and a function"),
    ],
)
def test_a_wrong_setting_is_named(
    settings: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        Chaos(**{"seed": 1, **settings})


def test_that_it_is_on_is_told_loudly() -> None:
    chaos = Chaos(
        7,
        fault=(0.1, OSError),
        latency=(0.25, 2 * SECOND),
        outcome=(1, None),
        behaviour=(0.005, print),
    )
    assert chaos.policy.describe() == (
        "!!! CHAOS IS ON !!! behaviour in 0.5%, latency in 25% (2 s), fault in 10%, "
        "outcome in 100% of the attempts, seed 7"
    )
    assert repr(chaos) == f"<Chaos {chaos.policy.describe()}>"


def test_without_a_rate_it_is_off() -> None:
    assert Chaos(7).policy.describe() == "off: no rate is above 0"
    assert Chaos(7, fault=(0, OSError)).policy.rates == {}
