"""The Link header, which is read whatever it holds."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfly.client.pagination import next_link, parse_links


@pytest.mark.parametrize(
    ("values", "target"),
    [
        (['</page2>; rel="next"'], "/page2"),
        (["</page2>;rel=next"], "/page2"),
        (["</page2> ; REL = NeXT"], "/page2"),
        (['</a>; rel="prev", </b>; rel="next"; title="c, d"'], "/b"),
        (['</a>; title="x, </evil>; rel=next", </b>; rel=next'], "/b"),
        (['</a>; title="\\"", </b>; rel=next'], "/b"),
        (["</a>; rel=last", "</b>; rel=next"], "/b"),
        (['</a>; rel="first next last"'], "/a"),
        (['</a>; rel=prev; rel="next"'], None),
        (['</a>; anchor="#foo"; rel=next'], None),
        (["</a>; rel=nextish"], None),
        (["</a>"], None),
        (["/a; rel=next"], None),
        (["</a; rel=next"], None),
        (["<>; rel=next"], ""),
        (['</a?x=1,2;3>; rel="next"'], "/a?x=1,2;3"),
        (["</a>;;; rel=next;"], "/a"),
        (['</a>; rel="next'], "/a"),
        (['</a>; rel="next\\'], "/a"),
        ([",,, </a>; rel=next ,,"], "/a"),
        ([""], None),
        ([], None),
    ],
)
def test_the_next_link_is_found(values: list[str], target: str | None) -> None:
    assert next_link(values) == target


@given(st.text('<>;,="\\ \tarelnxt', max_size=60) | st.text(max_size=40))
def test_nothing_raises(value: str) -> None:
    links = list(parse_links(value))
    assert len(links) <= value.count("<")
    assert next_link([value]) is None or "<" in value


@given(
    st.lists(
        st.tuples(
            st.text("/ab?=&;,", min_size=1, max_size=8),
            st.sampled_from(["next", "prev"]),
            st.text(max_size=8),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_what_is_written_well_is_read_back(links: list[tuple[str, str, str]]) -> None:
    def quoted(text: str) -> str:
        return text.replace("\\", "\\\\").replace('"', '\\"')

    value = ", ".join(f'<{t}>; title="{quoted(title)}"; rel="{rel}"' for t, rel, title in links)
    assert list(parse_links(value)) == [
        (target, {"title": title, "rel": rel}) for target, rel, title in links
    ]


@pytest.mark.parametrize("unit", ["<", "<>;", '<a>;"', "<a>; a=b", "; ", '"\\', ' "', "<>,", "=;"])
def test_it_takes_linear_time(unit: str) -> None:
    def seconds(count: int) -> float:
        began = time.thread_time()
        next_link([unit * count])
        return time.thread_time() - began

    small = min(seconds(2_000) for _ in range(3))
    assert min(seconds(20_000) for _ in range(3)) < 40 * small + 0.01
