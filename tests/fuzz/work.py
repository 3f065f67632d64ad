"""Whether the time that something takes grows with the size of its input, or faster."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from functools import partial

from tests.fuzz.targets import Target

__all__ = ["Growth", "growth_of", "outcome", "repetitions"]

FACTOR = 8
#: What is faster than that is not judged.
SHORTEST = 0.004


class Growth:
    """What was measured for one shape of input.

    Attributes:
        text: The larger input.
        seconds: What it took.
        ratio: How many times longer that was than an eighth of it.
    """

    def __init__(self, target: Target, text: str, seconds: float, ratio: float) -> None:
        self._allowed = target.allowed
        self.text = text
        self.seconds = seconds
        self.ratio = ratio

    @property
    def is_too_fast(self) -> bool:
        """Whether time grows faster than input."""
        return self.ratio > self._allowed

    def __str__(self) -> str:
        shape = ascii(self.text[:40])
        return (
            f"{len(self.text)} characters {shape}…: {self.seconds * 1e3:.1f} ms, ×{self.ratio:.0f}"
        )


def outcome(target: Target, text: str) -> str:
    """Run a target; the name of the documented exception that it raised, or an empty text."""
    try:
        target.run(text)
    except target.documented as error:
        return type(error).__name__
    return ""


def growth_of(target: Target, make: Callable[[int], str], size: int) -> Growth:
    """Measure a shape of input at a size and at an eighth of it; suspects are measured again."""
    large, small = make(size), make(size // FACTOR)
    best = Growth(target, large, 0.0, 0.0)
    for attempt in range(4):
        taken = _seconds(target, large)
        if taken < SHORTEST:
            return Growth(target, large, taken, 0.0)
        ratio = taken / max(_seconds(target, small), SHORTEST / target.allowed)
        if not attempt or ratio < best.ratio:
            best = Growth(target, large, taken, ratio)
        if not best.is_too_fast:
            break
    return best


def _seconds(target: Target, text: str) -> float:
    """The processor time that a target takes; not that of others on the machine."""
    gc.disable()
    try:
        begin = time.thread_time()
        outcome(target, text)
        return time.thread_time() - begin
    finally:
        gc.enable()


def repetitions(target: Target) -> Iterator[Callable[[int], str]]:
    """Shapes that grow: each piece again and again, alone and after each beginning."""
    for beginning in target.beginnings:
        for piece in dict.fromkeys(target.pieces):
            yield partial(_repeated, beginning, piece)


def _repeated(beginning: str, piece: str, size: int) -> str:
    return beginning + piece * max(size // len(piece), 1)
