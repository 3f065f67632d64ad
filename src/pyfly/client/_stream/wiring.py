"""From the plan of a method that streams to the function that makes its streams."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pyfly.client._call.invoke import invoker, sync_invoker
from pyfly.client._call.lifecycle import Lifecycle, SyncLifecycle
from pyfly.client._call.runtime import MethodRuntime
from pyfly.client._settings.config import Settings
from pyfly.client._stream.body_reader import EventReader, Reader, reader_for
from pyfly.client._stream.connection import Opener
from pyfly.client._stream.page_decoder import PageDecoder
from pyfly.client._stream.pages import Pages, PageSource, SyncPageSource
from pyfly.client._stream.source import BodySource, EventSource
from pyfly.client._stream.stream import Stream, SyncStream
from pyfly.client._stream.sync_connection import SyncOpener
from pyfly.client._stream.sync_source import SyncBodySource, SyncEventSource
from pyfly.client.message import Request
from pyfly.client.pagination import Page
from pyfly.client.plan import MethodPlan

__all__ = ["port_mistakes", "stream_decoder", "streamer", "sync_streamer"]


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


def streamer(
    steps: MethodRuntime, port: Any, lifecycle: Lifecycle, settings: Settings, base_url: str
) -> Callable[..., Stream[Any]]:
    """The function that makes a stream out of a request, for an asynchronous client.

    Args:
        steps: What the calls of the method go through.
        port: Where they go.
        lifecycle: Of the client.
        settings: Of the client.
        base_url: What the paths of requests are below; ``""`` if that is not known.
    """
    method = steps.method
    page, reader = method.options.get("paginate"), steps.decode
    if page is not None:
        invoke = invoker(steps, port, lifecycle)

        def paginate(request: Request, timeout: float | None = None) -> Stream[Any]:
            pages = Pages(page, request, base_url, port.takes_encoded)
            return Stream(PageSource(invoke, method, pages, timeout), method.operation)

        return paginate
    assert isinstance(reader, Reader)  # by stream_decoder
    opener = Opener(steps, port, lifecycle, _idle(settings, method))
    total = settings.seconds("stream-timeout", method.name)

    def stream(request: Request, timeout: float | None = None) -> Stream[Any]:
        if isinstance(reader, EventReader):
            source: BodySource = EventSource(opener, reader, request, timeout, total)
        else:
            source = BodySource(opener, reader, request, timeout, total)
        return Stream(source, method.operation)

    return stream


def sync_streamer(
    steps: MethodRuntime, port: Any, lifecycle: SyncLifecycle, settings: Settings, base_url: str
) -> Callable[..., SyncStream[Any]]:
    """The synchronous twin of :func:`streamer`."""
    method = steps.method
    page, reader = method.options.get("paginate"), steps.decode
    if page is not None:
        invoke = sync_invoker(steps, port, lifecycle)

        def paginate(request: Request, timeout: float | None = None) -> SyncStream[Any]:
            pages = Pages(page, request, base_url, port.takes_encoded)
            return SyncStream(SyncPageSource(invoke, method, pages, timeout), method.operation)

        return paginate
    assert isinstance(reader, Reader)  # by stream_decoder
    opener = SyncOpener(steps, port, lifecycle, _idle(settings, method))
    total = settings.seconds("stream-timeout", method.name)

    def stream(request: Request, timeout: float | None = None) -> SyncStream[Any]:
        if isinstance(reader, EventReader):
            source: SyncBodySource = SyncEventSource(opener, reader, request, timeout, total)
        else:
            source = SyncBodySource(opener, reader, request, timeout, total)
        return SyncStream(source, method.operation)

    return stream


def _idle(settings: Settings, method: MethodPlan) -> float:
    idle = settings.seconds("stream-idle-timeout", method.name)
    assert idle is not None  # it has a default, and no way to be unset
    return idle
