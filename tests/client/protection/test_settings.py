"""Where the figures of each policy come from: method, client and default, in files and code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfly.client import (
    CircuitBreaker,
    ClientDeclarationException,
    HttpClientBeanPostProcessor,
    Page,
    RetryPolicy,
    explain,
    get,
    http_client,
    idempotent,
    post,
    resilience,
    service_client,
)
from pyfly.client._settings.schema import CALL_SETTINGS
from pyfly.client._settings.table import POLICIES
from pyfly.client.wiring import wiring_of
from pyfly.core import ConfigException
from pyfly.resilience import (
    AdaptiveLimiter,
    AIMDPolicy,
    Bulkhead,
    CircuitBreakerPolicy,
    CountWindow,
    FailureRule,
    Fallback,
    Gradient2Policy,
    Hedge,
    Pipeline,
    RateLimiter,
    RetryBudget,
    Throttle,
    TimeoutPolicy,
    TimeWindow,
)
from pyfly.testing import client_for
from tests.client.protection.support import Port, SyncPort, config


def shop(**options: Any) -> Any:
    @service_client(base_url="http://shop:8080", name="shop", **options)
    class Shop:
        @get("/a")
        async def read(self) -> dict[str, Any]: ...

        @get("/b")
        async def other(self) -> dict[str, Any]: ...

        @post("/c")
        async def create(self, body: Any) -> dict[str, Any]: ...

        @get("/d")
        def items(self) -> AsyncIterator[int]: ...

    return Shop


class StreamingPort(Port):
    async def open(self) -> None: ...


def over(cls: Any, values: Mapping[str, Any] | None = None) -> Any:
    return client_for(cls, port=StreamingPort(), config=config(values))


def pipeline(client: Any, method: str = "read") -> Pipeline:
    wiring = wiring_of(client)
    assert wiring is not None
    return next(s.pipeline for s in wiring.steps.values() if s.method.name == method)


def told(client: Any, stage: str, method: str = "read") -> str | None:
    """How a method describes a stage; None if it has none."""
    for each in pipeline(client, method).stages:
        if each.name == stage:
            return each.describe()
    return None


def all_of(client: Any, kind: type[Any]) -> list[Any]:
    wiring = wiring_of(client)
    assert wiring is not None
    found: list[Any] = wiring.protection.shared.all_of(kind)
    return found


def mistakes(cls: Any, values: Mapping[str, Any] | None = None) -> str:
    with pytest.raises(ClientDeclarationException) as raised:
        over(cls, values)
    return "\n".join(raised.value.problems)


# What there is by default


def test_a_stage_that_nobody_asks_for_is_not_there() -> None:
    client = over(shop())
    names = [stage.name for stage in pipeline(client).stages]
    assert names == [
        "decode",
        "total deadline",
        "circuit breaker",
        "retry",
        "circuit breaker evidence",
        "attempt timeout",
    ]
    text = explain(client.read)
    assert "off, since nobody asks for them: fallback, single-flight, hedge, rate-limiter" in text


SWITCHES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    # the stage: in a file, in code, what describes it
    "bulkhead": (
        {"bulkhead.max-concurrent": 7, "bulkhead.max-queue": 2, "bulkhead.max-wait": "2s"},
        {"bulkhead": Bulkhead(7, 2, timedelta(seconds=2), name="shop")},
        "shop: 7 at once, 2 may wait up to 2 s",
    ),
    "rate limiter": (
        {"rate-limiter.rate": 5, "rate-limiter.burst": 9, "rate-limiter.max-wait": "1s"},
        {"rate_limiter": RateLimiter(5, burst=9, max_wait=timedelta(seconds=1), name="shop")},
        "shop: 5 per 1 s, 9 at once, the others wait up to 1 s",
    ),
    "throttle": (
        {"throttle.k": 3, "throttle.window": "60s"},
        {"throttle": Throttle(3, timedelta(seconds=60), name="shop")},
        "shop: holds calls back when fewer than 1 in 3 is accepted over 60 s",
    ),
    "adaptive limit": (
        {"adaptive-limit.algorithm": "aimd", "adaptive-limit.max-limit": 30},
        {"adaptive_limit": AdaptiveLimiter(AIMDPolicy(max_limit=30), name="shop")},
        "shop: 20 to 30 at once, 20 at first, one more after a success, × 0.9 after a drop",
    ),
    "hedge": (
        {"hedge.quantile": 0.9, "hedge.max-hedges": 2, "retry.budget": "false"},
        {"hedge": Hedge(quantile=0.9, max_hedges=2), "retry_budget": False},
        "up to 2 hedges, after the 90% quantile of the latest attempts",
    ),
    "deadline header": (
        {"deadline-header.name": "Grpc-Timeout", "deadline-header.format": "grpc"},
        {"deadline_header": ("grpc-timeout", "grpc")},
        "grpc-timeout, the time that the attempt has, as grpc",
    ),
    "single-flight": (
        {"single-flight.enabled": "true"},
        {"single_flight": True},
        "calls with the same URL, headers and credentials share one while it is under way",
    ),
    "circuit breaker": (
        {
            "circuit-breaker.window.type": "count",
            "circuit-breaker.window.size": 50,
            "circuit-breaker.window.minimum-calls": 5,
            "circuit-breaker.window.slow-rate": 0.4,
            "circuit-breaker.window.slow-duration": "2s",
            "circuit-breaker.recovery-multiplier": 2,
            "circuit-breaker.max-recovery-timeout": "5m",
            "circuit-breaker.half-open-permits": 3,
            "circuit-breaker.half-open-timeout": "10s",
        },
        {
            "circuit_breaker": CircuitBreakerPolicy(
                half_open_permits=3,
                half_open_timeout=timedelta(seconds=10),
                recovery_multiplier=2,
                max_recovery_timeout=timedelta(minutes=5),
                window=CountWindow(50, 0.5, 5, 0.4, timedelta(seconds=2)),
            )
        },
        "shop: opens when 50% of the last 50 calls (at least 5) failed or 40% took over 2 s for "
        "30 s (× 2 each time, at most 300 s), then 3 may probe for 10 s",
    ),
    "retry": (
        {
            "retry.max-attempts": 4,
            "retry.base-delay": "100ms",
            "retry.max-delay": "2s",
            "retry.multiplier": 3,
            "retry.jitter": "full",
            "retry-budget.form": "ratio",
            "retry-budget.ratio": 0.1,
            "retry-budget.per-second": 2,
            "retry-budget.window": "5s",
        },
        {
            "retry": RetryPolicy(
                4,
                timedelta(milliseconds=100),
                max_delay=timedelta(seconds=2),
                multiplier=3,
                jitter="full",
            ),
            "retry_budget": RetryBudget.ratio(0.1, timedelta(seconds=5), 2),
        },
        "up to 4 attempts, 0.1 s × 3ⁿ apart, at most 2 s, full jitter; retries at most 10% of "
        "the calls of the last 5 s plus 2 per second",
    ),
    "chaos": (
        {"chaos.fault-rate": 0.1, "chaos.latency-rate": 0.2, "chaos.latency": "1s"},
        {},
        "!!! CHAOS IS ON !!! latency in 20% (1 s), fault in 10% of the attempts, seed 0",
    ),
}


@pytest.mark.parametrize("stage", SWITCHES)
@pytest.mark.parametrize("level", ["", "clients.shop.", "clients.shop.methods.read."])
def test_a_policy_is_on_as_soon_as_one_of_its_settings_is_given(stage: str, level: str) -> None:
    values, _, description = SWITCHES[stage]
    client = over(shop(), {f"{level}{key}": value for key, value in values.items()})
    found = told(client, stage)
    assert found is not None
    assert found.replace("Shop.read: ", "shop: ") == description
    if level.endswith("read.") and stage not in ("circuit breaker", "retry"):
        assert told(client, stage, "other") is None, "only that method asked for it"


@pytest.mark.parametrize("stage", [stage for stage in SWITCHES if stage != "chaos"])
@pytest.mark.parametrize("at", ["client", "method"])
def test_code_says_the_same_as_a_file(stage: str, at: str) -> None:
    _, code, description = SWITCHES[stage]
    if at == "client":
        client = over(shop(**code))
    else:
        code = {"breaker" if name == "circuit_breaker" else name: v for name, v in code.items()}

        @service_client(base_url="http://shop:8080", name="shop")
        class Shop:
            @resilience(**code)
            @get("/a")
            async def read(self) -> dict[str, Any]: ...

        client = over(Shop)
    found = told(client, stage)
    assert found is not None
    assert found.replace("Shop.read: ", "shop: ") == description


@pytest.mark.parametrize("stage", ["bulkhead", "rate limiter", "throttle", "adaptive limit"])
def test_an_instance_is_shared_as_it_is(stage: str) -> None:
    code = SWITCHES[stage][1]
    ((parameter, instance),) = code.items()
    one, two = over(shop(**code)), over(shop(**code))
    kind = type(instance)
    assert all_of(one, kind) == all_of(two, kind) == [instance], parameter


@pytest.mark.parametrize(
    ("code", "stage", "begins"),
    [
        ({"bulkhead": 5}, "bulkhead", "shop: 5 at once"),
        ({"rate_limiter": 2.5}, "rate limiter", "shop: 2.5 per 1 s"),
        ({"throttle": True}, "throttle", "shop: holds calls back"),
        ({"adaptive_limit": True}, "adaptive limit", "shop: 20 to 200"),
        ({"adaptive_limit": Gradient2Policy(30, 10, 90)}, "adaptive limit", "shop: 10 to 90"),
        ({"hedge": 0.25}, "hedge", "1 hedge, 0.25 s after the attempt; retries"),
        ({"deadline_header": "X-Left"}, "deadline header", "x-left, "),
        ({"retry": 7}, "retry", "up to 7 attempts"),
        ({"retry": False}, "retry", "1 attempt"),
        ({"timeout": 3}, "attempt timeout", "3 s"),
        ({"total_timeout": 2.0}, "total deadline", "2 s, or"),
        ({"total_timeout": 2.0}, "attempt timeout", "2 s"),
        ({"timeout": timedelta(seconds=4)}, "attempt timeout", "4 s"),
        ({"timeout": TimeoutPolicy(None, timedelta(seconds=9))}, "total deadline", "9 s"),
        ({"timeout": TimeoutPolicy(None)}, "attempt timeout", "none of its own"),
        ({"fallback": Fallback(value=None)}, "fallback", "a fixed value (NoneType)"),
        ({"circuit_breaker": CircuitBreaker(2, name="own")}, "circuit breaker", "own: opens"),
    ],
)
def test_plain_values_and_policies_are_taken(code: dict[str, Any], stage: str, begins: str) -> None:
    found = told(over(shop(**code)), stage)
    assert found is not None
    assert found.startswith(begins)


def test_http_client_takes_policies_as_well() -> None:
    @http_client(base_url="http://shop:8080", bulkhead=3, timeout=2)
    class Shop:
        @get("/a")
        async def read(self) -> dict[str, Any]: ...

    client = over(Shop)
    assert told(client, "bulkhead") == "Shop: 3 at once, none waits"
    assert told(client, "circuit breaker") is None


def test_the_parameters_stay_as_they_were_given() -> None:
    cls = shop(bulkhead=3)
    assert cls.__pyfly_resilience__["bulkhead"] == 3
    assert "hedge" not in cls.__pyfly_resilience__
    assert cls.__pyfly_resilience__["retry"] is True


# Which level counts


@pytest.mark.parametrize("most", range(1, 6))
def test_the_nearest_level_counts_and_at_each_the_configuration_beats_the_code(most: int) -> None:
    levels: list[Any] = [
        "bulkhead.max-concurrent",
        {"bulkhead": 2},
        "clients.shop.bulkhead.max-concurrent",
        "@resilience",
        "clients.shop.methods.read.bulkhead.max-concurrent",
    ]
    values = {key: i for i, key in enumerate(levels[:most], 1) if "." in key}
    code = levels[1] if most >= 2 else {}

    @service_client(base_url="http://shop:8080", name="shop", **code)
    class Shop:
        @resilience(**({"bulkhead": 4} if most >= 4 else {}))
        @get("/a")
        async def read(self) -> dict[str, Any]: ...

    found = told(over(Shop, values), "bulkhead")
    assert found is not None
    assert found.partition(": ")[2] == f"{most} at once, none waits"


def test_a_policy_can_be_switched_off_nearer_than_it_was_switched_on() -> None:
    @service_client(
        base_url="http://shop:8080",
        name="shop",
        bulkhead=4,
        throttle=True,
        hedge=1,
        fallback=Fallback(value=1),
        deadline_header="x",
    )
    class Shop:
        @resilience(
            bulkhead=False,
            throttle=False,
            hedge=False,
            breaker=False,
            retry=False,
            deadline_header=False,
            fallback=False,
        )
        @get("/a")
        async def read(self) -> dict[str, Any]: ...

        @get("/b")
        async def other(self) -> dict[str, Any]: ...

    values = {"clients.shop.methods.other.bulkhead.enabled": "false"}
    client = over(Shop, values)
    for stage in (
        "bulkhead",
        "throttle",
        "hedge",
        "circuit breaker",
        "deadline header",
        "fallback",
    ):
        assert told(client, stage) is None
    assert told(client, "bulkhead", "other") is None
    assert told(client, "throttle", "other") is not None
    assert "bulkhead.enabled = false   (bulkhead=False in @resilience)" in explain(client.read)


def test_a_fallback_that_a_method_switches_on_again_is_that_of_its_client() -> None:
    @service_client(base_url="http://shop:8080", name="shop", fallback=Fallback(value=1))
    class Shop:
        @resilience(fallback=True)
        @get("/a")
        async def read(self) -> dict[str, Any]: ...

        @resilience(fallback=False)
        @get("/b")
        async def other(self) -> dict[str, Any]: ...

    client = over(Shop, {"clients.shop.methods.other.fallback.enabled": "true"})
    assert told(client, "fallback") == told(client, "fallback", "other")
    assert told(client, "fallback") == "a fixed value (int), for Exception"


def test_the_configuration_beats_single_settings_of_an_instance() -> None:
    rule = FailureRule(ignore=LookupError)
    code: dict[str, Any] = {
        "retry": RetryPolicy(5, timedelta(seconds=9), (OSError,), jitter="equal"),
        "circuit_breaker": CircuitBreaker(3, is_failure=rule, name="mine"),
        "bulkhead": Bulkhead(8, 4),
        "throttle": Throttle(3, is_rejection=lambda error: True),
        "adaptive_limit": AdaptiveLimiter(AIMDPolicy(), is_drop=lambda error: True),
        "rate_limiter": RateLimiter(9, max_wait=None),
        "hedge": Hedge(timedelta(seconds=3), max_hedges=2),
    }
    values = {
        "clients.shop.retry.base-delay": "1s",
        "clients.shop.circuit-breaker.recovery-timeout": "1s",
        "clients.shop.bulkhead.max-queue": 1,
        "clients.shop.throttle.k": 9,
        "clients.shop.adaptive-limit.max-limit": 50,
        "clients.shop.rate-limiter.burst": 2,
        "clients.shop.hedge.max-hedges": 1,
    }
    client = over(shop(**code), values)
    (breaker,) = all_of(client, CircuitBreaker)
    assert (breaker.policy.failure_threshold, breaker.is_failure) == (3, rule)
    assert breaker.policy.recovery_timeout == timedelta(seconds=1)
    retry = next(stage for stage in pipeline(client).stages if stage.name == "retry")
    policy = retry.policy  # type: ignore[attr-defined]  # by its name
    assert (policy.max_attempts, policy.base_delay, policy.retry_on, policy.jitter) == (
        5,
        timedelta(seconds=1),
        (OSError,),
        "equal",
    )
    assert told(client, "bulkhead") == "shop: 8 at once, 1 may wait"
    (throttle,) = all_of(client, Throttle)
    assert (throttle.policy.k, throttle.is_rejection) == (9, code["throttle"].is_rejection)
    (limiter,) = all_of(client, AdaptiveLimiter)
    assert (limiter.policy.max_limit, limiter.is_drop) == (50, code["adaptive_limit"].is_drop)
    (rate,) = all_of(client, RateLimiter)
    assert (rate.policy.burst, rate.policy.max_wait) == (2, None)
    hedge = told(client, "hedge")
    assert hedge is not None
    assert hedge.startswith("1 hedge, 3 s after the attempt")
    text = explain(client.read)
    assert "retry.jitter = equal   (retry=RetryPolicy(…) in the decorator)" in text
    assert "retry.base-delay = 1 s   (code)" in text


def test_what_only_code_can_say_stands_when_the_configuration_says_all_the_rest() -> None:
    values = {
        "max-attempts": 4,
        "base-delay": "1s",
        "max-delay": "2s",
        "multiplier": 3,
        "jitter": "full",
        "max-retry-after": "9s",
    }
    client = over(
        shop(retry=RetryPolicy(2, retry_on=(OSError,))),
        {f"clients.shop.retry.{key}": value for key, value in values.items()},
    )
    retry = next(stage for stage in pipeline(client).stages if stage.name == "retry")
    policy = retry.policy  # type: ignore[attr-defined]  # by its name
    assert (policy.max_attempts, policy.retry_on) == (4, (OSError,))


def test_a_whole_instance_is_not_mixed_with_settings_of_a_wider_level() -> None:
    values = {"circuit-breaker.window.type": "time", "adaptive-limit.smoothing": 0.5}
    breaker, limiter = CircuitBreaker(), AdaptiveLimiter(AIMDPolicy())
    client = over(shop(circuit_breaker=breaker, adaptive_limit=limiter), values)
    assert all_of(client, CircuitBreaker) == [breaker]
    assert all_of(client, AdaptiveLimiter) == [limiter]


def test_the_defaults_of_a_post_processor_are_the_widest_level_in_code() -> None:
    processor = HttpClientBeanPostProcessor(
        lambda url: StreamingPort(),
        config=config({"retry.multiplier": 3}),
        default_retry={"jitter": "full", "multiplier": 5},
        default_circuit_breaker={"window": {"type": "time", "span": "10s"}},
    )
    client = processor.after_init(shop()(), "shop")
    retry = told(client, "retry") or ""
    assert retry.startswith("up to 3 attempts, 1 s × 3ⁿ apart, full jitter")
    assert "of the calls of the last 10 s" in (told(client, "circuit breaker") or "")


# What methods share


def test_methods_share_the_policies_of_their_client_unless_they_have_figures_of_their_own() -> None:
    @service_client(base_url="http://shop:8080", bulkhead=4, throttle=True)
    class Shop:
        @get("/a")
        async def read(self) -> dict[str, Any]: ...

        @resilience(throttle=True)
        @get("/b")
        async def other(self) -> dict[str, Any]: ...

        @resilience(bulkhead=2, breaker=CircuitBreakerPolicy(1), retry_budget=RetryBudget(0.5))
        @get("/c")
        async def own(self) -> dict[str, Any]: ...

    client = over(Shop)
    assert len(all_of(client, Throttle)) == 1
    assert sorted(b.policy.max_concurrent for b in all_of(client, Bulkhead)) == [2, 4]
    assert sorted(b.name for b in all_of(client, CircuitBreaker)) == ["Shop", "Shop.own"]
    assert len(all_of(client, RetryBudget)) == 2


def test_circuits_can_be_per_method() -> None:
    client = over(shop(), {"clients.shop.circuit-breaker.per": "method"})
    names = sorted(breaker.name for breaker in all_of(client, CircuitBreaker))
    assert names == ["Shop.create", "Shop.items", "Shop.other", "Shop.read"]


def test_clients_of_one_context_can_share_the_circuit_of_a_host() -> None:
    settings = config({"circuit-breaker.per": "host"})
    processor = HttpClientBeanPostProcessor(lambda url: StreamingPort(), config=settings)

    def client(url: str, **options: Any) -> Any:
        @service_client(base_url=url, **options)
        class Shop:
            @get("/a")
            async def read(self) -> dict[str, Any]: ...

        return processor.after_init(Shop(), "shop")

    given = CircuitBreaker()
    one, two = client("http://shop:8080/one"), client("http://shop:8080/two")
    (breaker,) = all_of(one, CircuitBreaker)
    assert all_of(two, CircuitBreaker) == [breaker]
    assert breaker.name == "shop:8080"
    other = client("http://shop:8080", circuit_breaker_failure_threshold=2)
    assert all_of(other, CircuitBreaker) != [breaker], "its settings are others"
    assert all_of(client("http://a", circuit_breaker=given), CircuitBreaker) == [given]


def test_a_circuit_per_host_needs_a_host() -> None:
    class Secretive(StreamingPort):
        base_url = ""

    with pytest.raises(ClientDeclarationException, match="per is host, but the port does not say"):
        client_for(
            shop(), port=Secretive(), config=config({"clients.shop.circuit-breaker.per": "host"})
        )


# What cannot be


def test_a_method_that_cannot_have_a_stage_and_asks_for_it_is_a_mistake() -> None:
    @service_client(base_url="http://shop:8080", name="shop")
    class Shop:
        @resilience(hedge=0.1, single_flight=True)
        @post("/c")
        async def create(self, body: Any) -> dict[str, Any]: ...

        @resilience(hedge=0.1, single_flight=True, fallback=Fallback(value=1))
        @get("/d")
        def items(self) -> AsyncIterator[int]: ...

        @get("/e")
        async def read(self) -> dict[str, Any]: ...

        @post("/f")
        async def configured(self) -> dict[str, Any]: ...

    text = mistakes(Shop, {"clients.shop.methods.configured.hedge.delay": "1s"})
    assert (
        "Shop.create: hedge: a POST that may have had its effect must not be sent twice (write "
        "@idempotent, or @idempotent(key=True), if it may)"
    ) in text
    assert "Shop.create: single-flight: a POST is not shared (only GET and HEAD are)" in text
    assert "Shop.configured: hedge: a POST that may" in text
    for stage in ("hedge", "single-flight", "fallback"):
        assert f"Shop.items: {stage}: a stream takes none (it is for methods that" in text
    assert "Shop.read" not in text


def test_what_a_whole_client_asks_for_is_left_out_where_it_cannot_be_and_explain_says_so() -> None:
    code = {"hedge": 0.1, "single_flight": True, "fallback": Fallback(value=1)}
    client = over(shop(**code))
    assert told(client, "hedge", "create") is told(client, "single-flight", "create") is None
    assert told(client, "fallback", "create") is not None
    text = explain(client.create)
    assert "left out, though the settings of the client ask for it" in text
    assert "  hedge: a POST that may have had its effect must not be sent twice" in text
    for stage in code:
        name = stage.replace("_", "-")
        assert told(client, name, "items") is None
        assert f"  {name}: a stream takes none" in explain(client.items)
    assert "left out" not in explain(client.read)


def test_pages_take_no_hedge_either_and_no_key() -> None:
    @service_client(base_url="http://shop:8080", hedge=0.1)
    class Shop:
        @get("/d", paginate=Page.number())
        def items(self) -> AsyncIterator[int]: ...

    assert told(over(Shop), "hedge", "items") is None
    assert told(over(Shop), "decode", "items") is not None

    @service_client(base_url="http://shop:8080")
    class Wrong:
        @idempotent(key=True)
        @get("/d", paginate=Page.number())
        def items(self) -> AsyncIterator[int]: ...

    assert "paginate makes a call for each page, which must not share a key" in mistakes(Wrong)


def test_a_synchronous_client_has_no_hedge() -> None:
    def cls(**options: Any) -> Any:
        @service_client(base_url="http://shop:8080", **options)
        class Shop:
            @resilience(**({} if options else {"hedge": 0.1}))
            @get("/a")
            def read(self) -> dict[str, Any]: ...

        return Shop

    client = client_for(cls(hedge=0.1), port=SyncPort())
    assert "hedge: a synchronous call cannot be hedged" in explain(client.read)
    with pytest.raises(ClientDeclarationException, match="a synchronous call cannot be hedged"):
        client_for(cls(), port=SyncPort())


def test_a_synchronous_client_has_no_fallback_that_is_awaited() -> None:
    async def later(error: Exception) -> None: ...

    @service_client(base_url="http://shop:8080", fallback=Fallback(handler=later))
    class Shop:
        @get("/a")
        def read(self) -> dict[str, Any]: ...

    with pytest.raises(ClientDeclarationException, match="write the handler with `def`"):
        client_for(Shop, port=SyncPort())


@pytest.mark.parametrize(
    ("code", "values", "expected"),
    [
        (
            {},
            {"bulkhead.max-queue": 3},
            "Shop.read: bulkhead: max-concurrent is not set (say how many attempts may run at "
            "once, or set enabled: false) [bulkhead.max-queue = 3 (code)]",
        ),
        ({"bulkhead": True}, {}, "Shop.read: bulkhead: max-concurrent is not set"),
        ({"rate_limiter": True}, {}, "Shop.read: rate-limiter: rate is not set"),
        (
            {"hedge": True},
            {},
            "Shop.read: hedge: nothing says when to hedge (set delay, or quantile",
        ),
        ({"fallback": True}, {}, "Shop.read: fallback: it is on, but nothing says what it answers"),
        ({}, {"fallback.enabled": "true"}, "Shop.read: fallback: it is on, but nothing says"),
        (
            {},
            {"bulkhead.max-concurrent": 3, "bulkhead.max-wait": "1s"},
            "Shop.read: bulkhead: Bulkhead: max_wait is 1 s, but max_queue is 0",
        ),
        (
            {},
            {"circuit-breaker.window.size": 10},
            "circuit-breaker: window.size needs window.type (add it)",
        ),
        (
            {},
            {"circuit-breaker.window.type": "count", "circuit-breaker.window.span": "1m"},
            "circuit-breaker: window.span says nothing where window.type is count (remove it)",
        ),
        (
            {},
            {"circuit-breaker.recovery-multiplier": 2},
            "circuit-breaker: CircuitBreaker: recovery_multiplier needs a max_recovery_timeout",
        ),
        (
            {},
            {"retry-budget.form": "ratio", "retry-budget.max-tokens": 4},
            "retry-budget: max-tokens says nothing where form is ratio (remove it) [retry-budget.",
        ),
        (
            {},
            {"adaptive-limit.backoff-ratio": 0.5},
            "adaptive-limit: backoff-ratio says nothing where algorithm is gradient2 (remove it)",
        ),
        (
            {},
            {"deadline-header.format": "grpc"},
            "deadline-header: name is not set (say which header tells the time that is left",
        ),
        (
            {},
            {"deadline-header.name": "Content-Length"},
            "deadline-header: 'Content-Length' is no header name, or not a caller's to set",
        ),
        (
            {"hedge": Hedge(timedelta(seconds=1), budget=RetryBudget())},
            {},
            "hedge: the Hedge has a budget of its own, and retries and hedges of a call share one",
        ),
        (
            {"hedge": 2.0, "timeout": 1.5},
            {},
            "Shop.read: the hedge is sent after 2 s, when the attempt timeout (1.5 s) has ended",
        ),
        (
            {
                "total_timeout": 5,
                "circuit_breaker": CircuitBreakerPolicy(half_open_timeout=timedelta(seconds=9)),
            },
            {},
            "Shop.read: the circuit breaker's half_open_timeout (9 s) is over the total timeout",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_mistakes(
    code: dict[str, Any], values: dict[str, Any], expected: str
) -> None:
    assert expected in mistakes(shop(**code), values)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ({"bulkhead": 0}, "bulkhead=0 (write the attempts at once, 1 or more, True, False or a"),
        ({"rate_limiter": -1}, "rate_limiter=-1 (write the attempts per second, more than 0"),
        ({"adaptive_limit": 5}, "adaptive_limit=5 (write True, False, a Gradient2Policy"),
        ({"throttle": 2}, "throttle=2 (write True, False or a Throttle)"),
        ({"hedge": "fast"}, "hedge='fast' (write the seconds after which to hedge"),
        ({"single_flight": "yes"}, "single_flight='yes' (write True or False)"),
        ({"fallback": []}, "fallback=[] (write Fallback(value=…), Fallback(handler=…) or False)"),
        ({"deadline_header": "no good"}, "deadline_header='no good' (write the name of a header"),
        ({"deadline_header": ("x", "hours")}, "deadline_header=('x', 'hours') (write the name"),
        ({"timeout": 0}, "timeout=0 (write seconds as a number above 0, or a TimeoutPolicy)"),
        ({"total_timeout": "2"}, "total_timeout='2' (write seconds as a number above 0)"),
        ({"retry_budget": 3}, "retry_budget=3 (write True, False or a RetryBudget)"),
        ({"retry": None}, "retry=None (write the number of attempts"),
        (
            {"timeout": TimeoutPolicy(total=timedelta(seconds=40)), "total_timeout": 3},
            "total_timeout stands beside a TimeoutPolicy that says it (keep one)",
        ),
        (
            {"timeout": 5, "total_timeout": timedelta(seconds=3)},
            "timeout (5 s) is longer than total_timeout (3 s)",
        ),
    ],
)
def test_a_value_of_the_wrong_kind_says_what_to_write(code: dict[str, Any], expected: str) -> None:
    assert f"Shop: {expected}" in mistakes(shop(**code))

    if code == {"retry": None}:
        return

    @service_client(base_url="http://shop:8080")
    class Method:
        @resilience(**code)
        @get("/a")
        async def read(self) -> dict[str, Any]: ...

    text = mistakes(Method)
    if " (write" in expected:
        expected = f"@resilience({expected.replace(' (write', '): write', 1).removesuffix(')')}"
    else:
        expected = f"@resilience: {expected}"
    assert f"Method.read: {expected}" in text


def test_a_misspelled_policy_says_which_is_meant() -> None:
    @service_client(base_url="http://shop:8080")
    class Shop:
        @resilience(bulkhaed=3)  # type: ignore[call-arg]  # the mistake under test
        @get("/a")
        async def read(self) -> dict[str, Any]: ...

        @resilience(magic=3)  # type: ignore[call-arg]  # the mistake under test
        @get("/a")
        async def other(self) -> dict[str, Any]: ...

        @get("/b", bulkhead=3)  # type: ignore[call-arg]  # the mistake under test
        async def verb(self) -> dict[str, Any]: ...

    text = mistakes(Shop)
    assert "bulkhaed=… is no argument of @resilience (did you mean bulkhead?)" in text
    assert "magic=… is no argument of @resilience (known are retry, " in text
    assert "bulkhead=… is no argument of a verb (write @resilience(bulkhead=…) above it)" in text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("bulkhead.max-concurent", 3),
        ("hedge.quantile", 1.5),
        ("retry.jitter", "some"),
        ("clients.shop.methods.read.circuit-breaker.per", "host"),
        ("chaos.outcome", 200),
    ],
)
def test_a_wrong_setting_is_an_error_of_the_configuration(key: str, value: Any) -> None:
    with pytest.raises(ConfigException, match=key.rpartition(".")[2]):
        over(shop(), {key: value})


def test_every_setting_of_a_policy_has_an_environment_variable() -> None:
    settings = config(
        PYFLY_CLIENT_CIRCUIT_BREAKER_WINDOW_TYPE="count", PYFLY_CLIENT_HEDGE_DELAY="1s"
    )
    client = client_for(shop(), port=StreamingPort(), config=settings)
    assert "of the last 100 calls" in (told(client, "circuit breaker") or "")
    assert "hedge.delay = 1 s   (environment variable PYFLY_CLIENT_HEDGE_DELAY)" in explain(
        client.read
    )


def test_every_setting_is_explained_where_its_policy_is_on() -> None:
    values = {f"{name}.enabled": "true" for name in POLICIES if name != "retry-budget"}
    values |= {
        "bulkhead.max-concurrent": 1,
        "rate-limiter.rate": 1,
        "rate-limiter.burst": 1,
        "hedge.delay": "1s",
        "hedge.quantile": 0.5,
        "deadline-header.name": "x",
        "retry.max-delay": "9s",
        "circuit-breaker.max-recovery-timeout": "9m",
        "circuit-breaker.half-open-timeout": "9s",
    }
    text = explain(over(shop(fallback=Fallback(value=1)), values).read)
    unused = {"retry-budget.window", "adaptive-limit.backoff-ratio", "adaptive-limit.timeout"}
    for key in CALL_SETTINGS:
        if key in unused or ".window." in key or key == "bulkhead.max-wait":
            assert f"  {key} = " not in text
        else:
            assert f"  {key} = " in text, key


async def test_a_client_with_policies_of_its_own_forgets_them_when_it_stops() -> None:
    breaker, limiter = CircuitBreaker(), AdaptiveLimiter()
    client = over(shop(circuit_breaker=breaker, adaptive_limit=limiter))
    assert breaker.events.on
    assert limiter.events.on
    wiring = wiring_of(client)
    assert wiring is not None
    await wiring.stop()
    assert not breaker.events.on
    assert not limiter.events.on
    await asyncio.sleep(0)


def test_a_window_in_a_file_is_filled_from_the_defaults_where_code_gave_a_whole_policy() -> None:
    client = over(
        shop(circuit_breaker=CircuitBreakerPolicy(7)), {"circuit-breaker.window.type": "count"}
    )
    assert "of the last 100 calls" not in (told(client, "circuit breaker") or "")
    client = over(
        shop(circuit_breaker=CircuitBreakerPolicy(7)),
        {"clients.shop.circuit-breaker.window.type": "count"},
    )
    assert "of the last 100 calls" in (told(client, "circuit breaker") or "")


def test_a_time_window_is_a_setting_too() -> None:
    client = over(shop(circuit_breaker=CircuitBreakerPolicy(window=TimeWindow())))
    assert "of the calls of the last 60 s" in (told(client, "circuit breaker") or "")


LEVELS = (
    "retry.max-attempts",
    "default_retry",
    "clients.shop.retry.max-attempts",
    "decorator",
    "clients.shop.methods.read.retry.max-attempts",
    "@resilience",
)
#: From the nearest level to the widest, where the configuration comes before the code.
NEAREST = (4, 5, 2, 3, 0, 1)


@given(st.dictionaries(st.sampled_from(range(6)), st.integers(1, 50)))
def test_whatever_levels_say_something_the_nearest_is_heard(said: dict[int, int]) -> None:
    @service_client(
        base_url="http://shop:8080", name="shop", **({"retry": said[3]} if 3 in said else {})
    )
    class Shop:
        @resilience(retry=said.get(5))
        @get("/a")
        async def read(self) -> dict[str, Any]: ...

    values = {LEVELS[level]: value for level, value in said.items() if level in (0, 2, 4)}
    default = {"max-attempts": said[1]} if 1 in said else None
    processor = HttpClientBeanPostProcessor(
        lambda url: Port(), config=config(values), default_retry=default
    )
    client: Any = processor.after_init(Shop(), "shop")
    expected = next((said[level] for level in NEAREST if level in said), 3)
    text = explain(client.read)
    assert f"  retry.max-attempts = {expected}   (" in text
    stage = next(each for each in pipeline(client).stages if each.name == "retry")
    assert stage.policy.max_attempts == expected  # type: ignore[attr-defined]  # by its name


@pytest.mark.parametrize("what", [None, print, shop().read, "read"])
def test_only_a_method_of_a_wired_client_is_explained(what: Any) -> None:
    with pytest.raises(TypeError, match="explain takes a method of a wired client"):
        explain(what)


@pytest.mark.parametrize(
    ("proxy", "shown"), [("http://p:1", "http://p:1"), ("http://u:s@p", "***")]
)
def test_the_credentials_of_a_proxy_are_not_explained(proxy: str, shown: str) -> None:
    text = explain(over(shop(), {"clients.shop.proxy": proxy}).read)
    assert f"  proxy = {shown}   (" in text
