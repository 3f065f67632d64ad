"""Lists that come page by page."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Annotated, Any

import msgspec
import pytest
from pydantic import BaseModel

from pyfly.client import (
    ClientDeclarationException,
    DeadlineExceededException,
    Headers,
    Page,
    PaginationException,
    PortValueException,
    Query,
    ReadException,
    Request,
    ResponseDecodeException,
    ServerErrorException,
    Stream,
    StreamStateException,
    deadline,
    get,
    post,
    service_client,
)
from pyfly.client._compile.compile import compile_client
from pyfly.client._stream.pages import Pages
from pyfly.client.message import Response
from tests.client.stream.support import AsyncPort, Session, SyncPort
from tests.resilience.support import ManualClock
from tests.support.servers import ServerClient


class Item(BaseModel):
    id: int


class Exact(msgspec.Struct):
    price: Decimal


LINK = Page.link()
BODY_LINK = Page.link(next="links.next", items="data")
CURSOR = Page.cursor(param="cursor", next="meta.next_cursor", items="data")
LAST = Page.cursor(param="after", next="data.-1.id", more="has_more", items="data")
NUMBER = Page.number(param="page", items="data")
TOTAL = Page.number(items="data", start=0, total="meta.pages")
OFFSET = Page.offset(limit=2)
OFFSET_TOTAL = Page.offset(param="skip", limit_param="take", limit=2, items="data", total="n")


@service_client(base_url="http://shop.test/api")
class AsyncShop:
    @get("/items", paginate=LINK)
    def linked(self, q: str | None = None) -> AsyncIterator[Item]: ...

    @get("/items", paginate=BODY_LINK)
    def body_linked(self) -> AsyncIterator[Item]: ...

    @get("/items", paginate=CURSOR)
    def by_cursor(self, q: str | None = None) -> AsyncIterator[Item]: ...

    @get("/items", paginate=LAST)
    def after_last(self) -> AsyncIterator[Item]: ...

    @get("/items", paginate=NUMBER, params={"size": 2})
    def numbered(self) -> AsyncIterator[Item]: ...

    @get("/items", paginate=NUMBER)
    def exact(self) -> AsyncIterator[Exact]: ...

    @get("/items", paginate=TOTAL)
    def counted(self) -> AsyncIterator[dict[str, Any]]: ...

    @get("/items", paginate=OFFSET)
    def by_offset(self) -> Stream[Item]: ...

    @get("/items", paginate=OFFSET_TOTAL)
    def skipped(self) -> AsyncIterator[Item]: ...

    @get("/items", paginate=Page.number(max_pages=3))
    def few(self) -> AsyncIterator[Any]: ...

    @post("/search", paginate=CURSOR)
    def search(self, body: dict[str, Any]) -> AsyncIterator[Item]: ...


@service_client(base_url="http://shop.test/api")
class SyncShop:
    @get("/items", paginate=LINK)
    def linked(self, q: str | None = None) -> Iterator[Item]: ...

    @get("/items", paginate=BODY_LINK)
    def body_linked(self) -> Iterator[Item]: ...

    @get("/items", paginate=CURSOR)
    def by_cursor(self, q: str | None = None) -> Iterator[Item]: ...

    @get("/items", paginate=LAST)
    def after_last(self) -> Iterator[Item]: ...

    @get("/items", paginate=NUMBER, params={"size": 2})
    def numbered(self) -> Iterator[Item]: ...

    @get("/items", paginate=NUMBER)
    def exact(self) -> Iterator[Exact]: ...

    @get("/items", paginate=TOTAL)
    def counted(self) -> Iterator[dict[str, Any]]: ...

    @get("/items", paginate=OFFSET)
    def by_offset(self) -> Iterator[Item]: ...

    @get("/items", paginate=OFFSET_TOTAL)
    def skipped(self) -> Iterator[Item]: ...

    @get("/items", paginate=Page.number(max_pages=3))
    def few(self) -> Iterator[Any]: ...

    @post("/search", paginate=CURSOR)
    def search(self, body: dict[str, Any]) -> Iterator[Item]: ...


class Ready:
    """An answer that is there."""

    def __init__(self, body: Any, status: int = 200, link: str | None = None) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        fields = {"content-type": "application/json", **({"link": link} if link else {})}
        self._response: Response[Any] = Response(status, Headers(fields), content)

    def whole(self) -> Response[Any]:
        return self._response


class Shop:
    """Sessions over scripted pages."""

    def __init__(self, asynchronous: bool) -> None:
        self.asynchronous = asynchronous
        self.cls = AsyncShop if asynchronous else SyncShop

    def session(
        self, *script: Any, base_url: str = "http://shop.test/api", **options: Any
    ) -> Session:
        port = (AsyncPort if self.asynchronous else SyncPort)(*script)
        port.base_url = base_url
        made = Session(self.asynchronous, self.cls, port=port, **options)
        made.port = port
        return made


@pytest.fixture(params=[True, False], ids=["async", "sync"])
def shop(request: pytest.FixtureRequest) -> Shop:
    return Shop(request.param)


def ids(items: list[Any]) -> list[int]:
    return [item["id"] if isinstance(item, dict) else item.id for item in items]


def rows(*numbers: int) -> list[dict[str, int]]:
    return [{"id": number} for number in numbers]


def urls(session: Session) -> list[str]:
    return [request.url for request in session.port.requests]


# Strategies


@pytest.mark.parametrize(
    "link",
    [
        '</api/items?page=2&x=%2F>; rel="next"',
        "<items?page=2&x=%2F>; rel=next",
        "<?page=2&x=%2F>; rel=next",
        "<http://shop.test/api/items?page=2&x=%2F>; rel=next",
        "<http://SHOP.test:80/api/items?page=2&x=%2F#there>; rel=next",
        "<//shop.test/api/items?page=2&x=%2F>; rel=next",
        "<./../api/items?page=2&x=%2F>; rel=next",
    ],
)
def test_links_are_followed_with_their_query_as_it_is(shop: Shop, link: str) -> None:
    with shop.session(Ready(rows(1, 2), link=link), Ready(rows(3))) as session:
        assert ids(session.items("linked", "a b")) == [1, 2, 3]
        assert urls(session) == ["/items?q=a%20b", "/items?page=2&x=%2F"]


def test_links_of_the_body_are_followed(shop: Shop) -> None:
    script = (
        Ready({"data": rows(1), "links": {"next": " /api/items?after=é "}}),
        Ready({"data": rows(2), "links": {"next": ""}}),
    )
    with shop.session(*script) as session:
        assert ids(session.items("body_linked")) == [1, 2]
        assert urls(session)[1] == "/items?after=%C3%A9"
    for last in ({"links": {"next": None}}, {"links": {}}, {}):
        with shop.session(Ready({"data": rows(1), **last})) as session:
            assert ids(session.items("body_linked")) == [1]


def test_raw_bytes_in_a_link_header_are_encoded(shop: Shop) -> None:
    link = "</api/items?q=\xc3\xa9>; rel=next"
    with shop.session(Ready(rows(1), link=link), Ready([])) as session:
        session.items("linked")
        assert urls(session)[1] == "/items?q=%C3%A9"


def test_cursors_are_sent_until_there_is_none(shop: Shop) -> None:
    script = (
        Ready({"data": rows(1), "meta": {"next_cursor": "a/b&c"}}),
        Ready({"data": [], "meta": {"next_cursor": 7}}),
        Ready({"data": rows(2), "meta": {"next_cursor": None}}),
    )
    with shop.session(*script) as session:
        assert ids(session.items("by_cursor", "x")) == [1, 2]
        assert urls(session) == [
            "/items?q=x",
            "/items?q=x&cursor=a%2Fb%26c",
            "/items?q=x&cursor=7",
        ]
    for last in ({"meta": {}}, {}, {"meta": {"next_cursor": ""}}, {"meta": {"next_cursor": False}}):
        with shop.session(Ready({"data": rows(1), **last})) as session:
            assert ids(session.items("by_cursor")) == [1]


def test_the_last_item_may_be_the_cursor_and_the_page_tell_whether_there_is_more(
    shop: Shop,
) -> None:
    script = (
        Ready({"data": rows(4, 7), "has_more": True}),
        Ready({"data": rows(9), "has_more": True}),
        Ready({"data": rows(11), "has_more": False}),
    )
    with shop.session(*script) as session:
        assert ids(session.items("after_last")) == [4, 7, 9, 11]
        assert urls(session) == ["/items", "/items?after=7", "/items?after=9"]
    with shop.session(Ready({"data": [], "has_more": True})) as session:  # nothing to go on from
        assert ids(session.items("after_last")) == []


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({}, "'has_more' is missing and no boolean"),
        ({"has_more": "no"}, "a str and no boolean"),
    ],
)
def test_a_page_that_does_not_tell_whether_there_is_more_is_an_error(
    shop: Shop, body: dict[str, Any], what: str
) -> None:
    with (
        shop.session(Ready({"data": rows(1), **body})) as session,
        pytest.raises(PaginationException, match=what),
    ):
        session.items("after_last")


def test_numbers_count_up_to_an_empty_page(shop: Shop) -> None:
    script = [Ready({"data": rows(*r)}) for r in ((1, 2), (3,), ())]
    with shop.session(*script) as session:
        assert ids(session.items("numbered")) == [1, 2, 3]
        assert urls(session) == [f"/items?size=2&page={page}" for page in (1, 2, 3)]


def test_numbers_count_up_to_the_total(shop: Shop) -> None:
    script = [Ready({"data": rows(page), "meta": {"pages": 2}}) for page in (0, 1)]
    with shop.session(*script) as session:
        assert ids(session.items("counted")) == [0, 1]
        assert urls(session) == ["/items?page=0", "/items?page=1"]


def test_offsets_count_the_items_that_came(shop: Shop) -> None:
    script = [Ready(rows(*r)) for r in ((1, 2), (3,), (4,), ())]
    with shop.session(*script) as session:
        assert ids(session.items("by_offset")) == [1, 2, 3, 4]
        assert urls(session) == [f"/items?offset={n}&limit=2" for n in (0, 2, 3, 4)]


def test_offsets_count_up_to_the_total(shop: Shop) -> None:
    script = [Ready({"data": rows(*r), "n": 3}) for r in ((1, 2), (3,))]
    with shop.session(*script) as session:
        assert ids(session.items("skipped")) == [1, 2, 3]
        assert urls(session) == ["/items?skip=0&take=2", "/items?skip=2&take=2"]


def test_a_post_is_repeated_with_its_body(shop: Shop) -> None:
    script = (
        Ready({"data": rows(1), "meta": {"next_cursor": "a"}}),
        Ready({"data": rows(2)}),
    )
    with shop.session(*script) as session:
        assert ids(session.items("search", {"q": 1})) == [1, 2]
        assert [r.content for r in session.port.requests] == [b'{"q":1}'] * 2
        assert urls(session) == ["/search", "/search?cursor=a"]


@pytest.mark.parametrize("last", [Ready(b"", 204), Ready(b""), Ready({"data": None})])
def test_no_content_and_null_are_an_empty_page(shop: Shop, last: Ready) -> None:
    with shop.session(Ready({"data": rows(1)}), last) as session:
        assert ids(session.items("numbered")) == [1]


def test_numbers_of_items_keep_every_digit(shop: Shop) -> None:
    body = b'{"data": [{"price": 1234567890123456789.123456789}]}'
    with shop.session(Ready(body), Ready({"data": []})) as session:
        (item,) = session.items("exact")
    assert item.price == Decimal("1234567890123456789.123456789")


# Laziness, and what each page goes through


def test_a_page_is_fetched_when_the_one_before_is_used_up(shop: Shop) -> None:
    script = [Ready(rows(*r)) for r in ((1, 2), (3,))]
    with shop.session(*script) as session:
        stream = session.stream("by_offset")
        with pytest.raises(StreamStateException, match="no response yet"):
            _ = stream.stream.status_code
        assert session.port.requests == []
        assert [stream.next().id, stream.next().id] == [1, 2]
        assert len(session.port.requests) == 1
        assert stream.stream.status_code == 200
        assert stream.next().id == 3
        assert len(session.port.requests) == 2
        stream.close()
        with pytest.raises(StreamStateException, match="is over"):
            stream.rest()


def test_each_page_is_retried_by_itself(shop: Shop) -> None:
    script = (
        Ready(rows(1, 2)),
        ReadException("cut"),
        Ready(rows(3)),
        Ready({}, 503),
        Ready([]),
    )
    with shop.session(*script) as session:
        assert ids(session.items("by_offset")) == [1, 2, 3]
        assert len(session.port.requests) == 5


def test_an_error_of_a_page_comes_after_the_items_before_it(shop: Shop) -> None:
    with shop.session(Ready(rows(1)), Ready({}, 500), retry={"enabled": False}) as session:
        stream = session.stream("by_offset")
        assert stream.next().id == 1
        with pytest.raises(
            ServerErrorException, match=r"Shop\.by_offset: GET /items: answered 500"
        ):
            stream.next()


def test_the_callers_deadline_holds_for_each_page(shop: Shop) -> None:
    clock = ManualClock()
    with shop.session(Ready(rows(1)), clock=clock) as session, deadline(5, clock=clock):
        stream = session.stream("by_offset")
        assert stream.next().id == 1
        clock.now += 6
        with pytest.raises(DeadlineExceededException):
            stream.next()


def test_pages_come_over_real_connections(shop: Shop, guide: ServerClient) -> None:
    guide.script("/items", {"body": rows(1), "headers": {"Link": "</items?page=2>; rel=next"}})
    guide.script("/items", {"body": rows(2)})
    with Session(shop.asynchronous, shop.cls, guide.url) as session:
        assert ids(session.items("linked")) == [1, 2]
    assert [request.target for request in guide.requests()] == ["/items", "/items?page=2"]
    assert guide.connections().opened == 1


# What is refused


@pytest.mark.survives(
    "Files, pages and credentials",
    "a link to another origin",
    "`PaginationException`; nothing goes there",
)
@pytest.mark.parametrize(
    ("link", "why"),
    [
        ("http://evil.test/api/items", "another origin"),
        ("https://shop.test/api/items", "another origin"),
        ("http://shop.test:81/api/items", "another origin"),
        ("//evil.test/api/items", "another origin"),
        ("http://user:pw@shop.test/api/items", "credentials"),
        ("/items?page=2", "out of the path"),
        ("/apis/items", "out of the path"),
        ("../../other", "out of the path"),
        ("/api/%2e%2E/admin", r"'\.\.' segment"),
        ("/api/x/..;/admin", r"'\.\.' segment"),
        ("/api/x%2F..%2Fadmin", r"'\.\.' segment"),
        ("/api/..%5Cadmin", r"'\.\.' segment"),
        ("/api/\\evil", "no URL has"),
        ("/api/a b", "no URL has"),
        ("ftp://shop.test/api", "must start with http"),
        ("javascript:1", "must start with http"),
        ("http://[::1", "malformed"),
        ("http://shop.test:99999/api", "its port is"),
    ],
)
def test_a_link_out_of_the_base_url_is_not_followed(shop: Shop, link: str, why: str) -> None:
    with shop.session(Ready(rows(1), link=f"<{link}>; rel=next")) as session:
        stream = session.stream("linked")
        assert stream.next().id == 1
        with pytest.raises(PaginationException, match=why) as caught:
            stream.next()
        assert len(session.port.requests) == 1
        assert str(caught.value).startswith(f"{shop.cls.__name__}.linked: GET /items: the link to")


@pytest.mark.parametrize("link", ["/api", "/api?page=2", "/api/"])
def test_a_link_may_lead_to_the_base_url_itself(shop: Shop, link: str) -> None:
    with shop.session(Ready(rows(1), link=f"<{link}>; rel=next"), Ready([])) as session:
        session.items("linked")
        assert urls(session)[1] == link.removeprefix("/api")


def test_a_base_url_that_is_not_known_leaves_relative_links(shop: Shop) -> None:
    with shop.session(
        Ready(rows(1), link="</items?page=2>; rel=next"),
        Ready(rows(2), link="<http://shop.test/items?page=3>; rel=next"),
        base_url="",
    ) as session:
        stream = session.stream("linked")
        assert ids([stream.next(), stream.next()]) == [1, 2]
        with pytest.raises(PaginationException, match="another origin"):
            stream.next()


@pytest.mark.survives(
    "Files, pages and credentials", "pages that lead in a circle", "`PaginationException`"
)
def test_circles_are_an_error(shop: Shop) -> None:
    with (
        shop.session(Ready(rows(1), link="</api/items>; rel=next")) as session,
        pytest.raises(PaginationException, match="page 2 was there already"),
    ):
        session.items("linked")
    again = Ready({"data": rows(1), "meta": {"next_cursor": "a"}})
    with (
        shop.session(again, again) as session,
        pytest.raises(PaginationException, match="page 3 was there already"),
    ):
        session.items("by_cursor")


@pytest.mark.survives(
    "Files, pages and credentials", "pages without an end", "`PaginationException` at the limit"
)
def test_more_pages_than_the_limit_are_an_error(shop: Shop) -> None:
    with shop.session(*[Ready([1])] * 3) as session:
        stream = session.stream("few")
        assert [stream.next() for _ in range(3)] == [1, 1, 1]
        with pytest.raises(PaginationException, match=r"more than 3 pages \(raise max_pages"):
            stream.next()


@pytest.mark.parametrize(
    ("method", "body", "error", "message"),
    [
        ("by_cursor", {"meta": {}}, ResponseDecodeException, "page's 'data' is missing"),
        ("by_cursor", {"data": {}}, ResponseDecodeException, "'data' is a dict and no list"),
        ("by_cursor", [], ResponseDecodeException, "page's 'data' is missing"),
        ("by_cursor", b"{", ResponseDecodeException, "the page is no JSON"),
        ("linked", {}, ResponseDecodeException, r"no list\[.*Item\]"),
        ("by_cursor", {"data": [{}]}, ResponseDecodeException, r"no list\[.*Item\] at 0\.id"),
        (
            "by_cursor",
            {"data": [], "meta": {"next_cursor": []}},
            PaginationException,
            "'meta.next_cursor' is a list and no cursor",
        ),
        (
            "by_cursor",
            {"data": [], "meta": {"next_cursor": True}},
            PaginationException,
            "is a bool and no cursor",
        ),
        (
            "body_linked",
            {"data": [], "links": {"next": 7}},
            PaginationException,
            "'links.next' is a int and no link",
        ),
        ("counted", {"data": [{}]}, PaginationException, "'meta.pages' is missing and no number"),
        ("counted", {"data": [{}], "meta": {"pages": "2"}}, PaginationException, "is a str and"),
    ],
)
def test_a_page_that_does_not_say_what_it_should_is_an_error(
    shop: Shop, method: str, body: Any, error: type[Exception], message: str
) -> None:
    with shop.session(Ready(body)) as session, pytest.raises(error, match=message):
        session.items(method)


# Ports of others


class Foreign:
    """A port that encodes by itself, and keeps what it is asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, Any]] = []

    def take(self, url: str, kwargs: dict[str, Any]) -> Any:
        self.asked.append((url, kwargs.get("params")))
        return self.answers.pop(0)


