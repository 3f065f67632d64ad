from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from pyfly.kernel.exceptions import RateLimitException
from pyfly.resilience import History, PermitRefused, deadline
from pyfly.resilience.rate_limiter.limiter import RateLimiter
from pyfly.resilience.rate_limiter.policy import RateLimiterPolicy
from tests.resilience.limit_support import in_thread, joined, run_under
from tests.resilience.support import Driver, LoopClock, ManualClock, outcome, run_virtual

SECOND = timedelta(seconds=1)


def take(driver: Driver, limiter: RateLimiter, *args: Any, **kwargs: Any) -> Any:
    """What ``acquire`` returns, or the exception that it raises."""
    if driver.name == "sync":
        return outcome(lambda: limiter.acquire_sync(*args, **kwargs))

    async def main() -> float:
        return await limiter.acquire(*args, **kwargs)

    return outcome(lambda: asyncio.run(main()))


# Settings


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"rate": 0}, "rate must be more than 0, not 0"),
        ({"rate": "5/s"}, "rate must be a number, not str '5/s'"),
        ({"rate": float("inf")}, "rate must be finite"),
        ({"rate": 1, "per": 60}, r"per must be a timedelta, not int 60: write timedelta\("),
        ({"rate": 1, "per": timedelta(0)}, "per must be longer than zero"),
        ({"rate": 1, "burst": 0}, "burst must be at least 1, not 0"),
        ({"rate": 1, "burst": 1.5}, "burst must be a whole number, not float 1.5"),
        ({"rate": 1, "max_wait": 2.0}, "max_wait must be a timedelta"),
        ({"rate": 1, "max_wait": -SECOND}, "max_wait must not be negative"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^RateLimiter: {problem}"):
        RateLimiter(**settings)


@pytest.mark.parametrize(("rate", "burst"), [(10, 10), (2.7, 2), (1, 1), (0.2, 1)])
def test_the_burst_is_one_span_of_the_rate_at_least_1(rate: float, burst: int) -> None:
    assert RateLimiterPolicy(rate).burst == burst


@pytest.mark.parametrize(
    ("limiter", "text"),
    [
        (RateLimiter(5, name="shop"), "shop: 5 per 1 s, 5 at once, none waits"),
        (
            RateLimiter(5, timedelta(minutes=1), 2, max_wait=2 * SECOND),
            "5 per 60 s, 2 at once, the others wait up to 2 s",
        ),
        (RateLimiter(0.5, max_wait=None), "0.5 per 1 s, 1 at once, the others wait"),
    ],
)
def test_it_describes_itself(limiter: RateLimiter, text: str) -> None:
    assert limiter.describe() == text


def test_its_repr_tells_the_tokens_in_hand(clock: ManualClock) -> None:
    limiter = RateLimiter(2, burst=4, name="shop", clock=clock)
    limiter.try_acquire()
    clock.now += 0.25
    assert repr(limiter) == "<RateLimiter 'shop' 3.5 of 4 tokens>"
    assert repr(RateLimiter(1, clock=clock)) == "<RateLimiter 1 of 1 tokens>"


# Tokens


def test_a_burst_passes_and_the_next_is_refused_until_a_token_is_back(
    driver: Driver, clock: ManualClock
) -> None:
    history = History()
    limiter = RateLimiter(2, burst=3, name="shop", clock=clock, listeners=[history])
    assert [take(driver, limiter) for _ in range(3)] == [0, 0, 0]
    refusal = take(driver, limiter)
    assert isinstance(refusal, RateLimitException)
    assert (refusal.name, refusal.retry_after) == ("shop", 0.5)
    text = "Rate limit exceeded: shop (2 per 1 s; the call would have to wait 0.5 s)"
    assert str(refusal) == text
    assert history.events == [PermitRefused("", clock.now, "rate limiter", "shop", 0.5)]
    clock.now += 0.5
    assert take(driver, limiter) == 0
    assert isinstance(take(driver, limiter), RateLimitException)
    shot = limiter.snapshot()
    assert (shot.acquired, shot.refused, shot.waiting, shot.tokens) == (4, 2, 0, 0.0)


def test_tokens_come_back_up_to_the_burst_and_no_further(clock: ManualClock) -> None:
    limiter = RateLimiter(2, burst=3, clock=clock)
    clock.now += 1_000_000
    assert [limiter.try_acquire() for _ in range(4)] == [True, True, True, False]
    clock.now += 1_000_000
    assert limiter.snapshot().tokens == 3


def test_a_refusal_takes_no_token(driver: Driver, clock: ManualClock) -> None:
    limiter = RateLimiter(1, clock=clock)
    take(driver, limiter)
    for _ in range(5):
        assert take(driver, limiter).retry_after == 1.0
    clock.now += 1
    assert take(driver, limiter) == 0


def test_the_retry_after_of_a_refusal_is_when_it_would_pass(
    driver: Driver, clock: ManualClock
) -> None:
    limiter = RateLimiter(3, timedelta(seconds=7), clock=clock)
    for _ in range(50):
        told = take(driver, limiter)
        if isinstance(told, RateLimitException):
            assert told.retry_after is not None
            clock.now += told.retry_after
            assert take(driver, limiter) == 0


def test_rounding_never_refuses_a_call_in_step_with_the_rate(clock: ManualClock) -> None:
    clock.now = 86_400.0 * 365
    limiter = RateLimiter(3, burst=1, clock=clock)
    start = clock.now
    for number in range(10_000):
        clock.now = start + number / 3
        assert limiter.try_acquire(), number


# Waits


def test_a_call_waits_for_its_token_if_it_may(driver: Driver, clock: ManualClock) -> None:
    limiter = RateLimiter(4, burst=1, max_wait=SECOND, clock=clock)
    assert [take(driver, limiter) for _ in range(4)] == [0, 0.25, 0.25, 0.25]
    assert clock.sleeps == [0.25, 0.25, 0.25]


def test_who_asks_at_once_is_served_in_order_one_interval_apart() -> None:
    async def main() -> list[tuple[int, float]]:
        clock = LoopClock()
        limiter = RateLimiter(2, burst=2, max_wait=None, clock=clock)
        start, log = clock.monotonic(), list[tuple[int, float]]()

        async def call(number: int) -> None:
            await limiter.acquire()
            log.append((number, clock.monotonic() - start))

        await asyncio.gather(*(call(number) for number in range(6)))
        assert limiter.snapshot().waiting == 0
        return log

    assert run_virtual(main()) == [(0, 0), (1, 0), (2, 0.5), (3, 1.0), (4, 1.5), (5, 2.0)]


def test_a_wait_over_the_limit_is_refused_at_once_and_reserves_nothing() -> None:
    async def main() -> None:
        limiter = RateLimiter(1, max_wait=timedelta(seconds=2), clock=LoopClock())
        await limiter.acquire()
        tasks = [asyncio.create_task(limiter.acquire()) for _ in range(2)]
        await asyncio.sleep(0)
        for _ in range(3):
            with pytest.raises(RateLimitException, match="have to wait 3 s and may wait 2 s"):
                await limiter.acquire()
        assert await asyncio.gather(*tasks) == [1, 2]

    run_virtual(main())


@pytest.mark.parametrize("by", ["timeout", "deadline"])
def test_no_call_waits_past_its_end_but_is_refused_at_once(
    driver: Driver, clock: ManualClock, by: str
) -> None:
    limiter = RateLimiter(1, max_wait=None, clock=clock)
    take(driver, limiter)
    if by == "timeout":
        refusal = take(driver, limiter, timeout=0.5)
        assert take(driver, limiter, timeout=1.0) == 1.0
    else:
        with deadline(0.5, clock=clock):
            refusal = take(driver, limiter)
        with deadline(1, clock=clock):
            assert take(driver, limiter) == 1.0
    assert isinstance(refusal, RateLimitException)
    assert clock.sleeps == [1.0]


def test_a_token_that_came_back_between_the_two_looks_is_taken_without_a_wait(
    driver: Driver, clock: ManualClock
) -> None:
    limiter = RateLimiter(1, clock=clock)

    async def main() -> float:
        return await limiter.take("", 1.0, None)

    waited = asyncio.run(main()) if driver.name == "async" else limiter.take_sync("", 1.0, None)
    assert waited == 0
    assert clock.sleeps == []
    assert limiter.snapshot().tokens == 0


def test_a_failed_try_is_no_refusal(clock: ManualClock) -> None:
    limiter = RateLimiter(1, clock=clock)
    assert [limiter.try_acquire(), limiter.try_acquire()] == [True, False]
    assert limiter.snapshot().refused == 0


# Weights


def test_a_heavy_call_takes_more_tokens(driver: Driver, clock: ManualClock) -> None:
    limiter = RateLimiter(10, clock=clock, name="shop")
    assert take(driver, limiter, 7) == 0
    refusal = take(driver, limiter, 5)
    assert refusal.retry_after == pytest.approx(0.2)
    assert str(refusal).startswith("Rate limit exceeded: shop (10 per 1 s, weight 5; the call")
    assert take(driver, limiter, 2.5) == 0
    assert limiter.snapshot().tokens == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("weight", "problem"),
    [
        (11, "weight 11 is more than the burst of 10, so it would never be granted: ask for less"),
        (0, "weight must be more than 0"),
        (-1.0, "weight must be more than 0"),
        (float("nan"), "weight must be finite"),
        ("2", "weight must be a number, not str '2'"),
    ],
)
def test_a_weight_that_cannot_be_is_an_error(driver: Driver, weight: Any, problem: str) -> None:
    limiter = RateLimiter(10)
    error = take(driver, limiter, weight)
    assert isinstance(error, (TypeError, ValueError))
    assert str(error).startswith(f"RateLimiter.acquire: {problem}")
    with pytest.raises(type(error)):
        limiter.try_acquire(weight)


