"""Numbers on a command line: parts of something, and spans of seconds."""

from __future__ import annotations

from collections.abc import Callable
from math import nan

import click

__all__ = ["part", "seconds"]


def part(least: float, most: float) -> Callable[[str | float], float]:
    """Reads a part of something, ``0.7`` or ``70%``, from ``least`` to ``most``."""
    wanted = f"a part from {least:g} to {most:g}: write 0.7, or 70%, for seven tenths"

    def read(value: str | float) -> float:
        text = str(value)
        percent = text.endswith("%")
        number = _number(text.removesuffix("%"))
        return _within(least, number / 100 if percent else number, most, text, wanted)

    return read


def seconds(least: float, most: float) -> Callable[[str | float], float]:
    """Reads a span, ``20`` or ``20s``, from ``least`` to ``most`` seconds."""
    wanted = f"a number of seconds from {least:g} to {most:g}: write 20, or 20s"

    def read(value: str | float) -> float:
        text = str(value)
        return _within(least, _number(text.removesuffix("s")), most, text, wanted)

    return read


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return nan


def _within(least: float, number: float, most: float, text: str, wanted: str) -> float:
    if not least <= number <= most:  # nor is it if it is no number
        raise click.BadParameter(f"{text!r} is not {wanted}")
    return number
