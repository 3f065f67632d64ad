"""The parts of a drill by themselves: the service, the tally, settings, the algebra."""

from __future__ import annotations

import asyncio
import math
import random
from pathlib import Path

import pytest

from pyfly.cli.drill.run import POLICIES, SimulatedPort, SimulatedService, make_client
from pyfly.cli.drill.scenario import Scenario, drain_time, highest_load
from pyfly.cli.drill.settings import clients_in, published, shipped, users
from pyfly.cli.drill.tally import DrillTally, per_second
from pyfly.cli.drill.text import seconds
from pyfly.client import AttemptTimeoutException, CircuitState, ConnectException, Response
from pyfly.client.message import Request
from pyfly.core import Config
from pyfly.resilience import BudgetEmpty, CircuitTransition

ONE_WORKER = Scenario(workers=1, queue=2)


class Even(random.Random):
    """Every request takes exactly the service time; nothing fails that is not sure to."""

    def expovariate(self, lambd: float = 1.0) -> float:
        return 1 / lambd

    def random(self) -> float:
        return 0.5


def request() -> Request:
    return Request("GET", "/work", {})


@pytest.mark.virtual_time
class TestService:
    async def test_requests_are_worked_on_in_their_order_and_the_queue_is_bounded(self) -> None:
        service = SimulatedService(ONE_WORKER, Even())
        link, loop = SimulatedPort(service), asyncio.get_running_loop()
        started = loop.time()
        ends: list[tuple[int, float]] = []

        async def send() -> None:
            response: Response[object] = await link.send(request(), None)
            ends.append((response.status_code, round(loop.time() - started, 6)))

        await asyncio.gather(*(send() for _ in range(4)))
        assert ends == [(503, 0.0), (200, 0.1), (200, 0.2), (200, 0.3)]

    async def test_what_a_caller_has_left_is_worked_on_all_the_same(self) -> None:
        service = SimulatedService(ONE_WORKER, Even())
        link, loop = SimulatedPort(service), asyncio.get_running_loop()
        started = loop.time()
        with pytest.raises(AttemptTimeoutException):
            await link.send(request(), started + 0.05)
        assert loop.time() - started == pytest.approx(0.05)
        await link.send(request(), None)
        assert loop.time() - started == pytest.approx(0.2)

    async def test_without_workers_it_accepts_nothing_and_with_them_it_goes_on(self) -> None:
        service = SimulatedService(ONE_WORKER, Even())
        link = SimulatedPort(service)
        waiting = [asyncio.create_task(link.send(request(), None)) for _ in range(2)]
        await asyncio.sleep(0)
        service.set_workers(0)
        with pytest.raises(ConnectException):
            await link.send(request(), None)
        await asyncio.sleep(1)
        assert [task.done() for task in waiting] == [True, False]
        service.set_workers(1)
        assert (await waiting[1]).status_code == 200
        assert len(service.attempts) == 3

    async def test_it_answers_503_as_often_as_it_is_told(self) -> None:
        link = SimulatedPort(SimulatedService(ONE_WORKER.replace(errors=1.0), Even()))
        assert (await link.send(request(), None)).status_code == 503

    async def test_a_client_is_started_and_its_adaptive_limit_refuses_when_it_is_reached(
        self,
    ) -> None:
        scenario = Scenario(workers=100)
        service, tally = SimulatedService(scenario, Even()), DrillTally(scenario, 1.0)
        adaptive = next(each for each in POLICIES if each.name == "adaptive")
        client = make_client(adaptive, published(), SimulatedPort(service), tally)
        results = await asyncio.gather(*(client.work() for _ in range(30)), return_exceptions=True)
        assert results.count(b"") == 20
        assert len(service.attempts) == 20