# Cancelled


@pytest.mark.parametrize("error", [asyncio.CancelledError(), KeyboardInterrupt(), GeneratorExit()])
def test_a_wait_broken_off_gives_its_token_back(
    driver: Driver, clock: ManualClock, error: BaseException
) -> None:
    limiter = RateLimiter(1, max_wait=None, clock=clock)
    take(driver, limiter)

    def interrupt() -> None:
        clock.now -= clock.sleeps[-1]
        raise error

    clock.on_sleep = interrupt
    assert isinstance(take(driver, limiter), type(error))
    shot = limiter.snapshot()
    assert (shot.tokens, shot.waiting, shot.cancelled) == (0, 0, 1)


def test_all_that_wait_may_be_cancelled_in_any_order_and_all_their_tokens_come_back() -> None:
    async def main(order: list[int]) -> float:
        limiter = RateLimiter(1, max_wait=None, clock=LoopClock())
        await limiter.acquire()
        tasks = [asyncio.create_task(limiter.acquire()) for _ in range(3)]
        await asyncio.sleep(0)
        assert limiter.snapshot().tokens == -3
        for number in order:
            tasks[number].cancel()
            await asyncio.sleep(0)
        return limiter.snapshot().tokens

    for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]):
        assert run_virtual(main(order)) == 0


