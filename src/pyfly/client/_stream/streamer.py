"""From the plan of a method that streams to the function that makes its streams."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyfly.client._call.invoke import invoker
from pyfly.client._call.lifecycle import Lifecycle
from pyfly.client._call.runtime import MethodRuntime
from pyfly.client._settings.config import Settings
from pyfly.client._stream.body_reader import BodyFormat, EventFormat
from pyfly.client._stream.connection import Opener
from pyfly.client._stream.pages import Pages
from pyfly.client._stream.source import BodySource, EventSource, PageSource
from pyfly.client._stream.stream import Stream
from pyfly.client.message import Request


def streamer(
    steps: MethodRuntime, port: Any, lifecycle: Lifecycle, settings: Settings, base_url: str
) -> Callable[..., Stream[Any]]:
    """The function that makes a stream out of a request.

    Args:
        steps: What the calls of the method go through.
        port: Where they go.
        lifecycle: Of the client.
        settings: Of the client.
        base_url: What the paths of requests are below; ``""`` if that is not known.
    """
    method = steps.method
    page, body_format = method.options.get("paginate"), steps.decode
    if page is not None:
        invoke = invoker(steps, port, lifecycle)

        def paginate(request: Request, timeout: float | None = None) -> Stream[Any]:
            pages = Pages(page, request, base_url, port.takes_encoded)
            return Stream(PageSource(invoke, method, pages, timeout), method.operation)

        return paginate
    assert isinstance(body_format, BodyFormat)  # by stream_decoder
    idle = settings.seconds("stream-idle-timeout", method.name)
    assert idle is not None  # it has a default, and no way to be unset
    opener = Opener(steps, port, lifecycle, idle)
    total = settings.seconds("stream-timeout", method.name)

    def stream(request: Request, timeout: float | None = None) -> Stream[Any]:
        if isinstance(body_format, EventFormat):
            source: BodySource = EventSource(opener, body_format, request, timeout, total)
        else:
            source = BodySource(opener, body_format, request, timeout, total)
        return Stream(source, method.operation)

    return stream
