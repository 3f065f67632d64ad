from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfly.resilience import DeadlineFormat, format_deadline, parse_deadline

FORMS: tuple[DeadlineFormat, ...] = ("ms", "seconds", "grpc")


@pytest.mark.parametrize(
    ("text", "form", "seconds"),
    [
        ("1500", "ms", 1.5),
        (" 0\t", "ms", 0.0),
        ("1.25", "seconds", 1.25),
        ("7", "seconds", 7.0),
        ("0.12345678901234", "seconds", 0.123456789),
        ("1500m", "grpc", 1.5),
        ("2S", "grpc", 2.0),
        ("3M", "grpc", 180.0),
        ("1H", "grpc", 3600.0),
        ("250u", "grpc", 0.00025),
        ("99999999n", "grpc", 0.099999999),
    ],
)
def test_text_is_read_as_seconds(text: str, form: DeadlineFormat, seconds: float) -> None:
    assert parse_deadline(text, form) == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        *((text, form) for form in FORMS for text in (None, "", " ", "-1", "+1", "1e3", "nan")),
        *(
            (text, form)
            for form in FORMS
            for text in ("inf", "1_000", "٣", "²", "1 0", "9" * 5_000)
        ),
        ("1.5", "ms"),
        ("1000000000000000", "ms"),
        ("1.", "seconds"),
        (".5", "seconds"),
        ("1.5.5", "seconds"),
        ("1.123456789x", "seconds"),
        ("1." + "5" * 9 + "x" * 5_000, "seconds"),
        ("100", "grpc"),
        ("m", "grpc"),
        ("1s", "grpc"),
        ("123456789m", "grpc"),
        ("1.5S", "grpc"),
        (7, "ms"),
        (b"7", "ms"),
    ],
)
def test_anything_else_is_no_deadline(text: Any, form: DeadlineFormat) -> None:
    assert parse_deadline(text, form) is None


@given(text=st.text(max_size=40), form=st.sampled_from(FORMS))
def test_no_text_raises(text: str, form: DeadlineFormat) -> None:
    seconds = parse_deadline(text, form)
    assert seconds is None or (math.isfinite(seconds) and seconds >= 0)


@pytest.mark.parametrize(
    ("seconds", "form", "text"),
    [
        (1.5, "ms", "1500"),
        (0.0019, "ms", "1"),
        (-3.0, "ms", "0"),
        (1.2345, "seconds", "1.234"),
        (1.5, "grpc", "1500000u"),
        (1_000.0, "grpc", "1000000m"),
        (1e6, "grpc", "1000000S"),
        (math.inf, "grpc", "31536000S"),
        (-math.inf, "grpc", "0u"),
    ],
)
def test_seconds_are_written_rounded_down(seconds: float, form: DeadlineFormat, text: str) -> None:
    assert format_deadline(seconds, form) == text


@given(seconds=st.floats(0, 1e9), form=st.sampled_from(FORMS))
def test_what_is_written_is_read_as_no_more_than_it_was(
    seconds: float, form: DeadlineFormat
) -> None:
    read = parse_deadline(format_deadline(seconds, form), form)
    assert read is not None
    least = min(seconds, 31_536_000.0)
    assert least - max(0.001, least * 1e-5) <= read <= seconds * (1 + 1e-12)


def test_a_form_that_there_is_not_and_an_undefined_span_are_refused() -> None:
    wrong: Any = "iso"
    with pytest.raises(ValueError, match="one of ms, seconds, grpc, not 'iso'"):
        parse_deadline("1", wrong)
    with pytest.raises(ValueError, match="one of ms, seconds, grpc, not 'iso'"):
        format_deadline(1.0, wrong)
    with pytest.raises(ValueError, match="not nan"):
        format_deadline(math.nan)
