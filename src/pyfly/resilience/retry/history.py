"""What the attempts of a call did, put on the exception that finally leaves."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from pyfly.kernel.exceptions import PyFlyException
from pyfly.kernel.record import Record

_ATTRIBUTE = "retry_history"
_PREFIX = "Retried: "
_SHOWN = 10
_LONGEST_TEXT = 200
_NOTES_KEPT = 3


class AttemptSummary(Record):
    """One failed attempt, in plain values: it pickles, and keeps no frame or response alive.

    ``error`` is the type of the exception, and its text if that is one of ours: the text of
    a foreign exception may hold secrets. Spans are seconds; ``duration`` is None for the first
    attempt of a ``RetryPolicy`` that is used alone: it does not look at the clock until
    something has failed.
    """

    number: int
    error: str
    duration: float | None
    delay_before: float


def attach(error: BaseException, summaries: Sequence[AttemptSummary]) -> None:
    """Put the history on an exception: as attribute ``retry_history`` and as a note.

    An exception that takes neither is left as it is. Fewer than two attempts are no history.
    """
    if len(summaries) < 2:
        return
    with suppress(Exception):  # slots, frozen dataclasses, a __setattr__ of its own
        setattr(error, _ATTRIBUTE, tuple(summaries))
    with suppress(Exception):
        ours = [n for n in getattr(error, "__notes__", ()) if str(n).startswith(_PREFIX)]
        if len(ours) >= _NOTES_KEPT:  # one instance raised again and again
            error.__notes__.remove(ours[0])
        error.add_note(_PREFIX + _told(summaries))


def summary(
    number: int, error: BaseException | None, duration: float | None, delay_before: float
) -> AttemptSummary:
    """Returns what is told of one attempt."""
    return AttemptSummary(number, _text_of(error), duration, delay_before)


def _text_of(error: BaseException | None) -> str:
    if error is None:
        return ""
    name = type(error).__name__
    text = ""
    if isinstance(error, PyFlyException):
        with suppress(Exception):  # what was called is told once, by the error itself
            text = str((error.args and error.args[0]) or error)
    if not text:
        return name
    if len(text) > _LONGEST_TEXT:
        text = text[: _LONGEST_TEXT - 1] + "…"
    return f"{name}: {text}"


def _told(summaries: Sequence[AttemptSummary]) -> str:
    parts: list[str] = []
    skipped = len(summaries) - _SHOWN
    for index, one in enumerate(summaries):
        if skipped > 0 and 1 <= index <= skipped:
            if index == 1:
                parts.append(f"… {skipped} more …")
            continue
        waited = f"waited {one.delay_before:.3g} s; " if one.number > 1 else ""
        after = "" if one.duration is None else f" after {one.duration:.3g} s"
        parts.append(f"{waited}attempt {one.number} failed{after}: {one.error}")
    return "; ".join(parts)
