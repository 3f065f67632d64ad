"""What is read back from a request is what was put into it, for every kind of parameter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pyfly.client import (
    ClientArgumentException,
    Cookie,
    File,
    FilePart,
    Form,
    Header,
    Path,
    Query,
    post,
)
from pyfly.client._codec.body import Pieces
from pyfly.client._declare.markers import QueryStyle
from pyfly.client.message import Request
from tests.client.parameters.support import Part, boundary_of, parse
from tests.client.properties.support import SCALARS, TEXT, binding, sent_by

SEGMENT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(
    lambda text: text not in (".", "..")
)
SEGMENTS = st.lists(SEGMENT.filter(lambda t: set(t.split("/")).isdisjoint({".", ".."})), min_size=1)
VISIBLE = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
FIELD_VALUE = st.text(VISIBLE | st.sampled_from(" \t")).filter(lambda t: t == t.strip(" \t"))
TOKEN = st.text(st.sampled_from("!#$%&'*+-.^_`|~09AZaz"), min_size=1)
COOKIE = st.text(VISIBLE.filter(lambda c: c not in '",;\\'))
NAME = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\")
    | st.sampled_from('"\r\n\t;%'),
    min_size=1,
).filter(lambda text: not any(mark in text.upper() for mark in ("%22", "%0D", "%0A")))

ONE_PATH = binding({"first": Any}, "/a/{first}/b")
TWO_PATHS = binding({"first": Any, "second": Any}, "/a/{first}/{second}")
SPANNING = binding({"first": Annotated[Any, Path(segments=True)]}, "/a/{first}/b")
STYLES: list[QueryStyle] = ["multi", "csv", "ssv", "pipes"]
QUERIES = {
    style: binding({"first": Annotated[Any, Query("n & m", style=style)]}) for style in STYLES
}
SPREAD = binding({"first": Annotated[dict[str, Any], Query()]})
HEADER = binding({"first": Annotated[Any, Header("X-First")]})
HEADERS = binding({"headers": dict[str, str]})
COOKIES = binding({"first": Annotated[Any, Cookie()], "second": Annotated[Any, Cookie()]})
FORM = binding({"first": Annotated[Any, Form()]}, verb=post)
FORM_FIELDS = binding({"first": Annotated[dict[str, Any], Form()]}, verb=post)
PARTS = binding(
    {"first": Annotated[dict[str, Any], Form()], "second": Annotated[Any, File()]}, verb=post
)


def path_of(request: Request) -> str:
    assert "?" not in request.url
    return request.url


def pairs_of(request: Request) -> list[tuple[str, str]]:
    """The query, read by the standard library."""
    path, mark, query = request.url.partition("?")
    assert (path, mark or query) == ("/a", mark)
    assert "+" not in query
    return parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), errors="strict")


def form_of(request: Request) -> list[tuple[str, str]]:
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert isinstance(request.content, bytes)
    text = request.content.decode("ascii")
    return parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), errors="strict")


def parts_of(request: Request) -> list[Part]:
    content = request.content
    body = b"".join(content) if isinstance(content, Pieces) else content
    assert isinstance(body, bytes)
    if not body.startswith(b"--") or (body.endswith(b"--\r\n") and body.count(b"\r\n") == 1):
        return []
    return parse(body, boundary_of(request.headers["content-type"]))


def unescaped(text: str) -> str:
    """A name as the HTML standard escapes it, decoded."""
    return text.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


# Paths


@given(SEGMENT, SEGMENT)
def test_path_values(first: str, second: str) -> None:
    begin, *values = path_of(sent_by(TWO_PATHS, first, second)).split("/")[1:]
    assert begin == "a"
    assert [unquote(value, errors="strict") for value in values] == [first, second]


@given(SCALARS)
def test_path_values_of_every_type(case: tuple[Any, Callable[[str], Any]]) -> None:
    value, read = case
    begin, text, end = path_of(sent_by(ONE_PATH, value)).split("/")[1:]
    assert (begin, end) == ("a", "b")
    assert read(unquote(text)) == value


@given(SEGMENTS)
def test_paths_of_several_segments(segments: list[str]) -> None:
    value = "/".join(segments)
    assume(not value.startswith("/"))
    path = path_of(sent_by(SPANNING, value))
    assert path.startswith("/a/")
    assert path.endswith("/b")
    assert unquote(path[3:-2], errors="strict") == value
    assert path.count("/") == value.count("/") + 3


# Queries


@given(TEXT)
def test_query_values(value: str) -> None:
    assert pairs_of(sent_by(QUERIES["multi"], value)) == [("n & m", value)]


@given(SCALARS)
def test_query_values_of_every_type(case: tuple[Any, Callable[[str], Any]]) -> None:
    value, read = case
    ((name, text),) = pairs_of(sent_by(QUERIES["multi"], value))
    assert name == "n & m"
    assert read(text) == value


@given(st.lists(TEXT))
def test_lists_that_repeat_the_name(values: list[str]) -> None:
    assert pairs_of(sent_by(QUERIES["multi"], values)) == [("n & m", value) for value in values]


@pytest.mark.parametrize(("style", "mark"), [("csv", ","), ("ssv", "%20"), ("pipes", "%7C")])
@given(values=st.lists(TEXT, min_size=1))
def test_lists_that_are_joined(style: QueryStyle, mark: str, values: list[str]) -> None:
    plain = unquote(mark)
    if style != "csv" and any(plain in value for value in values):
        with pytest.raises(ClientArgumentException, match="separator"):
            sent_by(QUERIES[style], values)
        return
    path, _, query = sent_by(QUERIES[style], values).url.partition("?")
    name, _, text = query.partition("=")
    assert (path, name) == ("/a", "n%20%26%20m")
    assert [unquote(value, errors="strict") for value in text.split(mark)] == values


@given(st.frozensets(TEXT | st.integers()))
def test_sets_are_sent_in_one_order(values: frozenset[Any]) -> None:
    texts = sorted(map(str, values))
    assert pairs_of(sent_by(QUERIES["multi"], values)) == [("n & m", text) for text in texts]


@given(st.dictionaries(TEXT, TEXT | st.lists(TEXT, min_size=1)))
def test_mappings_are_spread(fields: dict[str, Any]) -> None:
    assert pairs_of(sent_by(SPREAD, fields)) == flat(fields)


def flat(fields: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, text)
        for name, value in fields.items()
        for text in (value if isinstance(value, list) else [value])
    ]


# Headers and cookies


@given(FIELD_VALUE)
def test_header_values(value: str) -> None:
    assert sent_by(HEADER, value).headers == {"x-first": value}


@given(SCALARS)
def test_header_values_of_every_type(case: tuple[Any, Callable[[str], Any]]) -> None:
    value, read = case
    assert read(sent_by(HEADER, value).headers["x-first"]) == value


@given(st.dictionaries(TOKEN.map(lambda name: f"x-{name}"), FIELD_VALUE))
def test_mappings_of_headers(fields: dict[str, str]) -> None:
    expected = {name.lower(): value for name, value in fields.items()}
    assert sent_by(HEADERS, fields).headers == expected


@given(COOKIE, COOKIE)
def test_cookies(first: str, second: str) -> None:
    text = sent_by(COOKIES, first, second).headers["cookie"]
    assert [one.split("=", 1) for one in text.split("; ")] == [["first", first], ["second", second]]


# Forms


@given(TEXT | st.lists(TEXT))
def test_form_fields(value: str | list[str]) -> None:
    assert form_of(sent_by(FORM, value)) == flat({"first": value})


@given(SCALARS)
def test_form_fields_of_every_type(case: tuple[Any, Callable[[str], Any]]) -> None:
    value, read = case
    ((name, text),) = form_of(sent_by(FORM, value))
    assert name == "first"
    assert read(text) == value


@given(st.dictionaries(TEXT, TEXT | st.lists(TEXT, min_size=1)))
def test_forms_of_mappings(fields: dict[str, Any]) -> None:
    assert form_of(sent_by(FORM_FIELDS, fields)) == flat(fields)


@given(st.dictionaries(NAME, TEXT), st.lists(st.tuples(NAME, st.binary())))
def test_multipart_bodies(fields: dict[str, str], files: list[tuple[str, bytes]]) -> None:
    assume("second" not in fields)
    values = [FilePart(content, filename=name) for name, content in files]
    parts = parts_of(sent_by(PARTS, fields, values)) if fields or files else []
    texts, sent = parts[: len(fields)], parts[len(fields) :]
    assert {unescaped(part.name): part.content.decode() for part in texts} == fields
    assert all(part.filename is None and part.content_type is None for part in texts)
    assert [(unescaped(part.filename or ""), part.content) for part in sent] == files
    assert all(part.name == "second" and part.content_type for part in sent)


@dataclass
class Filter:
    name: str
    tags: list[str]
    page: int = 1


FILTER = binding({"first": Annotated[Filter, Query()]})


@given(st.builds(Filter, TEXT, st.lists(TEXT), st.integers()))
def test_objects_are_spread(value: Filter) -> None:
    assert pairs_of(sent_by(FILTER, value)) == flat(
        {"name": value.name, "tags": value.tags, "page": str(value.page)}
    )
