"""The settings of a circuit breaker."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeAlias

from pyfly.kernel.record import Record
from pyfly.resilience._checks import finite_number, span, whole_number

_OWNER = "CircuitBreaker"
_THRESHOLD = 5
_MINIMUM_CALLS = 10


class _Default(int):
    """A number that nobody gave: another object than the same number that somebody gives."""


FAILURE_THRESHOLD: int = _Default(5)
HALF_OPEN_PERMITS: int = _Default(1)
RECOVERY_TIMEOUT = timedelta(seconds=30)


class CountWindow(Record):
    """Judges by the last ``size`` calls, as resilience4j's count-based window. Immutable.

    Args:
        size: Calls that it holds.
        failure_rate: The part of them that opens the circuit by failing; over 0, at most 1.
        minimum_calls: Fewer calls are not judged; default: 10, or ``size`` if that is less.
        slow_rate: The part of them that opens the circuit by being slow; needs
            ``slow_duration``. None: slow calls do not matter.
        slow_duration: A call that takes longer is slow, whether it fails or not.

    Raises:
        TypeError: A value of the wrong type.
        ValueError: A value out of range, more ``minimum_calls`` than ``size``, or one of
            ``slow_rate`` and ``slow_duration`` without the other.
    """

    size: int
    failure_rate: float
    minimum_calls: int
    slow_rate: float | None
    slow_duration: timedelta | None

    def __init__(
        self,
        size: int = 100,
        failure_rate: float = 0.5,
        minimum_calls: int | None = None,
        slow_rate: float | None = None,
        slow_duration: timedelta | None = None,
    ) -> None:
        owner = type(self).__name__
        whole_number(owner, "size", size, 1)
        least = min(_MINIMUM_CALLS, size) if minimum_calls is None else minimum_calls
        super().__init__(size, *_judged_by(owner, failure_rate, least, slow_rate, slow_duration))
        if self.minimum_calls > size:
            raise ValueError(
                f"{owner}: minimum_calls ({least}) is over size ({size}), so it would never "
                "judge: make it smaller, or the window larger"
            )

    def describe(self) -> str:
        """Returns when a circuit opens, for a line of text."""
        return _told(self, f"the last {self.size} calls")


class TimeWindow(Record):
    """Judges by the calls of the last ``span``, as resilience4j's time-based window. Immutable.

    The calls are counted in buckets of one second, and the current second is one of them.

    Args:
        span: How far it looks back.
        failure_rate: The part of the calls that opens the circuit by failing; over 0, at most 1.
        minimum_calls: Fewer calls are not judged.
        slow_rate: The part of them that opens the circuit by being slow; needs
            ``slow_duration``. None: slow calls do not matter.
        slow_duration: A call that takes longer is slow, whether it fails or not.

    Raises:
        TypeError: A value of the wrong type, such as seconds in place of a timedelta.
        ValueError: A value out of range, or one of ``slow_rate`` and ``slow_duration`` without
            the other.
    """

    span: timedelta
    failure_rate: float
    minimum_calls: int
    slow_rate: float | None
    slow_duration: timedelta | None

    def __init__(
        self,
        span: timedelta = timedelta(seconds=60),
        failure_rate: float = 0.5,
        minimum_calls: int = _MINIMUM_CALLS,
        slow_rate: float | None = None,
        slow_duration: timedelta | None = None,
    ) -> None:
        owner = type(self).__name__
        super().__init__(
            _a_span(owner, "span", span),
            *_judged_by(owner, failure_rate, minimum_calls, slow_rate, slow_duration),
        )

    def describe(self) -> str:
        """Returns when a circuit opens, for a line of text."""
        return _told(self, f"the calls of the last {self.span.total_seconds():g} s")


Window: TypeAlias = CountWindow | TimeWindow


class CircuitBreakerPolicy(Record):
    """When a circuit opens, and how it closes again. Immutable.

    Args:
        failure_threshold: Consecutive failures that open the circuit; at least 1. Without
            meaning if there is a ``window``.
        recovery_timeout: How long it stays open before a call may probe; zero is a value:
            the next call probes.
        half_open_permits: How many probes may run at once; with a ``window``, how many run in
            all, before their rates decide. At least 1.
        window: The calls whose rates open the circuit; None: consecutive failures do.
        half_open_timeout: How long probes may be under way without a verdict before the circuit
            opens again; None: for ever.
        recovery_multiplier: What ``recovery_timeout`` is multiplied by each time that probes
            open the circuit again, until it closes; at least 1.
        max_recovery_timeout: The longest that it grows to.

    Raises:
        TypeError: A value of the wrong type, such as seconds in place of a timedelta.
        ValueError: A value out of range, or values that contradict each other.
    """

    failure_threshold: int
    recovery_timeout: timedelta
    half_open_permits: int
    window: Window | None
    half_open_timeout: timedelta | None
    recovery_multiplier: float
    max_recovery_timeout: timedelta | None

    def __init__(
        self,
        failure_threshold: int = _THRESHOLD,
        recovery_timeout: timedelta = timedelta(seconds=30),
        half_open_permits: int = 1,
        *,
        window: Window | None = None,
        half_open_timeout: timedelta | None = None,
        recovery_multiplier: float = 1.0,
        max_recovery_timeout: timedelta | None = None,
    ) -> None:
        super().__init__(
            failure_threshold=whole_number(_OWNER, "failure_threshold", failure_threshold, 1),
            recovery_timeout=span(_OWNER, "recovery_timeout", recovery_timeout, zero=True),
            half_open_permits=whole_number(_OWNER, "half_open_permits", half_open_permits, 1),
            window=_window(window, failure_threshold),
            half_open_timeout=None
            if half_open_timeout is None
            else span(_OWNER, "half_open_timeout", half_open_timeout, zero=False),
            recovery_multiplier=finite_number(
                _OWNER, "recovery_multiplier", recovery_multiplier, 1.0, above=False
            ),
            max_recovery_timeout=None
            if max_recovery_timeout is None
            else span(_OWNER, "max_recovery_timeout", max_recovery_timeout, zero=True),
        )
        _check_growth(self)

    def describe(self) -> str:
        """Returns the settings in one line."""
        opens = (
            f"opens after {self.failure_threshold} consecutive failures"
            if self.window is None
            else f"opens when {self.window.describe()}"
        )
        text = f"{opens} for {self.recovery_timeout.total_seconds():g} s"
        if self.max_recovery_timeout is not None:
            longest = self.max_recovery_timeout.total_seconds()
            text += f" (× {self.recovery_multiplier:g} each time, at most {longest:g} s)"
        how = "at a time may probe" if self.window is None else "may probe"
        text += f", then {self.half_open_permits} {how}"
        if self.half_open_timeout is not None:
            text += f" for {self.half_open_timeout.total_seconds():g} s"
        return text


def _window(value: object, failure_threshold: int) -> Window | None:
    if value is None:
        return None
    if not isinstance(value, (CountWindow, TimeWindow)):
        raise TypeError(
            f"{_OWNER}: window must be a CountWindow or a TimeWindow, not {type(value).__name__}"
        )
    if failure_threshold != _THRESHOLD:
        raise ValueError(
            f"{_OWNER}: failure_threshold counts consecutive failures, and a window judges by "
            "rates: leave one of them out"
        )
    return value


def _check_growth(policy: CircuitBreakerPolicy) -> None:
    longest = policy.max_recovery_timeout
    if longest is None:
        if policy.recovery_multiplier > 1:
            raise ValueError(
                f"{_OWNER}: recovery_multiplier needs a max_recovery_timeout: how long may the "
                "circuit stay open at most?"
            )
    elif longest < policy.recovery_timeout:
        raise ValueError(
            f"{_OWNER}: max_recovery_timeout ({longest.total_seconds():g} s) is less than "
            f"recovery_timeout ({policy.recovery_timeout.total_seconds():g} s)"
        )


def _judged_by(
    owner: str,
    failure_rate: object,
    minimum_calls: object,
    slow_rate: object,
    slow_duration: object,
) -> tuple[float, int, float | None, timedelta | None]:
    if (slow_rate is None) is not (slow_duration is None):
        given, other = ("slow_rate", "slow_duration")
        if slow_rate is None:
            given, other = other, given
        raise ValueError(f"{owner}: {given} needs {other} as well: give both, or neither")
    return (
        _rate(owner, "failure_rate", failure_rate),
        whole_number(owner, "minimum_calls", minimum_calls, 1),
        None if slow_rate is None else _rate(owner, "slow_rate", slow_rate),
        None if slow_duration is None else span(owner, "slow_duration", slow_duration, zero=True),
    )


def _rate(owner: str, name: str, value: object) -> float:
    rate = finite_number(owner, name, value, 0.0, above=True)
    if rate > 1:
        hint = f": write {rate / 100:g} for {rate:g} %" if rate <= 100 else ""
        raise ValueError(f"{owner}: {name} is a part of the calls, at most 1, not {rate:g}{hint}")
    return rate


def _a_span(owner: str, name: str, value: object) -> timedelta:
    return span(owner, name, value, zero=False)


def _told(window: Window, calls: str) -> str:
    text = f"{window.failure_rate * 100:g}% of {calls} (at least {window.minimum_calls}) failed"
    if window.slow_rate is None or window.slow_duration is None:
        return text
    seconds = window.slow_duration.total_seconds()
    return f"{text} or {window.slow_rate * 100:g}% took over {seconds:g} s"


def policy_of(
    policy: CircuitBreakerPolicy | None,
    failure_threshold: int,
    recovery_timeout: timedelta,
    half_open_permits: int,
    window: Window | None,
) -> CircuitBreakerPolicy:
    """Returns the settings, which come as one or one by one.

    Raises:
        TypeError: They come both ways, or one is of the wrong type.
        ValueError: A value out of range.
    """
    given: dict[str, Any] = {
        name: value
        for name, value, default in (
            ("failure_threshold", failure_threshold, FAILURE_THRESHOLD),
            ("recovery_timeout", recovery_timeout, RECOVERY_TIMEOUT),
            ("half_open_permits", half_open_permits, HALF_OPEN_PERMITS),
            ("window", window, None),
        )
        if value is not default
    }
    if policy is None:
        return CircuitBreakerPolicy(**given)
    if not isinstance(policy, CircuitBreakerPolicy):
        raise TypeError(
            f"CircuitBreaker: policy must be a CircuitBreakerPolicy, not {type(policy).__name__}"
        )
    if given:
        raise TypeError(
            "CircuitBreaker: policy holds all settings: give failure_threshold, "
            "recovery_timeout, half_open_permits and window to CircuitBreakerPolicy(…)"
        )
    return policy
