"""The pages of a list, each a call of its own, as the source of a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pyfly.client._stream.open_response import Head
from pyfly.client._stream.page_decoder import PageItems
from pyfly.client._stream.pages import Pages
from pyfly.client.errors import CallException
from pyfly.client.message import Request
from pyfly.client.plan import MethodPlan


class PageSource:
    """The pages of one pass.

    Args:
        invoke: Makes the call for one page.
        method: Whose pages they are.
        pages: What to ask for.
        timeout: That of each attempt, if the caller has given one.
    """

    def __init__(
        self,
        invoke: Callable[..., Any],
        method: MethodPlan,
        pages: Pages,
        timeout: float | None,
    ) -> None:
        self._invoke = invoke
        self._method = method
        self._pages = pages
        self._timeout = timeout
        self._last: PageItems | None = None

    @property
    def head(self) -> Head | None:
        """The latest page; None before there is one."""
        return None if self._last is None else self._last.response

    async def open(self) -> None:
        """Fetch nothing: the first page comes with the first batch."""

    async def batch(self) -> Iterator[Any] | None:
        """The items of the next page."""
        request: Request | None = self._pages.request
        if self._last is not None:
            request = self._pages.following(self._last)
        if request is None:
            return None
        page: PageItems = await self._invoke(request, self._timeout)
        self._last = page
        return iter(page.items)

    async def aclose(self) -> None:
        """Nothing is held between two pages."""

    def abandon(self) -> None:
        """Nothing is held between two pages."""

    def interrupt(self) -> None:
        """Let the page come; nobody will read it."""

    def tell(self, error: CallException) -> None:
        """Note in an error which method it belongs to."""
        method = self._method
        error.at_call(method.operation, method.http_method, method.template.text, 1)
