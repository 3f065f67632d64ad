"""A response whose body is still to come, and what its call holds until it is closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from pyfly.client._call.runtime import MethodRuntime
from pyfly.client.errors import CallException, ResponseException
from pyfly.client.message import Headers, Response
from pyfly.client.ports import StreamedResponse, SyncStreamedResponse
from pyfly.resilience.call import Call


class Head(Protocol):
    """What is known of a response before its body."""

    status_code: int
    headers: Headers


class OpenResponse(Response[Any]):
    """A response as interceptors see it while its body is still to come."""

    def __init__(self, body: Any) -> None:
        self.status_code = body.status_code
        self.headers = body.headers
        self.content_encoding = None
        self.value = None
        self.body = body

    @property
    def content(self) -> bytes:  # type: ignore[override]  # a value in the base
        """It is not there yet."""
        raise ResponseException(
            "the body of a stream is not there yet when its headers are: read it where the "
            "stream is read"
        )

    def __repr__(self) -> str:
        return f"<Response {self.status_code}, streamed>"


class OpenCall:
    """The call of an open response: its stages hold something until the body is closed."""

    def __init__(self, steps: MethodRuntime, call: Call) -> None:
        self._steps = steps
        self._call: Call | None = call
        self._told = call

    def tell(self, error: CallException) -> None:
        """Note in an error which call it belongs to."""
        self._steps.attach_call(self._told, error)

    def give_back(self) -> None:
        """Give back what the stages hold; once."""
        call, self._call = self._call, None
        if call is not None:
            release(call)


def kept(call: Call, opened: StreamedResponse | SyncStreamedResponse) -> OpenResponse:
    """An open response, which is closed with its call, whatever happens to it."""
    closing: list[Callable[[], None]] | None = call.on_close
    assert closing is not None  # by open
    closing.append(opened.abort)
    return OpenResponse(opened)


def release(call: Call) -> None:
    """Give back what was put into ``call.on_close``."""
    while call.on_close:
        call.on_close.pop()()
