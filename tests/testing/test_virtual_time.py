"""A loop whose time jumps: everything of asyncio, deterministic, at once, never a hang."""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import timedelta

import pytest

from pyfly.kernel.exceptions import AttemptTimeoutException, DeadlineExceededException
from pyfly.resilience import CircuitBreaker, Hedge, RetryPolicy
from pyfly.resilience.assembly import assemble
from pyfly.resilience.call import Call
from pyfly.resilience.clock import SYSTEM_CLOCK
from pyfly.resilience.deadlines import deadline
from pyfly.resilience.events import Events
from pyfly.resilience.timeout.stage import AttemptTimeoutStage, TotalTimeoutStage
from pyfly.testing import VirtualDeadlockException, VirtualTimeLoop, run_virtual
from tests.support.patience import at_most


async def after(seconds: float) -> float:
    """Sleep, and return by how much the loop's time went on."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    await asyncio.sleep(seconds)
    return loop.time() - started


def slowly(seconds: float, answer: str) -> str:
    """Work in a thread, in real time."""
    time.sleep(seconds)
    return answer


class TestAsyncio:
    def test_a_sleep_takes_its_time_and_nobody_waits(self) -> None:
        started = time.perf_counter()
        assert run_virtual(after(3600)) == 3600
        assert time.perf_counter() - started < at_most(1)

    def test_ten_thousand_sleeps_end_at_once_in_the_order_of_their_ends(self) -> None:
        async def main() -> list[int]:
            ended: list[int] = []

            async def sleeper(number: int) -> None:
                await asyncio.sleep((number * 7919) % 10_000)
                ended.append((number * 7919) % 10_000)

            await asyncio.gather(*(sleeper(number) for number in range(10_000)))
            return ended

        started = time.perf_counter()
        assert run_virtual(main()) == list(range(10_000))
        assert time.perf_counter() - started < at_most(5)

    def test_timeout_and_wait_for_end_what_is_too_slow_and_nothing_else(self) -> None:
        async def main() -> None:
            loop = asyncio.get_running_loop()
            started = loop.time()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(5):
                    await asyncio.sleep(6)
            assert loop.time() - started == 5
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(after(2), 1)
            assert loop.time() - started == 6
            assert await asyncio.wait_for(after(2), 3) == 2

        run_virtual(main())

    def test_tasks_of_a_group_sleep_side_by_side(self) -> None:
        async def main() -> float:
            loop = asyncio.get_running_loop()
            started = loop.time()
            async with asyncio.TaskGroup() as group:
                for seconds in (1, 2, 3):
                    group.create_task(asyncio.sleep(seconds))
            return loop.time() - started

        assert run_virtual(main()) == 3

    def test_gather_and_queues_go_the_same_way_each_time(self) -> None:
        async def main() -> list[tuple[float, str]]:
            told: list[tuple[float, str]] = []
            queue: asyncio.Queue[str] = asyncio.Queue()

            async def producer(name: str, pause: float) -> None:
                for _ in range(5):
                    await asyncio.sleep(pause)
                    await queue.put(name)

            async def consumer() -> None:
                for _ in range(10):
                    told.append((asyncio.get_running_loop().time(), await queue.get()))

            await asyncio.gather(producer("a", 0.3), producer("b", 0.2), consumer())
            return told

        first = run_virtual(main())
        assert len(first) == 10
        assert all(run_virtual(main()) == first for _ in range(3))

    def test_a_short_timer_far_from_zero_still_comes(self) -> None:
        async def main() -> float:
            asyncio.get_running_loop().call_later(0, lambda: None)
            await asyncio.sleep(1e8)
            return await after(1e-7)

        assert run_virtual(main()) == pytest.approx(1e-7, rel=0.2)

    def test_two_days_in_one_timer_take_two_days(self) -> None:
        assert run_virtual(after(172_800)) == 172_800

    def test_asynchronous_generators_and_threads_are_closed_at_the_end(self) -> None:
        closed: list[str] = []

        async def numbers() -> AsyncIterator[int]:
            try:
                yield 1
            finally:
                await asyncio.sleep(1)
                closed.append("generator")

        generator = numbers()

        async def main() -> None:
            await anext(generator)
            await asyncio.to_thread(closed.append, "thread")

        before = threading.active_count()
        run_virtual(main())
        assert closed == ["thread", "generator"]
        assert threading.active_count() == before


class TestThreads:
    def test_time_stands_still_while_a_thread_works(self) -> None:
        async def main() -> tuple[str, float]:
            started = asyncio.get_running_loop().time()
            async with asyncio.timeout(1):
                answer = await asyncio.to_thread(slowly, 0.03, "done")
            return answer, asyncio.get_running_loop().time() - started

        assert run_virtual(main()) == ("done", 0)

    def test_a_thread_sees_the_loops_time(self) -> None:
        async def main() -> None:
            await asyncio.sleep(30)
            assert await asyncio.to_thread(time.monotonic) == asyncio.get_running_loop().time()

        run_virtual(main())

    def test_a_thread_that_needs_the_loops_timers_gets_them_at_the_pace_of_real_time(self) -> None:
        async def main() -> float:
            loop = asyncio.get_running_loop()

            def work() -> float:
                return asyncio.run_coroutine_threadsafe(after(0.05), loop).result(10)

            return await asyncio.to_thread(work)

        assert run_virtual(main()) == pytest.approx(0.05)

    def test_a_thread_without_a_timer_beside_it_is_waited_for(self) -> None:
        async def main() -> str:
            return await asyncio.to_thread(slowly, 0.1, "late")

        assert run_virtual(main()) == "late"

    def test_an_executor_of_ones_own_works_as_well(self) -> None:
        async def main() -> int:
            with ThreadPoolExecutor(1) as pool:
                return await asyncio.get_running_loop().run_in_executor(pool, len, "four")

        assert run_virtual(main()) == 4

    def test_a_process_works_for_it_too(self) -> None:
        async def main() -> int:
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(1, context) as pool:
                return await asyncio.get_running_loop().run_in_executor(pool, len, "four")

        assert run_virtual(main()) == 4

    def test_an_executor_that_refuses_leaves_nothing_counted(self) -> None:
        async def main() -> None:
            pool = ThreadPoolExecutor(1)
            pool.shutdown()
            loop = asyncio.get_running_loop()
            with pytest.raises(RuntimeError):
                await loop.run_in_executor(pool, len, "four")
            assert isinstance(loop, VirtualTimeLoop)
            assert loop.threads_at_work == 0

        run_virtual(main())

    def test_another_thread_may_wake_a_loop_that_has_nothing_to_do(self) -> None:
        async def main() -> str:
            loop = asyncio.get_running_loop()
            future: asyncio.Future[str] = loop.create_future()
            thread = threading.Timer(0.01, loop.call_soon_threadsafe, (future.set_result, "woken"))
            thread.start()
            try:
                return await future
            finally:
                thread.join()

        assert run_virtual(main()) == "woken"


class TestSockets:
    def test_a_server_on_the_same_loop_answers(self) -> None:
        async def main() -> bytes:
            async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await asyncio.sleep(5)
                writer.write(await reader.readline())
                writer.close()
                await writer.wait_closed()

            server = await asyncio.start_server(answer, "127.0.0.1", 0)
            async with server:
                host, port = server.sockets[0].getsockname()
                reader, writer = await asyncio.open_connection(host, port)
                writer.write(b"hello\n")
                async with asyncio.timeout(10):
                    line = await reader.readline()
                writer.close()
                await writer.wait_closed()
            return line

        assert run_virtual(main()) == b"hello\n"

    def test_a_peer_elsewhere_may_answer_before_time_jumps(self) -> None:
        ours, theirs = socket.socketpair()

        async def main() -> bytes:
            reader, writer = await asyncio.open_connection(sock=ours)
            thread = threading.Thread(target=lambda: theirs.send(theirs.recv(10)))
            thread.start()
            writer.write(b"soon\n")
            try:
                async with asyncio.timeout(30):
                    return await reader.readline()
            finally:
                thread.join()
                writer.close()
                await writer.wait_closed()

        with theirs:
            assert run_virtual(main()) == b"soon\n"

    def test_a_peer_elsewhere_is_waited_for_where_no_timer_is_set(self) -> None:
        ours, theirs = socket.socketpair()

        async def main() -> bytes:
            reader, writer = await asyncio.open_connection(sock=ours)
            thread = threading.Timer(0.15, lambda: theirs.send(b"late\n"))
            thread.start()
            try:
                return await reader.readline()
            finally:
                thread.join()
                writer.close()
                await writer.wait_closed()

        with theirs:
            assert run_virtual(main()) == b"late\n"


class TestDeadlock:
    def test_it_is_reported_with_the_tasks_that_wait(self) -> None:
        async def consume(queue: asyncio.Queue[int]) -> int:
            return await queue.get()

        async def main() -> None:
            consumer = asyncio.create_task(consume(asyncio.Queue()), name="consumer")
            await asyncio.sleep(1)
            await consumer

        with pytest.raises(VirtualDeadlockException) as caught:
            run_virtual(main())
        told = str(caught.value)
        assert told.startswith("all tasks wait, no timer is set, and nothing from outside can come")
        lines = told.splitlines()[1:]
        assert len(lines) == 2
        consumer = next(line for line in lines if line.startswith("  consumer: "))
        waiting = next(line for line in lines if not line.startswith("  consumer: "))
        assert "consume (tests/testing/test_virtual_time.py:" in consumer
        assert "Queue.get (queues.py:" in consumer
        assert consumer.endswith("waits for a Future")
        assert waiting.endswith("waits for consumer")

    def test_the_tasks_are_cancelled_afterwards(self) -> None:
        ended: list[str] = []

        async def main() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("main")

        with pytest.raises(VirtualDeadlockException):
            run_virtual(main())
        assert ended == ["main"]

    def test_a_task_that_waits_on_in_its_cleanup_hangs_nothing(self) -> None:
        async def main() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.Event().wait()

        with pytest.raises(VirtualDeadlockException):
            run_virtual(main())

    def test_places_in_generators_and_generator_based_awaitables_are_told(self) -> None:
        class Odd:
            def __await__(self):  # type: ignore[no-untyped-def]  # a generator of futures
                yield from asyncio.get_running_loop().create_future()

        async def items():  # type: ignore[no-untyped-def]  # an asynchronous generator
            await Odd()
            yield 1

        async def main() -> None:
            async for _ in items():  # type: ignore[no-untyped-call]
                pass

        with pytest.raises(VirtualDeadlockException, match=r"main \(.*waits for a Future"):
            run_virtual(main())

    def test_a_loop_without_a_task_says_so(self) -> None:
        loop = VirtualTimeLoop()
        try:
            with pytest.raises(VirtualDeadlockException, match="there is no task"):
                loop.run_forever()
        finally:
            loop.close()


class TestTheSystemsClock:
    def test_it_follows_the_loop_while_that_runs(self) -> None:
        real = time.monotonic

        async def main() -> None:
            started = SYSTEM_CLOCK.monotonic()
            assert started == asyncio.get_running_loop().time()
            await SYSTEM_CLOCK.sleep(60)
            assert SYSTEM_CLOCK.monotonic() - started == 60

        run_virtual(main())
        assert time.monotonic is real

    def test_other_threads_keep_the_real_one(self) -> None:
        seen: list[float] = []

        async def main() -> None:
            thread = threading.Thread(target=lambda: seen.append(time.monotonic()))
            await asyncio.sleep(1e9)
            thread.start()
            thread.join()

        before = time.monotonic()
        run_virtual(main())
        assert before <= seen[0] <= time.monotonic()

    def test_loops_in_two_threads_at_once_do_not_disturb_each_other(self) -> None:
        real = time.monotonic
        barrier = threading.Barrier(2)
        spans: dict[str, list[float]] = {"a": [], "b": []}

        def work(name: str, seconds: float) -> None:
            async def main() -> None:
                barrier.wait(10)
                for _ in range(50):
                    started = time.monotonic()
                    await asyncio.sleep(seconds)
                    spans[name].append(time.monotonic() - started)

            run_virtual(main())

        threads = [threading.Thread(target=work, args=each) for each in (("a", 1), ("b", 2))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert spans == {"a": [1.0] * 50, "b": [2.0] * 50}
        assert time.monotonic is real

    def test_who_replaced_it_meanwhile_keeps_what_they_put_there(self) -> None:
        real = time.monotonic
        patch = pytest.MonkeyPatch()

        async def main() -> None:
            patch.setattr(time, "monotonic", lambda: 7.0)

        run_virtual(main())
        assert time.monotonic() == 7.0
        patch.undo()  # puts back what the loop had put there
        assert time.monotonic() - real() == pytest.approx(0, abs=10)
        time.monotonic = real


def pipeline(*stages: object) -> Callable[[Callable[[Call], Awaitable[object]]], object]:
    """Run a handler on the loop behind stages, as one call on the system's clock."""

    async def call(handler: Callable[[Call], Awaitable[object]]) -> object:
        run = assemble(stages).build(handler)  # type: ignore[arg-type]  # each one a Stage
        return await run(Call("test", None, clock=SYSTEM_CLOCK, events=Events()))

    return lambda handler: run_virtual(call(handler))


