"""``Retry-After`` (RFC 9110, section 10.2.3), and ``Retry-After-Ms`` as some services send it."""

from __future__ import annotations

import re
from datetime import UTC

from pyfly.client.message import Headers


def parse_retry_after(headers: Headers) -> float | None:
    """How many seconds the service asks to wait; None if it says nothing that can be read.

    A date is measured against the response's own ``Date``, so that two clocks that differ do
    not matter; a response without ``Date`` is measured against this machine's clock. A date in
    the past is 0. ``Retry-After-Ms``, in milliseconds, goes before.
    """
    exact = headers.get("retry-after-ms", "").strip()
    if len(exact) < 16 and re.fullmatch(r"[0-9]+(\.[0-9]+)?", exact):
        return float(exact) / 1000
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return float(value) if len(value) < 10 else None
    until = _timestamp(value)
    if until is None:
        return None
    now = _timestamp(headers.get("date", ""))
    if now is None:
        import time

        now = time.time()
    return max(0.0, until - now)


def _timestamp(value: str) -> float | None:
    if not value or len(value) > 64:
        return None
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:  # "-0000": RFC 9110 knows only GMT
            moment = moment.replace(tzinfo=UTC)
        return moment.timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
