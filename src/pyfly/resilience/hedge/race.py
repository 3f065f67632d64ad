"""One attempt of a call and the hedges beside it, each in a task of its own.

Whatever ends the race, no task of it is left to itself. A success ends it: the others are
cancelled and have a moment to end before the caller goes on; who takes longer is kept by the
owner. A cancelled caller, and a call at its deadline, cancel all of them and wait for their
end. The deadline's own timer cancels the caller's task only, so the race claims that
cancellation and passes it on: each attempt then ends as one that ran into the deadline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Protocol

from pyfly.kernel.exceptions import DeadlineExceededException
from pyfly.resilience._checks import Budget
from pyfly.resilience._guard import time_for
from pyfly.resilience.call import Call, Handler, at_deadline
from pyfly.resilience.events import BudgetEmpty, HedgeFailed, HedgeSent, HedgeSuppressed, HedgeWon
from pyfly.resilience.hedge.policy import HedgePolicy


class Owner(Protocol):
    """What a race needs of the hedge that it is run for."""

    policy: HedgePolicy
    budget: Budget | None

    def learn(self, seconds: float) -> None:
        """Note how long an attempt took."""
        ...

    def keep(self, task: asyncio.Task[Any]) -> None:
        """Hold on to a cancelled attempt that takes its time to end."""
        ...


class Runner:
    """One attempt in the race: its own copy of the call, and its task."""

    __slots__ = ("call", "error", "started", "task")

    def __init__(self, call: Call, started: float) -> None:
        self.call = call
        self.started = started
        self.error: Exception | None = None
        self.task: asyncio.Task[Any]

    @property
    def succeeded(self) -> bool:
        """Whether it has ended with a value."""
        task = self.task
        return task.done() and not task.cancelled() and task.exception() is None


class Expired:
    """Stands for the deadline's timer in the attempts: it cannot cancel their tasks itself."""

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now = False

    def claims(self) -> bool:
        """Whether a cancellation was the deadline's."""
        task = asyncio.current_task()
        if not self.now or task is None:
            return False
        task.uncancel()
        return True


GRACE = 0.1
"""Seconds that the losers may take to end before the answer is given to the caller."""

BUDGET_EMPTY = "the retry budget is empty"
OUT_OF_TIME = "the deadline of the call has come"
OVERTAKEN = "the circuit has opened since this call was admitted"


