"""Callers that come, are cancelled and run out of time as they like: what holds in all cases."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pyfly.kernel.exceptions import DeadlineExceededException
from pyfly.resilience import deadline
from pyfly.resilience.single_flight.single_flight import SingleFlight
from tests.resilience.support import LoopClock, run_virtual

# Multiples of a quarter meet often: that is where races are.
spans = st.integers(0, 12).map(lambda quarters: quarters / 4)
callers = st.lists(
    st.tuples(spans, st.none() | spans, st.none() | spans.filter(bool), st.sampled_from("ab")),
    min_size=1,
    max_size=6,
)


@settings(max_examples=300, deadline=None)
@given(callers=callers, lasts=spans, fails=st.booleans(), cleanup=st.sampled_from([0.0, 0.6]))
def test_no_caller_harms_another_and_nothing_is_left(
    callers: list[tuple[float, float | None, float | None, str]],
    lasts: float,
    fails: bool,
    cleanup: float,
) -> None:
    complaints: list[Any] = []
    under_way: dict[str, int] = {"a": 0, "b": 0}

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, what: complaints.append(what))
        clock = LoopClock()
        single = SingleFlight(clock=clock)

        async def fetch(key: str) -> str:
            under_way[key] += 1
            assert under_way[key] == 1, "two calls for one key at a time"
            try:
                await asyncio.sleep(lasts)
            except asyncio.CancelledError:
                under_way[key] -= 1  # given up: another one may begin
                await asyncio.sleep(cleanup)
                raise
            under_way[key] -= 1
            if fails:
                raise OSError(key)
            return key

        async def caller(
            comes: float, leaves: float | None, has: float | None, key: str
        ) -> tuple[bool, Any]:
            async def wait() -> Any:
                if has is None:
                    return await single.call(key, fetch, key)
                with deadline(has, clock=clock):
                    return await single.call(key, fetch, key)

            await asyncio.sleep(comes)
            task = asyncio.ensure_future(wait())
            asked = False
            if leaves is not None:
                await asyncio.sleep(leaves)
                asked = task.cancel()
            await asyncio.wait([task])
            return asked, asyncio.CancelledError if task.cancelled() else (
                task.exception() or task.result()
            )

        ended = await asyncio.gather(*(caller(*each) for each in callers))
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert len(single) == 0
        errors = []
        for (asked, result), (_, _, has, key) in zip(ended, callers, strict=True):
            assert (result is asyncio.CancelledError) is asked, "swallowed, or invented"
            if asked:
                continue
            if isinstance(result, DeadlineExceededException):
                assert has is not None, "another one's deadline"
            elif fails:
                assert isinstance(result, OSError)
                assert str(result) == key
                errors.append(result)
            else:
                assert result == key
        assert len({id(error) for error in errors}) == len(errors)

    run_virtual(main())
    assert complaints == []
    assert under_way == {"a": 0, "b": 0}
