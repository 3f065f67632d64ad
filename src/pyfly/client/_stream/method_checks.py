"""What decodes the items of a method that streams, and what its port lacks for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pyfly.client._stream.body_reader import reader_for
from pyfly.client._stream.page_decoder import PageDecoder
from pyfly.client.pagination import Page
from pyfly.client.plan import MethodPlan


def stream_decoder(method: MethodPlan, limit: int) -> Any:
    """What decodes the items of a method that streams, in place of the decoder of a value.

    Args:
        method: Its plan.
        limit: The largest item of a stream, in bytes.

    Raises:
        UndecodableAnnotation: Nothing can be decoded into them.
    """
    assert method.stream is not None  # by the wiring
    page = method.options.get("paginate")
    if isinstance(page, Page):  # what is none is told as a mistake of its own
        return PageDecoder(method.stream.item, page.items)
    return reader_for(method.stream.item, limit)


def port_mistakes(methods: Iterable[MethodPlan], port: Any, name: str) -> Iterator[str]:
    """What a port lacks for the methods that stream, pages apart.

    Args:
        methods: All of a client.
        port: Its port.
        name: How that is called.
    """
    if callable(getattr(port, "open", None)):
        return
    for method in methods:
        if method.stream is not None and method.options.get("paginate") is None:
            yield (
                f"{method.operation}: streams its result, which the port {name} cannot: it has no "
                "open() (use pyfly's own adapter, or return the value as a whole)"
            )