def test_a_token_is_lost_if_somebody_behind_relies_on_its_time() -> None:
    async def main() -> None:
        clock = LoopClock()
        limiter = RateLimiter(1, max_wait=None, clock=clock)
        await limiter.acquire()
        first, second = (asyncio.create_task(limiter.acquire()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        assert limiter.snapshot().tokens == -2
        assert await second == 2.0  # no sooner, and no later
        assert limiter.snapshot().tokens == 0
        assert await limiter.acquire() == 1.0

    run_virtual(main())


# Around functions


def test_a_function_under_it_spends_a_token_however_it_ends(
    driver: Driver, clock: ManualClock
) -> None:
    limiter = RateLimiter(3, clock=clock)

    def fails() -> None:
        raise ValueError

    assert run_under(driver, limiter, lambda: "fine") == "fine"
    assert isinstance(outcome(lambda: run_under(driver, limiter, fails)), ValueError)
    assert limiter.snapshot().tokens == pytest.approx(1)


# Threads and loops


def test_8_threads_get_exactly_the_tokens_there_are(clock: ManualClock) -> None:
    limiter = RateLimiter(1000, burst=500, clock=clock)
    counts: list[Counter[bool]] = []
    threads = [
        in_thread(lambda: counts.append(Counter(limiter.try_acquire() for _ in range(200))))
        for _ in range(8)
    ]
    assert joined(*threads)
    assert sum(counts, Counter()) == {True: 500, False: 1100}
    assert limiter.snapshot().acquired == 500


def test_threads_that_wait_get_times_of_their_own() -> None:
    clock = ManualClock()
    waits: list[float] = []

    class Still(ManualClock):
        def sleep_sync(self, seconds: float) -> None:
            waits.append(seconds)

    limiter = RateLimiter(8, burst=1, max_wait=None, clock=Still(clock.now))
    threads = [in_thread(lambda: [limiter.acquire_sync() for _ in range(25)]) for _ in range(8)]
    assert joined(*threads)
    assert sorted(waits) == [number / 8 for number in range(1, 200)]


def test_two_event_loops_may_share_it(clock: ManualClock) -> None:
    limiter = RateLimiter(1, max_wait=None, clock=clock)
    assert asyncio.run(_acquire(limiter)) == 0
    assert asyncio.run(_acquire(limiter)) == 1.0


async def _acquire(limiter: RateLimiter) -> float:
    return await limiter.acquire()