class TestPolicies:
    def test_a_back_off_of_one_and_two_seconds_ends_at_once(self) -> None:
        started_at: list[float] = []

        async def flaky() -> str:
            started_at.append(time.monotonic())
            if len(started_at) < 3:
                raise ConnectionError("refused")
            return "done"

        started = time.perf_counter()
        assert run_virtual(RetryPolicy(3, timedelta(seconds=1)).execute(flaky)) == "done"
        assert time.perf_counter() - started < at_most(0.5)
        assert [at - started_at[0] for at in started_at] == [0, 1, 3]

    def test_a_recovery_of_thirty_seconds_is_waited_for_by_sleeping(self) -> None:
        async def fail() -> None:
            raise ConnectionError("refused")

        async def main() -> None:
            breaker = CircuitBreaker(1, timedelta(seconds=30))
            with pytest.raises(ConnectionError):
                await breaker.call(fail)
            assert breaker.state.name == "OPEN"
            await asyncio.sleep(29.999)
            assert breaker.state.name == "OPEN"
            await asyncio.sleep(0.001)
            assert breaker.state.name == "HALF_OPEN"
            assert await breaker.call(after, 1) == 1
            assert breaker.state.name == "CLOSED"

        run_virtual(main())

    def test_a_hedge_is_sent_after_its_delay_and_wins(self) -> None:
        async def main() -> tuple[str, float]:
            attempts: list[float] = []

            async def slow_once() -> str:
                attempts.append(time.monotonic())
                number = len(attempts)
                await asyncio.sleep(10 if number == 1 else 1)
                return f"answer {number}"

            started = time.monotonic()
            answer = await Hedge(timedelta(seconds=2)).call(slow_once)
            return answer, time.monotonic() - started

        assert run_virtual(main()) == ("answer 2", 3)

    def test_of_nested_deadlines_the_nearest_ends_the_call(self) -> None:
        async def main() -> list[float]:
            run = assemble([TotalTimeoutStage(None)]).build(lambda call: after(100))
            ends: list[float] = []
            with deadline(20):
                for seconds in (5, 50):
                    started = time.monotonic()
                    with deadline(seconds), pytest.raises(DeadlineExceededException):
                        await run(Call("test", None, clock=SYSTEM_CLOCK, events=Events()))
                    ends.append(time.monotonic() - started)
            return ends

        assert run_virtual(main()) == pytest.approx([5, 15])

    def test_an_attempt_timeout_of_thirty_seconds_takes_no_time(self) -> None:
        run = pipeline(AttemptTimeoutStage(30))
        with pytest.raises(AttemptTimeoutException, match="longer than 30 s"):
            run(lambda call: after(31))


def test_the_loop_is_usable_as_a_factory() -> None:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        assert runner.run(after(10)) == 10
        assert runner.run(after(20)) == 20


def test_importing_the_package_and_the_plugin_loads_neither_a_client_nor_asyncio() -> None:
    code = (
        "import sys, pyfly.testing, pyfly.testing.pytest_plugin; "
        "print([name for name in ('asyncio', 'pyfly.client', 'pyfly.resilience', 'pyfly.core')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_package_knows_its_names_before_they_are_imported() -> None:
    import pyfly.testing

    assert set(pyfly.testing.__all__) <= set(dir(pyfly.testing))
    assert all(getattr(pyfly.testing, name) is not None for name in pyfly.testing.__all__)
    with pytest.raises(AttributeError, match=r"'pyfly\.testing' has no attribute 'nonsense'"):
        _ = pyfly.testing.nonsense
