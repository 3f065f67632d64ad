"""The order of the stages, in one list.

Why so. A fallback answers whatever fails inside it, decoding included; decoding stands outside
the circuit breaker and the retry, so that bad JSON never opens a circuit. The circuit breaker
admits per call, so it stands outside the retry; limiters stand inside both, so that an open
circuit neither waits nor spends tokens, and no permit is held through a pause between attempts.
The breaker's evidence stands right inside the retry, outside the limiters and timeouts: it judges
each attempt, its timeout included.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyfly.resilience.circuit_breaker.stage import (
    CircuitBreakerEvidenceStage,
    CircuitBreakerStage,
)
from pyfly.resilience.hedge.stage import HedgeStage
from pyfly.resilience.pipeline import Pipeline, Stage
from pyfly.resilience.timeout.stage import AttemptTimeoutStage, TotalTimeoutStage

ORDER: tuple[str, ...] = (
    "fallback",
    "decode",
    "single-flight",
    "total deadline",
    "circuit breaker",
    "retry",
    "hedge",
    # from here on per attempt
    "circuit breaker evidence",
    "rate limiter",
    "throttle",
    "bulkhead",
    "adaptive limit",
    "attempt timeout",
    "deadline header",
    "interceptors",
    "auth",
    "chaos",
)
"""The names of all stages, outermost first: those of a client among them."""


def assemble(stages: Iterable[Stage]) -> Pipeline:
    """Put stages into order. A circuit breaker brings its evidence stage with it.

    Raises:
        ValueError: A name that is not in :data:`ORDER` or comes twice, or stages that
            contradict each other.
    """
    found: dict[str, Stage] = {}
    for stage in stages:
        if stage.name not in ORDER:
            raise ValueError(
                f"{type(stage).__name__}: there is no place for a stage named {stage.name!r}; "
                f"the places are {', '.join(ORDER)}"
            )
        if stage.name in found:
            raise ValueError(f"there are two stages named {stage.name!r}; a pipeline takes one")
        found[stage.name] = stage
    _pair_breaker(found)
    _check_timeouts(found)
    _check_half_open(found)
    _check_hedge(found)
    return Pipeline(found[name] for name in ORDER if name in found)


def _pair_breaker(found: dict[str, Stage]) -> None:
    admission = found.get(CircuitBreakerStage.name)
    evidence = found.get(CircuitBreakerEvidenceStage.name)
    if isinstance(admission, CircuitBreakerStage):
        if evidence is not None and evidence is not admission.evidence:
            raise ValueError(
                "the stages 'circuit breaker' and 'circuit breaker evidence' belong to two "
                "breakers: pass the first one's own attribute `evidence`, or leave it out"
            )
        found[CircuitBreakerEvidenceStage.name] = admission.evidence
    elif isinstance(evidence, CircuitBreakerEvidenceStage):
        raise ValueError(
            "'circuit breaker evidence' needs the stage 'circuit breaker' that it belongs to"
        )


def _check_timeouts(found: dict[str, Stage]) -> None:
    attempt = found.get(AttemptTimeoutStage.name)
    total = found.get(TotalTimeoutStage.name)
    if not isinstance(attempt, AttemptTimeoutStage) or not isinstance(total, TotalTimeoutStage):
        return
    if attempt.seconds is None or total.seconds is None:
        return
    if attempt.seconds > total.seconds:
        raise ValueError(
            f"the attempt timeout ({attempt.seconds:g} s) is over the total timeout "
            f"({total.seconds:g} s), so it would never end an attempt: make it shorter"
        )


def _check_half_open(found: dict[str, Stage]) -> None:
    admission = found.get(CircuitBreakerStage.name)
    total = found.get(TotalTimeoutStage.name)
    if not isinstance(admission, CircuitBreakerStage) or not isinstance(total, TotalTimeoutStage):
        return
    wait = admission.breaker.policy.half_open_timeout
    if wait is not None and total.seconds is not None and wait.total_seconds() > total.seconds:
        raise ValueError(
            f"the circuit breaker's half_open_timeout ({wait.total_seconds():g} s) is over the "
            f"total timeout ({total.seconds:g} s), which ends each probe before: make it shorter"
        )


def _check_hedge(found: dict[str, Stage]) -> None:
    stage = found.get(HedgeStage.name)
    attempt = found.get(AttemptTimeoutStage.name)
    if not isinstance(stage, HedgeStage) or not isinstance(attempt, AttemptTimeoutStage):
        return
    delay = stage.hedge.policy.delay
    if (
        delay is not None
        and attempt.seconds is not None
        and delay.total_seconds() >= attempt.seconds
    ):
        raise ValueError(
            f"the hedge is sent after {delay.total_seconds():g} s, when the attempt timeout "
            f"({attempt.seconds:g} s) has ended the attempt: make its delay shorter"
        )
