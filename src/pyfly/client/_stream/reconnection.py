"""When and how an event stream is continued after its connection has ended. Pure rules.

As the HTML standard says (section 9.2.3), with a back-off that it leaves to the client: a
connection that brought nothing doubles the pause before the next.
"""

from __future__ import annotations

from pyfly.client._stream.server_sent_events import EventParser
from pyfly.client.errors import (
    ClientStoppedException,
    ProtocolException,
    StreamTimeoutException,
    TlsException,
    TransportException,
)
from pyfly.client.message import Request
from pyfly.client.plan import MethodPlan
from pyfly.kernel.exceptions import AttemptTimeoutException, RefusedException

#: The pause if the service does not ask for one, in seconds.
DEFAULT_PAUSE = 3.0
#: The longest that a service is obeyed, and the longest that is doubled to.
_LONGEST_ASKED, _LONGEST_DOUBLED = 3600.0, 60.0
_LAST_ID = "last-event-id"


def can_continue(method: MethodPlan, request: Request) -> bool:
    """Whether a stream is to be continued: its option, else whether it may be asked twice."""
    wanted = method.options.get("reconnect")
    if wanted is None:
        wanted = method.idempotent or method.retryable
    return bool(wanted) and request.single_use is None


class Reconnection:
    """The state of one event stream over all its connections.

    Args:
        request: What the first connection is asked for with.
    """

    def __init__(self, request: Request) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        headers.setdefault("accept", "text/event-stream")
        self._first = request
        self._headers = headers
        self.last_id = headers.pop(_LAST_ID, "")
        self._pause = DEFAULT_PAUSE
        self._fruitless = 0
        self._told = 0.0

    def request(self) -> Request:
        """What the next connection is asked for with.

        Raises:
            ProtocolException: The last id cannot be sent back.
        """
        if not self.last_id:
            return self._first.with_headers(self._headers)
        if not self.last_id.isprintable() or self.last_id != self.last_id.strip():
            raise ProtocolException(
                "the stream cannot be continued: the id of its last event holds characters that "
                "no header can carry"
            )
        # The standard sends it as UTF-8; a header's text stands for its bytes as latin-1.
        value = self.last_id.encode().decode("latin-1")
        return self._first.with_headers({**self._headers, _LAST_ID: value})

    def received(self) -> None:
        """The connection has brought something."""
        self._fruitless = 0

    def ended(self, parser: EventParser) -> None:
        """The connection has ended or broken."""
        self.last_id = parser.last_id
        if parser.retry is not None:
            self._pause = min(parser.retry / 1000, _LONGEST_ASKED)

    def failed(self, error: Exception) -> bool:
        """No connection could be made; whether another is worth a try."""
        if isinstance(error, (TlsException, StreamTimeoutException, ClientStoppedException)):
            return False
        self._told = getattr(error, "retry_after", None) or 0.0
        return isinstance(error, (TransportException, AttemptTimeoutException, RefusedException))

    def pause(self) -> float:
        """The seconds to wait before the next connection."""
        pause = self._pause
        if self._fruitless:
            doubled = max(pause, 1.0) * 2.0 ** min(self._fruitless, 10)
            pause = max(pause, min(doubled, _LONGEST_DOUBLED))
        self._fruitless += 1
        told, self._told = self._told, 0.0
        return max(pause, told)
