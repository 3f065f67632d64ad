"""Whatever is parsed: no exception that is not documented, and no time beyond its size.

The long form is ``python3 dev.py fuzz``.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from tests.fuzz.inputs import inputs_for
from tests.fuzz.targets import TARGETS, Target
from tests.fuzz.work import growth_of, outcome, repetitions

SIZE = 8 * 1024

each_target = pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)


@each_target
def test_nothing_is_raised_but_what_is_documented(target: Target) -> None:
    @settings(deadline=None)
    @given(inputs_for(target))
    def check(text: str) -> None:
        outcome(target, text)

    check()


@each_target
def test_time_grows_no_faster_than_the_input(target: Target) -> None:
    for make in repetitions(target):
        growth = growth_of(target, make, SIZE)
        assert not growth.is_too_fast, str(growth)
