"""Requests, responses and headers."""

from __future__ import annotations

import encodings
import pkgutil
from typing import Any

import pytest

from pyfly.client import Headers, Request, Response
from pyfly.client.message import charset, media_type, text_codec
from pyfly.kernel.secrets import redacted


def test_header_names_compare_without_case_and_values_join() -> None:
    headers = Headers([("Accept", "a"), (b"ACCEPT", b"b"), ("X", "1")])
    assert headers["accept"] == "a, b"
    assert headers.get_list("Accept") == ["a", "b"]
    assert "ACCEPT" in headers
    assert 7 not in headers
    assert sorted(headers) == ["accept", "x"]
    assert len(headers) == 2
    assert headers.fields[0] == ("Accept", "a")
    with pytest.raises(KeyError):
        headers["missing"]


def test_headers_are_equal_by_what_they_say() -> None:
    assert Headers({"A": "1"}) == Headers([("a", "1")])
    assert Headers({"A": "1"}) == {"a": "1"}
    assert Headers({"A": "1"}) != Headers({"A": "2"})
    assert Headers() != 1


@pytest.mark.parametrize(
    "name",
    ["Authorization", "cookie", "Set-Cookie", "X-Api-Key", "X_API_KEY", "my-token", "X-Secret"],
)
def test_a_secret_is_never_shown(name: str) -> None:
    assert redacted(name, "hush") == "***"
    assert "hush" not in repr(Headers({name: "hush"}))


def test_other_headers_are_shown() -> None:
    assert repr(Headers({"Accept": "a"})) == "Headers(Accept: a)"


def test_a_request_shows_neither_query_nor_body() -> None:
    request = Request("POST", "/a?token=hush", {}, content=b"hush")
    assert repr(request) == "<Request POST /a>"


def test_a_response_tells_its_parts() -> None:
    headers = Headers({"content-type": 'Application/JSON; charset="UTF-8"'})
    response: Response[object] = Response(201, headers, b'{"a":1}')
    assert response.is_success
    assert response.json() == {"a": 1}
    assert response.text == '{"a":1}'
    assert repr(response) == "<Response 201, 7 bytes>"
    assert charset(headers) == "utf-8"
    assert charset(Headers({"content-type": "text/plain; x=y"})) is None
    assert media_type(headers) == "application/json"
    assert not Response(404, Headers()).is_success


def test_every_codec_of_python_is_a_charset_that_decodes_or_none() -> None:
    charsets = 0
    for module in pkgutil.iter_modules(encodings.__path__):
        try:
            codec = text_codec(module.name)
        except LookupError:
            continue
        charsets += 1
        decoder: Any = codec.incrementaldecoder
        text = "abc".encode(module.name)
        assert codec.decode(text)[0] == decoder().decode(text, True) == "abc"
    assert charsets > 80
    for name in ("hex", "rot13", "zip", "idna", "punycode", "unicode_escape", "undefined", "a\0"):
        with pytest.raises(LookupError):
            text_codec(name)
