"""The fake ports themselves: a wire port for each kind of client, over the same rules."""

from __future__ import annotations

import inspect
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from types import FrameType, TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar, overload
from unittest.mock import ANY

from pyfly.client.message import Headers, Request, Response
from pyfly.resilience.clock import SYSTEM_CLOCK, Clock
from pyfly.testing.fake_port.body import FakeBody, SyncFakeBody, Wait, whole
from pyfly.testing.fake_port.calls import FakeCall
from pyfly.testing.fake_port.replies import Reply
from pyfly.testing.fake_port.rules import Rule, RuleAnswer, RuleBase, StreamRule
from pyfly.testing.requests.declared import arguments_of, route_of, route_of_template
from pyfly.testing.requests.received import (
    SeenRequest,
    UnexpectedRequestException,
    read_content,
    read_content_sync,
    request_by_hand,
)
from pyfly.testing.requests.route import Route

P = ParamSpec("P")
R = TypeVar("R")
Self = TypeVar("Self", bound="Fake")

_NOT_FOUND = RuleAnswer(lambda _: Reply(404, Headers()), 0.0, None)


class Fake:
    """What both fake ports share: the rules, and the record of what was asked.

    Args:
        strict: Whether a request that no rule takes fails the test, as does a rule that was
            not used. If not, such a request is answered with 404.
        base_url: What paths are below where a client needs to know it: to follow a redirect,
            or the link to a next page.

    Attributes:
        clock: Where delays come from: the system's, unless :func:`~pyfly.testing.client_for`
            has given the client another.
        max_response_size: The largest body, in bytes: that of the client which was made last.
        calls: Every request, oldest first, those that no rule took among them.
    """

    takes_encoded = True
    bounds_deadline = True
    asynchronous: bool

    def __init__(self, *, strict: bool = True, base_url: str = "http://fake") -> None:
        self.strict = strict
        self.base_url = base_url
        self.clock: Clock = SYSTEM_CLOCK
        self.max_response_size: int = 10 * 1024 * 1024
        self.calls: list[FakeCall] = []
        self._rules: list[RuleBase] = []
        self._unexpected: list[UnexpectedRequestException] = []
        self._lock = threading.RLock()

    # To mypy the overloads overlap, and those without arguments are never reached: in truth the
    # most special one comes first, and those at the end are for calls that the others refuse.
    @overload
    def on(self, method: str, path: str, /, **arguments: Any) -> Rule[Any]: ...
    @overload
    def on(  # type: ignore[overload-overlap]  # as told above
        self,
        method: Callable[Concatenate[Any, P], AsyncIterator[R]],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> StreamRule[R]: ...
    @overload
    def on(
        self,
        method: Callable[Concatenate[Any, P], Awaitable[R]],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Rule[R]: ...
    @overload
    def on(  # type: ignore[overload-overlap]  # as told above
        self,
        method: Callable[Concatenate[Any, P], Iterator[R]],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> StreamRule[R]: ...
    @overload
    def on(
        self, method: Callable[Concatenate[Any, P], R], /, *args: P.args, **kwargs: P.kwargs
    ) -> Rule[R]: ...
    @overload
    def on(  # type: ignore[overload-overlap,overload-cannot-match]  # pyright: ignore[reportOverlappingOverload]
        self, method: Callable[..., AsyncIterator[R]], /
    ) -> StreamRule[R]: ...
    @overload
    def on(  # type: ignore[overload-cannot-match]  # as told above
        self, method: Callable[..., Awaitable[R]], /
    ) -> Rule[R]: ...
    @overload
    def on(  # type: ignore[overload-overlap,overload-cannot-match]  # as told above
        self, method: Callable[..., Iterator[R]], /
    ) -> StreamRule[R]: ...
    @overload
    def on(  # type: ignore[overload-cannot-match]  # as told above
        self, method: Callable[..., R], /
    ) -> Rule[R]: ...
    def on(self, method: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Begin a rule. Of several that take a request, the one that was set up last answers.

        By the declared method, as it would be called; alone it stands for any arguments::

            fake.on(Inventory.product, product_id="42").returns(Product(...))
            fake.on(Inventory.search, category=ANY, in_stock=True).returns([])
            fake.on(Inventory.product).responds(503)

        Or by HTTP method and path template, with those arguments that matter: placeholders,
        ``body`` (JSON), and query parameters::

            fake.on("GET", "/products/{product_id}", product_id="42").returns_json({"id": "42"})

        What an argument becomes on the wire is compared; ``unittest.mock.ANY`` is any, also
        within a body. A default that is left out is meant.

        Raises:
            TypeError: There is no such method, or it takes other arguments.
            ValueError: The path is no path.
        """
        where = _place(inspect.currentframe())
        if isinstance(method, str):
            path = args[0] if args else ""
            route, values = route_of_template(method, path, kwargs), kwargs
        else:
            route = route_of(method)
            any_arguments = not args and not kwargs
            values = {} if any_arguments else arguments_of(method, args, kwargs)
        rule = self._rule(route, values, where)
        with self._lock:
            self._rules.append(rule)
        return rule

    def _rule(self, route: Route, values: dict[str, Any], where: str) -> RuleBase:
        sent = {name: value for name, value in values.items() if name in route.slots}
        for name in values.keys() - sent.keys():
            if values[name] is not None and values[name] is not ANY:
                raise TypeError(
                    f"{route.operation}: {name!r} is not sent, so no rule can tell it: leave it out"
                )
        wanted = route.wanted(sent)
        arguments = ", ".join(f"{name}={each.text}" for name, each in wanted.items())
        text = f"{route.operation}({arguments})" if arguments else route.operation
        if not route.operation.startswith(route.method.http_method + " "):
            text += f": {route.text}"
        kind: type[RuleBase] = Rule if route.method.stream is None else StreamRule
        return kind(route, wanted, text, where)

    # What a test asks afterwards

    def assert_all_called(self) -> None:
        """Fail if a request was not expected, or an answer was not used.

        Raises:
            AssertionError: With all of them.
        """
        __tracebackhide__ = True
        with self._lock:
            problems = [str(error) for error in self._unexpected]
            unmet = [text for rule in self._rules if (text := rule.unmet()) is not None]
        problems += [f"the rule {text}" for text in unmet]
        if problems:
            raise AssertionError("\n".join(problems))

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Check, if the block did not fail by itself: see :meth:`assert_all_called`."""
        __tracebackhide__ = True
        if self.strict and error is None:
            self.assert_all_called()

    # What a client asks

    def _answer(self, request: Request, content: bytes | None) -> tuple[RuleAnswer, SeenRequest]:
        seen = SeenRequest(request, content, self.base_url)
        spent: RuleBase | None = None
        with self._lock:
            for rule in reversed(self._rules):
                path = rule.route.takes(seen)
                if path is None or rule.route.differences(seen, rule.wanted):
                    continue
                answer = None if rule.shortcoming() else rule.take()
                if answer is not None:
                    call = FakeCall(seen, rule.route, path)
                    rule.calls.append(call)
                    self.calls.append(call)
                    return answer, seen
                spent = spent or rule
            self.calls.append(FakeCall(seen, None, None))
            if not self.strict and spent is None:
                return _NOT_FOUND, seen
            error = UnexpectedRequestException(unexpected(seen, self._rules, spent))
            self._unexpected.append(error)
        raise error

    def _reply(self, answer: RuleAnswer, seen: SeenRequest) -> Reply:
        reply = answer.reply(seen)
        return reply if seen.method != "HEAD" else reply.replace(chunks=())

    def __repr__(self) -> str:
        return f"<{type(self).__name__}, {len(self._rules)} rules, {len(self.calls)} calls>"


class FakePort(Fake):
    """A port for asynchronous clients that answers by rules, without a network.

    It stands at the client's wire port, so that requests are encoded, and answers decompressed,
    judged by status, retried and decoded as ever::

        with FakePort() as fake:
            fake.on(Inventory.product, "42").returns(Product(id="42", name="Widget"))
            inventory = client_for(Inventory, port=fake)
            assert (await inventory.product("42")).name == "Widget"

    The end of the block checks that every answer was used and no other request came.
    """

    asynchronous = True

    async def start(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to close."""

    async def request(self, method: str, url: str, **kwargs: Any) -> Response[Any]:
        """Answer a request that is made by hand; see :class:`~pyfly.client.HttpClientPort`.

        Args:
            method: ``GET``, ``POST``, …
            url: The path, percent-encoded.
            **kwargs: ``params``, ``json``, ``headers`` and ``content``.
        """
        return await self.send(request_by_hand(method, url, **kwargs), None)

    async def send(self, request: Request, deadline: float | None) -> Response[Any]:
        """Answer one attempt."""
        return whole(await self._replied(request, deadline), self.max_response_size)

    async def open(self, request: Request, deadline: float | None, idle: float) -> FakeBody:
        """Answer one attempt with a body still to come."""
        reply = await self._replied(request, deadline)
        return FakeBody(reply, self.clock, deadline, idle, self.max_response_size)

    async def _replied(self, request: Request, deadline: float | None) -> Reply:
        answer, seen = self._answer(request, await read_content(request))
        if answer.delay:
            wait = Wait(self.clock, answer.delay, deadline)
            await self.clock.sleep(wait.seconds)
            wait.check()
        return self._reply(answer, seen)


class SyncFakePort(Fake):
    """:class:`FakePort` for synchronous clients; threads may share it."""

    asynchronous = False

    def start(self) -> None:
        """Nothing to open."""

    def stop(self) -> None:
        """Nothing to close."""

    def request(self, method: str, url: str, **kwargs: Any) -> Response[Any]:
        """Answer a request that is made by hand; see :meth:`FakePort.request`."""
        return self.send(request_by_hand(method, url, **kwargs), None)

    def send(self, request: Request, deadline: float | None) -> Response[Any]:
        """Answer one attempt."""
        return whole(self._replied(request, deadline), self.max_response_size)

    def open(self, request: Request, deadline: float | None, idle: float) -> SyncFakeBody:
        """Answer one attempt with a body still to come."""
        reply = self._replied(request, deadline)
        return SyncFakeBody(reply, self.clock, deadline, idle, self.max_response_size)

    def _replied(self, request: Request, deadline: float | None) -> Reply:
        answer, seen = self._answer(request, read_content_sync(request))
        if answer.delay:
            wait = Wait(self.clock, answer.delay, deadline)
            self.clock.sleep_sync(wait.seconds)
            wait.check()
        return self._reply(answer, seen)


def _place(frame: FrameType | None) -> str:
    """File and line of whoever called the function of this frame."""
    caller = None if frame is None else frame.f_back
    if caller is None:  # not every Python has frames
        return "an unknown place"
    return f"{os.path.basename(caller.f_code.co_filename)}:{caller.f_lineno}"


def unexpected(seen: SeenRequest, rules: Sequence[RuleBase], spent: RuleBase | None) -> str:
    """The message for a request that is not answered.

    Args:
        seen: The request.
        rules: All rules of the port.
        spent: The rule that would have taken it, had it an answer left.
    """
    lines = [f"the fake has no answer to {seen.method} {seen.target}"]
    if spent is not None:
        why = spent.shortcoming() or f"its {len(spent.calls)} answers are used up"
        lines.append(f"  {spent} takes it, but {why}")
    elif rules:
        nearest = min(rules, key=lambda rule: rule.route.distance(seen, rule.wanted))
        of_many = f" of its {len(rules)} rules" if len(rules) > 1 else ""
        lines.append(f"  the nearest{of_many} is {nearest}, which differs:")
        lines += [f"    {each}" for each in nearest.route.differences(seen, nearest.wanted)]
    else:
        lines.append("  it has no rules (write fake.on(Client.method).returns(…))")
    return "\n".join(lines)
