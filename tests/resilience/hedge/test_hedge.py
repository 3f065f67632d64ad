from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pyfly.resilience import Event, History, RetryBudget, deadline
from pyfly.resilience.hedge.hedge import Hedge
from tests.resilience.hedge.runs import alone, seconds, timed
from tests.resilience.support import LoopClock, ManualClock, run_virtual


class Service:
    def __init__(self, *spans: float) -> None:
        self.spans = list(spans)
        self.calls = 0

    async def fetch(self, what: str, *, loudly: bool = False) -> str:
        self.calls += 1
        number = self.calls
        await asyncio.sleep(self.spans[number - 1])
        return f"{what} {number}{'!' if loudly else ''}"


def test_a_slow_function_is_called_once_more() -> None:
    service, history = Service(100, 0.5), History()

    async def main() -> Any:
        hedge = Hedge(seconds(1), clock=LoopClock(), listeners=[history])
        result = await timed(hedge.call(service.fetch, "page", loudly=True))
        assert alone()
        return result

    assert run_virtual(main()) == ("page 2!", 1.5)
    assert history.names() == ["HedgeSent", "HedgeWon"]
    assert history[0].operation == "Service.fetch"


def test_as_a_decorator_it_keeps_the_function_as_it_was() -> None:
    service = Service(100, 0.5)

    @Hedge(seconds(1), clock=LoopClock())
    async def fetch(what: str) -> str:
        """Fetch it."""
        return await service.fetch(what)

    async def main() -> str:
        return await fetch("page")

    assert run_virtual(main()) == "page 2"
    assert (fetch.__name__, fetch.__doc__) == ("fetch", "Fetch it.")


def test_each_call_is_noted_in_the_budget_and_each_hedge_takes_from_it() -> None:
    budget = RetryBudget(0.5, 10.0, 0.0, clock=ManualClock())
    service = Service(100, 0.5)

    async def main() -> None:
        await Hedge(seconds(1), budget=budget, clock=LoopClock()).call(service.fetch, "page")

    run_virtual(main())
    assert budget.tokens == 9.0


def test_the_current_deadline_leaves_no_room_for_a_late_hedge() -> None:
    service = Service(2, 0.5)

    async def main() -> str:
        clock = LoopClock()
        with deadline(0.5, clock=clock):
            return await Hedge(seconds(1), clock=clock).call(service.fetch, "page")

    assert run_virtual(main()) == "page 1"


def test_two_event_loops_may_share_one() -> None:
    hedge = Hedge(seconds(1), clock=LoopClock())
    for _ in range(2):
        service = Service(100, 0.5)
        assert run_virtual(hedge.call(service.fetch, "page")) == "page 2"


def test_a_listener_that_raises_harms_nothing() -> None:
    def broken(event: Event) -> None:
        raise RuntimeError

    service = Service(100, 0.5)
    hedge = Hedge(seconds(1), clock=LoopClock(), listeners=[broken])
    assert run_virtual(hedge.call(service.fetch, "page")) == "page 2"


def test_what_cannot_be_awaited_is_an_error_that_says_what_to_write() -> None:
    hedge = Hedge(seconds(1), clock=LoopClock())

    def plain() -> int:
        return 1

    async def fetch() -> int:
        return 1

    with pytest.raises(TypeError, match=r"plain returned int: make it `async def`"):
        run_virtual(hedge.call(plain))  # type: ignore[arg-type] # that is the point
    coroutine: Any = fetch()
    with pytest.raises(TypeError, match=r"write call\(fetch, …\) in place of fetch\(…\)"):
        run_virtual(hedge.call(coroutine))
    with pytest.raises(TypeError, match="plain is synchronous and cannot be hedged"):
        hedge(plain)