class AsyncForeign(Foreign):
    async def request(self, method: str, url: str, **kwargs: Any) -> Any:
        return self.take(url, kwargs)

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class SyncForeign(Foreign):
    def request(self, method: str, url: str, **kwargs: Any) -> Any:
        return self.take(url, kwargs)

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Theirs:
    """A response of a library of somebody's."""

    status_code = 200

    def __init__(self, value: Any, **headers: str) -> None:
        self._value = value
        self.headers = headers

    def json(self) -> Any:
        return self._value


def foreign(shop: Shop, *answers: Any) -> tuple[Session, Foreign]:
    port = (AsyncForeign if shop.asynchronous else SyncForeign)(*answers)
    return Session(shop.asynchronous, shop.cls, port=port), port


def test_a_foreign_port_can_give_pages_as_plain_values(shop: Shop) -> None:
    session, port = foreign(
        shop,
        {"data": rows(1), "meta": {"next_cursor": "a b"}},
        Theirs({"data": rows(2)}),
    )
    with session:
        assert ids(session.items("by_cursor", "x")) == [1, 2]
    assert port.asked == [("/items", {"q": "x"}), ("/items", {"q": "x", "cursor": "a b"})]


def test_a_foreign_port_follows_links(shop: Shop) -> None:
    link = "<http://shop.test/api/items?page=2>; rel=next"
    session, port = foreign(shop, Theirs(rows(1), Link=link), Theirs(rows(2)))
    with session:
        assert ids(session.items("linked", "x")) == [1, 2]
    assert port.asked == [("/items", {"q": "x"}), ("/items?page=2", None)]


