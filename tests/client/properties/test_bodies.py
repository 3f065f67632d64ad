"""What is decoded from a body is what was encoded into it, by whichever library it is typed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, TypedDict
from uuid import UUID

import attrs
import msgspec
import pydantic
from hypothesis import given
from hypothesis import strategies as st

from pyfly.client import Body, post
from pyfly.client._codec.body import Pieces
from pyfly.client._codec.decode import decoder_for
from pyfly.client._codec.encode import to_json
from pyfly.client._stream.body_reader import reader_for
from pyfly.client.message import Headers, Request, Response
from tests.client.properties.support import JSON, TEXT, binding, cuts, pieces_of, sent_by

LIMIT = 1 << 30
MOMENTS = st.datetimes(timezones=st.just(UTC))
# msgspec has 64 bits for an integer, and the ranges of JSON's numbers are nobody's promise.
INTEGERS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)

JSON_BODY = binding({"first": Annotated[Any, Body()]}, verb=post)
TEXT_BODY = binding({"first": Annotated[Any, Body("text/plain; charset=utf-16")]}, verb=post)
LINES_BODY = binding({"first": Annotated[Any, Body("application/x-ndjson")]}, verb=post)
RAW_BODY = binding({"first": Annotated[bytes, Body()]}, verb=post)


@dataclasses.dataclass
class Data:
    number: int
    text: str
    ratio: float
    maybe: bool | None
    moment: datetime
    names: dict[str, list[int]]


class Model(pydantic.BaseModel):
    number: int
    text: str = pydantic.Field(alias="theText")
    ratio: float
    day: date
    amount: Decimal
    inner: Data


class Struct(msgspec.Struct, rename="camel"):
    the_number: int
    text: str
    day: date
    key: UUID
    tags: list[str]


@attrs.define
class Attrs:
    number: int
    text: str
    maybe: float | None


class Typed(TypedDict):
    number: int
    text: str
    rest: list[bool]


DATA = st.builds(
    Data,
    INTEGERS,
    TEXT,
    FLOATS,
    st.none() | st.booleans(),
    MOMENTS,
    st.dictionaries(TEXT, st.lists(INTEGERS, max_size=3), max_size=3),
)
AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9)
MODELS = st.builds(
    Model,
    number=INTEGERS,
    theText=TEXT,
    ratio=FLOATS,
    day=st.dates(),
    amount=AMOUNTS,
    inner=DATA,
)
STRUCTS = st.builds(Struct, INTEGERS, TEXT, st.dates(), st.uuids(), st.lists(TEXT))
ATTRS = st.builds(Attrs, INTEGERS, TEXT, st.none() | FLOATS)
TYPED = st.fixed_dictionaries({"number": INTEGERS, "text": TEXT, "rest": st.lists(st.booleans())})


def body_of(request: Request) -> bytes:
    content = request.content
    if isinstance(content, Pieces):
        return b"".join(content)
    assert isinstance(content, bytes)
    return content


def decoded(annotation: Any, body: bytes) -> Any:
    headers = Headers({"content-type": "application/json"})
    return decoder_for(annotation)(Response(200, headers, body))


@given(JSON)
def test_json(value: Any) -> None:
    if value is None:
        return  # no body at all
    body = body_of(sent_by(JSON_BODY, [value]))
    assert json.loads(body) == [value]
    assert decoded(Any, body) == [value]


@given(DATA)
def test_dataclasses(value: Data) -> None:
    assert decoded(Data, body_of(sent_by(JSON_BODY, value))) == value


@given(st.lists(MODELS, max_size=3))
def test_pydantic_models(values: list[Model]) -> None:
    assert decoded(list[Model], body_of(sent_by(JSON_BODY, values))) == values


@given(STRUCTS)
def test_msgspec_structs(value: Struct) -> None:
    assert decoded(Struct, body_of(sent_by(JSON_BODY, value))) == value


@given(ATTRS)
def test_attrs_classes(value: Attrs) -> None:
    assert decoded(Attrs, body_of(sent_by(JSON_BODY, value))) == value


@given(TYPED)
def test_typed_dicts(value: Typed) -> None:
    assert decoded(Typed, body_of(sent_by(JSON_BODY, value))) == value


@given(st.binary())
def test_bytes(value: bytes) -> None:
    request = sent_by(RAW_BODY, value)
    assert request.headers["content-type"] == "application/octet-stream"
    assert decoded(bytes, body_of(request)) == value


@given(TEXT)
def test_text_in_another_charset(value: str) -> None:
    request = sent_by(TEXT_BODY, value)
    headers = Headers({"content-type": request.headers["content-type"]})
    assert decoder_for(str)(Response(200, headers, body_of(request))) == value


@given(st.lists(JSON), cuts, st.booleans())
def test_lines_of_json(values: list[Any], at: list[float], iterated: bool) -> None:
    given_: Any = iter(values) if iterated else values
    body = body_of(sent_by(LINES_BODY, given_))
    assert body.count(b"\n") == len(values)
    assert items(Any, "application/x-ndjson", body, at) == values


@given(st.lists(MODELS, max_size=3), cuts)
def test_arrays_item_by_item(values: list[Model], at: list[float]) -> None:
    body = to_json(values)
    assert items(Model, "application/json", body, at) == values


@given(JSON, cuts, st.integers(0, 3))
def test_arrays_with_space_in_them(value: Any, at: list[float], indent: int) -> None:
    values = value if isinstance(value, list) else [value]
    body = json.dumps(values, indent=indent, ensure_ascii=False).encode()
    assert items(Any, "application/json", b" \r\n" + body + b"\t\n", at) == values


class Streamed:
    """A response whose body comes piece by piece."""

    def __init__(self, kind: str) -> None:
        self.status_code = 200
        self.headers = Headers({"content-type": kind})
        self.content_encoding: str | None = None


def items(annotation: Any, kind: str, body: bytes, at: list[float]) -> list[Any]:
    """The items of a stream whose body is cut at some places."""
    reader = reader_for(annotation, LIMIT).reader(Streamed(kind))

    def read() -> Iterator[Any]:
        for piece in pieces_of(body, at):
            yield from reader.feed(piece)
        yield from reader.end()

    return list(read())
