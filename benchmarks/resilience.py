"""What protection costs: ``python3 dev.py bench resilience``.

A function that returns at once is awaited bare, and through circuit breakers and retries, ours
and those of others, all in one run. A ratio is a multiple of the bare await, unless its group
says otherwise. Success is measured, since that is what calls mostly do, and the refusal of an
open circuit, since that is what happens when it matters.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from benchmarks.measure import Case, Row, measure
from benchmarks.rivals import BREAKERS, OPEN, RETRIES, Rival, make
from pyfly.client import get, http_client, service_client
from pyfly.client.message import Headers, Request, Response
from pyfly.kernel.exceptions import CircuitBreakerException
from pyfly.resilience import CircuitBreaker, CountWindow, Event, RetryPolicy, TimeWindow, deadline
from pyfly.testing import client_for

__all__ = ["rows"]

Function = Callable[[], Awaitable[Any]]

BARE, RAISED = "bare await", "raise and catch"
BREAKER = "circuit breaker, success"
RETRY = "retry, success"
WINDOWS = "circuit breaker with a window (takes a lock), success"
DECLARED = "declared call: what its protection adds, in bare awaits"
ARGUMENTS = "declared call of 4 arguments, all defaults on (ratio: µs above the port's own call)"
OWN_CALL, DECLARED_4 = "the port's own call", "pyfly declared call of 4 arguments"
REFUSED = "open circuit: a refusal ÷ an exception raised and caught"


@http_client(base_url="http://localhost")
class Plain:
    """Every stage off."""

    @get("/items/{item}")
    async def item(self, item: str) -> None:
        """One argument; the body is not decoded."""
        raise NotImplementedError


@service_client(base_url="http://localhost")
class Protected:
    """As shipped: circuit breaker, retry, generation guard, budget."""

    @get("/items/{item}")
    async def item(self, item: str) -> None:
        """One argument; the body is not decoded."""
        raise NotImplementedError

    @get("/shops/{shop}/items")
    async def items(
        self, shop: str, category: str, page: int = 1, in_stock: bool | None = None
    ) -> None:
        """Four arguments."""
        raise NotImplementedError


class Port:
    """A port that answers at once."""

    base_url = "http://localhost"
    takes_encoded = True
    bounds_deadline = True
    ends_calls = True  # as the default adapter over connections of its own

    def __init__(self) -> None:
        self._response: Response[Any] = Response(200, Headers([("content-length", "0")]))

    async def send(self, request: Request, deadline: float | None) -> Response[Any]:
        """The same response each time."""
        return self._response

    async def start(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to close."""


class Switch:
    """A function that returns at once, and fails while it is told to."""

    def __init__(self) -> None:
        self.fails = False

    async def __call__(self) -> None:
        """Return, or fail."""
        if self.fails:
            raise ConnectionError("down")


async def nothing() -> None:
    """The bare function."""


async def raising() -> None:
    """The bare failure."""
    raise ConnectionError("down")


def hear(event: Event, /) -> None:
    """A listener to every event."""


def repeated(function: Function) -> Callable[[int], Awaitable[None]]:
    """Awaits a function so often."""

    async def run(count: int) -> None:
        for _ in range(count):
            await function()

    return run


def refused(function: Function, refusal: type[BaseException]) -> Callable[[int], Awaitable[None]]:
    """Awaits a function that raises so often, and catches that; nothing else may happen."""

    async def run(count: int) -> None:
        for _ in range(count):
            try:
                await function()
            except refusal:
                pass
            else:
                raise AssertionError("the circuit is not open")

    return run


def _breakers() -> list[Case]:
    breaker = CircuitBreaker()

    async def call(count: int) -> None:
        for _ in range(count):
            await breaker.call(nothing)

    cases = [Case("pyfly CircuitBreaker.call", call, BREAKER, BARE, target=3.5)]
    windows: dict[str, CountWindow | TimeWindow] = {
        "CountWindow(100)": CountWindow(100),
        "TimeWindow(60 s)": TimeWindow(timedelta(seconds=60)),
        "CountWindow(100), slow calls too": CountWindow(
            100, slow_rate=0.5, slow_duration=timedelta(seconds=1)
        ),
    }
    for name, window in windows.items():
        cases.append(Case(f"pyfly {name}", _windowed(CircuitBreaker(window=window)), WINDOWS, BARE))
    return cases


def _windowed(breaker: CircuitBreaker) -> Callable[[int], Awaitable[None]]:
    async def run(count: int) -> None:
        for _ in range(count):
            await breaker.call(nothing)

    return run


def _retries() -> list[Case]:
    policy = RetryPolicy()

    async def execute(count: int) -> None:
        for _ in range(count):
            await policy.execute(nothing)

    return [Case("pyfly RetryPolicy.execute", execute, RETRY, BARE, target=3.0)]


