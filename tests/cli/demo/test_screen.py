"""Everything at a glance, on any terminal."""

from __future__ import annotations

import pytest

from pyfly.cli.demo.run import Run
from pyfly.cli.demo.screen import frame, short_reason
from pyfly.cli.drawing.text import ASCII, UNICODE, Glyphs
from pyfly.resilience import RetrySuppressed
from tests.cli.support import OPERATION, UNAVAILABLE, failure, outage, run_of, success


def shown(
    run: Run, now: float = 28.0, width: int = 80, height: int = 24, glyphs: Glyphs = UNICODE
) -> str:
    lines = ["".join(s.text for s in line) for line in frame(run, now, width, height, glyphs)]
    return "\n".join(lines)


@pytest.mark.parametrize(("width", "height"), [(72, 18), (80, 23), (80, 24), (120, 34), (200, 60)])
@pytest.mark.parametrize("now", [0.0, 12.0, 28.0])
def test_it_fits_the_terminal(width: int, height: int, now: float) -> None:
    lines = shown(outage(), now, width, height).split("\n")
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert "goodput" in lines[1] + lines[2] + lines[3]


def test_at_80_by_24_everything_is_there() -> None:
    seen = shown(outage())
    for part in (
        "answered     191  77.3 %",
        "failed         6",
        "refused       50",
        "in flight      0",
        "p50 now",
        "no connection          6",
        "budget empty           5",
        "only a probe           1",
        "CLOSED   since 23.0 s",
        "─ closed   ▒ half-open   █ open",
        "  23.0 s  closed     a probe succeeded",
        "  17.6 s  open       a probe failed: ConnectException",
        "  15.5 s  open       too many consecutive attempts failed",
    ):
        assert " ".join(part.split()) in " ".join(seen.split())
    assert len(seen.split("\n")) in (23, 24)


def test_a_probe_under_way_is_in_the_log() -> None:
    run = outage()
    del run.tally.transitions[2:]
    assert "half-open  the recovery time has passed" in shown(run, 17.6)
    assert " HALF-OPEN " in shown(run, 17.6)


def test_the_title_tells_what_the_service_does() -> None:
    assert "the service resets and refuses all connections" in shown(outage(), 16.0).split("\n")[0]
    assert "16.0 of 28 s" in shown(outage(), 16.0).split("\n")[0]


def test_many_kinds_of_failure_are_shown_as_other() -> None:
    events = [
        event
        for number in range(7)
        for event in failure(
            1.0 + number, type(f"Odd{number}", (Exception,), {})(), f"why {number}"
        )
    ]
    assert shown(run_of(*events)).count("other") == 2


def test_an_empty_run_has_no_latency_and_no_division_by_zero() -> None:
    assert "0.0 %" in shown(run_of(), 0.0)
    assert "–" in shown(run_of(), 0.0)


def test_a_run_without_a_breaker_says_so() -> None:
    assert "circuit  none" in shown(run_of(*success(1.0), breaker=False))


def test_it_can_be_drawn_in_ascii() -> None:
    assert shown(outage(), glyphs=ASCII).replace("–", "-").isascii()


def test_the_reasons_of_the_client_have_short_names() -> None:
    reasons = [
        "the retry budget is empty",
        "the circuit has opened since this call was admitted",
        "the circuit is half-open",
        "a POST that may have had its effect must not be sent twice",
    ]
    assert [short_reason(reason) for reason in reasons] == [
        "budget empty", "circuit opened", "only a probe", "unsafe to repeat",
    ]  # fmt: skip
    event = RetrySuppressed(OPERATION, 1.0, 1, "something new", UNAVAILABLE)
    assert "something new" in shown(run_of(event))
