"""The page of proofs lists what the mutation run takes as equivalent, and names what is run."""

from __future__ import annotations

import re

from tests.docs.proofs import PAGE, equivalents, page
from tests.resilience.planted import PLANTED
from tools.mutation.__main__ import targets

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_list_of_equivalent_mutants_is_up_to_date() -> None:
    assert page(TEXT) == TEXT, "run: python -m tests.docs.proofs"


def test_every_equivalent_mutant_stands_on_the_page_with_its_reason() -> None:
    for reasons in equivalents().values():
        for name, reason in reasons.items():
            change = name.partition(": ")[2]
            assert f"{change}. {reason}" in TEXT


def test_the_table_has_a_row_for_each_module_that_is_mutated_and_none_survived() -> None:
    rows = re.findall(r"^([a-z_/]+\.py) +\d+ +\d+ +\d+ +(\d+) +(\d+)$", TEXT, re.M)
    listed = equivalents()
    assert {name for name, _, _ in rows} == {
        target.path.relative_to("src/pyfly/resilience").as_posix() for target in targets()
    }
    for name, equivalent, survived in rows:
        assert (int(equivalent), survived) == (len(listed.get(name, {})), "0"), name


def test_every_planted_bug_is_told_as_found() -> None:
    assert len(re.findall(r"^planted: (.+)\n    found: ", TEXT, re.MULTILINE)) == len(PLANTED)
