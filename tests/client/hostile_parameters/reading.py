"""What has a place in a slot, by the standards' words, and what arrived in it.

Nothing here knows the code under test.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

from tests.client.hostile_parameters.wire import Sent
from tests.client.parameters.support import Part, boundary_of, parse

PREFIX = "/base/v1"
MARK = "left alone"

# When a text has a place


def is_encodable(text: str) -> bool:
    """Whether it is made of characters."""
    return re.search("[\ud800-\udfff]", text) is None


def is_segment(text: str) -> bool:
    if text in ("", ".", ".."):
        return False
    return is_encodable(text) and re.search("[\x00-\x1f\x7f-\x9f]", text) is None


def is_path(text: str) -> bool:
    climbs = any(segment in (".", "..") for segment in text.split("/"))
    return is_segment(text) and not climbs and not text.startswith("/")


def is_field_value(text: str) -> bool:
    return all(" " <= c <= "~" or c == "\t" for c in text) and text == text.strip(" \t")


def is_cookie_value(text: str) -> bool:
    return all("!" <= c <= "~" and c not in '",;\\' for c in text)


def is_header_name(text: str) -> bool:
    token = re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", text) is not None
    lower = text.lower()
    reserved = ("host", "content-length", "transfer-encoding", "connection")
    return token and lower not in reserved and not lower.startswith("proxy-")


def holds_none_of(marks: str) -> Callable[[str], bool]:
    """Text in which some characters do not stand for themselves."""
    return lambda text: is_encodable(text) and not set(text) & set(marks)


def is_part_name(text: str) -> bool:
    """Whether it can be told from every other one, by every reader of quoted texts."""
    if not text or "\\" in text or re.search("%22|%0a|%0d", text, re.IGNORECASE):
        return False
    plain = text.replace("\r", "").replace("\n", "").replace("\t", "")
    return is_encodable(text) and not any(c < " " or c == "\x7f" for c in plain)


# What arrived


def _unquoted(text: str) -> str:
    return unquote_to_bytes(text).decode()


def in_path(before: str, after: str) -> Callable[[Sent], str]:
    def read(sent: Sent) -> str:
        begin, end = f"{PREFIX}{before}", after
        assert sent.path.startswith(begin)
        assert sent.path.endswith(end)
        assert sent.query == "fixed=1"
        return _unquoted(sent.path[len(begin) : len(sent.path) - len(end)])

    return read


def segment(sent: Sent) -> str:
    assert sent.path.count("/") == 5, sent.path
    return in_path("/things/", "/end")(sent)


def _pairs(text: str) -> list[tuple[str, str]]:
    pairs = [pair.split("=") for pair in text.replace("+", "%20").split("&")]
    return [(_unquoted(name), _unquoted(value)) for name, value in pairs]


def _query_pairs(sent: Sent) -> list[tuple[str, str]]:
    assert sent.path == f"{PREFIX}/search"
    assert sent.query is not None
    assert "+" not in sent.query
    return _pairs(sent.query)


def query(sent: Sent) -> str:
    fixed, (name, value) = _query_pairs(sent)
    assert (fixed, name) == (("fixed", "1"), "value")
    return value


def query_name(sent: Sent) -> str:
    fixed, (name, value) = _query_pairs(sent)
    assert (fixed, value) == (("fixed", "1"), MARK)
    return name


def joined(mark: str) -> Callable[[Sent], str]:
    def read(sent: Sent) -> str:
        assert sent.path == f"{PREFIX}/search"
        fixed, text = (sent.query or "").split("&")
        assert fixed == "fixed=1"
        first, value, last = text.removeprefix("value=").split(mark)
        assert (first, last) == ("first", "last")
        return _unquoted(value)

    return read


def _own_fields(sent: Sent) -> list[tuple[str, str]]:
    """The fields that are not every request's."""
    usual = ("host", "accept", "accept-encoding", "user-agent", "connection", "x-first")
    return [(name, value) for name, value in sent.fields if name not in usual]


def header(sent: Sent) -> str:
    ((name, value),) = _own_fields(sent)
    assert name == "x-value"
    return value


def header_name(sent: Sent) -> str:
    others = [(name, value) for name, value in sent.fields if value == MARK]
    ((name, _),) = others
    return name


def cookie(sent: Sent) -> str:
    ((name, text),) = _own_fields(sent)
    assert name == "cookie"
    name, mark, value = text.partition("=")
    assert (name, mark) == ("sid", "=")
    assert ";" not in value
    return value


def _body(sent: Sent, kind: str) -> bytes:
    assert (sent.method, sent.path, sent.query) == ("POST", f"{PREFIX}/items", "fixed=1")
    names = sorted(name for name, _ in _own_fields(sent))
    assert names == ["content-length", "content-type"]
    assert sent.one("content-type").partition(";")[0] == kind
    return sent.body


def _form(sent: Sent) -> list[tuple[str, str]]:
    body = _body(sent, "application/x-www-form-urlencoded")
    assert re.fullmatch(rb"(?:[A-Za-z0-9*\-._+&=]|%[0-9A-F]{2})*", body)
    return _pairs(body.decode())


def form_field(sent: Sent) -> str:
    ((name, value),) = _form(sent)
    assert name == "value"
    return value


def form_name(sent: Sent) -> str:
    ((name, value),) = _form(sent)
    assert value == MARK
    return name


def nested_name(sent: Sent) -> str:
    name = form_name(sent)
    assert name.startswith("below[")
    assert name.endswith("]")
    return name[len("below[") : -1]


def _part(sent: Sent) -> Part:
    body = _body(sent, "multipart/form-data")
    part, field, last = parse(body, boundary_of(sent.one("content-type")))
    assert field == Part("field", None, None, b"1")
    assert last == Part("last", "last", "application/octet-stream", b"2")
    return part


def _unescaped(text: str) -> str:
    return text.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def multipart_field(sent: Sent) -> str:
    part = _part(sent)
    assert part[:3] == ("value", None, None)
    return part.content.decode()


def multipart_name(sent: Sent) -> str:
    part = _part(sent)
    assert part[1:] == (None, None, MARK.encode())
    return _unescaped(part.name)


def file_name(sent: Sent) -> str:
    part = _part(sent)
    assert (part.name, part.content) == ("value", MARK.encode())
    assert re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", part.content_type or "")
    return _unescaped(part.filename or "")


def file_content(sent: Sent) -> str:
    part = _part(sent)
    assert (part.name, part.filename) == ("value", "f")
    return part.content.decode()


def json_value(sent: Sent) -> Any:
    first, value, last = json.loads(_body(sent, "application/json"))
    assert (first, last) == ("first", "last")
    return value


def json_name(sent: Sent) -> str:
    ((name, value),) = json.loads(_body(sent, "application/json")).items()
    assert value == MARK
    return str(name)


def text(sent: Sent) -> str:
    assert sent.one("content-type") == "text/plain; charset=utf-8"
    return _body(sent, "text/plain").decode()


def line(sent: Sent) -> Any:
    first, value, last, rest = _body(sent, "application/x-ndjson").split(b"\n")
    assert (first, last, rest) == (b'"first"', b'"last"', b"")
    return json.loads(value)
