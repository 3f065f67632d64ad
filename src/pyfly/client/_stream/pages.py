"""The pages of a list, each a call of its own. What to ask for next is told by pure rules."""

from __future__ import annotations

import copy
import re
from typing import Any, NoReturn
from urllib.parse import unquote, urljoin

from pyfly.client._bind.values import query_text
from pyfly.client._stream.page_decoder import PageItems
from pyfly.client.adapters._outgoing import parse_origin
from pyfly.client.errors import ClientArgumentException, PaginationException
from pyfly.client.message import Request
from pyfly.client.pagination import Fetched, Page


class Pages:
    """Where one pass over the pages of a list stands.

    Args:
        page: How they follow each other.
        request: What the method asks for.
        base_url: What the paths of requests are below; ``""`` if that is not known.
        encoded: Whether requests are encoded already.
    """

    def __init__(self, page: Page, request: Request, base_url: str, encoded: bool) -> None:
        self._page = page
        self._base = request
        self._base_url = base_url
        self._encoded = encoded
        self._number = 0
        self._items = 0
        first = page.first()
        self.request = self._with(first)
        self._seen: set[Any] = {_key(first) if first else self.request.url}

    def following(self, page: PageItems) -> Request | None:
        """What to ask for after a page; None if it was the last.

        Raises:
            PaginationException: The service does not say it as it should, or leads in circles.
        """
        fetched = Fetched(
            number=self._number,
            items=len(page.items),
            items_before=self._items,
            headers=lambda: page.response.headers,
            value=page.value,
        )
        following = self._page.following(fetched)
        if following is None:
            return None
        self._number += 1
        self._items += len(page.items)
        if self._number >= self._page.max_pages:
            raise PaginationException(
                f"the list has more than {self._page.max_pages} pages (raise max_pages, if they "
                "are all meant)"
            )
        if following.url is not None:
            request = copy.copy(self._base)
            request.url, request.params = self._below_base(following.url), None
            key: Any = request.url
        else:
            params = following.params or {}
            request, key = self._with(params), _key(params)
        if key in self._seen:
            raise PaginationException(
                f"page {self._number + 1} was there already: the service leads in circles (ask for "
                "it page by page to see where)"
            )
        self._seen.add(key)
        self.request = request
        return request

    def _with(self, params: dict[str, str]) -> Request:
        """The first request, with some query parameters more."""
        if not params:
            return self._base
        request = copy.copy(self._base)
        if self._encoded:
            query = "&".join(f"{query_text(name)}={query_text(v)}" for name, v in params.items())
            request.url += ("&" if "?" in request.url else "?") + query
        else:
            request.params = {**(request.params or {}), **params}
        return request

    def _below_base(self, link: str) -> str:
        """The path and query of a link below the base URL, as they are written."""
        base = self._base_url
        if not link.isprintable() or any(character in link for character in ' \\"<>^`{|}'):
            _refuse_link("it holds characters that no URL has")
        try:
            there = urljoin((base or _NOWHERE) + self.request.url, link.partition("#")[0])
            if parse_origin(there, "link") != parse_origin(base or _NOWHERE, "base_url"):
                _refuse_link("it leads to another origin than the client's base URL")
        except ClientArgumentException as error:
            _refuse_link(str(error))
        except ValueError:
            _refuse_link("it is malformed")
        target = _target(there)
        prefix = _target(base).rstrip("/")
        path = target.partition("?")[0]
        if path != prefix and not path.startswith(f"{prefix}/"):
            _refuse_link("it leads out of the path of the client's base URL")
        if any(segment in (".", "..") for segment in _SEGMENT_ENDS.split(unquote(path))):
            _refuse_link("it holds a '.' or '..' segment")
        return target[len(prefix) :]


#: Stands for a base URL that is the port's secret: relative links are all that is followed then.
_NOWHERE = "http://base.invalid"
#: What some servers take for the end of a segment besides the slash, and encoded too.
_SEGMENT_ENDS = re.compile(r"[/\\;]")


def _target(url: str) -> str:
    """What follows the authority of an absolute URL."""
    rest = url.partition("://")[2]
    ends = [position for mark in "/?" if (position := rest.find(mark)) >= 0]
    return rest[min(ends) :] if ends else ""


def _key(params: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(params.items())


def _refuse_link(why: str) -> NoReturn:
    # The link itself is not shown: its query may hold a token.
    raise PaginationException(
        f"the link to the next page is not followed: {why} (set base_url to where the pages are, "
        "or use Page.cursor, number or offset)"
    )
