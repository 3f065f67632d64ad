"""The circuit breaker in a pipeline: it admits per call and judges per attempt.

Two stages work together. The outer one lets the call pass or refuses it; the inner one, right
inside the retry, tells the breaker of each attempt. A failed attempt counts one part in the
number of attempts that the call may make; a success, and a failure that no retry follows, count
for those that would have followed, so that calls without retries behave as with a breaker alone.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

from pyfly.kernel.exceptions import (
    CircuitBreakerException,
    OperationTimeoutException,
    RefusedException,
)
from pyfly.resilience.call import Call, Handler, SyncHandler
from pyfly.resilience.circuit_breaker.circuit_breaker import CircuitBreaker
from pyfly.resilience.circuit_breaker.state import Admission
from pyfly.resilience.events import PermitRefused

HALF_OPEN = "the circuit is half-open"


class CircuitBreakerStage:
    """Admission of calls.

    Args:
        breaker: The circuit breaker, which several pipelines may share.
        is_failure: Whether an exception of an attempt counts, unless the breaker was made with
            a rule of its own. It is asked about exceptions only; refusals and cancellation
            never count.
        is_answer: Whether an exception that does not count is an answer of the other side, which
            so proves that it works: it lets the probe of a half-open circuit succeed, which else
            would stay half-open for as long as there are no other answers. In a closed circuit
            it proves nothing. Default: no exception.
        attempt_timeout: Seconds that an attempt may take: a probe without a verdict for so long
            opens the circuit again, unless the breaker has a ``half_open_timeout``. A call may
            bring its own (``call.attempt_timeout``). None: a probe may take for ever.

    Attributes:
        evidence: The stage that has to stand per attempt, right inside the retry.
    """

    name = "circuit breaker"

    def __init__(
        self,
        breaker: CircuitBreaker,
        is_failure: Callable[[BaseException], bool],
        is_answer: Callable[[BaseException], bool] | None = None,
        attempt_timeout: float | None = None,
    ) -> None:
        self.breaker = breaker
        self._attempt_timeout = attempt_timeout
        self.evidence = CircuitBreakerEvidenceStage(breaker, is_failure, is_answer)

    def wrap(self, inner: Handler) -> Handler:
        breaker, rules = self.breaker, self.breaker.rules

        async def circuit_breaker(call: Call) -> Any:
            admission = call.admission or rules.closed_admission
            if admission is not None:
                call.admission = admission
                return await inner(call)
            admission = self._enter(call)
            try:
                return await inner(call)
            finally:
                breaker.released(admission)  # nothing, if an attempt was judged

        return circuit_breaker

    def wrap_sync(self, inner: SyncHandler) -> SyncHandler:
        breaker, rules = self.breaker, self.breaker.rules

        def circuit_breaker(call: Call) -> Any:
            admission = call.admission or rules.closed_admission
            if admission is not None:
                call.admission = admission
                return inner(call)
            admission = self._enter(call)
            try:
                return inner(call)
            finally:
                breaker.released(admission)

        return circuit_breaker

    def _enter(self, call: Call) -> Admission:
        breaker = self.breaker
        within = self._attempt_timeout if call.attempt_timeout is None else call.attempt_timeout
        try:
            admission = breaker.admit(call.operation, inf if within is None else within)
        except CircuitBreakerException as refusal:
            if call.events.wants(PermitRefused):
                at = call.clock.monotonic()
                left = refusal.retry_after
                call.events.emit(PermitRefused(call.operation, at, self.name, breaker.name, left))
            raise
        call.admission = admission
        if admission.probe:
            call.attempts_allowed = 1
            call.single_attempt = HALF_OPEN
        return admission

    def describe(self) -> str:
        name = f"{self.breaker.name}: " if self.breaker.name else ""
        return name + self.breaker.policy.describe()


class CircuitBreakerEvidenceStage:
    """Judgement of attempts."""

    name = "circuit breaker evidence"

    def __init__(
        self,
        breaker: CircuitBreaker,
        is_failure: Callable[[BaseException], bool],
        is_answer: Callable[[BaseException], bool] | None = None,
    ) -> None:
        self.breaker = breaker
        self._is_failure = breaker.is_failure or is_failure
        self._is_answer = is_answer

    def wrap(self, inner: Handler) -> Handler:
        rules, timed = self.breaker.rules, self.breaker.times_calls

        async def circuit_breaker_evidence(call: Call) -> Any:
            started = call.clock.monotonic() if timed else None
            try:
                result = await inner(call)
            except Exception as error:
                self._failed(call, error, started)
                raise
            if rules.wants_success:
                self._returned(call, result, started)
            return result

        return circuit_breaker_evidence

    def wrap_sync(self, inner: SyncHandler) -> SyncHandler:
        rules, timed = self.breaker.rules, self.breaker.times_calls

        def circuit_breaker_evidence(call: Call) -> Any:
            started = call.clock.monotonic() if timed else None
            try:
                result = inner(call)
            except Exception as error:
                self._failed(call, error, started)
                raise
            if rules.wants_success:
                self._returned(call, result, started)
            return result

        return circuit_breaker_evidence

    def _returned(self, call: Call, result: Any, started: float | None) -> None:
        if isinstance(call.admission, Admission):
            allowed = max(call.attempts_allowed, 1)
            weight = _attempts_ended(call, result, allowed)
            self.breaker.returned(
                call.admission,
                result,
                allowed,
                weight_numerator=weight,
                duration=_since(call, started),
                span=self._span(call, weight < _attempts_left(call, allowed)),
                operation=call.operation,
            )

    def _failed(self, call: Call, error: Exception, started: float | None) -> None:
        admission = call.admission
        if isinstance(error, RefusedException) or not isinstance(admission, Admission):
            return
        if isinstance(error, OperationTimeoutException) and call.stood_still:
            return
        if self._is_failure(error):
            allowed = max(call.attempts_allowed, 1)
            weight = _attempts_spoken_for(call, error, allowed)
            self.breaker.failed(
                admission,
                error,
                allowed,
                weight_numerator=weight,
                duration=_since(call, started),
                span=self._span(call, weight < _attempts_left(call, allowed)),
                operation=call.operation,
            )
            if call.attempt <= 1:
                call.streak = self.breaker.rules.streak
        elif admission.probe and self._is_answer is not None and self._is_answer(error):
            self.breaker.succeeded(
                admission, duration=_since(call, started), operation=call.operation
            )

    def _span(self, call: Call, retried: bool) -> float:
        """Returns the seconds that failures have to last until this attempt opens the circuit.

        0 if no attempt has led to a retry lately, as where none may be repeated: then nothing
        is to be heard. 0 as well if all attempts of this call are among the failures: then they
        do span its pauses.
        """
        if call.pauses:
            now = call.clock.monotonic()
            if retried:
                self.breaker.retries_until = max(self.breaker.retries_until, now + call.pauses)
            elif now >= self.breaker.retries_until:
                return 0.0
        if call.streak is None or call.attempt < call.attempts_allowed:
            return call.pauses
        return 0.0 if call.streak is self.breaker.rules.streak else call.pauses

    def describe(self) -> str:
        return "each failed attempt counts 1 part in the attempts its call may make"


def _attempts_spoken_for(call: Call, error: Exception, allowed: int) -> int:
    if call.against_retry is None or call.against_retry(call, error) is None:
        return 1
    return _attempts_left(call, allowed)


def _attempts_ended(call: Call, result: Any, allowed: int) -> int:
    if call.repeats is not None and call.repeats(call, result):
        return 1
    return _attempts_left(call, allowed)


def _attempts_left(call: Call, allowed: int) -> int:
    """Returns how many attempts there would be from this one on, itself included."""
    return max(allowed - call.attempt + 1, 1) if call.attempt else allowed


def _since(call: Call, started: float | None) -> float | None:
    if started is None:
        return None
    return 0.0 if call.stood_still else call.clock.monotonic() - started
