"""A port of the user's own, as the pipeline sees a port.

It receives what the guide says, a method, a path and those of ``params``, ``json`` and
``headers`` that are not empty, and may return a response or a decoded value. Nothing is
asked of what it returns before somebody needs it.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterable, Mapping
from types import CoroutineType
from typing import Any, NoReturn

from pyfly.client.errors import PortValueException
from pyfly.client.message import Headers, Request, Response
from pyfly.kernel.exceptions import AttemptTimeoutException, PyFlyException
from pyfly.resilience.clock import SYSTEM_CLOCK, Clock
from pyfly.transport.deadline import TimeLimits

_METHODS = ("request", "start", "stop")


class PortException(PyFlyException, TypeError):
    """An object that cannot be the port of this client; the message says what it lacks."""


class ForeignResponse(Response[Any]):
    """A response of the port's own kind, asked only for what is needed."""

    def __init__(self, status_code: int, original: Any, port: str) -> None:
        self.status_code = status_code
        self.content_encoding = None
        self.value = None
        self._original = original
        self._port = port

    def _part(self, name: str) -> Any:
        try:
            return getattr(self._original, name)
        except AttributeError:
            kind = type(self._original).__qualname__
            raise PortValueException(
                f"{self._port}.request() returned a {kind}, which has no {name!r}: give it one, "
                "or declare a return type that does not need it"
            ) from None

    def _wrong(self, name: str, value: Any, expected: str) -> NoReturn:
        kind = type(self._original).__qualname__
        raise PortValueException(
            f"{self._port}.request() returned a {kind} whose {name!r} is a "
            f"{type(value).__qualname__}: it must be {expected}"
        )

    @property
    def headers(self) -> Headers:  # type: ignore[override]  # lazy here, a value in the base
        """The header fields, from any mapping or list of pairs."""
        given = self._part("headers")
        if isinstance(given, Headers):
            return given
        pairs: Any = None
        if isinstance(given, Mapping):
            pairs = given.items()
        elif isinstance(given, Iterable) and not isinstance(given, str | bytes):
            pairs = given
        try:
            return Headers([(_field(name), _field(value)) for name, value in pairs])
        except (TypeError, ValueError):
            self._wrong("headers", given, "a mapping of names to values")

    @property
    def content(self) -> bytes:  # type: ignore[override]  # lazy here, a value in the base
        """The body as bytes, from ``content``, else from ``text``."""
        if not hasattr(self._original, "content") and hasattr(self._original, "text"):
            return self.text.encode()
        given = self._part("content")
        if not isinstance(given, bytes | bytearray | memoryview):
            self._wrong("content", given, "bytes")
        return bytes(given)

    @property
    def text(self) -> str:
        """The body as text, from ``text``, else decoded from ``content``."""
        given = getattr(self._original, "text", None)
        if isinstance(given, str):
            return given
        if not hasattr(self._original, "content"):
            self._wrong("text", self._part("text"), "str")
        return super().text

    def json(self) -> Any:
        """The body as JSON values, as the port's response gives them."""
        method = self._part("json")
        if not callable(method):
            self._wrong("json", method, "a method")
        value = method()
        if inspect.iscoroutine(value):
            value.close()
            self._wrong("json", value, "a method without async: read the body in request()")
        return value

    def __repr__(self) -> str:
        return f"<{type(self._original).__qualname__} {self.status_code} from {self._port}>"


class PlainValue(Response[Any]):
    """What a port returned instead of a response: a value that is decoded already."""

    is_plain_value = True

    def __init__(self, plain: Any, port: str) -> None:
        self.content_encoding = None
        self.value = None
        self._plain = plain
        self._port = port

    def json(self) -> Any:
        """The value itself."""
        return self._plain

    def _refuse(self, what: str) -> NoReturn:
        raise PortValueException(
            f"{self._port}.request() returned a plain {type(self._plain).__qualname__}, so there "
            f"is no {what}: return an object with status_code, headers, content and json(), "
            "or declare a return type that needs the value alone"
        )

    @property
    def status_code(self) -> int:  # type: ignore[override]  # a value in the base
        """There is none."""
        self._refuse("status")

    @property
    def headers(self) -> Headers:  # type: ignore[override]  # a value in the base
        """There are none."""
        self._refuse("header")

    @property
    def content(self) -> bytes:  # type: ignore[override]  # a value in the base
        """There is none."""
        self._refuse("body in bytes")

    @property
    def text(self) -> str:
        """There is none."""
        self._refuse("body as text")

    def __repr__(self) -> str:
        return f"<plain {type(self._plain).__qualname__} from {self._port}>"