class Race:
    """Runs one attempt and its hedges. To be used once.

    Args:
        owner: Whose settings and budget hold.
        call: The call; the attempts get copies of it.
        inner: Makes an attempt.
        delay: Seconds from the attempt to its hedge, and between hedges.
    """

    __slots__ = ("_call", "_delay", "_expired", "_inner", "_left", "_owner", "_runners")

    def __init__(self, owner: Owner, call: Call, inner: Handler, delay: float) -> None:
        self._owner = owner
        self._call = call
        self._inner = inner
        self._delay = delay
        self._left = owner.policy.max_hedges
        self._expired = Expired()
        self._runners: list[Runner] = []

    async def run(self) -> Any:
        """The first success, or the exception of the attempt itself."""
        try:
            return await self._run()
        finally:
            self._runners.clear()  # an exception holds frames, and these hold the race

    async def _run(self) -> Any:
        call = self._call
        try:
            self._send()
            winner = await self._winner()
        except asyncio.CancelledError:
            # Only the deadline's own cancellation is turned into the deadline's exception.
            self._expired.now = call.expiry is not None and call.expiry.claims()
            if await self._end_all() or not self._expired.now:
                raise
            winner = next((each for each in self._runners if each.succeeded), None)
            if winner is None:
                raise self._at_deadline() from None
        except GeneratorExit:  # the caller is finalised, and cannot wait any more
            self._abandon(self._runners)
            raise
        except BaseException:
            await self._end_all()
            raise
        finally:
            self._take_over_facts()
        if winner is None:
            raise self._first_error()
        await self._release(winner)
        return winner.task.result()

    # Sending

    def _send(self) -> None:
        """Start the attempt, or the next hedge beside it."""
        call, runners = self._call, self._runners
        now = call.clock.monotonic()
        runner = Runner(call.fork(), now)
        runner.call.hedge = number = len(runners)
        if call.expiry is not None:
            runner.call.expiry = self._expired
        weight = call.attempts_allowed * (number + 1)
        for each in (*runners, runner):  # together they weigh as much as one attempt
            each.call.attempts_allowed = weight
        label = f"hedge {number} of" if number else "attempt at"
        runner.task = asyncio.get_running_loop().create_task(
            self._attempt(runner), name=f"{label} {call.operation}"
        )
        runner.task.add_done_callback(_retrieve)
        runners.append(runner)

    async def _attempt(self, runner: Runner) -> Any:
        result = await self._inner(runner.call)
        if not runner.call.stood_still:
            self._owner.learn(runner.call.clock.monotonic() - runner.started)
        return result

    def _send_hedge(self) -> None:
        call = self._call
        reason = self._reason_against()
        if reason is not None:
            self._left = 0
            if call.events.on:
                now = call.clock.monotonic()
                if reason is BUDGET_EMPTY:
                    call.events.emit(BudgetEmpty(call.operation, now))
                call.events.emit(HedgeSuppressed(call.operation, now, call.attempt, reason))
            return
        self._left -= 1
        self._send()
        runner = self._runners[-1]
        if call.events.on:
            after = runner.started - self._runners[0].started
            call.events.emit(
                HedgeSent(call.operation, runner.started, call.attempt, runner.call.hedge, after)
            )

    def _reason_against(self) -> str | None:
        call = self._call
        for runner in self._runners:  # an attempt may have found out what nobody knew before
            if runner.call.single_attempt is not None:
                return runner.call.single_attempt
        if call.admission is not None and not call.admission.stands:
            return OVERTAKEN
        left = time_for(call)
        if left is not None and left <= 0:
            return OUT_OF_TIME
        budget = self._owner.budget
        if budget is not None and not budget.withdraw():  # last: it costs a token
            return BUDGET_EMPTY
        return None

    # Waiting

    async def _winner(self) -> Runner | None:
        """The first that succeeds; None if all have failed."""
        loop = asyncio.get_running_loop()
        due = loop.time() + self._delay
        running = list(self._runners)
        while running:
            timeout = max(due - loop.time(), 0.0) if self._left else None
            done, _ = await asyncio.wait(
                [runner.task for runner in running],
                timeout=timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for runner in [runner for runner in running if runner.task in done]:
                running.remove(runner)
                if runner.succeeded:
                    return runner
                self._failed(runner)
            if not done:
                self._send_hedge()
                due = loop.time() + self._delay
                running = [each for each in self._runners if each.error is None]
        return None

    def _failed(self, runner: Runner) -> None:
        """Note what an attempt raised. What is no ``Exception`` is raised here, too."""
        try:
            runner.task.result()
        except Exception as error:
            runner.error = error
            self._tell_failed(runner, error)

    def _tell_failed(self, runner: Runner, error: Exception) -> None:
        call, number = self._call, runner.call.hedge
        if number and call.events.on:
            now = call.clock.monotonic()
            took = now - runner.started
            call.events.emit(HedgeFailed(call.operation, now, call.attempt, number, error, took))

    def _first_error(self) -> Exception:
        error = self._runners[0].error
        assert error is not None, "a race without a winner has ended"
        return error

    # Ending

    async def _release(self, winner: Runner) -> None:
        """Cancel the losers and give them a moment."""
        call = self._call
        now = call.clock.monotonic()
        losers = [runner for runner in self._runners if not runner.task.done()]
        if winner.call.hedge:
            first = self._runners[0]
            if first in losers and not first.call.stood_still:  # it would have taken longer
                self._owner.learn(now - first.started)
            if call.events.on:
                took = now - winner.started
                call.events.emit(
                    HedgeWon(call.operation, now, call.attempt, winner.call.hedge, took)
                )
        if not losers:
            return
        for loser in losers:
            loser.task.cancel()
        try:
            await asyncio.wait([loser.task for loser in losers], timeout=GRACE)
        except asyncio.CancelledError:
            if call.expiry is None or not call.expiry.claims():
                await self._end_all()
                raise
        except GeneratorExit:
            self._abandon(losers)
            raise
        for loser in losers:
            if not loser.task.done():
                self._owner.keep(loser.task)

    async def _end_all(self) -> bool:
        """Cancel what still runs and wait for its end. True: the caller was cancelled meanwhile.

        Such a cancellation is passed on to them, as it would be without tasks in between.
        """
        cancelled = False
        while running := [each.task for each in self._runners if not each.task.done()]:
            for task in running:
                task.cancel()
            try:
                await asyncio.wait(running)
            except asyncio.CancelledError:
                cancelled = True
            except GeneratorExit:
                self._abandon(self._runners)
                raise
        return cancelled

    def _abandon(self, runners: Iterable[Runner]) -> None:
        for runner in runners:
            if not runner.task.done():
                self._owner.keep(runner.task)
                with suppress(RuntimeError):  # its event loop is closed
                    runner.task.cancel()

    def _take_over_facts(self) -> None:
        """What attempts found out about their call belongs to the call."""
        call = self._call
        for runner in self._runners:
            found = runner.call
            call.single_attempt = call.single_attempt or found.single_attempt
            if found.deadline is not None and call.deadline is not None:
                call.deadline = min(found.deadline, call.deadline)

    def _at_deadline(self) -> Exception:
        """The error of a call whose deadline came while its attempts were out."""
        for runner in self._runners:
            if not runner.task.cancelled():
                error = runner.task.exception()
                if isinstance(error, DeadlineExceededException):
                    return error
        call = self._call
        return at_deadline(call, f"during attempt {call.attempt or 1} and its hedges")


def _retrieve(task: asyncio.Task[Any]) -> None:
    """Look at what an attempt raised: nobody else may, if it lost."""
    if not task.cancelled():
        task.exception()