def _declared() -> list[Case]:
    plain = client_for(Plain, port=Port())
    protected = client_for(Protected, port=Port())
    heard = client_for(Protected, port=Port(), listeners=[hear])

    async def off(count: int) -> None:
        for _ in range(count):
            await plain.item("4711")

    async def on(count: int) -> None:
        for _ in range(count):
            await protected.item("4711")

    async def in_time(count: int) -> None:
        with deadline(3600):
            for _ in range(count):
                await protected.item("4711")

    async def everything(count: int) -> None:
        with deadline(3600):
            for _ in range(count):
                await heard.item("4711")

    itself = "pyfly every stage off (the call itself)"
    return [
        Case(itself, off, DECLARED, BARE),
        Case("pyfly breaker, retry, generation guard, budget", on, DECLARED, BARE, itself, 2.6),
        Case(
            "pyfly defaults, under a deadline of the caller's", in_time, DECLARED, BARE, itself, 4.0
        ),
        Case("pyfly the same, all events heard", everything, DECLARED, BARE, itself),
    ]


async def _refusals() -> list[Case]:
    breaker = CircuitBreaker(recovery_timeout=timedelta(hours=1))
    await _failing(lambda: breaker.call(raising), 5)

    @service_client(base_url="http://localhost", circuit_breaker=breaker)
    class Shared(Protected):
        """Over the circuit that is open."""

    client = client_for(Shared, port=Port())

    async def declared() -> None:
        await client.item("4711")

    async def call(count: int) -> None:
        for _ in range(count):
            try:
                await breaker.call(nothing)
            except CircuitBreakerException:
                pass
            else:
                raise AssertionError("the circuit is not open")

    async def by_constructor() -> None:
        raise CircuitBreakerException(name="down", retry_after=1.0)

    built = refused(by_constructor, CircuitBreakerException)
    return [
        Case("pyfly CircuitBreaker.call", call, REFUSED, RAISED, target=1.6),
        Case("the same exception, raised and caught", built, REFUSED, RAISED),
        Case("pyfly declared call", refused(declared, CircuitBreakerException), REFUSED, RAISED),
    ]


async def _failing(function: Function, times: int) -> None:
    for _ in range(times):
        try:
            await function()
        except Exception:
            continue


async def _others() -> tuple[list[Case], list[Row]]:
    """The cases of others, and a row for each that could not be made."""
    cases: list[Case] = []
    missing: list[Row] = []
    for group, rivals in ((BREAKER, BREAKERS), (RETRY, RETRIES)):
        for rival in rivals:
            function = await make(rival, nothing)
            if isinstance(function, str):
                missing.append({"group": group, "case": rival.name, "missing": function})
            else:
                name = f"{rival.name}{' retry' if group is RETRY else ''}"
                cases.append(Case(name, repeated(function), group, BARE))
    for rival in OPEN:
        function = await _opened(rival)
        if isinstance(function, str):
            missing.append({"group": REFUSED, "case": rival.name, "missing": function})
        else:
            run = refused(function, rival.refusal())
            cases.append(Case(f"{rival.name} open", run, REFUSED, RAISED))
    return cases, missing


async def _opened(rival: Rival) -> Function | str:
    """The function under a circuit that is open."""
    switch = Switch()

    async def switched() -> None:  # some decorators want a function
        await switch()

    function = await make(rival, switched)
    if isinstance(function, str):
        return function
    switch.fails = True
    await _failing(function, 30)
    switch.fails = False
    try:
        await function()
    except rival.refusal():
        return function
    return "its circuit did not open"


def _arguments() -> list[Case]:
    port = Port()
    client = client_for(Protected, port=port)
    request = Request("GET", "/items", {})

    async def bare(count: int) -> None:
        for _ in range(count):
            await port.send(request, None)

    async def declared(count: int) -> None:
        for _ in range(count):
            await client.items("berlin", "tools", 3, in_stock=True)

    return [Case(OWN_CALL, bare, ARGUMENTS), Case(DECLARED_4, declared, ARGUMENTS, target=1.2)]


def _microseconds_above(rows: list[Row]) -> None:
    """Say of the declared call of four arguments how much it takes above the port's own."""
    by_name = {row["case"]: row for row in rows}
    declared, own = by_name[DECLARED_4], by_name[OWN_CALL]
    declared["ratio"] = round((declared["ns"] - own["ns"]) / 1e3, 3)


def rows(rounds: int) -> list[Row]:
    """Measure everything; the rows of the table."""
    import asyncio

    async def prepared() -> tuple[list[Case], list[Row]]:
        cases = [Case(BARE, repeated(nothing)), Case(RAISED, refused(raising, ConnectionError))]
        others, missing = await _others()
        own = [*_breakers(), *_retries(), *_declared(), *_arguments(), *await _refusals()]
        return [*cases, *own, *others], missing

    cases, missing = asyncio.run(prepared())
    found = measure(_renamed(cases), rounds)
    _microseconds_above(found)
    order = {
        group: place
        for place, group in enumerate(("", BREAKER, WINDOWS, RETRY, DECLARED, ARGUMENTS))
    }
    return sorted([*found, *missing], key=lambda row: order.get(row["group"], len(order)))


def _renamed(cases: list[Case]) -> list[Case]:
    """Names are keys: an entry that stands in two groups gets a number."""
    seen: dict[str, int] = {}
    named: list[Case] = []
    for case in cases:
        seen[case.name] = seen.get(case.name, 0) + 1
        again = seen[case.name] > 1
        named.append(case._replace(name=f"{case.name}, open") if again else case)
    return named
