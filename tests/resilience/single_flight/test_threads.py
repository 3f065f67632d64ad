"""Shared calls among threads."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from pyfly.kernel.exceptions import DeadlineExceededException
from pyfly.resilience import Call, Events, History, Pipeline, deadline
from pyfly.resilience.single_flight.single_flight import SingleFlight
from pyfly.resilience.single_flight.stage import SingleFlightStage
from pyfly.resilience.single_flight.table import FlightJoined
from tests.resilience.support import ManualClock, a_call, outcome


class Gated:
    """A function that answers when it is let; the n-th call does what the n-th step says."""

    def __init__(self, *steps: Any) -> None:
        self.steps = steps or ("page",)
        self.calls = 0
        self.begun = threading.Event()
        self.gates = [threading.Event() for _ in self.steps]

    def __call__(self, *_: object) -> Any:
        number = self.calls
        self.calls += 1
        self.begun.set()
        assert self.gates[number].wait(10)
        step = self.steps[number]
        if callable(step):
            step = step()
        if isinstance(step, BaseException):
            raise step
        return step


class Crowd:
    """Threads that run one function each; what they returned or raised is in ``results``."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []
        self.results: dict[str, Any] = {}

    def start(self, name: str, function: Callable[[], Any]) -> None:
        thread = threading.Thread(target=self._run, args=(name, function), daemon=True)
        self.threads.append(thread)
        thread.start()

    def _run(self, name: str, function: Callable[[], Any]) -> None:
        self.results[name] = outcome(function)

    def join(self) -> dict[str, Any]:
        for thread in self.threads:
            thread.join(10)
            assert not thread.is_alive()
        return self.results


class Joined:
    """A listener that lets a test wait until so many calls have joined."""

    def __init__(self, count: int) -> None:
        self.barrier = threading.Semaphore(0)
        self.count = count

    def __call__(self, event: object, /) -> None:
        if isinstance(event, FlightJoined):
            self.barrier.release()

    def wait(self) -> None:
        for _ in range(self.count):
            assert self.barrier.acquire(timeout=10)


@pytest.mark.parametrize("clock", [None, ManualClock()])
def test_threads_with_one_key_share_one_call(clock: ManualClock | None) -> None:
    joined, fetch, crowd = Joined(9), Gated(), Crowd()
    single = SingleFlight(clock=clock, listeners=[joined])
    for number in range(10):
        crowd.start(str(number), lambda: single.call_sync("a", fetch, 1))
    joined.wait()
    assert len(single) == 1
    fetch.gates[0].set()
    assert list(crowd.join().values()) == ["page"] * 10
    assert (fetch.calls, len(single)) == (1, 0)


def test_without_a_key_nothing_is_shared() -> None:
    single, fetch = SingleFlight(), Gated("one", "two")
    for gate in fetch.gates:
        gate.set()
    assert [single.call_sync(None, fetch) for _ in range(2)] == ["one", "two"]


def test_each_thread_gets_an_exception_of_its_own() -> None:
    joined, crowd = Joined(2), Crowd()
    error = ValueError("bad")
    fetch, single = Gated(error), SingleFlight(listeners=[joined])
    crowd.start("first", lambda: single.call_sync("a", fetch))
    assert fetch.begun.wait(10)
    for name in ("second", "third"):
        crowd.start(name, lambda: single.call_sync("a", fetch))
    joined.wait()
    fetch.gates[0].set()
    results = crowd.join()
    assert results["first"] is error
    assert {str(result) for result in results.values()} == {"bad"}
    assert len({id(result) for result in results.values()}) == 3
    lengths = [len(traceback.extract_tb(results[n].__traceback__)) for n in ("second", "third")]
    assert lengths[0] == lengths[1]
    assert fetch.calls == 1


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_when_the_first_is_interrupted_the_next_makes_the_call(kind: type[BaseException]) -> None:
    joined, fetch, crowd = Joined(1), Gated(kind(), "page"), Crowd()
    single = SingleFlight(listeners=[joined])
    crowd.start("first", lambda: single.call_sync("a", fetch))
    assert fetch.begun.wait(10)
    crowd.start("second", lambda: single.call_sync("a", fetch))
    joined.wait()
    fetch.gates[0].set()
    fetch.gates[1].set()
    results = crowd.join()
    assert type(results["first"]) is kind
    assert results["second"] == "page"


