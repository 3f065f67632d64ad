"""Problem details (RFC 9457) and Retry-After (RFC 9110)."""

from __future__ import annotations

import json
import pickle
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfly.client import Headers, ProblemDetail
from pyfly.client.errors import status_error
from pyfly.client.problem import parse_problem
from pyfly.client.retry_after import parse_retry_after

PROBLEM = Headers({"content-type": "application/problem+json; charset=utf-8"})


def test_the_members_of_a_problem_are_read() -> None:
    body = b'{"type":"urn:x","title":"T","status":409,"detail":"D","instance":"/i","code":7}'
    assert parse_problem(PROBLEM, body) == ProblemDetail("urn:x", "T", 409, "D", "/i", {"code": 7})


def test_a_member_of_the_wrong_type_counts_as_absent() -> None:
    assert parse_problem(PROBLEM, b'{"type":1,"status":"409","title":null}') == ProblemDetail()


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 100_000, b"\xff"])
def test_what_is_no_problem_document_is_none(body: bytes) -> None:
    assert parse_problem(PROBLEM, body) is None


def test_only_its_own_media_type_is_read() -> None:
    assert parse_problem(Headers({"content-type": "application/json"}), b"{}") is None


def message_of(problem: object) -> str:
    body = json.dumps(problem).encode()
    error = status_error(409, PROBLEM, body)
    error.at_call("Shop.order", "POST", "/orders", 1)
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error)
    return str(error)


def test_a_message_shows_the_title_and_the_detail_of_a_problem() -> None:
    assert message_of(
        {"title": "Out of stock", "detail": "only\n 3 left", "other": "not shown"}
    ) == (
        "Shop.order: POST /orders: answered 409 Conflict: Out of stock: only 3 left (after 1 "
        "attempt); read the resource again before the next try"
    )
    assert message_of({"detail": "gone"}).startswith(
        "Shop.order: POST /orders: answered 409 Conflict: gone (after 1 attempt); "
    )
    assert "answered 409 Conflict (after 1 attempt)" in message_of({"title": 7})


@pytest.mark.survives(
    "Files, pages and credentials",
    "a problem document with a secret, control characters, or a book in its detail",
    "a message of a few lines without them",
)
def test_a_message_shows_no_secret_of_a_problem_and_not_all_of_a_long_one() -> None:
    told = message_of({"title": "see https://me:hush@h/a?api_key=hush", "detail": "x" * 1000})
    assert "hush" not in told
    assert "x" * 300 in told
    assert "x" * 301 not in told
    assert "\x1b" not in message_of({"title": "\x1b[31mred"})


def test_seconds_are_read() -> None:
    assert parse_retry_after(Headers({"retry-after": " 120 "})) == 120.0
    assert parse_retry_after(Headers({"retry-after": "0"})) == 0.0
    assert parse_retry_after(Headers()) is None


def test_a_date_is_measured_against_the_responses_own() -> None:
    headers = {
        "date": "Tue, 24 Nov 2026 10:00:00 GMT",
        "retry-after": "Tue, 24 Nov 2026 10:00:30 GMT",
    }
    assert parse_retry_after(Headers(headers)) == 30.0
    headers["retry-after"] = "Tue, 24 Nov 2026 09:00:00 GMT"
    assert parse_retry_after(Headers(headers)) == 0.0


def test_without_date_this_machines_clock_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_795_514_400.0)  # 2026-11-24T10:00:00Z
    headers = Headers({"retry-after": "Tue, 24 Nov 2026 10:00:10 GMT"})
    assert parse_retry_after(headers) == pytest.approx(10.0)


@pytest.mark.parametrize(
    "value", ["-1", "1.5", "soon", "9" * 50, "Tue, 99 Nov 2026 10:00:00 GMT", "²", "x" * 1000]
)
def test_what_cannot_be_read_is_none(value: str) -> None:
    assert parse_retry_after(Headers({"retry-after": value})) is None


def test_a_date_of_an_unknown_zone_is_gmt() -> None:
    headers = {
        "date": "Tue, 24 Nov 2026 10:00:00 GMT",
        "retry-after": "Tue, 24 Nov 2026 10:00:30 -0000",
    }
    assert parse_retry_after(Headers(headers)) == 30.0


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_text_makes_it_raise(value: str, date: str) -> None:
    wait = parse_retry_after(Headers([("retry-after", value), ("date", date)]))
    assert wait is None or wait >= 0


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "12.5"}, 0.0125),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "-1", "retry-after": "9"}, 9.0),
        ({"retry-after-ms": "soon"}, None),
        ({"retry-after-ms": "1e3"}, None),
        ({"retry-after-ms": "9" * 16}, None),
        ({"retry-after-ms": ""}, None),
    ],
)
def test_milliseconds_are_understood_too(fields: dict[str, str], seconds: float | None) -> None:
    assert parse_retry_after(Headers(fields)) == seconds
