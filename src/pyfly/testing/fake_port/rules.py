"""Rules: which requests are answered, how, and how often."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Generic, TypeVar

from pyfly.client import ServerSentEvent
from pyfly.client._codec.encode import to_json
from pyfly.client.errors import HttpStatusException
from pyfly.kernel.record import Record
from pyfly.testing.fake_port.calls import FakeCall
from pyfly.testing.fake_port.replies import (
    NOTHING,
    Reply,
    asks_first,
    page_reply,
    plain_reply,
    reply_to,
    stream_reply,
)
from pyfly.testing.requests.received import SeenRequest
from pyfly.testing.requests.route import Route, Wanted

R = TypeVar("R")
T = TypeVar("T")
Self = TypeVar("Self", bound="RuleBase")


class RuleAnswer(Record):
    """One answer of a rule.

    Attributes:
        reply: Makes the reply to a request, or raises what the answer raises.
        delay: Seconds before it.
        times: How often it is given; None for once, and for ever if it is the last.
    """

    reply: Callable[[SeenRequest], Reply]
    delay: float
    times: int | None


_END_OF_EVENTS = RuleAnswer(lambda _: NOTHING, 0.0, None)


class RuleBase:
    """What all rules share.

    Answers are given in the order in which they are named, each once, the last for ever;
    ``times=`` says otherwise. Every method gives the rule back, so that they can be chained::

        fake.on(Inventory.product, "42").responds(503, times=2).returns(product)

    Attributes:
        calls: The requests that it answered, oldest first.
    """

    def __init__(self, route: Route, wanted: Wanted, text: str, where: str) -> None:
        self.calls: list[FakeCall] = []
        self._route = route
        self._wanted = wanted
        self._text = text
        self._where = where
        self._answers: list[RuleAnswer] = []
        self._delay = 0.0
        self._dangling = False
        self._optional = False
        self._afterwards: RuleAnswer | None = None
        self._current = self._given = 0
        self._lock = threading.RLock()

    # What a test says

    def responds(
        self: Self,
        status: int = 200,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        body: bytes | str | Iterable[bytes] = b"",
        *,
        times: int | None = None,
    ) -> Self:
        """Answer with a response, byte for byte.

        Args:
            status: 200 to 599.
            headers: Its header fields; ``Content-Encoding`` is believed.
            body: Its body; a list of ``bytes`` is delivered to a stream in these pieces.
            times: How often.
        """
        if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
            raise ValueError(f"{self._text}: responds({status!r}): a final status is 200 to 599")
        try:
            reply = plain_reply(status, headers, body)
        except (TypeError, AttributeError, ValueError) as error:
            raise TypeError(
                f"{self._text}: responds({status}, …): header fields are pairs of str, and the "
                "body is bytes or str (write .returns_json(…) for JSON)"
            ) from error
        return self._add(lambda _: reply, times)

    def returns_json(
        self: Self,
        value: Any,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        times: int | None = None,
    ) -> Self:
        """Answer with a JSON body, whatever the method declares.

        Args:
            value: JSON values, a model, a dataclass, or a list or dict of them.
            status: Its status.
            headers: Further header fields; one may name another ``Content-Type``.
            times: How often.
        """
        body = self._encoded(lambda: to_json(value))
        given = dict(headers or {})
        if "content-type" not in {name.lower() for name in given}:
            given = {"Content-Type": "application/json", **given}
        return self.responds(status, given, body, times=times)

    def raises(
        self: Self, exception: BaseException | type[BaseException], *, times: int | None = None
    ) -> Self:
        """Fail as a port does when no answer comes.

        Args:
            exception: Such as ``ConnectException("refused")`` or ``ReadTimeoutException``; each
                attempt gets a copy. For an error status write :meth:`responds`: the client
                makes the exception of it.
            times: How often.
        """
        if isinstance(exception, type) and issubclass(exception, HttpStatusException):
            raise TypeError(
                f"{self._text}: a port does not raise {exception.__name__}, the client makes it "
                "of a response: write .responds(…) with its status"
            )
        if isinstance(exception, type) and issubclass(exception, BaseException):
            exception = exception(f"raised by the fake for {self._route.operation}")
        if not isinstance(exception, BaseException):
            raise TypeError(f"{self._text}: raises({exception!r}): that is no exception")
        if isinstance(exception, HttpStatusException):
            raise TypeError(
                f"{self._text}: a port does not raise {type(exception).__name__}, the client "
                f"makes it of a response: write .responds({exception.status_code})"
            )

        def fail(_: SeenRequest) -> Reply:
            raise _copied(exception)

        return self._add(fail, times)

    def delays(self: Self, seconds: float | timedelta) -> Self:
        """Let the next answer take so long, on the clock of the fake.

        An attempt whose timeout is shorter ends with it, as it would over a network.
        """
        span = seconds.total_seconds() if isinstance(seconds, timedelta) else float(seconds)
        if not 0 <= span < float("inf"):
            raise ValueError(f"{self._text}: delays({seconds!r}): write seconds, 0 or more")
        self._delay, self._dangling = span, True
        return self

    def optional(self: Self) -> Self:
        """Say that it need not be used, as for an answer that many tests share."""
        self._optional = True
        return self

    # What the fake asks

    @property
    def route(self) -> Route:
        """Where its requests go."""
        return self._route

    @property
    def wanted(self) -> Wanted:
        """What their arguments are to be."""
        return self._wanted

    def take(self) -> RuleAnswer | None:
        """The next answer; None if there is no further one."""
        with self._lock:
            while self._current < len(self._answers):
                answer = self._answers[self._current]
                is_last = self._current == len(self._answers) - 1
                limit = answer.times if answer.times is not None else None if is_last else 1
                if limit is None or self._given < limit:
                    self._given += 1
                    return answer
                self._current, self._given = self._current + 1, 0
        return self._afterwards

    def shortcoming(self) -> str | None:
        """Why it cannot answer; None if it can, or could."""
        if self._dangling:
            return f"delays({self._delay:g}) has no answer after it (write one behind it)"
        if not self._answers:
            return "it has no answer (write .returns(…), .responds(…) or .raises(…) behind it)"
        return None

    def unmet(self) -> str | None:
        """What of it was not used; None if all was."""
        if self._optional:
            return None
        wanted = sum(answer.times or 1 for answer in self._answers)
        if self.calls and len(self.calls) >= wanted:
            return None
        used = f"gave {len(self.calls)} of {wanted} answers" if self.calls else "was never called"
        return f"{self} {used}"

    def __str__(self) -> str:
        return f"{self._text} (set up at {self._where})"

    def __repr__(self) -> str:
        return f"<rule {self._text}, called {len(self.calls)} times>"

    # The parts

    def _add(self: Self, reply: Callable[[SeenRequest], Reply], times: int | None) -> Self:
        if times is not None and (isinstance(times, bool) or times < 1):
            raise ValueError(f"{self._text}: times={times!r} (write an int, 1 or more)")
        self._answers.append(RuleAnswer(reply, self._delay, times))
        self._delay, self._dangling = 0.0, False
        return self

    def _encoded(self, encode: Callable[[], T]) -> T:
        try:
            return encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise TypeError(f"{self._text}: the answer has no form on the wire: {error}") from error


class Rule(RuleBase, Generic[R]):
    """Which requests of a method that returns an ``R`` are answered, and how."""

    def returns(self, value: R, *more: R, times: int | None = None) -> Rule[R]:
        """Answer with a value, encoded as a service would send it.

        Args:
            value: What the call is to return: None is a 204 where the method declares it,
                ``bytes`` are the body, so is a ``str`` where the method declares it, a
                :class:`~pyfly.client.Response` gives status and headers as well, and anything
                else is sent as JSON.
            *more: The answers to the requests after that.
            times: How often the last of them is given.
        """
        *before, last = (value, *more)
        for each in before:
            self._return(each, None)
        self._return(last, times)
        return self

    def _return(self, value: R, times: int | None) -> None:
        reply = self._encoded(lambda: reply_to(self._route.method, value))
        self._add(lambda _: reply, times)


class StreamRule(RuleBase, Generic[R]):
    """Which requests of a method that streams items of type ``R`` are answered, and how."""

    def yields(
        self,
        *items: R,
        breaks: BaseException | type[BaseException] | None = None,
        every: float = 0.0,
        times: int | None = None,
    ) -> StreamRule[R]:
        """Answer with a stream of items, each in a piece of its own.

        ``bytes`` are sent as chunks, ``str`` as lines, events as ``text/event-stream``, anything
        else as NDJSON. A method with ``paginate=`` gets one page with all items.

        A stream of events that ends is continued by the client on a new connection, which gets
        the next answer; after the last one the fake says that there will be no more (204), so
        that the stream ends. Unless an event says otherwise, it asks for no pause between them.

        Args:
            *items: What the stream is to yield.
            breaks: What the body breaks off with after them, such as ``ReadException``.
            every: Seconds before each item, on the clock of the fake.
            times: How often.
        """
        method = self._route.method
        page = method.options.get("paginate")
        if page is not None:
            if breaks is not None or every:
                raise TypeError(
                    f"{self._text}: pages come as a whole: breaks= and every= are for streams "
                    "(write .delays(…), or .raises(…) for a page that does not come)"
                )
            whole = self._encoded(lambda: page_reply(page, items))
            return self._add(lambda seen: whole if asks_first(page, seen) else NOTHING, times)
        reply = self._encoded(lambda: stream_reply(method, items))
        if isinstance(breaks, type):
            breaks = breaks(f"raised by the fake for {self._route.operation}")
        reply = reply.replace(breaks=breaks, every=float(every))
        assert method.stream is not None  # by the overloads of on()
        if method.stream.item is ServerSentEvent:
            self._afterwards, times = _END_OF_EVENTS, times or 1
        return self._add(lambda _: reply, times)


def _copied(exception: BaseException) -> BaseException:
    """An exception of the attempt's own: attempts note in it what they know."""
    try:
        return copy.copy(exception)
    except Exception:  # its constructor takes other arguments than it has kept
        return exception
