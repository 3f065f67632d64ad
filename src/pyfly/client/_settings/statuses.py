"""A set of HTTP statuses as a setting: ``408, 429, 500, 502-504``."""

from __future__ import annotations


def statuses_of(text: str) -> frozenset[int]:
    """Returns the statuses that a text names, one by one or as ranges; ``""``: none.

    Raises:
        ValueError: One is no whole number.
    """
    found: set[int] = set()
    for part in text.split(",") if text.strip() else ():
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def statuses_mistake(text: str) -> str | None:
    """Returns what is wrong with the text; None: nothing."""
    try:
        found = statuses_of(text) if len(text) < 1_000 else None
    except ValueError:
        found = None
    if found is None or not all(400 <= status <= 599 for status in found):
        return "names no statuses (write some of 400 to 599, as in 408, 429, 500, 502-504)"
    return None
