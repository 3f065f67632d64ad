"""A circuit breaker beside its model: what can happen to it, and all that can be seen of it."""

from __future__ import annotations

from collections.abc import Coroutine
from datetime import timedelta
from fractions import Fraction
from typing import Any

from pyfly.kernel.exceptions import CircuitBreakerException
from pyfly.resilience import (
    CircuitBreaker,
    CircuitBreakerPolicy,
    CountWindow,
    FailureRule,
    TimeWindow,
)
from tests.resilience.machine.breaker_model import BreakerModel, Settings, Window, rates, weight
from tests.resilience.machine.driving import (
    ENDINGS,
    Caller,
    Clock,
    Difference,
    Pick,
    park,
    same,
)

__all__ = ["BreakerWorld"]


class BreakerWorld:
    """A circuit breaker, its model, and the calls under way."""

    MODES = (
        *("reset",) * 3,
        "force_open",
        "force_closed",
        "disable",
        "observe_only",
    )

    def __init__(self, clock: Clock, pick: Pick) -> None:
        self.clock = clock
        self.settings = settings = self._choose(pick)
        self.by_result = pick((False, False, True))
        self.model = BreakerModel(settings)
        rule = FailureRule(
            ignore=KeyError,
            record_result=(lambda result: result == "bad") if self.by_result else None,
        )
        self.breaker = CircuitBreaker(policy=policy_of(settings), is_failure=rule, clock=clock)
        self.number = 0
        self.calls: list[dict[str, Any]] = []
        self.ended: list[dict[str, Any]] = []
        self.started_probes = self.ended_probes = self.overtaken_probes = 0

    @staticmethod
    def _choose(pick: Pick) -> Settings:
        kind = pick(("consecutive", "consecutive", "count", "time"))
        window = None
        if kind != "consecutive":
            slow = pick((None, None, 0.5))
            window = Window(
                by_time=kind == "time",
                size=pick((1, 2, 4, 6)),
                rate=pick((0.25, 0.5, 1 / 3, 1.0)),
                minimum=1,
                slow_rate=slow,
                slow_after=None if slow is None else 2.0,
            )
            most = 4 if window.by_time else window.size
            window = window._replace(minimum=pick(tuple(range(1, most + 1))))
        growth = pick((1, 1, 2))
        recovery = pick((0.0, 10.0))
        return Settings(
            threshold=5 if window else pick((1, 2, 3)),
            recovery=recovery,
            permits=pick((1, 2, 3)),
            window=window,
            half_open_timeout=pick((float("inf"), 4.0)),
            growth=growth,
            longest=recovery * 4,
        )

    def state(self) -> str:
        return self.breaker.state.name

    # What happens

    def start(self, pick: Pick) -> None:
        self.number += 1
        way = pick(("call", "call", "with", "api"))
        answer = self.model.ask(self.number)
        observed = self.model.mode == "OBSERVE_ONLY"
        call: dict[str, Any] = {
            "way": way,
            "number": self.number,
            "chapter": self.model.chapter if answer != "refused" else -1,
            "probe": answer == "probe",
            "at": self.clock.now,
        }
        outcome: object = None
        if way == "api":
            try:
                call["admission"] = self.breaker.admit()
            except CircuitBreakerException as refusal:
                outcome = refusal
        else:
            call["caller"] = caller = Caller(self._through() if way == "call" else self._inside())
            outcome = caller.start()
        refusal_due = answer == "refused" and not observed
        same("a call is refused", isinstance(outcome, CircuitBreakerException), refusal_due)
        if isinstance(outcome, CircuitBreakerException):
            left = outcome.retry_after
            if left is not None and left < 0:
                raise Difference(f"a refusal that says {left}")
            return
        same("a call that started", outcome, None)
        self.started_probes += call["probe"]
        self.calls.append(call)

    def _through(self) -> Coroutine[Any, Any, Any]:
        return self.breaker.call(park)

    async def _inside(self) -> object:
        async with self.breaker:
            return await park()

    def end(self, pick: Pick) -> None:
        if not self.calls:
            return
        call = self.calls.pop(pick(range(len(self.calls))))
        how, make = pick(ENDINGS)
        part, span = Fraction(1), 0.0
        verdict = how
        if how == "bad result":
            by_result = self.by_result and call["way"] != "with"
            verdict = "failure" if by_result else "success"
        ending = make()
        if call["way"] == "api":
            attempts = pick((1, 2, 3, 7))
            part = Fraction(pick(range(1, attempts + 1)), attempts)
            span = pick((0.0, 0.0, 2.5, 10.0))
            self._tell(call, how, verdict, part, self.clock.now - call["at"], span)
            self.ended.append(call)
        else:
            seen = call["caller"].end(ending)
            expected = None if isinstance(ending, GeneratorExit) else ending
            if seen is not expected:
                raise Difference(f"a call ended with {seen!r}, not {expected!r}")
        self._note_end(call, verdict, part, span)

    def _note_end(self, call: dict[str, Any], verdict: str, part: Fraction, span: float) -> None:
        seconds = self.clock.now - call["at"]
        if call["probe"]:
            in_time = call["number"] in self.model.out and call["chapter"] == self.model.chapter
            self.ended_probes += in_time
            self.overtaken_probes += not in_time
        self.model.end(call["number"], call["chapter"], verdict, part, seconds, span)

    def _tell(
        self,
        call: dict[str, Any],
        how: str,
        verdict: str,
        part: Fraction,
        seconds: float,
        span: float = 0.0,
    ) -> None:
        admission = call["admission"]
        parts: dict[str, Any] = {
            "weight_denominator": part.denominator,
            "weight_numerator": part.numerator,
            "duration": seconds,
            "span": span,
        }
        if how == "bad result":
            self.breaker.returned(admission, "bad", **parts)
        elif verdict == "success":
            self.breaker.succeeded(admission, **parts)
        elif verdict == "failure":
            self.breaker.failed(admission, OSError(), **parts)
        else:
            self.breaker.released(admission)

    def end_again(self, pick: Pick) -> None:
        """The end of a probe that has been told already must change nothing."""
        probes = [call for call in self.ended[-20:] if call["probe"]]
        if probes:
            call = pick(probes)
            how = pick(("success", "failure", "neutral"))
            self._tell(call, how, how, Fraction(1), 0.0)

    def switch(self, pick: Pick) -> None:
        what = pick(self.MODES)
        getattr(self.breaker, what)()
        modes = {
            "reset": "NORMAL",
            "force_open": "FORCED_OPEN",
            "force_closed": "FORCED_CLOSED",
            "disable": "DISABLED",
            "observe_only": "OBSERVE_ONLY",
        }
        self.model.switch(modes[what])

    # What can be seen

    def check(self) -> None:
        model, rules = self.model, self.breaker.rules
        same("state", self.breaker.state.name, model.visible())
        seen = self.breaker.snapshot()
        same("mode", seen.mode.name, model.mode)
        same("permits held", seen.permits_held, len(model.out))
        same("refused", seen.refused, model.refused)
        if model.phase == "HALF_OPEN":
            spent = len(model.verdicts) if self.settings.window else 0
            same("permits", rules.permits + len(model.out) + spent, self.settings.permits)
        left = None
        if model.phase == "OPEN" and model.mode != "FORCED_OPEN":
            left = max(model.until - self.clock.now, 0.0)
        same("time left", seen.time_left, left)
        if self.settings.window is None:
            same("failures", seen.failures, float(model.consecutive))
        else:
            inside = model.in_window()
            same("calls in the window", seen.calls_in_window, float(weight(inside)))
            judged = weight(inside) >= self.settings.window.minimum
            pair = rates(inside) if judged else (None, None)
            same("rates", (seen.failure_rate, seen.slow_rate), pair)
        observed = model.mode == "OBSERVE_ONLY"
        for call in self.calls:
            if "admission" in call:
                stands = observed_once(call) or call["chapter"] == model.chapter
                stands = stands or model.phase == "CLOSED"
                same("an admission stands", call["admission"].stands, stands)
        shared = model.phase == "CLOSED" and not observed
        if rules.closed_admission is not None and not shared:
            raise Difference("the fast path is open though the circuit is not closed")
        same(
            "probes started, ended, overtaken and under way",
            self.started_probes,
            self.ended_probes + self.overtaken_probes + sum(call["probe"] for call in self.calls),
        )


def observed_once(call: dict[str, Any]) -> bool:
    return type(call["admission"]).__name__ == "Observation"


def policy_of(settings: Settings) -> CircuitBreakerPolicy:
    window: CountWindow | TimeWindow | None = None
    if settings.window is not None:
        by_time, size, rate, minimum, slow_rate, slow_after = settings.window
        slow = None if slow_after is None else timedelta(seconds=slow_after)
        if by_time:
            window = TimeWindow(timedelta(seconds=size), rate, minimum, slow_rate, slow)
        else:
            window = CountWindow(size, rate, minimum, slow_rate, slow)
    grows = settings.growth > 1
    wait = settings.half_open_timeout
    return CircuitBreakerPolicy(
        settings.threshold,
        timedelta(seconds=settings.recovery),
        settings.permits,
        window=window,
        half_open_timeout=None if wait == float("inf") else timedelta(seconds=wait),
        recovery_multiplier=settings.growth,
        max_recovery_timeout=timedelta(seconds=settings.longest) if grows else None,
    )
