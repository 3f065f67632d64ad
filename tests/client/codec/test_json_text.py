"""JSON means the same whichever decoder is installed."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfly.client._codec import json_text
from pyfly.client._codec.decode import decoder_for
from pyfly.client.errors import ResponseDecodeException
from pyfly.client.message import Headers, Response

DECODERS = ["msgspec", "pydantic_core", "json"]

Decode = Callable[[bytes], Any]


@pytest.fixture(params=DECODERS)
def decode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Decode]:
    """The decoder of a process in which only this one is installed."""
    if request.param != "json":
        importlib.import_module(request.param)
    for absent in DECODERS[: DECODERS.index(request.param)]:
        monkeypatch.setitem(sys.modules, absent, None)
        monkeypatch.setitem(sys.modules, f"{absent}.json", None)
    json_text._installed.cache_clear()
    yield json_text.fast_from_json()
    json_text._installed.cache_clear()


ACCEPTED: list[tuple[bytes, Any]] = [
    (b'{"a":1,"b":[true,false,null,"x"]}', {"a": 1, "b": [True, False, None, "x"]}),
    (b' \n{"a" : 1.5e3 }\t', {"a": 1500.0}),
    (b'{"a":1,"a":2}', {"a": 2}),
    (b"12345678901234567890", 12345678901234567890),
    (b"1" * 100, int("1" * 100)),
    (b"1" * 4000, int("1" * 4000)),
    (b"-0", 0),
    (b"[1e307, 1E+300, -1e-999]", [1e307, 1e300, 0.0]),
    (b'["12e456-9e123", 7]', ["12e456-9e123", 7]),
    (b'"\\ud83d\\ude00"', "\U0001f600"),
    (b'"\\ud800"', "\ud800"),
    (b'"\\u0000"', "\0"),
    ('"é"'.encode("utf-16"), "é"),
    ('"é"'.encode("utf-8-sig"), "é"),
    (b"[" * 100 + b"]" * 100, functools.reduce(lambda inner, _: [inner], range(99), [])),
]


@pytest.mark.parametrize(("content", "value"), ACCEPTED, ids=range(len(ACCEPTED)))
def test_what_is_json_has_one_value(decode: Decode, content: bytes, value: Any) -> None:
    found = decode(content)
    assert found == value
    assert type(found) is type(value)


REFUSED = [
    b"",
    b" ",
    b"NaN",
    b"[Infinity]",
    b"-Infinity",
    b'{"a":NaN}',
    b"1e400",
    b'{"a":[-1E+999]}',
    b"-" + b"1" * 50 + b".5e300",
    b"1" * 5000,
    b"[" * 100_000 + b"]" * 100_000,
    b'{"a":' * 100_000,
    b'"\xff"',
    b'"\xed\xa0\x80"',
    b'"\x01"',
    b"{} x",
    b"[1,]",
    b"01",
    b"+1",
    b"'a'",
]


@pytest.mark.parametrize("content", REFUSED, ids=range(len(REFUSED)))
def test_what_is_no_json_is_refused(decode: Decode, content: bytes) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the kind is all that is promised
        decode(content)
    with pytest.raises(ValueError) as standard:  # noqa: PT011
        json_text.from_json(content)
    assert str(caught.value) == str(standard.value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(st.one_of(st.binary(max_size=40), st.text('[]{}"\\,:0123456789.eE+-tfnu ud8', max_size=40)))
def test_any_bytes_are_the_same_to_the_fast_and_the_standard_decoder(content: bytes | str) -> None:
    body = content.encode() if isinstance(content, str) else content

    def outcome(function: Decode) -> str:
        try:
            return repr(function(body))
        except ValueError as exc:
            return f"{type(exc).__name__} {exc}"

    assert outcome(json_text.fast_from_json()) == outcome(json_text.from_json)


@given(JSON)
def test_any_json_is_the_same_to_the_fast_and_the_standard_decoder(value: Any) -> None:
    import json

    body = json.dumps(value).encode()
    assert repr(json_text.fast_from_json()(body)) == repr(json_text.from_json(body))


class TestTyped:
    """The same table for typed results, whose decoders are libraries of their own."""

    @pytest.fixture(params=["pydantic", "msgspec"])
    def typed(self, request: pytest.FixtureRequest) -> Callable[[bytes], Any]:
        if request.param == "pydantic":
            import pydantic

            model: Any = pydantic.create_model(
                "Row", a=(float | int | None, None), c=(str | None, None)
            )
        else:
            import msgspec

            fields = [("a", float | int | None, None), ("c", str | None, None)]
            model = msgspec.defstruct("Row", fields)
        decoder = decoder_for(model)
        return lambda body: decoder(Response(200, Headers({}), body)).a

    @pytest.mark.parametrize(
        ("content", "value"),
        [(b'{"a":1}', 1), (b'{"a":1,"a":2}', 2), (b'{"a":null,"b":"NaN"}', None)],
    )
    def test_what_is_json_has_one_value(
        self, typed: Callable[[bytes], Any], content: bytes, value: Any
    ) -> None:
        assert typed(content) == value

    @pytest.mark.parametrize(
        "content",
        [
            b'{"a":NaN}',
            b'{"b":Infinity}',
            b'{"b":-Infinity}',
            b'{"b":"\\ud800"}',
            b'{"c":"\xff"}',  # what no field takes is passed over by msgspec
            b'{"a":' + b"1" * 5000 + b"}",
            b'{"b":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}",
            b'{"a":01}',
            b"{} x",
        ],
        ids=range(9),
    )
    def test_what_is_no_json_is_refused(
        self, typed: Callable[[bytes], Any], content: bytes
    ) -> None:
        with pytest.raises(ResponseDecodeException):
            typed(content)
