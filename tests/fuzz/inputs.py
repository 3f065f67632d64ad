"""Texts that look enough like what a target reads to get somewhere in it."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.fuzz.targets import Target

__all__ = ["inputs_for"]


def inputs_for(target: Target) -> st.SearchStrategy[str]:
    """A beginning, and its own pieces in any order, some repeated, with any text between them."""
    piece = st.sampled_from(target.pieces)
    repeated = st.builds(lambda text, count: text * count, piece, st.integers(2, 40))
    anything = st.text(st.characters(), max_size=4)
    beginning = st.sampled_from(target.beginnings)
    rest = st.lists(piece | piece | repeated | anything, max_size=25).map("".join)
    return st.builds(str.__add__, beginning, rest)