def test_links_need_headers(shop: Shop) -> None:
    session, _ = foreign(shop, rows(1))
    with session, pytest.raises(PortValueException, match="no header"):
        session.items("linked")


# Declarations


def mistakes(cls: type) -> str:
    with pytest.raises(ClientDeclarationException) as caught:
        compile_client(cls)
    return str(caught.value)


def test_mistakes_are_found_when_the_class_is_read() -> None:
    @service_client(base_url="http://x")
    class Wrong:
        @get("/a", paginate=Page.link())
        async def value(self) -> list[int]: ...

        @get("/b", paginate="link")
        def no_page(self) -> AsyncIterator[int]: ...

        @get("/c", paginate=Page.cursor())
        def twice(
            self, cursor: str = "", after: Annotated[str, Query("x")] = ""
        ) -> AsyncIterator[int]: ...

        @get("/d", paginate=Page.offset(), params={"limit": 1})
        def constant(self) -> AsyncIterator[int]: ...

        @get("/e", paginate=Page.link())
        def chunks(self) -> AsyncIterator[bytes]: ...

    text = mistakes(Wrong)
    for line in (
        "Wrong.value: paginate needs a plain def that returns the items",
        "Wrong.no_page: paginate: 'link' is no Page (write Page.link(), ",
        "Wrong.twice: paginate sends the query parameter 'cursor' by itself, and so does the "
        "parameter 'cursor' (remove that)",
        "Wrong.constant: paginate sends the query parameter 'limit' by itself (remove it from",
        "Wrong.chunks: paginate gives the items of pages, and bytes are none",
    ):
        assert line in text
    assert len(text.splitlines()) == 6


