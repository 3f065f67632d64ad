"""Retries in a pipeline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyfly.resilience._checks import Budget
from pyfly.resilience.call import AttemptRecord, Call, Handler, SyncHandler
from pyfly.resilience.events import (
    AttemptFailed,
    AttemptStarted,
    AttemptSucceeded,
    BudgetEmpty,
    RetryScheduled,
    RetrySuppressed,
)
from pyfly.resilience.retry.history import attach, summary
from pyfly.resilience.retry.policy import RetryPolicy, UnwantedResultException

OVERTAKEN = "the circuit has opened since this call was admitted"
BUDGET_EMPTY = "the retry budget is empty"


class RetryStage:
    """Makes the attempts of a call, one after the other.

    Before each further attempt it makes sure that the circuit breaker's admission still
    stands, that the pause ends before the deadline, and that the budget has a token; else it
    raises the last attempt's own exception and tells why in an event. (A result that
    ``policy.retry_if_result`` does not want is an attempt that failed with
    :class:`UnwantedResultException`, except that the result is returned in the end.)

    A pipeline without retries can use it too, with ``RetryPolicy(max_attempts=1)``: it numbers
    the attempt and emits its events.

    Args:
        policy: How often, and with which pauses. The pauses are taken on the call's clock.
        may_retry: Asked about an exception that ``policy.retry_on`` names: None to let it lead
            to another attempt, else why not. Asked more than once about one exception, so it
            must have no effects.
        budget: Bounds the retries of all calls that share it; None: unbounded.
    """

    name = "retry"

    def __init__(
        self,
        policy: RetryPolicy,
        *,
        may_retry: Callable[[Call, Exception], str | None] | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.policy = policy
        self.budget = budget
        self._may_retry = may_retry
        self._pauses = policy.longest_pauses()

    def wrap(self, inner: Handler) -> Handler:
        unwanted = self.policy.retry_if_result

        async def retry(call: Call) -> Any:
            self._begin(call)
            before = 0.0
            while True:
                started = self._next_attempt(call)
                if call.events.on:
                    self._started(call, started)
                try:
                    result = await inner(call)
                except Exception as error:
                    delay = self._failed(call, error, started, before)
                    if delay is None:
                        raise
                    await call.clock.sleep(delay)
                    before = delay
                    if self._overtaken(call, error):
                        raise
                except BaseException as error:  # cancelled, or the process is ending
                    self._note(call, error, started, before)
                    raise
                else:
                    if unwanted is None or not unwanted(result):
                        if call.events.on or call.history:
                            self._succeeded(call, started, before)
                        return result
                    poor = UnwantedResultException()
                    delay = self._failed(call, poor, started, before)
                    if delay is None:
                        return result
                    await call.clock.sleep(delay)
                    before = delay
                    if self._overtaken(call, poor):
                        return result

        return retry

    def wrap_sync(self, inner: SyncHandler) -> SyncHandler:
        unwanted = self.policy.retry_if_result

        def retry(call: Call) -> Any:
            self._begin(call)
            before = 0.0
            while True:
                started = self._next_attempt(call)
                if call.events.on:
                    self._started(call, started)
                try:
                    result = inner(call)
                except Exception as error:
                    delay = self._failed(call, error, started, before)
                    if delay is None:
                        raise
                    call.clock.sleep_sync(delay)
                    before = delay
                    if self._overtaken(call, error):
                        raise
                except BaseException as error:  # cancelled, or the process is ending
                    self._note(call, error, started, before)
                    raise
                else:
                    if unwanted is None or not unwanted(result):
                        if call.events.on or call.history:
                            self._succeeded(call, started, before)
                        return result
                    poor = UnwantedResultException()
                    delay = self._failed(call, poor, started, before)
                    if delay is None:
                        return result
                    call.clock.sleep_sync(delay)
                    before = delay
                    if self._overtaken(call, poor):
                        return result

        return retry

    # What the two drivers share

    def _begin(self, call: Call) -> None:
        if call.single_attempt is None:
            call.attempts_allowed = self.policy.max_attempts
        call.pauses = self._pauses
        call.against_retry = self._reason_against
        if self.policy.retry_if_result is not None:
            call.repeats = self._repeats
        if self.budget is not None and call.attempt_started is None:  # else noted before that
            self.budget.deposit()

    def _next_attempt(self, call: Call) -> float:
        """Number an attempt; when it began."""
        call.attempt += 1
        if call.attempt_started is None:
            call.attempt_started = call.clock.monotonic()
        return call.attempt_started

    def _started(self, call: Call, started: float) -> None:
        if call.events.wants(AttemptStarted):
            call.events.emit(AttemptStarted(call.operation, started, call.attempt))

    def _succeeded(self, call: Call, started: float, before: float) -> None:
        now = call.clock.monotonic()
        if call.history:
            call.history.append(AttemptRecord(call.attempt, None, started, now - started, before))
        if call.events.wants(AttemptSucceeded):
            call.events.emit(AttemptSucceeded(call.operation, now, call.attempt, now - started))

    def _note(self, call: Call, error: BaseException, started: float, before: float) -> float:
        """Record and tell a failed attempt, which is over; the time now."""
        now = call.clock.monotonic()
        call.attempt_started = call.attempt_deadline = None
        call.history.append(AttemptRecord(call.attempt, error, started, now - started, before))
        if call.events.on:
            call.events.emit(AttemptFailed(call.operation, now, call.attempt, error, now - started))
        return now

    def _failed(self, call: Call, error: Exception, started: float, before: float) -> float | None:
        """Note a failed attempt. The seconds to wait before the next, or None: raise it."""
        now = self._note(call, error, started, before)
        wait = self._wait_or_reason(call, error, now, before)
        if isinstance(wait, str):
            self._suppressed(call, error, now, wait)
        elif wait is not None:
            if call.events.on:
                call.events.emit(RetryScheduled(call.operation, now, call.attempt, wait, error))
            return wait
        _attach(call, error)
        return None

    def _wait_or_reason(
        self, call: Call, error: Exception, now: float, before: float
    ) -> float | str | None:
        """The wait; why there must be no other attempt; or None: there would be none anyway."""
        if call.attempt >= self.policy.max_attempts or not self.policy.wants(error):
            return None
        reason = self._reason_against(call, error)
        if reason is not None:
            return reason
        if call.admission is not None and not call.admission.stands:
            return OVERTAKEN
        left = None if call.deadline is None else call.deadline - now
        wait = self.policy.wait_or_reason(error, call.attempt, before, left)
        if isinstance(wait, str):
            return wait
        if self.budget is not None and not self.budget.withdraw():  # last: it costs a token
            if call.events.on:
                call.events.emit(BudgetEmpty(call.operation, now))
            return BUDGET_EMPTY
        return wait

    def _reason_against(self, call: Call, error: Exception) -> str | None:
        if call.single_attempt is not None:
            return call.single_attempt
        if not self.policy.wants(error):
            return f"{type(error).__name__} is not retried"
        return None if self._may_retry is None else self._may_retry(call, error)

    def _repeats(self, call: Call, result: Any) -> bool:
        unwanted = self.policy.retry_if_result
        if unwanted is None or not unwanted(result):
            return False
        return self._reason_against(call, UnwantedResultException()) is None

    def _overtaken(self, call: Call, error: Exception) -> bool:
        """Whether the circuit opened while this call paused, and is not closed again."""
        if call.admission is None or call.admission.stands:
            return False
        self._suppressed(call, error, call.clock.monotonic(), OVERTAKEN)
        _attach(call, error)
        return True

    def _suppressed(self, call: Call, error: Exception, now: float, reason: str) -> None:
        if call.events.on:
            call.events.emit(RetrySuppressed(call.operation, now, call.attempt, reason, error))

    def describe(self) -> str:
        text = self.policy.describe()
        return text if self.budget is None else f"{text}; {self.budget.describe()}"


def _attach(call: Call, error: Exception) -> None:
    if len(call.history) > 1:
        attach(
            error,
            [summary(r.number, r.error, r.duration, r.delay_before) for r in call.history],
        )