class TestTally:
    def tally(self) -> DrillTally:
        """Ten calls a second for fourteen seconds; from 2 to 6 and again in second 8 all fail."""
        tally = DrillTally(Scenario(quiet=2.0, outage=4.0, after=8.0, clients=2), 1.0)
        for number in range(140):
            at = number / 10
            tally.made(at)
            if 2 <= at < 6 or 8 <= at < 9:
                tally.failed(at, at + 0.05, sent=number % 2 == 0)
            else:
                tally.succeeded(at, at + 0.05)
        tally.attempts = [2.5] * 30
        return tally

    def test_it_counts_success_refusals_and_attempts(self) -> None:
        tally = self.tally()
        assert tally.success(0, 2) == 1
        assert tally.success(0, 4) == 0.5
        assert tally.success(50, 60) == 1
        assert tally.refusals == 0.5
        assert tally.amplification == 1.5

    def test_a_relapse_is_no_recovery(self) -> None:
        assert self.tally().recovery == 3

    def test_failures_to_the_end_are_no_recovery(self) -> None:
        tally = self.tally()
        tally.ends = [at for at in tally.ends if at < 2]
        assert tally.recovery is None

    def test_a_queue_that_comes_and_goes_is_no_relapse(self) -> None:
        tally = DrillTally(Scenario(quiet=2.0, outage=4.0, after=14.0, load=0.5), 9.0)
        for number in range(1000):
            at = number / 50
            tally.made(at)
            if 2 <= at < 6:
                tally.failed(at, at, sent=True)
            else:  # those of second 9 are answered in second 10
                tally.succeeded(at, at + 1 if 9 <= at < 10 else at)
        assert tally.recovery == 0

    def test_calls_that_only_wait_are_no_recovery(self) -> None:
        tally = DrillTally(Scenario(quiet=2.0, outage=4.0, after=14.0, load=0.5), 9.0)
        for number in range(1000):
            at = number / 50
            tally.made(at)
            if at < 2 or number % 10 == 0:
                tally.succeeded(at, at)
        assert tally.recovery is None

    def test_an_outage_without_calls_divides_by_nothing(self) -> None:
        empty = DrillTally(Scenario(), 1.0)
        assert (empty.amplification, empty.refusals, empty.recovery) == (0, 0, 0)

    def test_circuits_are_counted_while_they_are_not_closed(self) -> None:
        tally = DrillTally(Scenario(), 1.0)
        closed, opened, half = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN
        for at, old, new in (
            (1.0, closed, opened),
            (2.0, closed, opened),
            (3.0, opened, half),
            (4.0, half, opened),
            (5.0, half, closed),
        ):
            tally(CircuitTransition("work", at, None, old, new, ""))
        tally(BudgetEmpty("work", 6.0))
        assert tally.open_circuits == [(0.0, 0), (1.0, 1), (2.0, 2), (5.0, 1)]

    def test_times_are_counted_by_the_second(self) -> None:
        assert per_second([0.0, 0.9, 1.0, 5.5], 3) == [2, 1, 0]


class TestSettings:
    def test_the_shipped_ones_are_what_a_client_has_without_configuration(self) -> None:
        settings = shipped()
        assert (settings.timeout, settings.open_time, settings.attempts) == (30, 30, 3)
        assert settings.values == {}
        assert settings.shown["retry.base-delay"] == "1s"
        assert settings.shown["retry-budget.max-tokens"] == 100
        assert not {"max-connections", "retry-budget.window", "bulkhead.max-queue"} & {
            *settings.shown
        }

    def test_the_published_ones_differ_in_three_times(self) -> None:
        ours, theirs = shipped().shown, published().shown
        assert {key: theirs[key] for key in ours if ours[key] != theirs[key]} == {
            "timeout": "1s",
            "circuit-breaker.recovery-timeout": "5s",
            "retry.base-delay": "0.1s",
        }

    def test_a_users_are_read_from_their_file(self, tmp_path: Path) -> None:
        path = tmp_path / "pyfly.yaml"
        path.write_text(
            "pyfly:\n  client:\n    default: {timeout: 4s}\n    clients:\n"
            "      inventory: {retry: {max-attempts: 2}}\n      billing: {timeout: 2s}\n"
        )
        config = Config.from_file(path, environ={})
        assert clients_in(config) == ["billing", "inventory"]
        settings = users(config, "inventory")
        assert (settings.name, settings.timeout, settings.attempts) == ("inventory", 4, 2)
        assert settings.values == {"timeout": "4s", "retry.max-attempts": 2}

    def test_a_file_without_clients_has_none(self) -> None:
        assert clients_in(Config(environ={})) == []


class TestAlgebra:
    def test_a_queue_drains_by_what_the_load_leaves(self) -> None:
        scenario = Scenario(queue=1000)
        assert drain_time(scenario, 1.0, 1) == pytest.approx(900 / 30 + 1)
        assert drain_time(scenario.replace(queue=200), 1.0, 1) == pytest.approx(100 / 30 + 1)
        assert drain_time(scenario.replace(load=0.1), 1.0, 1) == 0

    def test_three_attempts_never_drain_it_from_a_third_on(self) -> None:
        assert drain_time(Scenario(load=0.34), 1.0, 3) == math.inf
        assert drain_time(Scenario(load=0.32), 1.0, 3) < math.inf
        assert highest_load(3) == pytest.approx(1 / 3)

    def test_a_span_reads_well(self) -> None:
        assert [seconds(value) for value in (1.0, None, math.inf)] == ["1 s", "never", "never"]
