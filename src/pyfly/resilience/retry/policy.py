"""The settings of retries, and the policy at work around a function."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from types import CoroutineType
from typing import Any, Literal, ParamSpec, TypeVar, get_args

from pyfly.kernel.exceptions import PyFlyException, RefusedException
from pyfly.kernel.record import Record
from pyfly.resilience._checks import (
    Draw,
    clock_or_system,
    coroutine_in_sync,
    finite_number,
    misuse,
    span,
    whole_number,
)
from pyfly.resilience._decorate import decorated
from pyfly.resilience.clock import Clock
from pyfly.resilience.deadlines import time_left
from pyfly.resilience.retry.history import AttemptSummary, attach, summary
from pyfly.resilience.retry.state import LONGEST_DELAY, Backoff, told_by, wait_or_reason

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

Jitter = Literal["none", "full", "equal", "decorrelated"]

_OWNER = "RetryPolicy"


class UnwantedResultException(PyFlyException):
    """An attempt returned something that ``retry_if_result`` does not want.

    It is told to listeners and in the history, and never raised: if no attempt returns
    something better, the last result is returned. It does not hold the result.
    """

    def __str__(self) -> str:
        return "retry_if_result asked for another attempt"


class RetryPolicy(Record):
    """Calls a function again when it fails, with a growing pause in between. Immutable.

    The pause before retry n (from 0) is ``base_delay * multiplier**n``. The last exception is
    raised as it is, with the story of the attempts as a note and in ``retry_history``.
    Cancellation is never retried, and ends a pause at once. Use ``execute`` and
    ``execute_sync``, or decorate functions with the policy.

    Args:
        max_attempts: Attempts in all, the first included; at least 1.
        base_delay: The pause before the first retry; zero is a value.
        retry_on: The exceptions that lead to another attempt. Refusals of pyfly's own
            protections (an open circuit, a full bulkhead) only do if their class or another
            subclass of ``RefusedException`` that fits is named.
        max_delay: The longest computed pause; default: none.
        multiplier: At least 1.
        jitter: How the pause is spread: ``"none"``, ``"full"``, ``"equal"``,
            ``"decorrelated"``.
        max_retry_after: An exception may carry a number ``retry_after``: the pause is at least
            that many seconds. If it is longer than this, the exception is raised at once.
        retry_if_result: A function from a returned value to a bool: whether it leads to another
            attempt too. After the last one the value is returned as it is. It may be asked more
            than once about one value, so it must have no effects.
        clock: Where the time comes from; default: the system.
        random: Where the jitter comes from; default: Python's own ``random.random``.

    Raises:
        TypeError: A value of the wrong type, such as seconds in place of a timedelta.
        ValueError: A value out of range.
    """

    max_attempts: int
    base_delay: timedelta
    retry_on: tuple[type[Exception], ...]
    max_delay: timedelta | None
    multiplier: float
    jitter: Jitter
    max_retry_after: timedelta
    retry_if_result: Callable[[Any], bool] | None
    clock: Clock
    random: Draw | None

    def __init__(
        self,
        max_attempts: int = 3,
        base_delay: timedelta = timedelta(seconds=1),
        retry_on: tuple[type[Exception], ...] = (Exception,),
        *,
        max_delay: timedelta | None = None,
        multiplier: float = 2.0,
        jitter: Jitter = "none",
        max_retry_after: timedelta = timedelta(seconds=30),
        retry_if_result: Callable[[Any], bool] | None = None,
        clock: Clock | None = None,
        random: Draw | None = None,
    ) -> None:
        super().__init__(
            max_attempts=whole_number(_OWNER, "max_attempts", max_attempts, 1),
            base_delay=span(_OWNER, "base_delay", base_delay, zero=True),
            retry_on=_exceptions(retry_on),
            max_delay=None
            if max_delay is None
            else span(_OWNER, "max_delay", max_delay, zero=True),
            multiplier=finite_number(_OWNER, "multiplier", multiplier, 1.0, above=False),
            jitter=_jitter(jitter),
            max_retry_after=span(_OWNER, "max_retry_after", max_retry_after, zero=True),
            retry_if_result=_predicate(retry_if_result),
            clock=clock_or_system(_OWNER, clock),
            random=_draw(random),
        )

    # The two drivers

    async def execute(
        self, func: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Await ``func(*args, **kwargs)``, again if it fails.

        Raises:
            TypeError: What ``func`` returned cannot be awaited.
            Exception: What the last attempt raised.
        """
        run: _Run | None = None
        unwanted = self.retry_if_result
        while True:
            pending: Any = func
            try:
                pending = func(*args, **kwargs)
                if unwanted is None:
                    return await pending  # type: ignore[no-any-return] # a T, by the signature
                result: T = await pending
            except Exception as error:
                wrong = misuse(
                    "RetryPolicy.execute", "RetryPolicy.execute_sync", func, pending, error
                )
                if wrong is not None:
                    raise wrong from None
                run = run or _Run(self)
                delay = run.delay_after(error)
                if delay is None:
                    raise
            else:
                if not unwanted(result):
                    return result
                run = run or _Run(self)
                delay = run.delay_after(UnwantedResultException())
                if delay is None:
                    return result
            await self.clock.sleep(delay)
            run.started = self.clock.monotonic()

    def execute_sync(self, func: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``func(*args, **kwargs)``, again if it fails.

        Raises:
            TypeError: ``func`` is ``async def``.
            Exception: What the last attempt raised.
        """
        run: _Run | None = None
        while True:
            try:
                result = func(*args, **kwargs)
            except Exception as error:
                run = run or _Run(self)
                delay = run.delay_after(error)
                if delay is None:
                    raise
            else:
                if type(result) is CoroutineType:
                    raise coroutine_in_sync(
                        "RetryPolicy.execute_sync", "RetryPolicy.execute", func, result
                    )
                unwanted = self.retry_if_result
                if unwanted is None or not unwanted(result):
                    return result
                run = run or _Run(self)
                delay = run.delay_after(UnwantedResultException())
                if delay is None:
                    return result
            self.clock.sleep_sync(delay)
            run.started = self.clock.monotonic()

    def __call__(self, func: F) -> F:
        """As a decorator: each call of the function, plain or ``async def``, is executed so.

        Raises:
            TypeError: Something that cannot be called, or a generator function.
        """
        return decorated(_OWNER, func, self.execute, self.execute_sync)

    # What both ask, and the stage too

    def wants(self, error: BaseException) -> bool:
        """Returns whether this exception leads to another attempt, as far as ``retry_on`` goes."""
        if isinstance(error, UnwantedResultException):  # retry_if_result has spoken
            return True
        named = self.retry_on
        if isinstance(error, RefusedException):  # refused by us: asking again is no help
            named = tuple(kind for kind in named if issubclass(kind, RefusedException))
        return isinstance(error, Exception) and isinstance(error, named)

    def wait_or_reason(
        self, error: BaseException, attempt: int, before: float, left: float | None
    ) -> float | str:
        """Returns the seconds to wait after attempt ``attempt``, or why there must be no other.

        Args:
            error: What the attempt raised.
            attempt: Its number, from 1.
            before: The wait before it, in seconds.
            left: Seconds until the deadline; None: there is none.
        """
        computed = self.backoff().delay(attempt - 1, before)
        longest = self.max_retry_after.total_seconds()
        return wait_or_reason(computed, told_by(error), longest, left)

    def backoff(self) -> Backoff:
        """Returns the rules of the pauses."""
        cap = LONGEST_DELAY
        if self.max_delay is not None:
            cap = min(cap, self.max_delay.total_seconds())
        base = self.base_delay.total_seconds()
        return Backoff(base, self.multiplier, cap, self.jitter, self.random)

    def longest_pauses(self) -> float:
        """Seconds that the computed pauses of one call add up to, at most; 30 at most."""
        return self.backoff().longest(self.max_attempts - 1)

    def describe(self) -> str:
        """Returns the settings in one line."""
        if self.max_attempts == 1:
            return "1 attempt"
        text = f"up to {self.max_attempts} attempts, {self.base_delay.total_seconds():g} s"
        text += f" × {self.multiplier:g}ⁿ apart"
        if self.max_delay is not None:
            text += f", at most {self.max_delay.total_seconds():g} s"
        return text if self.jitter == "none" else f"{text}, {self.jitter} jitter"


class _Run:
    """The bookkeeping of one execution that has failed at least once.

    It keeps no exception: its traceback holds the frame that holds this.
    """

    __slots__ = ("before", "policy", "started", "summaries")

    def __init__(self, policy: RetryPolicy) -> None:
        self.policy = policy
        self.summaries: list[AttemptSummary] = []
        self.before = 0.0
        self.started: float | None = None  # not looked at for the first attempt: most succeed

    def delay_after(self, error: Exception) -> float | None:
        """Note a failed attempt. The seconds to wait, or None: there is no other attempt."""
        policy = self.policy
        now = policy.clock.monotonic()
        number = len(self.summaries) + 1
        duration = None if self.started is None else now - self.started
        self.summaries.append(summary(number, error, duration, self.before))
        if number < policy.max_attempts and policy.wants(error):
            left = time_left(policy.clock, now)
            wait = policy.wait_or_reason(error, number, self.before, left)
            if not isinstance(wait, str):
                self.before = wait
                return wait
        attach(error, self.summaries)
        return None


def _exceptions(value: object) -> tuple[type[Exception], ...]:
    if isinstance(value, type) and issubclass(value, BaseException):
        raise TypeError(
            f"{_OWNER}: retry_on must be a tuple of exception classes: "
            f"write retry_on=({value.__name__},)"
        )
    if not isinstance(value, tuple):
        raise TypeError(
            f"{_OWNER}: retry_on must be a tuple of exception classes, not {type(value).__name__}"
        )
    for kind in value:
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise TypeError(f"{_OWNER}: retry_on must hold exception classes, not {kind!r}")
        if not issubclass(kind, Exception):
            raise TypeError(
                f"{_OWNER}: retry_on must not hold {kind.__name__}: cancellation and other "
                "exceptions that are no Exception are never retried"
            )
    return value


def _predicate(value: Callable[[Any], bool] | None) -> Callable[[Any], bool] | None:
    if value is not None and not callable(value):
        raise TypeError(
            f"{_OWNER}: retry_if_result must be a function from a result to a bool, "
            f"not {type(value).__name__}"
        )
    return value


def _jitter(value: object) -> Jitter:
    for kind in get_args(Jitter):
        if value == kind:
            return kind  # type: ignore[no-any-return] # one of the literals
    raise ValueError(
        f"{_OWNER}: jitter must be one of {', '.join(get_args(Jitter))}, not {value!r}"
    )


def _draw(value: Draw | None) -> Draw | None:
    if value is not None and not callable(getattr(value, "random", None)):
        raise TypeError(
            f"{_OWNER}: random must have a method random(), as random.Random(7) has; "
            f"{type(value).__name__} has none"
        )
    return value
