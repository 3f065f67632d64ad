"""Policies that meet in one call of a declared client, in virtual time."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from pyfly.client import (
    BulkheadException,
    CircuitBreakerException,
    ConnectException,
    DeadlineExceededException,
    NotFoundException,
    RateLimitException,
    ResponseDecodeException,
    ServerErrorException,
    deadline,
    get,
    resilience,
    service_client,
)
from pyfly.client.errors import status_error
from pyfly.client.message import Headers
from pyfly.client.wiring import wiring_of
from pyfly.resilience import (
    AdaptiveLimiter,
    AIMDPolicy,
    Bulkhead,
    CircuitBreaker,
    CircuitState,
    Fallback,
    FallbackUsed,
    FlightJoined,
    Hedge,
    HedgeSent,
    PermitRefused,
    RateLimiter,
    RetryBudget,
    RetryPolicy,
    RetryScheduled,
    RetrySuppressed,
    Throttle,
    ThrottledException,
)
from tests.client.protection.support import Port, answer, outcome_of, run_virtual, wired
from tests.resilience.support import LoopClock


def shop(**options: Any) -> Any:
    @service_client(base_url="http://shop:8080", **options)
    class Shop:
        @get("/a/{key}")
        async def read(self, key: str) -> dict[str, Any]: ...

        @get("/b/{key}")
        async def other(self, key: str) -> dict[str, Any]: ...

    return Shop


def within(seconds: float) -> deadline:
    """A deadline in virtual time."""
    return deadline(seconds, clock=LoopClock())


def down() -> ConnectException:
    return ConnectException("refused")


# Retry over an open breaker


def test_the_refusal_of_an_open_circuit_is_not_retried() -> None:
    async def main() -> None:
        breaker = CircuitBreaker()
        breaker.force_open()
        port = Port()
        client, history = wired(shop(circuit_breaker=breaker, retry=5), port)
        with pytest.raises(CircuitBreakerException):
            await client.read("1")
        assert not port.requests
        assert [event.policy for event in history.of(PermitRefused)] == ["circuit breaker"]
        assert not history.of(RetryScheduled)

    run_virtual(main())


def test_a_circuit_that_opens_between_two_attempts_ends_the_retries() -> None:
    async def main() -> None:
        port = Port(down())
        client, history = wired(shop(retry=5, circuit_breaker_failure_threshold=1), port)
        slow = asyncio.create_task(outcome_of(client.read("1")))
        await asyncio.sleep(0.5)  # it waits for its second attempt
        wiring = wiring_of(client)
        assert wiring is not None
        (breaker,) = wiring.protection.shared.all_of(CircuitBreaker)
        breaker.force_open()
        assert isinstance(await slow, ConnectException), "its own error, not the refusal"
        assert len(port.requests) == 1
        (suppressed,) = history.of(RetrySuppressed)
        assert suppressed.reason == "the circuit has opened since this call was admitted"

    run_virtual(main())


# Hedge racing a deadline


def test_a_hedge_wins_before_the_deadline_of_the_call() -> None:
    async def main() -> None:
        port = Port((60.0, answer({"slow": True})), (0.3, answer({"fast": True})))
        client, history = wired(shop(hedge=0.5), port)
        with within(2):
            assert await client.read("1") == {"fast": True}
        assert asyncio.get_running_loop().time() - 1_000.0 == pytest.approx(0.8)
        assert (port.cancelled, port.running) == (1, 0)
        assert len(history.of(HedgeSent)) == 1

    run_virtual(main())


def test_a_deadline_ends_an_attempt_and_its_hedge() -> None:
    async def main() -> None:
        port = Port(answer({}), delay=60.0)
        client, history = wired(shop(hedge=0.5), port)
        with within(2), pytest.raises(DeadlineExceededException):
            await client.read("1")
        assert asyncio.get_running_loop().time() - 1_000.0 == pytest.approx(2)
        assert (port.cancelled, port.running, len(port.requests)) == (2, 0, 2)
        assert len(history.of(HedgeSent)) == 1

    run_virtual(main())


def test_no_hedge_is_sent_where_the_deadline_comes_first() -> None:
    async def main() -> None:
        port = Port(answer({"id": 1}), delay=0.3)
        client, history = wired(shop(hedge=0.5), port)
        with within(0.4):
            assert await client.read("1") == {"id": 1}
        assert not history.of(HedgeSent)

    run_virtual(main())


# A bulkhead's queue


def test_a_call_that_is_cancelled_in_the_queue_of_a_bulkhead_leaves_its_place_to_others() -> None:
    async def main() -> None:
        bulkhead = Bulkhead(1, 2)
        port = Port(answer({"id": 1}), delay=1.0)
        client, _ = wired(shop(bulkhead=bulkhead), port)
        first, second, third = (asyncio.create_task(client.read(key)) for key in "123")
        await asyncio.sleep(0.1)
        assert (bulkhead.snapshot().running, bulkhead.snapshot().waiting) == (1, 2)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        assert bulkhead.snapshot().waiting == 1
        assert await first == await third == {"id": 1}
        assert port.paths == ["/a/1", "/a/3"]
        shot = bulkhead.snapshot()
        assert shot.acquired == shot.released == 2
        assert port.most == 1

    run_virtual(main())


def test_a_bulkhead_is_not_held_through_the_pause_between_two_attempts() -> None:
    async def main() -> None:
        port = Port((0.1, down()), (0.1, answer({"id": 2})))
        client, _ = wired(shop(bulkhead=1), port)
        first = asyncio.create_task(client.read("1"))
        await asyncio.sleep(0.5)  # it pauses for a second
        assert await client.read("2") == {"id": 2}
        assert await first == {"id": 2}

    run_virtual(main())


# Nested deadlines


@pytest.mark.parametrize(("outer", "inner"), [(1.0, 5.0), (5.0, 1.0)])
def test_of_nested_deadlines_the_nearest_ends_the_call(outer: float, inner: float) -> None:
    async def main() -> None:
        client, _ = wired(shop(total_timeout=30), Port(answer({}), delay=60.0))
        with within(outer), within(inner), pytest.raises(DeadlineExceededException) as raised:
            await client.read("1")
        assert asyncio.get_running_loop().time() - 1_000.0 == pytest.approx(1)
        assert raised.value.context == {"deadline_source": "caller"}

    run_virtual(main())


def test_a_call_within_a_call_has_the_deadline_of_both() -> None:
    async def main() -> None:
        inner, _ = wired(shop(total_timeout=30), Port(answer({}), delay=60.0))

        async def ask(_: Exception) -> Any:
            return await inner.read("1")

        cls = shop(fallback=Fallback(handler=ask), retry=False)
        outer, _ = wired(cls, Port((0.4, down())))
        with within(1), pytest.raises(DeadlineExceededException):
            await outer.read("1")
        assert asyncio.get_running_loop().time() - 1_000.0 == pytest.approx(1)

    run_virtual(main())


# One budget


def test_two_methods_share_the_budget_of_their_client() -> None:
    async def main() -> None:
        budget = RetryBudget(0.0, 3, 0.0)
        cls = shop(retry_budget=budget, retry=3, circuit_breaker=False, retry_base_delay=0)
        port = Port(down())
        client, _ = wired(cls, port)
        await outcome_of(client.read("1"))
        assert (len(port.requests), budget.tokens) == (3, 1)
        await outcome_of(client.other("1"))
        assert (len(port.requests), budget.tokens) == (5, 0)
        await outcome_of(client.read("2"))
        assert len(port.requests) == 6

    run_virtual(main())


def test_hedges_and_retries_take_from_one_budget() -> None:
    async def main() -> None:
        budget = RetryBudget(0.0, 1, 0.0)
        port = Port(answer({"id": 1}), delay=1.0)
        cls = shop(retry_budget=budget, hedge=0.5, retry=False)
        client, history = wired(cls, port)
        await client.read("1")
        await client.other("1")
        assert len(history.of(HedgeSent)) == 1
        assert len(port.requests) == 3

    run_virtual(main())


def test_a_call_without_retries_is_noted_in_the_budget_that_its_hedges_use() -> None:
    async def main() -> None:
        budget = RetryBudget(0.5, 5, 0.0)
        for _ in range(5):
            budget.withdraw()
        client, _ = wired(shop(retry_budget=budget, hedge=0.5, retry=False), Port())
        await client.read("1")
        assert budget.tokens == 0.5

    run_virtual(main())


# A fallback after each refusal


#: Somebody holds these: a permit that nobody has any more comes back.
HELD: list[object] = []


def full_limiter() -> AdaptiveLimiter:
    limiter = AdaptiveLimiter(AIMDPolicy(1, 1, 1))
    HELD.append(limiter.admit())
    return limiter


def full_bulkhead() -> Bulkhead:
    bulkhead = Bulkhead(1)
    HELD.append(bulkhead.try_acquire())
    return bulkhead


def open_circuit() -> CircuitBreaker:
    breaker = CircuitBreaker()
    breaker.force_open()
    return breaker


def spent_limiter() -> RateLimiter:
    limiter = RateLimiter(0.001, burst=1)
    limiter.try_acquire()
    return limiter


class Never:
    """Draws the number that refuses whatever can be refused."""

    def random(self) -> float:
        return 0.0


def closed_throttle() -> Throttle:
    throttle = Throttle(random=Never())
    throttle.failed(ConnectionError())
    return throttle


REFUSALS: dict[str, tuple[dict[str, Any], type[Exception]]] = {
    "open circuit": ({"circuit_breaker": open_circuit}, CircuitBreakerException),
    "bulkhead": ({"bulkhead": full_bulkhead}, BulkheadException),
    "rate limiter": ({"rate_limiter": spent_limiter}, RateLimitException),
    "throttle": ({"throttle": closed_throttle}, ThrottledException),
    "adaptive limit": ({"adaptive_limit": full_limiter}, BulkheadException),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_fallback_answers_each_refusal(refusal: str) -> None:
    async def main() -> None:
        makers, expected = REFUSALS[refusal]
        options = {name: make() for name, make in makers.items()}
        port = Port()
        cls = shop(fallback=Fallback(value={"from": "fallback"}), **options)
        client, history = wired(cls, port)
        assert await client.read("1") == {"from": "fallback"}
        (used,) = history.of(FallbackUsed)
        assert type(used.error) is expected
        assert not port.requests
        assert not history.of(RetryScheduled), "our own refusals are never retried"

    run_virtual(main())


@pytest.mark.parametrize("refusal", [name for name in REFUSALS if name != "open circuit"])
def test_refusals_of_our_own_say_nothing_to_the_circuit(refusal: str) -> None:
    async def main() -> None:
        makers, expected = REFUSALS[refusal]
        breaker = CircuitBreaker(1)
        options = {name: make() for name, make in makers.items()}
        client, _ = wired(shop(circuit_breaker=breaker, **options), Port())
        for _ in range(3):
            with pytest.raises(expected):
                await client.read("1")
        assert breaker.state is CircuitState.CLOSED
        assert breaker.snapshot().failures == 0

    run_virtual(main())


def test_a_refusal_is_retried_if_the_policy_names_its_class() -> None:
    async def main() -> None:
        policy = RetryPolicy(3, timedelta(seconds=1), (RateLimitException,))
        port = Port()
        client, _ = wired(shop(rate_limiter=RateLimiter(1, clock=LoopClock()), retry=policy), port)
        assert await client.read("1") == {"id": 1}
        assert await client.read("2") == {"id": 1}
        assert asyncio.get_running_loop().time() > 1_000.9, "it waited for a token"

    run_virtual(main())


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (down(), ConnectException),
        (status_error(404, Headers(), b""), NotFoundException),
        (status_error(500, Headers(), b""), ServerErrorException),
        (answer([1, 2]), ResponseDecodeException),
    ],
    ids=["connection", "404", "500", "decoding"],
)
def test_a_fallback_answers_what_fails_inside_it_decoding_included(
    reply: Any, expected: type[Exception]
) -> None:
    async def main() -> None:
        seen: list[Exception] = []

        def handler(error: Exception) -> str:
            seen.append(error)
            return "the declared value itself, never decoded"

        breaker = CircuitBreaker(1)
        cls = shop(fallback=Fallback(handler=handler), retry=False, circuit_breaker=breaker)
        client, _ = wired(cls, Port(reply))
        assert await client.read("1") == "the declared value itself, never decoded"
        assert [type(error) for error in seen] == [expected]
        assert seen[0].operation == "Shop.read"  # type: ignore[attr-defined]  # by its class
        counts = expected in (ConnectException, ServerErrorException)
        assert (breaker.state is CircuitState.OPEN) is counts

    run_virtual(main())


def test_a_fallback_sees_the_exception_that_a_status_is_mapped_to() -> None:
    class NoSuchProduct(Exception):
        pass

    async def main() -> None:
        fallback = Fallback(value={}, on=(NoSuchProduct,))
        cls = shop(fallback=fallback, errors={404: NoSuchProduct})
        client, history = wired(cls, Port(answer(None, 404), answer(None, 403)))
        assert await client.read("1") == {}
        assert isinstance(history.of(FallbackUsed)[0].error.__cause__, NotFoundException)
        with pytest.raises(Exception, match="403"):
            await client.read("1")

    run_virtual(main())


# Single flight


def test_a_leader_whose_deadline_comes_leaves_the_call_to_those_who_joined() -> None:
    async def main() -> None:
        port = Port(answer({"id": 1}), delay=1.0)
        client, history = wired(shop(single_flight=True), port)

        async def hurried() -> Any:
            with within(0.5):
                return await client.read("1")

        leader = asyncio.create_task(outcome_of(hurried()))
        await asyncio.sleep(0.1)
        waiter = asyncio.create_task(client.read("1"))
        assert isinstance(await leader, DeadlineExceededException)
        assert port.running == 1, "the call goes on for the one who has time"
        assert await waiter == {"id": 1}
        assert (len(port.requests), port.cancelled) == (1, 0)
        assert len(history.of(FlightJoined)) == 1

    run_virtual(main())


def test_the_cancellation_of_one_waiter_leaves_the_others_alone() -> None:
    async def main() -> None:
        port = Port(answer({"id": 1}), delay=1.0)
        client, _ = wired(shop(single_flight=True), port)
        callers = [asyncio.create_task(client.read("1")) for _ in range(3)]
        await asyncio.sleep(0.1)
        callers[0].cancel()
        assert await callers[1] == await callers[2] == {"id": 1}
        assert len(port.requests) == 1
        callers = [asyncio.create_task(client.read("2")) for _ in range(2)]
        await asyncio.sleep(0.1)
        for caller in callers:
            caller.cancel()
        await asyncio.wait(callers)
        assert (port.running, port.cancelled) == (0, 1), "the last one takes the call along"

    run_virtual(main())


def test_each_waiter_of_a_flight_that_fails_has_an_exception_and_a_fallback_of_its_own() -> None:
    async def main() -> None:
        port = Port((0.5, status_error(500, Headers(), b"")))
        client, _ = wired(shop(single_flight=True, retry=False), port)
        one, two = await asyncio.gather(*(outcome_of(client.read("1")) for _ in range(2)))
        assert type(one) is type(two) is ServerErrorException
        assert one is not two
        assert len(port.requests) == 1

    run_virtual(main())


# And more of them at once


def test_a_method_may_have_all_of_them() -> None:
    @service_client(base_url="http://shop:8080")
    class Shop:
        @resilience(
            retry=3,
            timeout=1.0,
            total_timeout=5.0,
            breaker=CircuitBreaker(),
            bulkhead=Bulkhead(5),
            rate_limiter=RateLimiter(100),
            adaptive_limit=True,
            throttle=True,
            hedge=Hedge(timedelta(seconds=0.5)),
            single_flight=True,
            fallback=Fallback(value={}),
            deadline_header="x-time-left",
        )
        @get("/a")
        async def read(self) -> dict[str, Any]: ...

    async def main() -> None:
        port = Port((60.0, answer({})), (0.1, answer({"id": 7})))
        client, history = wired(Shop, port)
        assert await client.read() == {"id": 7}
        assert len(history.of(HedgeSent)) == 1
        assert port.sent("x-time-left") == ["1000", "1000"]

    run_virtual(main())
