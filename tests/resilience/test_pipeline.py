from __future__ import annotations

import pytest

from pyfly.resilience import (
    ORDER,
    AttemptTimeoutStage,
    Call,
    CircuitBreaker,
    CircuitBreakerStage,
    Handler,
    Pipeline,
    RetryBudget,
    RetryPolicy,
    RetryStage,
    SyncHandler,
    TotalTimeoutStage,
    assemble,
)
from pyfly.resilience.circuit_breaker.stage import CircuitBreakerEvidenceStage
from tests.resilience.support import Driver, ManualClock, a_call


class Tag:
    """A stage that writes its name around what is inside."""

    def __init__(self, name: str) -> None:
        self.name = name

    def wrap(self, inner: Handler) -> Handler:
        async def tag(call: Call) -> str:
            return f"{self.name}({await inner(call)})"

        return tag

    def wrap_sync(self, inner: SyncHandler) -> SyncHandler:
        return lambda call: f"{self.name}({inner(call)})"

    def describe(self) -> str:
        return f"the {self.name}"


def breaker_stage() -> CircuitBreakerStage:
    return CircuitBreakerStage(CircuitBreaker(), lambda error: True)


def test_the_first_stage_is_the_outermost(driver: Driver, clock: ManualClock) -> None:
    pipeline = Pipeline([Tag("a"), Tag("b"), Tag("c")])
    assert driver.pipeline(pipeline, lambda call: call.payload, a_call(clock)) == "a(b(c(payload)))"
    assert repr(pipeline) == "Pipeline(a, b, c)"


def test_an_empty_pipeline_is_the_sender_itself() -> None:
    async def send(call: Call) -> None: ...

    def send_sync(call: Call) -> None: ...

    assert Pipeline([]).build(send) is send
    assert Pipeline([]).build_sync(send_sync) is send_sync


def test_explain_tells_a_line_per_stage_outermost_first() -> None:
    assert Pipeline([Tag("a"), Tag("b")]).explain() == "a: the a\nb: the b"


def test_assembling_sorts_by_the_one_list(driver: Driver, clock: ManualClock) -> None:
    names = [name for name in ORDER if not name.startswith("circuit")]
    pipeline = assemble([Tag(name) for name in reversed(names)])
    answer = driver.pipeline(pipeline, lambda call: "sent", a_call(clock))
    assert answer == "(".join([*names, "sent"]) + ")" * len(names)


def test_limiters_stand_inside_breaker_and_retry_and_the_evidence_outside_limiters() -> None:
    at = {name: place for place, name in enumerate(ORDER)}
    assert at["circuit breaker"] < at["retry"] < at["circuit breaker evidence"]
    for limiter in ("rate limiter", "throttle", "bulkhead", "adaptive limit", "attempt timeout"):
        assert at["circuit breaker evidence"] < at[limiter]
    assert at["total deadline"] < at["circuit breaker"]


def test_a_breaker_brings_its_evidence_right_inside_the_retry() -> None:
    stages = assemble([RetryStage(RetryPolicy()), breaker_stage()]).stages
    assert [s.name for s in stages] == ["circuit breaker", "retry", "circuit breaker evidence"]


def test_the_evidence_may_be_passed_along() -> None:
    stage = breaker_stage()
    assert len(assemble([stage.evidence, stage]).stages) == 2


def test_the_evidence_of_another_breaker_is_refused() -> None:
    with pytest.raises(ValueError, match=r"belong to two breakers.*leave it out"):
        assemble([breaker_stage(), breaker_stage().evidence])


def test_evidence_without_a_breaker_is_refused() -> None:
    evidence = CircuitBreakerEvidenceStage(CircuitBreaker(), lambda error: True)
    with pytest.raises(ValueError, match="needs the stage 'circuit breaker'"):
        assemble([evidence])


def test_an_unknown_stage_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match=r"Tag: .*'retrying'; the places are fallback"):
        assemble([Tag("retrying")])


def test_a_stage_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="two stages named 'retry'"):
        assemble([Tag("retry"), Tag("retry")])


def test_an_attempt_timeout_over_the_total_timeout_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(30 s\) is over the total timeout \(10 s\)"):
        assemble([AttemptTimeoutStage(30.0), TotalTimeoutStage(10.0)])


@pytest.mark.parametrize(
    ("attempt", "total"), [(10.0, 10.0), (None, 10.0), (30.0, None), (None, None)]
)
def test_other_pairs_of_timeouts_are_accepted(attempt: float | None, total: float | None) -> None:
    assert len(assemble([AttemptTimeoutStage(attempt), TotalTimeoutStage(total)]).stages) == 2


def test_explain_shows_the_effective_settings_of_every_policy() -> None:
    breaker = CircuitBreaker(3, name="shop")
    pipeline = assemble(
        [
            AttemptTimeoutStage(2.0, port_bounds=True),
            TotalTimeoutStage(),
            RetryStage(RetryPolicy(), budget=RetryBudget()),
            CircuitBreakerStage(breaker, lambda error: True),
        ]
    )
    assert pipeline.explain().splitlines() == [
        "total deadline: none of its own, or the caller's deadline if that is nearer",
        "circuit breaker: shop: opens after 3 consecutive failures for 30 s, "
        "then 1 at a time may probe",
        "retry: up to 3 attempts, 1 s × 2ⁿ apart; retries at most 20% of calls plus "
        "1 per second, 100 in hand",
        "circuit breaker evidence: each failed attempt counts 1 part in the attempts "
        "its call may make",
        "attempt timeout: 2 s, kept by the port",
    ]


def test_a_call_never_shows_its_payload(clock: ManualClock) -> None:
    call = a_call(clock)
    call.payload = "secret"
    assert repr(call) == "<Call Shop.product attempt 0 of 1>"
    assert call.started == clock.now
