"""The time that is left, told to the service in a header of each attempt."""

from __future__ import annotations

from typing import Any

from pyfly.client.message import Request
from pyfly.resilience import DeadlineFormat, format_deadline
from pyfly.resilience.call import Call, Handler, SyncHandler

__all__ = ["DeadlineHeaderStage"]


class DeadlineHeaderStage:
    """Sends the time that an attempt has, unless the caller has set the header for this call.

    Args:
        header: Its name.
        form: How the time is written.
    """

    name = "deadline header"

    def __init__(self, header: str, form: DeadlineFormat) -> None:
        self._header = header.lower()
        self._form: DeadlineFormat = form

    def wrap(self, inner: Handler) -> Handler:
        async def deadline_header(call: Call) -> Any:
            bare: Request = call.payload
            call.payload = self._told(call, bare)
            try:
                return await inner(call)
            finally:
                call.payload = bare

        return deadline_header

    def wrap_sync(self, inner: SyncHandler) -> SyncHandler:
        def deadline_header(call: Call) -> Any:
            bare: Request = call.payload
            call.payload = self._told(call, bare)
            try:
                return inner(call)
            finally:
                call.payload = bare

        return deadline_header

    def _told(self, call: Call, bare: Request) -> Request:
        end = call.attempt_deadline
        if end is None or any(name.lower() == self._header for name in bare.headers):
            return bare
        left = format_deadline(end - call.clock.monotonic(), self._form)
        return bare.with_headers({**bare.headers, self._header: left})

    def describe(self) -> str:
        return f"{self._header}, the time that the attempt has, as {self._form}"
