"""What is parsed from the small texts of a configuration or a header is what they stand for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from hypothesis import assume, given
from hypothesis import strategies as st

from pyfly.client._stream.server_sent_events import EventParser, ServerSentEvent
from pyfly.client.message import Headers
from pyfly.client.retry_after import parse_retry_after
from pyfly.core.conversions import to_size
from pyfly.core.duration import format_duration, parse_duration
from pyfly.resilience.deadlines import DeadlineFormat, format_deadline, parse_deadline
from tests.client.properties.support import TEXT, cuts, pieces_of

FORMS: list[DeadlineFormat] = ["ms", "seconds", "grpc"]
SPANS = st.timedeltas(min_value=timedelta(0))
LINE = TEXT.map(lambda text: text.replace("\r", "").replace("\n", ""))
IDS = LINE.map(lambda text: text.replace("\0", ""))
EVENTS = st.builds(
    ServerSentEvent,
    event=LINE.filter(bool),
    data=st.lists(LINE, min_size=1).map("\n".join),
    id=IDS,
    retry=st.none() | st.integers(0, 10**15 - 1),
)


@given(SPANS)
def test_durations(span: timedelta) -> None:
    assert parse_duration(format_duration(span)) == span


@given(st.integers(0, 10**6), st.sampled_from(["us", "ms", "s", "m", "h", "d"]))
def test_durations_with_a_unit(count: int, unit: str) -> None:
    sizes = {"us": 1, "ms": 1e3, "s": 1e6, "m": 60e6, "h": 3600e6, "d": 86400e6}
    assert parse_duration(f"{count}{unit}") == timedelta(microseconds=count * sizes[unit])


@given(st.integers(0, 10**12), st.sampled_from(["B", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB"]))
def test_sizes(count: int, unit: str) -> None:
    base = 1024 if "i" in unit else 1000
    assert to_size(f"{count}{unit}", "x") == count * base ** "BKMGT".index(unit[0])


@given(st.floats(0, 86_400 * 365), st.sampled_from(FORMS))
def test_deadlines_are_never_more_than_there_is(seconds: float, form: DeadlineFormat) -> None:
    back = parse_deadline(format_deadline(seconds, form), form)
    assert back is not None
    step = 1 if form == "grpc" and seconds > 99_999 else 0.001  # it has eight digits
    assert seconds - step * 1.001 <= back <= seconds * (1 + 1e-12)


@given(st.integers(0, 999_999_999))
def test_pauses_in_seconds(seconds: int) -> None:
    assert parse_retry_after(Headers({"Retry-After": str(seconds)})) == seconds


DATES = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=0)
)


@given(DATES, DATES)
def test_pauses_until_a_date(now: datetime, until: datetime) -> None:
    headers = {
        "Date": format_datetime(now, usegmt=True),
        "Retry-After": format_datetime(until, usegmt=True),
    }
    assert parse_retry_after(Headers(headers)) == max(0.0, (until - now).total_seconds())


@given(st.lists(EVENTS, max_size=4), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), cuts)
def test_events(events: list[ServerSentEvent], end: str, mark: bool, at: list[float]) -> None:
    body = ("\ufeff" if mark else "") + "".join(map(written(end), events))
    assume(mark or not body.startswith("\ufeff"))
    parser = EventParser(1 << 30)
    read = [event for piece in pieces_of(body.encode(), at) for event in parser.feed(piece)]
    assert read == events
    assert parser.last_id == (events[-1].id if events else "")


def written(end: str) -> Callable[[ServerSentEvent], str]:
    """What writes an event with some line end."""

    def write(event: ServerSentEvent) -> str:
        lines = [f"event: {event.event}", f"id: {event.id}"]
        lines += [f"data: {line}" for line in event.data.split("\n")]
        if event.retry is not None:
            lines.append(f"retry: {event.retry}")
        return end.join((*lines, "", ""))

    return write
