"""Chaos in a pipeline: innermost, so that all the others have to cope with it."""

from __future__ import annotations

from inspect import isawaitable
from types import CoroutineType
from typing import Any

from pyfly.kernel.exceptions import AttemptTimeoutException
from pyfly.resilience.call import Call, Handler, SyncHandler
from pyfly.resilience.chaos.chaos import Chaos
from pyfly.resilience.events import Event


class ChaosInjected(Event):
    """Something was done to an attempt on purpose.

    ``kind`` is ``"behaviour"``, ``"latency"``, ``"fault"`` or ``"outcome"``.
    """

    attempt: int
    kind: str


class ChaosStage:
    """Does harm to attempts on purpose. Without a rate above 0 it is not there at all.

    Args:
        chaos: What is done, and how often; several pipelines may share it.
    """

    name = "chaos"

    def __init__(self, chaos: Chaos) -> None:
        self.chaos = chaos

    def wrap(self, inner: Handler) -> Handler:
        chaos, policy = self.chaos, self.chaos.policy
        if not policy.rates:
            return inner

        async def chaos_stage(call: Call) -> Any:
            kinds = chaos.draw()
            if "behaviour" in kinds and policy.behaviour is not None:
                _tell(call, "behaviour")
                result = policy.behaviour[1](call)
                if isawaitable(result):
                    await result
            if "latency" in kinds and policy.latency is not None:
                _tell(call, "latency")
                wait, too_long = _wait(call, policy.latency[1].total_seconds())
                await call.clock.sleep(wait)
                if too_long is not None:
                    raise too_long
            if "fault" in kinds:
                raise self._fault(call)
            if "outcome" in kinds:
                return self._outcome(call)
            return await inner(call)

        return chaos_stage

    def wrap_sync(self, inner: SyncHandler) -> SyncHandler:
        chaos, policy = self.chaos, self.chaos.policy
        if not policy.rates:
            return inner
        if policy.asynchronous:
            raise policy.no_use()

        def chaos_stage(call: Call) -> Any:
            kinds = chaos.draw()
            if "behaviour" in kinds and policy.behaviour is not None:
                _tell(call, "behaviour")
                result = policy.behaviour[1](call)
                if type(result) is CoroutineType:
                    result.close()
                    raise policy.no_use()
            if "latency" in kinds and policy.latency is not None:
                _tell(call, "latency")
                wait, too_long = _wait(call, policy.latency[1].total_seconds())
                call.clock.sleep_sync(wait)
                if too_long is not None:
                    raise too_long
            if "fault" in kinds:
                raise self._fault(call)
            if "outcome" in kinds:
                return self._outcome(call)
            return inner(call)

        return chaos_stage

    def _fault(self, call: Call) -> BaseException:
        fault = self.chaos.policy.fault
        made = fault[1]() if fault is not None else None
        if not isinstance(made, BaseException):
            return TypeError(
                "Chaos: the function of fault must return a new exception, and it returned "
                f"{type(made).__name__}"
            )
        _tell(call, "fault")
        return made

    def _outcome(self, call: Call) -> Any:
        outcome = self.chaos.policy.outcome
        _tell(call, "outcome")
        return None if outcome is None else outcome[1]

    def describe(self) -> str:
        return self.chaos.policy.describe()


def _tell(call: Call, kind: str) -> None:
    if call.events.on:
        at = call.clock.monotonic()
        call.events.emit(ChaosInjected(call.operation, at, call.attempt, kind))


def _wait(call: Call, seconds: float) -> tuple[float, AttemptTimeoutException | None]:
    """How long to wait, and the error of an attempt that is over by then.

    A port that keeps to ``call.attempt_deadline`` itself would give up at that moment, so here
    chaos does it in its place.
    """
    end = call.attempt_deadline
    if end is None:
        return seconds, None
    left = max(end - call.clock.monotonic(), 0.0)
    if seconds < left:
        return seconds, None
    return left, AttemptTimeoutException(
        f"{call.operation}: attempt {call.attempt or 1} took longer than {left:.3g} s (chaos made "
        f"it wait {seconds:g} s)",
        timeout=left,
    )
