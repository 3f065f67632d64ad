"""The settings of chaos."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from inspect import iscoroutinefunction
from typing import Any

from pyfly.kernel.record import Record
from pyfly.resilience._checks import finite_number, span
from pyfly.resilience.call import Call

_OWNER = "Chaos"


class ChaosPolicy(Record):
    """What is done to attempts, and to how many. Immutable. What is None is never done.

    Args:
        seed: Of the random numbers: one seed gives one sequence of injections.
        fault: A rate and a function that makes the exception to raise.
        latency: A rate and the time to wait before the attempt.
        outcome: A rate and the value to return without an attempt.
        behaviour: A rate and a function of the call to run before the attempt; ``async def``
            for asynchronous calls only.

    Raises:
        TypeError: A value of the wrong type, such as a rate without its partner.
        ValueError: A rate that is not within 0 and 1.
    """

    seed: int
    fault: tuple[float, Callable[[], BaseException]] | None
    latency: tuple[float, timedelta] | None
    outcome: tuple[float, Any] | None
    behaviour: tuple[float, Callable[[Call], object]] | None

    def __init__(
        self,
        seed: int,
        fault: tuple[float, Callable[[], BaseException]] | None = None,
        latency: tuple[float, timedelta] | None = None,
        outcome: tuple[float, Any] | None = None,
        behaviour: tuple[float, Callable[[Call], object]] | None = None,
    ) -> None:
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise TypeError(f"{_OWNER}: seed must be a whole number, not {seed!r}")
        _check_fault(_pair("fault", fault, "a function that makes an exception"))
        if (waits := _pair("latency", latency, "a timedelta")) is not None:
            span(_OWNER, "latency", waits[1], zero=True)
        _pair("outcome", outcome, "the value to return")
        runs = _pair("behaviour", behaviour, "a function of the call")
        if runs is not None and not callable(runs[1]):
            raise TypeError(
                f"{_OWNER}: behaviour must be a rate and a function of the call, not "
                f"{type(runs[1]).__name__}"
            )
        super().__init__(
            seed=seed, fault=fault, latency=latency, outcome=outcome, behaviour=behaviour
        )

    @property
    def rates(self) -> dict[str, float]:
        """The rates of what is injected at all, by kind."""
        pairs = {
            "behaviour": self.behaviour,
            "latency": self.latency,
            "fault": self.fault,
            "outcome": self.outcome,
        }
        return {kind: pair[0] for kind, pair in pairs.items() if pair is not None and pair[0] > 0}

    @property
    def asynchronous(self) -> bool:
        """Whether the behaviour is an ``async def``, for which synchronous code has no use."""
        return self.behaviour is not None and iscoroutinefunction(self.behaviour[1])

    def no_use(self) -> TypeError:
        """The error for an asynchronous behaviour in synchronous code."""
        return TypeError(
            f"{_OWNER}: the behaviour has to be awaited, and the call is synchronous: write it "
            "with `def`"
        )

    def describe(self) -> str:
        """The settings in one line, which nobody shall overlook."""
        rates = self.rates
        if not rates:
            return "off: no rate is above 0"
        parts: list[str] = []
        for kind, rate in rates.items():
            text = f"{kind} in {rate * 100:g}%"
            if kind == "latency" and self.latency is not None:
                text += f" ({self.latency[1].total_seconds():g} s)"
            parts.append(text)
        return f"!!! CHAOS IS ON !!! {', '.join(parts)} of the attempts, seed {self.seed}"


def _pair(name: str, value: object, partner: str) -> tuple[float, Any] | None:
    if value is None:
        return None
    if not isinstance(value, tuple) or len(value) != 2:
        raise TypeError(
            f"{_OWNER}: {name} must be a pair of a rate and {partner}, such as "
            f"{name}=(0.1, …), not {type(value).__name__}"
        )
    rate = finite_number(_OWNER, f"the rate of {name}", value[0], 0.0, above=False)
    if rate > 1.0:
        hint = f": write {rate / 100:g}" if rate <= 100.0 else ""
        raise ValueError(f"{_OWNER}: the rate of {name} must be at most 1, not {value[0]}{hint}")
    return rate, value[1]


def _check_fault(pair: tuple[float, Any] | None) -> None:
    if pair is None:
        return
    make = pair[1]
    if isinstance(make, BaseException):
        raise TypeError(
            f"{_OWNER}: fault must make a new exception each time: write "
            f"fault=({pair[0]:g}, lambda: {type(make).__name__}(…))"
        )
    if not callable(make):
        raise TypeError(
            f"{_OWNER}: fault must be a rate and a function that makes an exception, not "
            f"{type(make).__name__}"
        )
