"""What each stage does in a client, beyond what the policy does around any function."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from datetime import timedelta
from typing import Annotated, Any

import pytest

from pyfly.client import (
    BulkheadException,
    CircuitBreaker,
    CircuitBreakerException,
    CircuitState,
    ConnectException,
    Header,
    NotFoundException,
    ReadTimeoutException,
    Response,
    ServerErrorException,
    Timeout,
    TooManyRequestsException,
    UnauthorizedException,
    bearer,
    deadline,
    explain,
    get,
    head,
    idempotent,
    post,
    resilience,
    retryable,
    service_client,
)
from pyfly.client._call.failure_classification import is_answer, is_drop, is_rejection
from pyfly.client.errors import ResponseTooLargeException, status_error
from pyfly.client.message import Headers
from pyfly.client.wiring import wiring_of
from pyfly.kernel.exceptions import AttemptTimeoutException, DeadlineExceededException
from pyfly.resilience import (
    AdaptiveLimiter,
    AIMDPolicy,
    CallSucceeded,
    ChaosInjected,
    CircuitTransition,
    Fallback,
    FallbackUsed,
    FlightJoined,
    Hedge,
    HedgeSent,
    LimitChanged,
    RetrySuppressed,
    Throttle,
)
from pyfly.testing import client_for
from tests.client.protection.support import (
    Port,
    SyncPort,
    answer,
    config,
    outcome_of,
    run_virtual,
    wired,
)
from tests.resilience.support import LoopClock, ManualClock


def status(code: int) -> Exception:
    return status_error(code, Headers(), b"")


def shop(**options: Any) -> Any:
    @service_client(base_url="http://shop:8080", **options)
    class Shop:
        @get("/a/{key}")
        async def read(self, key: str) -> dict[str, Any]: ...

        @post("/a")
        async def create(self, body: Any) -> dict[str, Any]: ...

    return Shop


# What an outcome means


ANSWERS = (400, 401, 403, 404, 409, 410, 422, 301, 304, 501)
NO_ANSWERS = (408, 429, 500, 502, 503, 504)


@pytest.mark.parametrize("code", [*ANSWERS, *NO_ANSWERS])
def test_which_statuses_prove_that_a_service_works(code: int) -> None:
    assert is_answer(status(code)) is (code in ANSWERS)


def test_a_body_that_cannot_be_used_proves_it_too() -> None:
    assert is_answer(ResponseTooLargeException("11 MiB"))
    assert not is_answer(ConnectException("refused"))
    assert not is_answer(ValueError())


@pytest.mark.parametrize(
    ("error", "rejection", "drop"),
    [
        (status(429), True, True),
        (status(503), True, True),
        (status(500), False, False),
        (status(404), False, False),
        (ConnectException("refused"), True, False),
        (ReadTimeoutException("slow"), True, True),
        (AttemptTimeoutException("slow"), True, True),
        (DeadlineExceededException("late"), False, False),
        (ValueError(), False, False),
    ],
    ids=lambda value: value if isinstance(value, bool) else str(value) or type(value).__name__,
)
def test_what_an_outcome_says_to_throttle_and_limiter(
    error: Exception, rejection: bool, drop: bool
) -> None:
    assert (is_rejection(error), is_drop(error)) == (rejection, drop)


@pytest.mark.parametrize("code", [429, 503])
def test_a_429_and_a_503_feed_throttle_and_limiter(code: int) -> None:
    async def main() -> None:
        throttle, limiter = Throttle(), AdaptiveLimiter(AIMDPolicy(10, 1, 10, backoff_ratio=0.5))
        cls = shop(throttle=throttle, adaptive_limit=limiter, retry=False)
        client, history = wired(cls, Port(status(code), status(404), answer({})))
        await outcome_of(client.read("1"))
        assert (throttle.snapshot().requests, throttle.snapshot().accepts) == (1, 0)
        assert limiter.limit == 5
        (changed,) = history.of(LimitChanged)
        assert (changed.old, changed.new) == (10, 5)

    run_virtual(main())


# Half-open


@pytest.mark.parametrize("code", [404, 429, 500])
def test_a_4xx_closes_a_half_open_circuit_but_a_429_proves_nothing(code: int) -> None:
    async def main() -> None:
        port = Port(status(500), status(code))
        cls = shop(
            retry=False,
            circuit_breaker_failure_threshold=1,
            circuit_breaker_recovery_timeout=10,
        )
        client, history = wired(cls, port)
        await outcome_of(client.read("1"))
        assert isinstance(await outcome_of(client.read("2")), CircuitBreakerException)
        await asyncio.sleep(10)
        await outcome_of(client.read("3"))
        wiring = wiring_of(client)
        assert wiring is not None
        (breaker,) = wiring.protection.shared.all_of(CircuitBreaker)
        expected = {404: CircuitState.CLOSED, 429: CircuitState.HALF_OPEN, 500: CircuitState.OPEN}
        assert breaker.state is expected[code]
        if code == 404:
            assert history.of(CircuitTransition)[-1].reason == "a probe succeeded"

    run_virtual(main())


def test_a_404_in_a_closed_circuit_neither_counts_nor_resets_the_count() -> None:
    async def main() -> None:
        breaker = CircuitBreaker(2)
        port = Port(status(500), status(404), status(500))
        client, _ = wired(shop(retry=False, circuit_breaker=breaker), port)
        for _ in range(3):
            await outcome_of(client.read("1"))
        assert breaker.state is CircuitState.OPEN

    run_virtual(main())


# The deadline header


def test_the_time_that_is_left_is_sent_with_each_attempt() -> None:
    async def main() -> None:
        port = Port((0.25, status(503)), answer({}))
        cls = shop(deadline_header="X-Time-Left", total_timeout=3)
        client, _ = wired(cls, port)
        await client.read("1")
        assert port.sent("x-time-left") == ["3000", "1750"]
        with deadline(1, clock=LoopClock()):
            await client.read("1")
        assert port.sent("x-time-left")[-1] == "1000"

    run_virtual(main())


@pytest.mark.parametrize(
    ("form", "text"), [("ms", "1500"), ("seconds", "1.500"), ("grpc", "1500000u")]
)
def test_the_format_of_the_deadline_header_is_a_setting(form: str, text: str) -> None:
    async def main() -> None:
        port = Port()
        values = {"deadline-header.name": "left", "deadline-header.format": form}
        client, _ = wired(shop(timeout=1.5), port, values)
        await client.read("1")
        assert port.sent("left") == [text]

    run_virtual(main())


def test_without_an_end_no_deadline_is_sent_and_a_caller_may_send_its_own() -> None:
    from pyfly.resilience import TimeoutPolicy

    @service_client(base_url="http://shop:8080", deadline_header="left")
    class Shop:
        @resilience(timeout=TimeoutPolicy(None))
        @get("/a")
        async def endless(self) -> dict[str, Any]: ...

        @get("/a")
        async def own(self, left: Annotated[str, Header("Left")]) -> dict[str, Any]: ...

    async def main() -> None:
        port = Port()
        client, _ = wired(Shop, port)
        await client.endless()
        await client.own("7")
        assert [dict(request.headers) for request in port.requests] == [
            {"accept": "application/json"},
            {"accept": "application/json", "left": "7"},
        ]

    run_virtual(main())


def test_a_synchronous_client_sends_its_deadline_too() -> None:
    @service_client(base_url="http://shop:8080", deadline_header="left", timeout=2)
    class Shop:
        @get("/a")
        def read(self) -> dict[str, Any]: ...

    port = SyncPort()
    client: Any = client_for(Shop, port=port, clock=ManualClock())
    assert client.read() == {"id": 1}
    assert port.sent("left") == ["2000"]


# Idempotency keys


@service_client(base_url="http://shop:8080", hedge=0.5, retry_base_delay=0)
class Orders:
    @idempotent(key=True)
    @post("/orders")
    async def create(self, body: Any) -> dict[str, Any]: ...

    @idempotent(key=True)
    @post("/orders")
    async def own(
        self, body: Any, key: Annotated[str | None, Header("Idempotency-Key")] = None
    ) -> dict[str, Any]: ...

    @post("/orders")
    async def plain(
        self, body: Any, key: Annotated[str | None, Header("Idempotency-Key")] = None
    ) -> dict[str, Any]: ...

    @retryable
    @post("/orders")
    async def retried(self, body: Any) -> dict[str, Any]: ...

    @idempotent
    @post("/orders")
    async def bare(self, body: Any) -> dict[str, Any]: ...


def test_a_key_is_made_once_for_a_call_and_goes_with_its_attempts_and_hedges() -> None:
    async def main() -> None:
        port = Port((0.1, status(503)), (9.0, answer({})), (0.1, answer({"id": 7})))
        client, history = wired(Orders, port)
        assert await client.create({}) == {"id": 7}
        assert len(port.requests) == 3
        assert len(history.of(HedgeSent)) == 1
        (key,) = set(port.sent("idempotency-key"))
        assert key is not None
        assert len(key) == 36
        await client.create({})
        assert port.sent("idempotency-key")[-1] != key
        assert "idempotency-key = one for each call   (@idempotent(key=True))" in explain(
            client.create
        )

    run_virtual(main())


def test_a_key_of_the_caller_stands_and_allows_retries_and_hedges() -> None:
    async def main() -> None:
        port = Port((9.0, answer({})), answer({"id": 1}))
        client, _ = wired(Orders, port)
        await client.own({}, "mine")
        assert port.sent("idempotency-key") == ["mine", "mine"]
        port.requests.clear()
        await client.own({})
        assert port.sent("idempotency-key")[0] not in (None, "mine")
        port.answers[:] = [(9.0, answer({})), answer({"id": 1})]
        port.requests.clear()
        await client.plain({}, "mine")
        assert port.sent("idempotency-key") == ["mine", "mine"]

    run_virtual(main())


def test_a_post_without_a_key_is_neither_retried_nor_hedged() -> None:
    async def main() -> None:
        port = Port((2.0, status(503)))
        client, history = wired(Orders, port)
        assert isinstance(await outcome_of(client.plain({})), ServerErrorException)
        assert len(port.requests) == 1
        (suppressed,) = history.of(RetrySuppressed)
        assert suppressed.reason == ("a POST that may have had its effect must not be sent twice")

    run_virtual(main())


def test_what_may_be_retried_need_not_be_hedged_but_what_is_idempotent_may() -> None:
    client = client_for(Orders, port=Port())
    assert "hedge: a POST that may have had its effect" in explain(client.retried)
    for method in (client.bare, client.create, client.plain):
        assert "left out" not in explain(method)


def test_a_mapping_of_headers_may_hold_a_key_so_its_calls_may_be_hedged() -> None:
    @service_client(base_url="http://shop:8080", hedge=0.5)
    class Shop:
        @post("/orders")
        async def create(self, body: Any, headers: dict[str, str]) -> dict[str, Any]: ...

        @post("/orders", headers={"Idempotency-Key": "always"})
        async def constant(self, body: Any) -> dict[str, Any]: ...

    async def main() -> None:
        port = Port((9.0, answer({})), answer({}))
        client, _ = wired(Shop, port)
        await client.create({}, {"Idempotency-Key": "one"})
        assert len(port.requests) == 2
        assert "left out" not in explain(client.constant)

    run_virtual(main())


async def test_a_call_with_a_key_that_a_stop_cancels_says_so() -> None:
    from pyfly.client import ClientStoppedException

    port = Port(answer({}), delay=30)
    client = client_for(Orders, port=port, config=config({"default.stop-timeout": "10ms"}))
    call = asyncio.create_task(client.create({}))
    await asyncio.sleep(0.01)
    wiring = wiring_of(client)
    assert wiring is not None
    await wiring.stop()
    with pytest.raises(ClientStoppedException):
        await call


# Bodies that can be sent once


def test_a_body_that_can_be_sent_once_is_neither_retried_nor_hedged_and_the_reason_is_told() -> (
    None
):
    @service_client(base_url="http://shop:8080", hedge=0.5)
    class Shop:
        @idempotent(key=True)
        @post("/files")
        async def upload(self, body: AsyncIterator[bytes]) -> dict[str, Any]: ...

    async def pieces() -> AsyncIterator[bytes]:
        yield b"a"

    async def main() -> None:
        port = Port((2.0, status(503)))
        client, history = wired(Shop, port)
        assert isinstance(await outcome_of(client.upload(pieces())), ServerErrorException)
        assert len(port.requests) == 1
        (suppressed,) = history.of(RetrySuppressed)
        assert "once" in suppressed.reason or "twice" in suppressed.reason, suppressed.reason
        assert not history.of(HedgeSent)

    run_virtual(main())


# Hedges


def test_the_attempts_that_lost_have_ended_before_the_port_is_stopped() -> None:
    class Slow(Port):
        async def send(self, request: Any, deadline: float | None) -> Any:
            self.requests.append(request)
            self.running += 1
            try:
                await asyncio.sleep(60 if len(self.requests) == 1 else 0.1)
            except asyncio.CancelledError:
                await asyncio.sleep(0.5)  # longer than a race waits for its losers
                raise
            finally:
                self.running -= 1
            return answer({})

    async def main() -> None:
        port = Slow()
        client, _ = wired(shop(hedge=0.1), port)
        await client.read("1")
        assert port.running == 1
        wiring = wiring_of(client)
        assert wiring is not None
        await wiring.stop()
        assert port.stopped_with == 0

    run_virtual(main())


def test_a_stop_does_not_wait_for_losers_that_never_end() -> None:
    class Stuck(Port):
        async def send(self, request: Any, deadline: float | None) -> Any:
            self.requests.append(request)
            if len(self.requests) > 1:
                return answer({})
            end = asyncio.get_running_loop().time() + 20
            while (left := end - asyncio.get_running_loop().time()) > 0:
                try:
                    await asyncio.sleep(left)
                except asyncio.CancelledError:
                    continue
            return answer({})

    async def main() -> None:
        port = Stuck()
        client, _ = wired(shop(hedge=0.1), port)
        await client.read("1")
        wiring = wiring_of(client)
        assert wiring is not None
        before = asyncio.get_running_loop().time()
        await wiring.stop()
        assert asyncio.get_running_loop().time() - before < 5
        assert port.stopped_with == 0
        await asyncio.sleep(20)

    run_virtual(main())


def test_each_method_learns_its_own_latencies() -> None:
    hedge = Hedge(quantile=0.5, min_samples=2)
    client = client_for(shop(hedge=hedge), port=Port())
    wiring = wiring_of(client)
    assert wiring is not None
    assert all(one is not hedge for one in wiring.protection.shared.all_of(Hedge))


# Single flight


def flying(**options: Any) -> Any:
    @service_client(base_url="http://shop:8080", single_flight=True, **options)
    class Shop:
        @get("/a/{key}")
        async def read(
            self,
            key: str,
            page: int = 1,
            trace: Annotated[str | None, Header("X-Trace")] = None,
            wait: Annotated[float | None, Timeout()] = None,
        ) -> dict[str, Any]: ...

        @get("/a/{key}")
        async def other(self, key: str) -> dict[str, Any]: ...

        @head("/a/{key}")
        async def look(self, key: str) -> None: ...

        @get("/a/{key}")
        async def whole(self, key: str) -> Response[dict[str, Any]]: ...

    return Shop


async def requests_of(client: Any, port: Port, *calls: Callable[[], Any]) -> int:
    """How many requests some calls make that are under way together."""
    port.requests.clear()
    await asyncio.gather(*(call() for call in calls))
    return len(port.requests)


def test_only_identical_requests_share_a_call() -> None:
    async def main() -> None:
        port = Port(answer({"id": 1}), delay=1.0)
        client, _ = wired(flying(), port)

        def read(*args: Any, **kwargs: Any) -> Callable[[], Any]:
            return lambda: client.read(*args, **kwargs)

        for others, expected in [
            ((read("1"),), 1),
            ((read("2"),), 2),
            ((read("1", 2),), 2),
            ((read("1", trace="x"),), 2),
            ((read("1", wait=5.0),), 2),
            ((lambda: client.other("1"),), 2),
            ((lambda: client.look("1"), lambda: client.look("1")), 2),
        ]:
            assert await requests_of(client, port, read("1"), *others) == expected

    run_virtual(main())


def test_what_is_shared_is_decoded_for_each_caller() -> None:
    async def main() -> None:
        client, history = wired(flying(), Port(answer({"id": [1]}), delay=1.0))
        one, two = await asyncio.gather(client.read("1"), client.read("1"))
        assert one == two
        one["id"].append(2)
        assert two == {"id": [1]}
        first, second = await asyncio.gather(client.whole("1"), client.whole("1"))
        assert first is not second
        assert first.value == second.value
        assert first.value is not second.value
        assert len(history.of(FlightJoined)) == 2
        assert len(history.of(CallSucceeded)) == 4

    run_virtual(main())


USER: ContextVar[str] = ContextVar("user")


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_two_callers_with_different_credentials_never_share(kind: str) -> None:
    async def later() -> str:
        return USER.get()

    provider: Any = later if kind == "async" else USER.get

    async def main() -> None:
        port = Port(answer({"id": 1}), delay=1.0)
        client, _ = wired(flying(auth=bearer(provider)), port)

        async def read(user: str) -> Any:
            USER.set(user)
            return await client.read("1")

        tasks = [asyncio.create_task(read(user)) for user in ("ann", "bob", "ann")]
        await asyncio.gather(*tasks)
        assert sorted(port.sent("authorization"), key=str) == ["Bearer ann", "Bearer bob"]

    run_virtual(main())


def test_a_caller_that_brings_its_own_credentials_is_told_apart_by_them() -> None:
    @service_client(base_url="http://shop:8080", single_flight=True, auth=bearer("common"))
    class Shop:
        @get("/a")
        async def read(
            self, token: Annotated[str | None, Header("Authorization")] = None
        ) -> dict[str, Any]: ...

    async def main() -> None:
        port = Port(answer({"id": 1}), delay=1.0)
        client, _ = wired(Shop, port)
        await asyncio.gather(client.read("a"), client.read("b"), client.read("a"), client.read())
        assert sorted(port.sent("authorization"), key=str) == ["Bearer common", "a", "b"]

    run_virtual(main())


def test_who_has_no_credentials_shares_nothing_and_gets_the_error_of_the_provider() -> None:
    def missing() -> str:
        raise LookupError("no user")

    async def main() -> None:
        port = Port(answer({"id": 1}), delay=1.0)
        client, history = wired(flying(auth=bearer(missing)), port)
        outcomes = await asyncio.gather(*(outcome_of(client.read("1")) for _ in range(2)))
        assert [str(error) for error in outcomes] == ["no user", "no user"]
        assert not history.of(FlightJoined)
        assert not port.requests

    run_virtual(main())


def test_an_interceptor_that_may_set_headers_keeps_calls_apart() -> None:
    class Tenant:
        def before_request(self, exchange: Any) -> None:
            exchange.set_header("X-Tenant", USER.get())

    class Watcher:
        def after_response(self, exchange: Any, response: Any) -> None: ...

    client = client_for(flying(interceptors=[Tenant()]), port=Port())
    text = explain(client.read)
    assert "single-flight: the interceptor Tenant may give each caller's request other" in text
    assert "left out" not in explain(client_for(flying(interceptors=[Watcher()]), port=Port()).read)


async def test_a_port_that_encodes_queries_itself_shares_by_them() -> None:
    class Plain:
        def __init__(self) -> None:
            self.asked: list[Any] = []

        async def request(self, method: str, url: str, **kwargs: Any) -> Any:
            self.asked.append(kwargs.get("params"))
            await asyncio.sleep(0.01)
            return {"id": 1}

        async def start(self) -> None: ...

        async def stop(self) -> None: ...

    @service_client(base_url="http://shop:8080", single_flight=True)
    class Shop:
        @get("/a")
        async def read(self, page: int, tags: tuple[str, ...] = ()) -> dict[str, Any]: ...

    port = Plain()
    client = client_for(Shop, port=port, config=config())
    await asyncio.gather(client.read(1), client.read(1), client.read(2), client.read(1, ("a", "b")))
    assert len(port.asked) == 3


def test_threads_share_a_synchronous_call() -> None:
    entered, gate = threading.Event(), threading.Event()

    class Gated(SyncPort):
        def send(self, request: Any, deadline: float | None) -> Any:
            self.requests.append(request)
            entered.set()
            assert gate.wait(10)
            return answer({"id": len(self.requests)})

    @service_client(base_url="http://shop:8080", single_flight=True, auth=bearer(lambda: "t"))
    class Shop:
        @get("/a")
        def read(self) -> dict[str, Any]: ...

    from pyfly.resilience import History

    history, port, values = History(), Gated(), []
    client = client_for(Shop, port=port, config=config(), listeners=[history])
    threads = [threading.Thread(target=lambda: values.append(client.read())) for _ in range(3)]
    threads[0].start()
    assert entered.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(history.of(FlightJoined)) < 2:
        threads[1].join(0.001)
    gate.set()
    for thread in threads:
        thread.join(10)
    assert values == [{"id": 1}] * 3


def test_a_synchronous_client_without_credentials_can_share_calls() -> None:
    @service_client(base_url="http://shop:8080", single_flight=True)
    class Shop:
        @get("/a")
        def read(self): ...  # type: ignore[no-untyped-def]  # JSON, as in the guide

    client = client_for(Shop, port=SyncPort())
    assert client.read() == {"id": 1}
    assert "decode: into JSON values" in explain(client.read)


def test_a_synchronous_provider_that_raises_is_the_error_of_its_caller() -> None:
    def missing() -> str:
        raise LookupError("no user")

    @service_client(base_url="http://shop:8080", single_flight=True, auth=bearer(missing))
    class Shop:
        @get("/a")
        def read(self) -> dict[str, Any]: ...

    with pytest.raises(LookupError, match="no user"):
        client_for(Shop, port=SyncPort()).read()


# Fallbacks


def test_a_synchronous_call_has_a_fallback() -> None:
    @service_client(
        base_url="http://shop:8080",
        fallback=Fallback(value={"id": 0}, on=(NotFoundException,)),
        errors={403: PermissionError},
    )
    class Shop:
        @get("/a")
        def read(self) -> dict[str, Any]: ...

    client = client_for(Shop, port=SyncPort(status(404), status(403), answer([])))
    assert client.read() == {"id": 0}
    with pytest.raises(PermissionError):
        client.read()
    with pytest.raises(ValueError, match=r"Shop\.read"):
        client.read()


def test_the_success_of_a_fallback_is_a_success_of_the_call() -> None:
    async def main() -> None:
        client, history = wired(shop(fallback=Fallback(value={})), Port(status(404)))
        await client.read("1")
        assert history.names()[-3:] == ["RetrySuppressed", "FallbackUsed", "CallSucceeded"]
        assert history.of(FallbackUsed)[0].operation == "Shop.read"

    run_virtual(main())


def test_cancellation_is_never_answered() -> None:
    async def main() -> None:
        client, _ = wired(shop(fallback=Fallback(value={})), Port(answer({}), delay=9))
        call = asyncio.create_task(client.read("1"))
        await asyncio.sleep(1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    run_virtual(main())


# Chaos


CHAOS: dict[str, tuple[dict[str, Any], type[Exception]]] = {
    "connection": ({"chaos.fault-rate": 1}, ConnectException),
    "timeout": ({"chaos.fault-rate": 1, "chaos.fault": "timeout"}, ReadTimeoutException),
    "503": ({"chaos.outcome-rate": 1}, ServerErrorException),
    "429": ({"chaos.outcome-rate": 1, "chaos.outcome": 429}, TooManyRequestsException),
}


@pytest.mark.parametrize("kind", CHAOS)
def test_chaos_of_the_configuration_is_like_what_a_service_does(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    values, expected = CHAOS[kind]

    async def main() -> None:
        port = Port()
        client, history = wired(shop(retry=2, circuit_breaker=CircuitBreaker()), port, values)
        assert type(await outcome_of(client.read("1"))) is expected
        assert not port.requests
        assert len(history.of(ChaosInjected)) == 2, "the retry copes with it as with any other"

    with caplog.at_level(logging.WARNING, "pyfly.client.chaos"):
        run_virtual(main())
    assert "Chaos is on" in caplog.text


def test_a_synchronous_client_can_have_chaos_too() -> None:
    @service_client(base_url="http://shop:8080", retry=False)
    class Shop:
        @get("/a")
        def read(self) -> dict[str, Any]: ...

    values = {"chaos.outcome-rate": 1, "chaos.outcome": 401}
    with pytest.raises(UnauthorizedException):
        client_for(Shop, port=SyncPort(), config=config(values)).read()
    calm = client_for(Shop, port=SyncPort(), config=config({"chaos.seed": 3}))
    assert calm.read() == {"id": 1}
    assert "chaos: off: no rate is above 0" in explain(calm.read)


def test_chaos_makes_attempts_wait() -> None:
    async def main() -> None:
        values = {"chaos.latency-rate": 1, "chaos.latency": "3s"}
        client, _ = wired(shop(), Port(), values)
        await client.read("1")
        assert asyncio.get_running_loop().time() - 1_000.0 == pytest.approx(3)

    run_virtual(main())


# Limits hold what a stream holds


def test_the_permit_of_a_bulkhead_is_given_back_after_a_failed_attempt() -> None:
    async def main() -> None:
        client, _ = wired(shop(bulkhead=1, retry=False), Port(status(500)), {})
        for _ in range(3):
            assert not isinstance(await outcome_of(client.read("1")), BulkheadException)

    run_virtual(main())


def test_a_call_brings_its_own_timeout_to_the_attempt() -> None:
    @service_client(base_url="http://shop:8080", retry=False, timeout=5)
    class Shop:
        @get("/a")
        async def read(self, wait: Annotated[float | None, Timeout()] = None) -> dict[str, Any]: ...

    async def main() -> None:
        client, _ = wired(Shop, Port(answer({}), delay=9))
        assert isinstance(await outcome_of(client.read(1.0)), AttemptTimeoutException)
        assert asyncio.get_running_loop().time() - 1_000.0 == pytest.approx(1)
        assert "(a call that gives 'wait' has that timeout instead)" in explain(client.read)

    run_virtual(main())


def test_retry_on_results_sees_the_response() -> None:
    from pyfly.resilience import RetryPolicy

    async def main() -> None:
        def pending(response: Any) -> bool:
            return bool(response.json()["pending"])

        policy = RetryPolicy(3, timedelta(seconds=1), retry_if_result=pending)
        port = Port(answer({"pending": True}), answer({"pending": False}))
        client, _ = wired(shop(retry=policy), port)
        assert await client.read("1") == {"pending": False}
        assert len(port.requests) == 2

    run_virtual(main())
