"""The base URL of a client."""

from __future__ import annotations

import re

import pytest

from pyfly.client._compile.base_url import check_base_url


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("http://users:8080", "http://users:8080"),
        ("https://users/api/v1/", "https://users/api/v1"),
        ("http://[::1]:80/", "http://[::1]:80"),
        ("HTTP://Users", "HTTP://Users"),
    ],
)
def test_scheme_host_port_and_path_are_kept(url: str, kept: str) -> None:
    assert check_base_url(url) == (kept, None)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("", "has no base_url"),
        (None, "has no base_url"),
        ("users:8080", "must start with http:// or https://"),
        ("ftp://users", "must start with http:// or https://"),
        ("//users", "must start with http:// or https://"),
        ("http://", "has no host"),
        ("http://users:", "empty port"),
        ("http://users:0", "empty port"),
        ("http://users:port", "is no URL"),
        ("http://users:99999", "is no URL"),
        ("http://me:secret@users", "holds credentials"),
        ("http://users?x=1", "holds a query or a fragment"),
        ("http://users/?", "holds a query or a fragment"),
        ("http://users/#x", "holds a query or a fragment"),
        ("http://users/a b", "holds a space"),
        ("http://üsers", "not ASCII"),
        ("http://users/\r\nx", "holds a space"),
        ("http://users/../x", r"'\.' or '\.\.' segment"),
        ("http://users/a//b", "empty segment"),
        ("http://users/a{b}", "must not"),
        ("http://[::1", "is no URL"),
        ("http://256.1.1.1:9", "has no IPv4 address: its numbers go to 255"),
        ([], "has no base_url"),
        ("http://{", "has a malformed host"),
        ("http://%75sers", "has a malformed host"),
        ("http://users\\evil", "has a malformed host"),
    ],
)
def test_a_wrong_base_url_is_told(url: object, text: str) -> None:
    wrong = check_base_url(url)[1]
    assert wrong is not None
    assert re.search(text, wrong)
    assert "secret" not in wrong