def test_when_the_first_is_out_of_time_the_next_makes_the_call(clock: ManualClock) -> None:
    def late() -> Exception:
        clock.now += 3
        return DeadlineExceededException("mine")

    joined, fetch, crowd = Joined(1), Gated(late, "page"), Crowd()
    single = SingleFlight(clock=clock, listeners=[joined])

    def hasty() -> Any:
        with deadline(2, clock=clock):
            return single.call_sync("a", fetch)

    crowd.start("first", hasty)
    assert fetch.begun.wait(10)
    crowd.start("second", lambda: single.call_sync("a", fetch))
    joined.wait()
    fetch.gates[0].set()
    fetch.gates[1].set()
    results = crowd.join()
    assert str(results["first"]) == "mine"
    assert (results["second"], fetch.calls) == ("page", 2)


def test_an_error_before_the_deadline_of_the_first_is_shared(clock: ManualClock) -> None:
    joined, fetch, crowd = Joined(1), Gated(ValueError("bad")), Crowd()
    single = SingleFlight(clock=clock, listeners=[joined])

    def first() -> Any:
        with deadline(2, clock=clock):
            return single.call_sync("a", fetch)

    crowd.start("first", first)
    assert fetch.begun.wait(10)
    crowd.start("second", lambda: single.call_sync("a", fetch))
    joined.wait()
    fetch.gates[0].set()
    assert [str(result) for result in crowd.join().values()] == ["bad", "bad"]
    assert fetch.calls == 1


def test_a_thread_that_waits_leaves_at_its_own_deadline(clock: ManualClock) -> None:
    joined, fetch, crowd = Joined(1), Gated(), Crowd()
    single = SingleFlight(clock=clock, listeners=[joined])

    def hasty() -> Any:
        with deadline(2, clock=clock):
            return single.call_sync("a", fetch)

    crowd.start("first", lambda: single.call_sync("a", fetch))
    assert fetch.begun.wait(10)
    crowd.start("second", hasty)
    joined.wait()
    clock.now += 3
    crowd.threads[1].join(10)
    assert type(crowd.results["second"]) is DeadlineExceededException
    fetch.gates[0].set()
    assert crowd.join()["first"] == "page"
    assert len(single) == 0


def test_who_comes_too_late_starts_nothing(clock: ManualClock) -> None:
    fetch = Gated()
    with deadline(0, clock=clock), pytest.raises(DeadlineExceededException):
        SingleFlight(clock=clock).call_sync("a", fetch)
    assert fetch.calls == 0


def test_a_call_that_asks_for_its_own_key_is_made_as_if_alone() -> None:
    single = SingleFlight()

    def fetch(depth: int) -> str:
        return f"over {single.call_sync('a', fetch, depth - 1)}" if depth else "bottom"

    assert single.call_sync("a", fetch, 2) == "over over bottom"
    assert len(single) == 0


def test_an_asynchronous_function_is_an_error_that_says_what_to_write() -> None:
    async def fetch() -> int:
        return 1

    with pytest.raises(TypeError, match=r"write `await SingleFlight.call\(…\)`"):
        _ = SingleFlight().call_sync("a", fetch)
    with pytest.raises(TypeError, match=r"SingleFlight.call_sync: the key must be hashable"):
        _ = SingleFlight().call_sync([], fetch)  # type: ignore[arg-type] # that is the point


def test_as_a_stage_it_shares_what_is_inside_and_what_it_went_through() -> None:
    joined, crowd = Joined(1), Crowd()
    fetch, single = Gated("fine"), SingleFlight()

    def send(call: Call) -> Any:
        call.attempt = 3
        return fetch()

    handler = Pipeline([SingleFlightStage(single, lambda call: call.payload)]).build_sync(send)
    calls = [
        Call("Shop.product", "payload", clock=ManualClock(), events=Events([joined]))
        for _ in range(2)
    ]
    crowd.start("first", lambda: handler(calls[0]))
    assert fetch.begun.wait(10)
    crowd.start("second", lambda: handler(calls[1]))
    joined.wait()
    fetch.gates[0].set()
    assert crowd.join() == {"first": "fine", "second": "fine"}
    assert [call.attempt for call in calls] == [3, 3]


def test_as_a_stage_it_leaves_calls_without_a_key_alone(clock: ManualClock) -> None:
    history = History()
    handler = Pipeline([SingleFlightStage(SingleFlight(), lambda call: None)]).build_sync(id)
    call = a_call(clock, history)
    assert handler(call) == id(call)
    assert history.events == []