class _Foreign:
    """What both ports share.

    Args:
        port: The user's object.
        name: The client that it is for, to be named in errors.
        clock: The clock of deadlines.

    Raises:
        PortException: The object lacks a method.
    """

    takes_encoded = False
    bounds_deadline = False
    ends_calls = False

    def __init__(self, port: Any, name: str, clock: Clock = SYSTEM_CLOCK) -> None:
        self._port = port
        self._name = name
        self._clock = clock
        self._limits: dict[asyncio.AbstractEventLoop, TimeLimits] = {}
        self._kind = type(port).__qualname__
        if isinstance(port, type):
            raise PortException(
                f"{name}: the port is the class {port.__qualname__}; give an object"
            )
        lacking = [f"{each}()" for each in _METHODS if not callable(getattr(port, each, None))]
        if lacking:
            raise PortException(
                f"{name}: the port {self._kind} lacks {' and '.join(lacking)}; "
                "a port has request(), start() and stop()"
            )

    @property
    def kind(self) -> str:
        """The class of the user's object, for errors."""
        return self._kind

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._kind} of {self._name}>"

    def _arguments(self, request: Request) -> dict[str, Any]:
        """Of params, json and headers those that are not empty; any body counts but None."""
        arguments: dict[str, Any] = {}
        if request.params:
            arguments["params"] = request.params
        if request.json is not None:
            arguments["json"] = request.json
        if request.headers:
            arguments["headers"] = dict(request.headers)
        return arguments

    def _result(self, result: Any) -> Response[Any]:
        status = getattr(result, "status_code", None)
        if isinstance(status, int) and not isinstance(status, bool):
            return ForeignResponse(int(status), result, self._kind)
        return PlainValue(result, self._kind)


class ForeignPort(_Foreign):
    """A user's :class:`~pyfly.client.ports.HttpClientPort` as a wire port.

    Its exceptions pass through unchanged. The port knows of no deadline: at its end the task
    that waits for the port is cancelled, as by :func:`asyncio.timeout`.
    """

    bounds_deadline = True

    async def send(self, request: Request, deadline: float | None) -> Response[Any]:
        """Make one attempt.

        Raises:
            AttemptTimeoutException: The deadline passed.
            PortException: ``request()`` is no coroutine function.
        """
        if deadline is None:
            return self._result(await self._requested(request))
        span = deadline - self._clock.monotonic()
        if span <= 0:
            raise self._timed_out(span)
        limits = self._limits.get(asyncio.get_running_loop()) or self._new_limits()
        limit = limits.begin(span)
        try:
            return self._result(await self._requested(request))
        except BaseException as error:
            if limit.caused(error):
                raise self._timed_out(span) from error
            raise
        finally:
            limits.end(limit)

    def _requested(self, request: Request) -> Any:
        result = self._port.request(request.method, request.url, **self._arguments(request))
        if type(result) is CoroutineType or inspect.isawaitable(result):
            return result
        raise PortException(
            f"{self._name}: {self._kind}.request() is not async, but the client is: write "
            "'async def request', or declare the client's methods with 'def'"
        )

    def _new_limits(self) -> TimeLimits:
        """The time limits of this event loop; those of loops that are closed are let go."""
        for loop in list(self._limits):
            if loop.is_closed():
                self._limits.pop(loop, None)
        limits = self._limits[asyncio.get_running_loop()] = TimeLimits()
        return limits

    def _timed_out(self, span: float) -> AttemptTimeoutException:
        return AttemptTimeoutException(
            f"the attempt by {self._kind} took longer than {max(span, 0.0):g} s", timeout=span
        )

    async def start(self) -> None:
        """Start the port."""
        await _finished(self._port.start())

    async def stop(self) -> None:
        """Stop the port."""
        await _finished(self._port.stop())


class SyncForeignPort(_Foreign):
    """A user's :class:`~pyfly.client.ports.SyncHttpClientPort` as a wire port.

    Its exceptions pass through unchanged.
    """

    def send(self, request: Request, deadline: float | None) -> Response[Any]:
        """Make one attempt; the port knows of no deadline.

        Raises:
            PortException: ``request()`` is a coroutine function.
        """
        arguments = self._arguments(request)
        result = self._port.request(request.method, request.url, **arguments)
        self._require_finished("request", result)
        return self._result(result)

    def start(self) -> None:
        """Start the port."""
        self._require_finished("start", self._port.start())

    def stop(self) -> None:
        """Stop the port."""
        self._require_finished("stop", self._port.stop())

    def _require_finished(self, method: str, result: Any) -> None:
        if not inspect.isawaitable(result):
            return
        if inspect.iscoroutine(result):
            result.close()
        raise PortException(
            f"{self._name}: {self._kind}.{method}() is async, but the client is not: write "
            f"'def {method}', or declare the client's methods with 'async def'"
        )


async def _finished(result: Any) -> None:
    if inspect.isawaitable(result):
        await result


def _field(value: Any) -> str | bytes:
    return value if isinstance(value, str | bytes) else str(value)
