"""What is parsed from a URL, a template or a link is what it was built from."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, urlsplit

from hypothesis import assume, given
from hypothesis import strategies as st

from pyfly.client._compile.base_url import check_base_url
from pyfly.client.adapters._outgoing import TargetResolver
from pyfly.client.pagination import next_link, parse_links
from pyfly.client.template import parse_path
from tests.client.properties.support import TEXT, binding, sent_by

LABEL = st.from_regex(r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
HOSTS = (
    st.lists(LABEL, min_size=1, max_size=4).map(".".join)
    | st.ip_addresses(v=4).map(str)
    | st.ip_addresses(v=6).map(lambda address: f"[{address}]")
)
PORTS = st.none() | st.integers(1, 65535)
SEGMENT = st.from_regex(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-F]{2}){1,8}", fullmatch=True)
PLAIN = SEGMENT.filter(lambda text: text not in (".", ".."))
PATHS = st.lists(PLAIN, max_size=4).map(lambda parts: "".join(f"/{part}" for part in parts))
VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(
    lambda text: text not in (".", "..")
)
CALL = binding({"first": Any, "second": Any}, "/a/{first}")


@given(st.sampled_from(["http", "https", "HTTP"]), HOSTS, PORTS, PATHS, VALUES, TEXT)
def test_a_url_that_was_built_is_parsed_into_its_parts(
    scheme: str, host: str, port: int | None, prefix: str, value: str, query: str
) -> None:
    base = f"{scheme}://{host}{'' if port is None else f':{port}'}{prefix}"
    checked, wrong = check_base_url(base)
    assert (checked, wrong) == (base, None)
    target = TargetResolver(checked).resolve(sent_by(CALL, value, query).url)
    assert target.home
    assert target.origin.host == host.strip("[]")
    assert target.origin.port == (port or (443 if scheme == "https" else 80))
    parts = urlsplit(f"{target.origin}{target.raw.decode('ascii')}")
    assert parts.hostname == host.strip("[]")
    before, _, last = parts.path.rpartition("/")
    assert before == f"{prefix}/a"
    assert unquote(last, errors="strict") == value
    name, _, text = parts.query.partition("=")
    assert (name, unquote(text, errors="strict"), parts.fragment) == ("second", query, "")


@given(st.lists(PLAIN, min_size=1, max_size=5), st.data())
def test_a_template_is_parsed_into_what_it_was_built_from(
    segments: list[str], data: st.DataObject
) -> None:
    names = [f"p{index}" for index in range(len(segments))]
    places = data.draw(st.lists(st.booleans(), min_size=len(segments), max_size=len(segments)))
    pieces = [
        f"{{{name}}}" if placed else segment
        for name, placed, segment in zip(names, places, segments, strict=True)
    ]
    text = "/" + "/".join(pieces)
    template, mistakes = parse_path(text)
    assert mistakes == []
    assert template.placeholders == tuple(
        n for n, placed in zip(names, places, strict=True) if placed
    )
    rebuilt = template.literals[0] + "".join(
        f"{{{name}}}{literal}"
        for name, literal in zip(template.placeholders, template.literals[1:], strict=True)
    )
    assert rebuilt == text


TARGETS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="<>"))
QUOTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E))
PARAMETERS = st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), QUOTABLE, max_size=4)


def quoted(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


@given(st.lists(st.tuples(TARGETS, PARAMETERS), max_size=4))
def test_links_are_parsed_into_what_they_were_built_from(
    links: list[tuple[str, dict[str, str]]],
) -> None:
    field = ", ".join(
        f"<{target}>" + "".join(f"; {name}={quoted(text)}" for name, text in parameters.items())
        for target, parameters in links
    )
    assert list(parse_links(field)) == links


@given(TARGETS, st.lists(st.tuples(TARGETS, QUOTABLE), max_size=3))
def test_the_next_link_is_found_among_others(target: str, others: list[tuple[str, str]]) -> None:
    assume(all("next" not in text.lower().split() for _, text in others))
    fields = [f"<{other}>; rel={quoted(text)}" for other, text in others]
    assert next_link([*fields, f'<{target}>; rel="prev NEXT"', '<x>; rel="next"']) == target
