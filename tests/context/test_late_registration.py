"""Beans that are registered when the context runs already."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pyfly.container import BeanCreationException, BeanNotReadyException, Scope, component
from pyfly.context import post_construct, pre_destroy
from tests.context.support import Journal, context_of


class Clock: ...


async def test_the_next_get_bean_makes_it_and_stop_ends_it() -> None:
    journal = Journal()

    class Late:
        def __init__(self, clock: Clock) -> None: ...

        @post_construct
        def begin(self) -> None:
            journal.append("begin")

        @pre_destroy
        async def end(self) -> None:
            journal.append("end")

    context = context_of()
    context.register_post_processor(journal.processor("p"))
    async with context:
        context.register_bean(Late)
        context.register_bean(Clock)
        assert context.get_bean(Late) is context.get_bean(Late)
        assert journal.take() == [
            "p.before clock",
            "p.after clock",
            "p.before late",
            "begin",
            "p.after late",
        ]
    assert journal == ["p.stop late", "end", "p.stop clock"]


async def test_another_start_starts_what_get_bean_could_not() -> None:
    journal = Journal()
    context = context_of()
    context.register_post_processor(journal.processor("p"))
    async with context:
        context.register_bean(Clock)
        context.get_bean(Clock)
        await context.start()
        await context.start()
        assert journal == ["p.before clock", "p.after clock", "p.start clock"]


async def test_what_has_to_be_awaited_is_left_to_another_start() -> None:
    class Pool:
        @post_construct
        async def begin(self) -> None:
            await asyncio.sleep(0)

    class Late:
        def __init__(self, pool: Pool) -> None: ...

    async with context_of() as context:
        context.register_bean(Late)
        context.register_bean(Pool)
        with pytest.raises(BeanNotReadyException, match=r"Call `await context\.start\(\)` again"):
            context.get_bean(Late)
        await context.start()
        assert isinstance(context.get_bean(Late), Late)


async def test_a_hook_of_a_factory_made_bean_that_waits_is_noticed() -> None:
    class Pool: ...

    class RealPool(Pool):
        @post_construct
        async def begin(self) -> None:
            await asyncio.sleep(0)

    def pool() -> Pool:
        return RealPool()

    async with context_of() as context:
        context.register_bean(pool)
        with pytest.raises(BeanNotReadyException, match="pool has to be awaited"):
            context.get_bean(Pool)
        await context.start()
        assert isinstance(context.get_bean(Pool), RealPool)


async def test_a_transient_that_has_to_be_awaited_can_only_be_injected() -> None:
    @component(scope=Scope.TRANSIENT)
    class Session:
        @post_construct
        async def begin(self) -> None:
            await asyncio.sleep(0)

    class Service:
        def __init__(self, session: Session) -> None:
            self.session = session

    async with context_of(Session, Service) as context:
        assert isinstance(context.get_bean(Service).session, Session)
        with pytest.raises(BeanNotReadyException, match="Session is transient, so start"):
            context.get_bean(Session)


async def test_a_failed_late_start_is_undone_and_the_context_runs_on() -> None:
    journal = Journal()
    answers: list[Any] = [ValueError("no disk"), None]

    class Early:
        @pre_destroy
        def end(self) -> None:
            journal.append("end early")

    class Late:
        @pre_destroy
        def end(self) -> None:
            journal.append("end late")

    class Broken:
        def __init__(self, late: Late) -> None:
            if error := answers.pop(0):
                raise error

    context = context_of(Early)
    async with context:
        early = context.get_bean(Early)
        context.register_bean(Broken)
        context.register_bean(Late)
        with pytest.raises(BeanCreationException):
            await context.start()
        assert journal.take() == ["end late"]
        assert context.get_bean(Early) is early
        await context.start()
        assert isinstance(context.get_bean(Broken), Broken)
    assert journal == ["end late", "end early"]


async def test_threads_that_ask_at_once_get_one_bean() -> None:
    made: list[Any] = []
    barrier = threading.Barrier(8)

    class Late:
        def __init__(self) -> None:
            made.append(self)

    async with context_of() as context:
        context.register_bean(Late)

        def ask(_: int) -> Late:
            barrier.wait()
            return context.get_bean(Late)

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(ask, range(8))) == set(made)
        assert len(made) == 1
