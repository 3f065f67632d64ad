"""What the type checkers say of a protected client. Nothing runs: mypy and pyright read this."""

from datetime import timedelta
from typing import Protocol, assert_type

from pyfly.client import connect, get, idempotent, post, resilience, service_client
from pyfly.resilience import (
    AIMDPolicy,
    Bulkhead,
    CircuitBreakerPolicy,
    CountWindow,
    Fallback,
    Hedge,
    RateLimiter,
    RetryBudget,
    RetryPolicy,
    Throttle,
    TimeoutPolicy,
)


@service_client(
    base_url="http://shop",
    retry=RetryPolicy(4),
    circuit_breaker=CircuitBreakerPolicy(window=CountWindow(50)),
    timeout=TimeoutPolicy(timedelta(seconds=5)),
    retry_budget=RetryBudget(0.1),
    bulkhead=Bulkhead(20),
    rate_limiter=RateLimiter(100),
    adaptive_limit=AIMDPolicy(),
    throttle=Throttle(),
    hedge=Hedge(quantile=0.95),
    single_flight=True,
    fallback=Fallback(value=None),
    deadline_header=("grpc-timeout", "grpc"),
    headers={"X-Client": "shop"},
)
class Shop(Protocol):
    @resilience(retry=5, timeout=1.5, total_timeout=4, breaker=False, bulkhead=3, hedge=False)
    @get("/names")
    async def names(self) -> list[str]: ...

    @idempotent(key=True)
    @post("/orders")
    async def order(self, body: dict[str, int]) -> int: ...

    @idempotent
    @post("/orders/again")
    async def again(self, body: dict[str, int]) -> int: ...


async def decorators_keep_the_types_of_stubs() -> None:
    async with connect(Shop) as shop:
        assert_type(await shop.names(), list[str])
        assert_type(await shop.order({}), int)
        assert_type(await shop.again({}), int)


def wrong_policies_are_told() -> None:
    resilience(bulkhead="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    resilience(bulkhaed=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    service_client(hedge=Bulkhead(3))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
