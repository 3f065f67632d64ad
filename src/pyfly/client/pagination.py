"""Lists that a service gives page by page: ``@get("/items", paginate=Page.link())``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import quote

from pyfly.client.errors import PaginationException
from pyfly.client.message import Headers
from pyfly.kernel.record import Record

_MISSING: Any = object()
_PLACE = re.compile("-?[0-9]{1,9}").fullmatch
_ASCII = "".join(map(chr, range(128)))


class Fetched(Record):
    """A page that has come.

    Attributes:
        number: 0 for the first.
        items: How many items it has.
        items_before: How many those before it had, together.
        headers: Gives its header fields, if the port has any.
        value: Gives its body as JSON values.
    """

    number: int
    items: int
    items_before: int
    headers: Callable[[], Headers]
    value: Callable[[], Any]


class Following(Record):
    """Where the next page is: at a URL, or at that of the first with other parameters."""

    url: str | None = None
    params: dict[str, str] | None = None


class Page:
    """How the pages of a list follow each other.

    Make one with :meth:`link`, :meth:`cursor`, :meth:`number` or :meth:`offset`, and give it to
    a verb as ``paginate=``. The method is a plain ``def`` that returns ``AsyncIterator[Item]``
    (``Iterator[Item]`` in a synchronous class); each page is a call of its own, made when the
    items of the page before are used up::

        @get("/repos/{owner}/{repo}/issues", paginate=Page.link())
        def issues(self, owner: str, repo: str) -> AsyncIterator[Issue]: ...

    ``items`` is always the dotted path of the list in the body, such as ``data.results``; None
    if the body is the list. More than ``max_pages`` pages, or a page that was there already,
    are a :class:`~pyfly.client.PaginationException`.
    """

    __slots__ = ("items", "max_pages")

    def __init__(self, items: str | None, max_pages: int) -> None:
        self.items = items
        self.max_pages = max_pages

    @staticmethod
    def link(*, next: str | None = None, items: str | None = None, max_pages: int = 1000) -> Page:
        """Each page links to the next, until one does not.

        The link is followed as it is, but never out of the client's base URL.

        Args:
            next: The dotted path of the link in the body; None for the ``Link`` header with
                ``rel="next"`` (RFC 8288).
            items: The dotted path of the list in the body.
            max_pages: The most pages that are fetched.
        """
        return _Link(next, items, max_pages)

    @staticmethod
    def cursor(
        *,
        param: str = "cursor",
        next: str = "next_cursor",
        more: str | None = None,
        items: str | None = None,
        max_pages: int = 1000,
    ) -> Page:
        """Each page names the cursor of the next, until it is missing, null or empty.

        Args:
            param: The query parameter that the cursor is sent as.
            next: The dotted path of the next cursor in the body, such as ``meta.next_cursor``;
                a number in it is a place in a list, ``data.-1.id`` the ``id`` of the last item.
            more: The dotted path of a boolean that is false on the last page, such as
                ``has_more``; None if the cursor itself tells.
            items: The dotted path of the list in the body.
            max_pages: The most pages that are fetched.
        """
        return _Cursor(param, next, more, items, max_pages)

    @staticmethod
    def number(
        *,
        param: str = "page",
        items: str | None = None,
        start: int = 1,
        total: str | None = None,
        max_pages: int = 1000,
    ) -> Page:
        """Pages are numbered; the last is followed by an empty one, or is told by ``total``.

        Args:
            param: The query parameter for the number.
            items: The dotted path of the list in the body.
            start: The number of the first page.
            total: The dotted path of the number of pages in the body.
            max_pages: The most pages that are fetched.
        """
        return _Number(param, start, total, items, max_pages)

    @staticmethod
    def offset(
        *,
        param: str = "offset",
        limit_param: str = "limit",
        limit: int = 100,
        items: str | None = None,
        total: str | None = None,
        max_pages: int = 1000,
    ) -> Page:
        """Pages begin after so many items, as many as have come; until an empty one comes.

        Args:
            param: The query parameter for the number of items before the page.
            limit_param: The query parameter for the most items of one page.
            limit: Its value. A service that gives fewer at once may do so.
            items: The dotted path of the list in the body.
            total: The dotted path of the number of all items in the body; saves the last,
                empty page.
            max_pages: The most pages that are fetched.
        """
        return _Offset(param, limit_param, limit, total, items, max_pages)

    # What the machinery asks

    @property
    def params(self) -> tuple[str, ...]:
        """The query parameters that are sent by it."""
        return ()

    def first(self) -> dict[str, str]:
        """The parameters of the first page."""
        return {}

    def following(self, page: Fetched) -> Following | None:
        """Where the page after ``page`` is; None if that was the last.

        Raises:
            PaginationException: The page does not say it as it should.
        """
        raise NotImplementedError

    def mistakes(self) -> Iterator[str]:
        """What is wrong with its arguments."""
        if not _is_count(self.max_pages, 1):
            yield f"paginate: max_pages={self.max_pages!r} (write an int, 1 or more)"
        for name, path in self._paths():
            if path is not None and not _is_path(path):
                yield f"paginate: {name}={path!r} is no path (write keys with dots between them)"
        for param in self.params:
            if not isinstance(param, str) or not param:
                yield f"paginate: {param!r} is no name of a query parameter (write a str)"

    def _paths(self) -> tuple[tuple[str, Any], ...]:
        return (("items", self.items),)


class _Link(Page):
    __slots__ = ("_next",)

    def __init__(self, next: str | None, items: str | None, max_pages: int) -> None:
        super().__init__(items, max_pages)
        self._next = next

    def following(self, page: Fetched) -> Following | None:
        encoding = "utf-8"
        if self._next is None:
            url: Any = next_link(page.headers().get_list("link"))
            encoding = "latin-1"  # which a header's text stands for its bytes by
        else:
            url = at_path(page.value(), self._next, None)
            if url is not None and not isinstance(url, str):
                raise PaginationException(
                    f"the page's {self._next!r} is a {type(url).__name__} and no link (correct "
                    "next=)"
                )
        if not url or url.isspace():
            return None
        # Raw bytes of UTF-8 are as common as they are wrong; everybody encodes them.
        return Following(url=quote(url.strip(), _ASCII, encoding, "surrogatepass"))

    def _paths(self) -> tuple[tuple[str, Any], ...]:
        return (("next", self._next), *super()._paths())


class _Cursor(Page):
    __slots__ = ("_more", "_next", "_param")

    def __init__(
        self, param: str, next: str, more: str | None, items: str | None, max_pages: int
    ) -> None:
        super().__init__(items, max_pages)
        self._param = param
        self._next = next
        self._more = more

    @property
    def params(self) -> tuple[str, ...]:
        return (self._param,)

    def following(self, page: Fetched) -> Following | None:
        if self._more is not None and not self._has_more(page):
            return None
        cursor = _at_place(page.value(), self._next)
        if cursor is None or cursor is False or cursor == "":
            return None
        if isinstance(cursor, bool) or not isinstance(cursor, (str, int)):
            raise PaginationException(
                f"the page's {self._next!r} is a {type(cursor).__name__} and no cursor (correct "
                "next=)"
            )
        return Following(params={self._param: str(cursor)})

    def _has_more(self, page: Fetched) -> bool:
        more = at_path(page.value(), str(self._more), _MISSING)
        if not isinstance(more, bool):
            what = "missing" if more is _MISSING else f"a {type(more).__name__}"
            raise PaginationException(f"the page's {self._more!r} is {what} and no boolean")
        return more

    def mistakes(self) -> Iterator[str]:
        if self._next is None:
            yield "paginate: next=None (write where the body has the next cursor)"
        yield from super().mistakes()

    def _paths(self) -> tuple[tuple[str, Any], ...]:
        return (("next", self._next), ("more", self._more), *super()._paths())


class _Counted(Page):
    """What pages by number and by offset share."""

    __slots__ = ("_param", "_total")

    def __init__(self, param: str, total: str | None, items: str | None, max_pages: int) -> None:
        super().__init__(items, max_pages)
        self._param = param
        self._total = total

    @property
    def params(self) -> tuple[str, ...]:
        return (self._param,)

    def _reached(self, page: Fetched, count: int) -> bool:
        """Whether so many pages or items are all."""
        if not page.items:
            return True
        if self._total is None:
            return False
        total = at_path(page.value(), self._total, _MISSING)
        if not _is_count(total, 0):
            what = "missing" if total is _MISSING else f"a {type(total).__name__}"
            raise PaginationException(
                f"the page's {self._total!r} is {what} and no number (correct total=)"
            )
        return count >= int(total)

    def _paths(self) -> tuple[tuple[str, Any], ...]:
        return (("total", self._total), *super()._paths())


class _Number(_Counted):
    __slots__ = ("_start",)

    def __init__(
        self, param: str, start: int, total: str | None, items: str | None, max_pages: int
    ) -> None:
        super().__init__(param, total, items, max_pages)
        self._start = start

    def first(self) -> dict[str, str]:
        return {self._param: str(self._start)}

    def following(self, page: Fetched) -> Following | None:
        if self._reached(page, page.number + 1):
            return None
        return Following(params={self._param: str(self._start + page.number + 1)})

    def mistakes(self) -> Iterator[str]:
        if not _is_count(self._start, 0):
            yield f"paginate: start={self._start!r} (write an int, 0 or more)"
        yield from super().mistakes()


class _Offset(_Counted):
    __slots__ = ("_limit", "_limit_param")

    def __init__(
        self,
        param: str,
        limit_param: str,
        limit: int,
        total: str | None,
        items: str | None,
        max_pages: int,
    ) -> None:
        super().__init__(param, total, items, max_pages)
        self._limit_param = limit_param
        self._limit = limit

    @property
    def params(self) -> tuple[str, ...]:
        return (self._param, self._limit_param)

    def first(self) -> dict[str, str]:
        return self._at(0)

    def following(self, page: Fetched) -> Following | None:
        count = page.items_before + page.items
        return None if self._reached(page, count) else Following(params=self._at(count))

    def _at(self, offset: int) -> dict[str, str]:
        return {self._param: str(offset), self._limit_param: str(self._limit)}

    def mistakes(self) -> Iterator[str]:
        if not _is_count(self._limit, 1):
            yield f"paginate: limit={self._limit!r} (write an int, 1 or more)"
        if self._param == self._limit_param:
            yield f"paginate: param and limit_param are both {self._param!r} (rename one)"
        yield from super().mistakes()


def at_path(value: Any, path: str, default: Any) -> Any:
    """The value at a dotted path; ``default`` where there is none."""
    for key in path.split("."):
        if not isinstance(value, dict) or key not in value:
            return default
        value = value[key]
    return value


def _at_place(value: Any, path: str) -> Any:
    """As :func:`at_path`, where a number is a place in a list, from its end if negative."""
    for key in path.split("."):
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and _PLACE(key) and -len(value) <= int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value


def _is_path(path: Any) -> bool:
    return isinstance(path, str) and all(path.split("."))


def _is_count(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


# Of the ``Link`` header (RFC 8288).
_SPACE = " \t"
_PARAMETER = re.compile(r"[ \t]*;[ \t]*([^ \t;,=]*)[ \t]*(=[ \t]*)?")
# Possessive: nothing is gone back over, and no place to go back to is kept.
_QUOTED = re.compile(r'"((?:[^"\\]++|\\.)*+)("|\\?$)', re.DOTALL)
_BARE = re.compile(r"[^;,]*")


def next_link(values: Iterable[str]) -> str | None:
    """The target of the first link with ``rel="next"``, as it is written; None without one.

    Args:
        values: The values of all ``Link`` fields. What is malformed in them is passed over.
    """
    for value in values:
        for target, parameters in parse_links(value):
            # A link with an anchor is one from elsewhere (section 3.2).
            if "anchor" not in parameters and "next" in parameters.get("rel", "").lower().split():
                return target
    return None


def parse_links(value: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The links of one field: target, and parameters by lower-case name, the first of each.

    It never raises, and takes linear time (section B.2).
    """
    position = 0
    while True:
        begin = value.find("<", position)
        end = value.find(">", begin)
        # Only separators may be between two links: anything else is passed over as well.
        if begin < 0 or end < 0:
            return
        parameters, position = _parameters(value, end + 1)
        yield value[begin + 1 : end].strip(_SPACE), parameters


def _parameters(value: str, position: int) -> tuple[dict[str, str], int]:
    """The parameters from ``position`` on, and where they end."""
    found: dict[str, str] = {}
    while (match := _PARAMETER.match(value, position)) is not None:
        position = match.end()
        text = ""
        if match[2]:
            text, position = _text(value, position)
        if match[1]:
            found.setdefault(match[1].lower(), text)
    return found, position


def _text(value: str, position: int) -> tuple[str, int]:
    quoted = _QUOTED.match(value, position)
    if quoted is not None:
        return re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL), quoted.end()
    bare = _BARE.match(value, position)
    assert bare is not None  # it matches nothing, too
    return bare[0].strip(_SPACE), bare.end()
