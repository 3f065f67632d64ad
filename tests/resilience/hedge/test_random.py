"""Races with arbitrary spans, endings, deadlines and cancellations: what holds in all of them."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pyfly.kernel.exceptions import DeadlineExceededException
from pyfly.resilience import AttemptTimeoutStage, Stage, TotalTimeoutStage, assemble
from pyfly.resilience.hedge.hedge import Hedge
from pyfly.resilience.hedge.stage import HedgeStage
from tests.resilience.hedge.runs import Attempts, alone, may, seconds
from tests.resilience.support import LoopClock, a_call, run_virtual

# Multiples of a quarter meet often: that is where races are.
spans = st.integers(0, 24).map(lambda quarters: quarters / 4)


@settings(max_examples=300, deadline=None)
@given(
    script=st.lists(st.tuples(spans, st.sampled_from(["fine", "fails"])), min_size=1, max_size=4),
    max_hedges=st.integers(1, 3),
    cleanup=st.sampled_from([0.0, 0.05, 1.0]),
    total=st.none() | spans.filter(bool),
    cancel_at=st.none() | spans,
    bounded=st.booleans(),
)
def test_no_race_leaves_a_task_or_swallows_a_cancellation(
    script: list[tuple[float, str]],
    max_hedges: int,
    cleanup: float,
    total: float | None,
    cancel_at: float | None,
    bounded: bool,
) -> None:
    complaints: list[Any] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, what: complaints.append(what))
        send = Attempts(*[(s, OSError() if r == "fails" else r) for s, r in script])
        send.cleanup = cleanup
        hedge = Hedge(seconds(1), max_hedges=max_hedges, clock=LoopClock())
        stages: list[Stage] = [TotalTimeoutStage(total), HedgeStage(hedge, may)]
        if bounded:
            stages.append(AttemptTimeoutStage(None))
        handler = assemble(stages).build(send)
        started = loop.time()
        task = asyncio.ensure_future(handler(a_call(LoopClock())))
        ended: list[float] = []
        task.add_done_callback(lambda _: ended.append(loop.time()))
        if cancel_at is not None:
            await asyncio.sleep(cancel_at)
            asked = task.cancel()
        await asyncio.wait([task])
        await hedge.drain()
        assert alone(), "a task was left"
        if cancel_at is not None:
            assert task.cancelled() is asked, "a cancellation was swallowed, or invented"
        else:
            assert not task.cancelled()
        if not task.cancelled() and task.exception() is None:
            assert task.result() == "fine"
        elif not task.cancelled():
            assert isinstance(task.exception(), (OSError, DeadlineExceededException))
        if total is not None:
            assert ended[0] - started <= total + cleanup
        assert len(send.seen) <= 1 + max_hedges

    run_virtual(main())
    assert complaints == []
