"""From a response to the value of the return annotation."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Optional

import pydantic
import pytest

from pyfly.client import Headers, Response, ResponseDecodeException
from pyfly.client._codec.decode import UndecodableAnnotation, decoder_for, wants_raw_response


class Model(pydantic.BaseModel):
    id: int
    name: str = "n"


@dataclass
class Item:
    id: int


def response(
    content: bytes = b"", status: int = 200, content_type: str = "application/json"
) -> Response[Any]:
    return Response(status, Headers({"content-type": content_type}), content)


EMPTY = inspect.Parameter.empty


@pytest.mark.parametrize(
    ("annotation", "content", "value"),
    [
        (dict, b'{"a":1}', {"a": 1}),
        (list, b"[1]", [1]),
        (dict, b"[1]", [1]),  # as it comes: these two are not validated
        (Any, b'"x"', "x"),
        (object, b"1", 1),
        (EMPTY, b"null", None),
        (None, b"anything", None),
        (bytes, b"\x00\xff", b"\x00\xff"),
        (str, "ä".encode(), "ä"),
        (dict[str, int], b'{"a":1}', {"a": 1}),
        (dict[str, Any], b'{"a":[1]}', {"a": [1]}),
        (list[dict[str, Any]], b'[{"a":1}]', [{"a": 1}]),
        (dict[str, list[Any]], b'{"a":[1]}', {"a": [1]}),
        (list[Item], b'[{"id":1}]', [Item(1)]),
        (Model, b'{"id":1}', Model(id=1)),
        (Model | None, b"null", None),
        (Model | None, b" null ", None),
        (Model | None, b"", None),
        (Optional[dict], b"{}", {}),  # noqa: UP045  # the older spelling works too
        (bytes | None, b"x", b"x"),
        (int | str, b'"x"', "x"),
        (int | str | None, b"3", 3),
    ],
)
def test_a_body_becomes_what_the_annotation_says(
    annotation: Any, content: bytes, value: Any
) -> None:
    assert decoder_for(annotation)(response(content)) == value


def test_a_charset_is_honoured() -> None:
    kind = "text/plain; charset=latin-1"
    assert decoder_for(str)(response("ä".encode("latin-1"), content_type=kind)) == "ä"
    for wrong in ("nonsense", "base64", "rot13", "idna", "unicode_escape", "\0", "x" * 999):
        with pytest.raises(ResponseDecodeException, match="is not known"):
            decoder_for(str)(response(b"a", content_type=f"text/plain; charset={wrong}"))
    with pytest.raises(ResponseDecodeException, match="is not the utf-8 text"):
        decoder_for(str)(response(b"\xff"))


@pytest.mark.parametrize(
    "content",
    [
        b"<html>",
        b"{",
        b'{"a":NaN}',
        b"[Infinity]",
        b"-Infinity",
        b"1" * 5000,
        b"[" * 100_000,
        b"\xff\xfe\xfd",
        b'"\x00',
        b"{'a':1}",
        b"1 2",
    ],
)
def test_what_is_no_json_is_a_decode_error_that_shows_no_body(content: bytes) -> None:
    with pytest.raises(ResponseDecodeException, match="the body is no JSON") as caught:
        decoder_for(dict)(response(content))
    assert str(len(content)) + " bytes" in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("annotation", [dict, list, Any, EMPTY, Model, list[Item], int])
@pytest.mark.parametrize("status", [200, 204])
def test_an_empty_body_where_a_value_is_required_is_an_error(annotation: Any, status: int) -> None:
    with pytest.raises(ResponseDecodeException, match="empty body where a value is required"):
        decoder_for(annotation)(response(b"", status))


def test_a_mismatch_names_the_type_and_the_place_but_not_the_value() -> None:
    with pytest.raises(ResponseDecodeException) as caught:
        decoder_for(list[Item])(response(b'[{"id":1},{"id":"secret"}]'))
    assert caught.value.location == "1.id"
    assert "list" in str(caught.value)
    assert "Item" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("annotation", "content"),
    [
        (dict[str, Any], b"[]"),
        (list[Any], b"{}"),
        (list[dict[str, Any]], b"[1]"),
        (dict[str, list[Any]], b'{"a":1}'),
    ],
)
def test_another_shape_of_json_is_an_error(annotation: Any, content: bytes) -> None:
    with pytest.raises(ResponseDecodeException, match="another shape of JSON"):
        decoder_for(annotation)(response(content))


def test_response_of_a_type_carries_the_value() -> None:
    whole = decoder_for(Response[Model])(response(b'{"id":1}'))
    assert (whole.status_code, whole.value) == (200, Model(id=1))
    raw = response(b"x")
    assert decoder_for(Response)(raw) is raw
    assert wants_raw_response(Response)
    assert not wants_raw_response(Response[dict])


def test_a_404_that_was_let_pass_is_none() -> None:
    assert decoder_for(Model | None)(response(b"not found", 404)) is None


def test_what_nothing_decodes_into_is_told() -> None:
    class Opaque:
        pass

    with pytest.raises(UndecodableAnnotation, match="nothing decodes into"):
        decoder_for(Opaque)
    with pytest.raises(UndecodableAnnotation, match="asks for a stream"):
        decoder_for(AsyncIterator[bytes])


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("before", [0, 1, 39, 40, 41, 200])
def test_what_json_does_not_have_is_found_among_its_letters(word: str, before: int) -> None:
    letter = word.strip("-")[0]
    texts = [f'"{letter}o"'] * before
    decode = decoder_for(list[float | str])
    assert len(decode(response(f"[{','.join(texts)}]".encode()))) == before
    with pytest.raises(ResponseDecodeException):
        decode(response(f"[{','.join([*texts, word])}]".encode()))
    quoted = [*texts, f'"{word}"', "1.5"]  # as a text it is one
    assert len(decode(response(f"[{','.join(quoted)}]".encode()))) == before + 2
