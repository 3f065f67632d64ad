"""The path of a declaration."""

from __future__ import annotations

import pytest

from pyfly.client.template import parse_path


def test_a_path_is_taken_apart_into_literals_and_placeholders() -> None:
    template, wrong = parse_path("/orders/{order_id}/items/{item_id}.json")
    assert wrong == []
    assert template.literals == ("/orders/", "/items/", ".json")
    assert template.placeholders == ("order_id", "item_id")


def test_a_literal_that_is_not_ascii_is_encoded_as_utf_8() -> None:
    template, wrong = parse_path("/straße/{id}/日本")
    assert wrong == []
    assert template.text == "/straße/{id}/日本"
    assert template.literals == ("/stra%C3%9Fe/", "/%E6%97%A5%E6%9C%AC")


@pytest.mark.parametrize("path", ["/", "/a", "/a/", "/a%2Fb/{x}", "/~user/{x}:verb", "/a(b)'c'"])
def test_these_paths_are_right(path: str) -> None:
    assert parse_path(path)[1] == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("users", "must start with a slash"),
        ("", "must start with a slash"),
        ("http://evil/users", "is an absolute URL"),
        ("//evil/users", "has an empty segment"),
        ("/a//b", "has an empty segment"),
        ("/a?b=c", "holds a query string"),
        ("/a#b", "holds a fragment"),
        ("/a/{b", "unbalanced braces"),
        ("/a/b}", "unbalanced braces"),
        ("/a/{{b}}", "unbalanced braces"),
        ("/a b", "percent-encode"),
        ("/\ud800", "percent-encode"),
        ("/a/%2E%2e/b", r"'\.' or '\.\.' segment"),
        ("/a/.%2E", r"'\.' or '\.\.' segment"),
        ("/%2e", r"'\.' or '\.\.' segment"),
        ("/a\\b", "percent-encode"),
        ("/a%2", "percent-encode"),
        ("/a\n", "percent-encode"),
        ("/a/../b", r"'\.' or '\.\.' segment"),
        ("/.", r"'\.' or '\.\.' segment"),
        ("/{}", "is no parameter name"),
        ("/{a b}", "is no parameter name"),
        ("/{a.b}", "is no parameter name"),
        ("/{a}/{a}", "is repeated"),
        (7, "must be a str, not int"),
    ],
)
def test_a_wrong_path_is_told_with_what_to_write(path: object, text: str) -> None:
    wrong = parse_path(path)[1]
    assert len(wrong) == 1
    with pytest.raises(AssertionError, match=text):
        raise AssertionError(wrong[0])
