"""Spans of time as people write them."""

from __future__ import annotations

import math
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfly.core import ConfigException, format_duration, parse_duration


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("30s", 30),
        ("500ms", 0.5),
        ("250us", 0.00025),
        ("250\u00b5s", 0.00025),
        ("250\u03bcs", 0.00025),
        ("2m", 120),
        ("1h", 3600),
        ("1d", 86400),
        ("1m30s", 90),
        ("1m 30s", 90),
        ("1d2h3m4s5ms6us", 93784.005006),
        ("1m05s", 65),
        ("1m1.5s", 61.5),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("30 s", 30),
        ("  30s ", 30),
        ("0", 0),
        ("0s", 0),
        ("30", 30),
        ("0.25", 0.25),
        (".25", 0.25),
        ("PT30S", 30),
        ("PT1M30.5S", 90.5),
        ("PT1,5S", 1.5),
        ("P1D", 86400),
        ("P1W", 604800),
        ("P1DT12H", 129600),
        ("pt30s", 30),
        ("0.0000005", 0.000001),
        (30, 30),
        (0, 0),
        (0.1, 0.1),
        (1e3, 1000),
        (timedelta(minutes=1), 60),
    ],
)
def test_a_duration_is_read_from_each_way_of_writing_it(written: Any, seconds: float) -> None:
    assert parse_duration(written) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "it is empty"),
        ("   ", "it is empty"),
        ("30x", "write a number with us, ms, s, m, h or d"),
        ("30ns", "the unit ns is not read"),
        ("30S", "units are lower case; write s"),
        ("5M", "units are lower case; write m"),
        ("s", "write a number"),
        ("fast", "write a number"),
        ("1:30", "a colon can mean minutes or hours; write 1m30s or 1h30m"),
        ("1_000", "without underscores"),
        ("010", "a leading zero"),
        ("0o14", "decimal digits"),
        ("0x1e", "decimal digits"),
        ("1e3", "without an exponent"),
        ("1,5s", "write a number"),
        ("1,500", "without a comma"),
        ("5.", "write a number"),
        ("-5s", "not negative and has no sign"),
        ("+5s", "not negative and has no sign"),
        ("-PT5S", "not negative and has no sign"),
        ("P-1D", "not negative and has no sign"),
        ("PT", "of ISO 8601"),
        ("P", "of ISO 8601"),
        ("P1M", "of ISO 8601"),
        ("P1Y", "of ISO 8601"),
        ("PT1.5M30S", "only the last part may have a fraction"),
        ("1.5m30s", "only the last part may have a fraction"),
        ("30s1m", "the larger before the smaller"),
        ("1s1s", "each unit may stand once"),
        ("nan", "write a number"),
        ("inf", "write a number"),
        ("0.0000001", "less than a microsecond"),
        ("0.1us", "less than a microsecond"),
        ("\u0663s", "write a number"),
        ("9" * 20 + "d", "too long: at most 999999999 days"),
        ("9" * 65, "it is too long"),
        (10**40, "a very large number is not a duration (it is too long"),
        (-1, "-1 is not a duration (a duration is not negative)"),
        (-0.5, "not negative"),
        (1e-9, "less than a microsecond"),
        (math.nan, "not finite"),
        (math.inf, "not finite"),
        (timedelta(seconds=-1), "not negative"),
        (True, "true is not a duration (true or false is no time"),
        (None, "nothing is not a duration"),
        ([30], "a value of type list is not a duration"),
    ],
)
def test_what_is_no_duration_or_could_be_two_is_refused_with_advice(written: Any, why: str) -> None:
    with pytest.raises(ConfigException) as caught:
        parse_duration(written)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_long_text_is_shown_in_part_only() -> None:
    with pytest.raises(ConfigException) as caught:
        parse_duration("x" * 1_000_000)
    assert len(str(caught.value)) < 250


def test_a_timedelta_of_no_length_is_zero_seconds() -> None:
    assert format_duration(timedelta(0)) == "0s"


@given(st.timedeltas(min_value=timedelta(0)))
def test_a_duration_that_was_written_by_us_is_read_back(value: timedelta) -> None:
    assert parse_duration(format_duration(value)) == value


def seconds_or_none(value: Any) -> timedelta | None:
    try:
        return parse_duration(value)
    except ConfigException:
        return None


@given(st.text())
def test_any_text_is_a_duration_or_a_config_exception(text: str) -> None:
    assert (seconds_or_none(text) or timedelta(0)) >= timedelta(0)


@given(st.from_regex(r"[0-9.]{0,9}(us|ms|s|m|h|d)?([0-9.]{1,4}(us|ms|s))?", fullmatch=True))
def test_texts_that_are_almost_durations_never_fail_otherwise(text: str) -> None:
    read = seconds_or_none(text)
    assert read is None or parse_duration(format_duration(read)) == read


@given(st.one_of(st.floats(), st.integers()))
def test_numbers_are_seconds_unless_out_of_range(value: float) -> None:
    usual = value == 0 or 0.000001 <= value <= 86399999999999
    assert (seconds_or_none(value) is not None) or not usual


@given(st.decimals(min_value=0, max_value=10**6, places=6))
def test_decimal_seconds_are_exact(value: Any) -> None:
    read = parse_duration(f"{value}s")
    assert Fraction(read // timedelta(microseconds=1), 10**6) == Fraction(value)


@pytest.mark.parametrize("piece", ["1", "1s", "1m", "9.", "P1", "PT1H", " ", "1s ", "a", "-"])
def test_the_effort_does_not_grow_with_the_length_of_the_text(piece: str) -> None:
    # Texts past 64 characters are refused unread, so nothing can be worse than that.
    with pytest.raises(ConfigException, match=r"is too long|is empty"):
        parse_duration(piece * 2_000_000)
