"""Requests made without a port, and the values that the properties draw."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from pyfly.client import get, http_client
from pyfly.client._bind.codegen import generate
from pyfly.client._compile.compile import compile_client
from pyfly.client.message import Request

__all__ = [
    "JSON",
    "SCALARS",
    "TEXT",
    "binding",
    "cuts",
    "is_json",
    "pieces_of",
    "sent_by",
]


def binding(annotations: dict[str, Any], path: str = "/a", verb: Any = get) -> Callable[..., Any]:
    """A function that makes a request of its arguments: the one that a client would call."""

    def stub(self: Any, first: Any = None, second: Any = None) -> None: ...
    def one(self: Any, first: Any) -> None: ...
    def mapped(self: Any, headers: Any) -> None: ...

    stubs: dict[tuple[str, ...], Any] = {("first",): one, ("headers",): mapped}
    function = stubs.get(tuple(annotations), stub)
    function.__annotations__ = {**annotations, "return": None}
    cls = http_client(base_url="http://x")(type("Client", (), {"call": verb(path)(function)}))
    return generate(compile_client(cls).methods[0], True, lambda request: request)


def sent_by(function: Callable[..., Any], *arguments: Any) -> Request:
    """The request for some arguments."""
    request = function(object(), *arguments)
    assert isinstance(request, Request)
    return request


class Colour(Enum):
    RED = "red & blue"
    ODD = "a/b?c"


class Level(IntEnum):
    HIGH = 3


#: Every text that is made of characters.
TEXT = st.text(st.characters(exclude_categories=["Cs"]))

_ZONES = st.integers(-23 * 60, 23 * 60).map(lambda m: timezone(timedelta(minutes=m)))
_NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
_DECIMALS = st.decimals(allow_nan=False, allow_infinity=False)


_MEMBERS: list[Enum] = [*Colour, *Level]


def _read_enum(text: str) -> Enum:
    return next(member for member in _MEMBERS if str(member.value) == text)


#: Values of every type with a form on the wire, each with what reads it back.
SCALARS: st.SearchStrategy[tuple[Any, Callable[[str], Any]]] = st.one_of(
    st.tuples(st.booleans(), st.just(json.loads)),
    st.tuples(st.integers(), st.just(int)),
    st.tuples(_NUMBERS, st.just(float)),
    st.tuples(_DECIMALS, st.just(Decimal)),
    st.tuples(st.uuids(), st.just(UUID)),
    st.tuples(st.dates(), st.just(date.fromisoformat)),
    st.tuples(
        st.datetimes(timezones=st.one_of(st.just(UTC), _ZONES)), st.just(datetime.fromisoformat)
    ),
    st.tuples(st.sampled_from(_MEMBERS), st.just(_read_enum)),
)

_LEAVES = st.none() | st.booleans() | st.integers() | _NUMBERS | TEXT
#: Whatever JSON can hold.
JSON = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=20,
)


def is_json(request: Request) -> bool:
    """Whether a request says that its body is JSON."""
    return request.headers.get("content-type") == "application/json"


#: Where some bytes are cut, as parts of their length.
cuts = st.lists(st.floats(0, 1), max_size=8)


def pieces_of(data: bytes, at: list[float]) -> Iterator[bytes]:
    """Some bytes in pieces."""
    marks = sorted({0, len(data), *(int(part * len(data)) for part in at)})
    for start, end in itertools.pairwise(marks):
        yield data[start:end]
