from __future__ import annotations

import asyncio

from pyfly.resilience.bulkhead.state import BulkheadRules, Permit


def numbers(rules: BulkheadRules) -> tuple[int, int, int, int]:
    return rules.held, rules.waiting, rules.acquired, rules.released


def test_a_permit_that_comes_back_goes_to_who_has_waited_longest() -> None:
    rules = BulkheadRules(1, 2)
    first, second, third, fourth = (Permit() for _ in range(4))
    assert [rules.enter_needs_lock(p, True) for p in (first, second, third, fourth)] == [
        True,
        True,
        True,
        False,
    ]
    assert [(p.held, rules.waits(p)) for p in (first, second, third, fourth)] == [
        (True, False),
        (False, True),
        (False, True),
        (False, False),
    ]
    assert numbers(rules) == (1, 2, 1, 0)
    assert rules.leave_needs_lock(first) is second
    assert (first.held, second.held, rules.waits(second)) == (False, True, False)
    assert numbers(rules) == (1, 1, 2, 1)
    assert rules.leave_needs_lock(second) is third
    assert rules.leave_needs_lock(third) is None
    assert numbers(rules) == (0, 0, 3, 3)


def test_who_may_not_wait_is_refused_although_there_is_a_place() -> None:
    rules = BulkheadRules(1, 1)
    held = Permit()
    assert rules.enter_needs_lock(held, False)
    assert not rules.enter_needs_lock(Permit(), False)
    assert rules.enter_needs_lock(Permit(), True)


def test_to_leave_twice_is_to_leave_once() -> None:
    rules = BulkheadRules(2, 1)
    permit, other, waiting = Permit(), Permit(), Permit()
    for each in (permit, other, waiting):
        rules.enter_needs_lock(each, True)
    assert rules.leave_needs_lock(waiting) is None
    assert rules.leave_needs_lock(waiting) is None
    assert numbers(rules) == (2, 0, 2, 0)
    assert rules.leave_needs_lock(permit) is None
    assert rules.leave_needs_lock(permit) is None
    assert numbers(rules) == (1, 0, 2, 1)


def test_a_place_is_given_up_once_and_never_after_the_permit_has_come() -> None:
    rules = BulkheadRules(1, 2)
    holder, heir, other = Permit(), Permit(), Permit()
    for each in (holder, heir, other):
        rules.enter_needs_lock(each, True)
    assert rules.withdraw_needs_lock(other)
    assert not rules.withdraw_needs_lock(other)
    assert rules.leave_needs_lock(holder) is heir
    assert not rules.withdraw_needs_lock(heir)
    assert heir.held
    assert numbers(rules) == (1, 0, 2, 1)


def test_a_place_that_was_given_up_is_free_again() -> None:
    rules = BulkheadRules(1, 1)
    held, waiting = Permit(), Permit()
    assert rules.enter_needs_lock(held, True)
    assert rules.enter_needs_lock(waiting, True)
    assert not rules.enter_needs_lock(Permit(), True)
    rules.withdraw_needs_lock(waiting)
    assert rules.enter_needs_lock(Permit(), True)


def test_no_permit_goes_to_who_has_left_the_queue() -> None:
    rules = BulkheadRules(1, 2)
    holder, gone, heir = Permit(), Permit(), Permit()
    for each in (holder, gone, heir):
        rules.enter_needs_lock(each, True)
    rules.withdraw_needs_lock(gone)
    assert rules.leave_needs_lock(holder) is heir


def test_who_does_not_wait_cannot_leave_the_queue_and_refusals_are_counted() -> None:
    rules = BulkheadRules(1, 1)
    assert rules.withdraw_needs_lock(Permit()) is False
    for _ in range(2):
        rules.refuse_needs_lock()
    assert rules.refused == 2


# Permits whose event loop is closed


LOOPS: list[asyncio.AbstractEventLoop] = []


def of_a_closed_loop(*permits: str) -> list[Permit]:
    async def make() -> list[Permit]:
        return [Permit() for _ in permits]

    loop = asyncio.new_event_loop()
    LOOPS.append(loop)  # somebody holds it still
    made = loop.run_until_complete(make())
    loop.close()
    return made


def test_a_permit_of_a_closed_loop_is_taken_back_when_somebody_needs_it() -> None:
    rules = BulkheadRules(1, 1)
    (lost,) = of_a_closed_loop("held")
    assert rules.enter_needs_lock(lost, False)
    assert lost.held
    own = Permit()
    assert rules.enter_needs_lock(own, False)
    assert (own.held, lost.held) == (True, False)
    assert numbers(rules) == (1, 0, 2, 1)
    assert rules.leave_needs_lock(lost) is None
    assert numbers(rules) == (1, 0, 2, 1)


def test_while_a_permit_is_free_nobody_looks_for_lost_ones() -> None:
    rules = BulkheadRules(2, 1)
    (lost,) = of_a_closed_loop("held")
    own = Permit()
    assert rules.enter_needs_lock(lost, False)
    assert rules.enter_needs_lock(own, False)
    assert rules.held == 2


def test_places_in_the_queue_of_a_closed_loop_are_given_up_and_the_others_kept() -> None:
    rules = BulkheadRules(1, 2)
    held, waiting, late = Permit(), Permit(), Permit()
    (lost,) = of_a_closed_loop("waiting")
    assert rules.enter_needs_lock(held, False)
    assert rules.enter_needs_lock(waiting, True)
    assert rules.enter_needs_lock(lost, True)
    assert rules.enter_needs_lock(late, True), "the place of the lost one"
    assert [rules.waits(each) for each in (lost, waiting, late)] == [False, True, True]
    assert rules.leave_needs_lock(held) is waiting


def test_nobody_overtakes_the_queue_for_a_permit_that_came_back_by_itself() -> None:
    rules = BulkheadRules(1, 2)
    held, waiting, late = Permit(), Permit(), Permit()
    assert rules.enter_needs_lock(held, False)
    assert rules.enter_needs_lock(waiting, True)
    del held
    assert rules.held == 0
    assert not rules.enter_needs_lock(late, False)
    assert rules.leave_needs_lock(None) is waiting
    assert rules.held == 1