@pytest.mark.parametrize(
    ("page", "mistake"),
    [
        (Page.link(max_pages=0), "max_pages=0"),
        (Page.link(max_pages=True), "max_pages=True"),
        (Page.link(items="a..b"), r"items='a\.\.b' is no path"),
        (Page.link(next=""), "next='' is no path"),
        (Page.cursor(next=None), "next=None"),  # type: ignore[arg-type]  # the mistake
        (Page.cursor(param=""), "'' is no name of a query parameter"),
        (Page.number(start=-1), "start=-1"),
        (Page.number(total="."), "total='.' is no path"),
        (Page.offset(limit=0), "limit=0"),
        (Page.offset(param="x", limit_param="x"), "are both 'x'"),
    ],
)
def test_mistakes_of_a_page_are_told_with_the_class(page: Page, mistake: str) -> None:
    @service_client(base_url="http://x")
    class Wrong:
        @get("/a", paginate=page)
        def items(self) -> AsyncIterator[int]: ...

    with pytest.raises(ClientDeclarationException, match=mistake):
        compile_client(Wrong)


def test_a_page_is_described_by_what_it_does() -> None:
    pages = Pages(Page.number(), Request("GET", "/a?x=1", {}), "http://x", True)
    assert pages.request.url == "/a?x=1&page=1"
    with pytest.raises(NotImplementedError):
        Page(None, 1).following(None)  # type: ignore[arg-type]  # never looked at
