"""Code of a user's own around every attempt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from inspect import isawaitable
from typing import Any, Protocol

from pyfly.client._bind.values import Unsendable, header_value
from pyfly.client._compile.signature import is_forbidden_header, is_token
from pyfly.client._declare.verbs import is_coroutine_function
from pyfly.client.errors import ClientArgumentException
from pyfly.client.message import Request, Response
from pyfly.client.plan import MethodPlan
from pyfly.resilience.call import Call
from pyfly.resilience.pipeline import Handler, SyncHandler

_HOOKS = ("before_request", "after_response", "on_error")


class Exchange:
    """One attempt, as an interceptor sees it.

    Attributes:
        operation: The declared method, such as ``Inventory.product``.
        function: The stub as written, with its annotations.
        http_method: ``GET``, ``POST``, …
        url_template: The path as declared, such as ``/products/{product_id}``.
        attempt: 1 for the first attempt of the call, then 2, 3, …
        request: What will be sent. Its headers can be changed by :meth:`set_header`.
    """

    __slots__ = ("_method", "attempt", "request")

    def __init__(self, method: MethodPlan, attempt: int, request: Request) -> None:
        self._method = method
        self.attempt = attempt
        self.request = request

    @property
    def operation(self) -> str:
        """``Class.method``."""
        return self._method.operation

    @property
    def function(self) -> Callable[..., Any]:
        """The stub as written."""
        return self._method.declaration.function

    @property
    def http_method(self) -> str:
        """``GET``, ``POST``, …"""
        return self._method.http_method

    @property
    def url_template(self) -> str:
        """The path as declared."""
        return self._method.template.text

    def set_header(self, name: str, value: str | None) -> None:
        """Set a header field of this attempt; None removes it.

        Raises:
            ClientArgumentException: The name or value cannot be sent.
        """
        lower, now = name.lower(), self.request.headers
        headers = {key: text for key, text in now.items() if key.lower() != lower}
        if value is not None:
            try:
                if not is_token(name) or is_forbidden_header(name):
                    raise Unsendable("it is no header name, or not a caller's to set")
                headers[name] = header_value(value)
            except Unsendable as reason:
                raise ClientArgumentException(
                    f"an interceptor cannot set the header {name!r}: {reason}"
                ) from None
        self.request = self.request.with_headers(headers)

    def __repr__(self) -> str:
        return f"<Exchange {self.operation} attempt {self.attempt}>"


class Interceptor(Protocol):
    """What ``interceptors=[…]`` takes: an object with some of these methods.

    Each may be a plain function or, for an asynchronous client, ``async``. They run for each
    attempt, in the order given before a request and in the reverse order after it. What one
    raises ends the attempt like an error of the service's.
    """

    def before_request(self, exchange: Exchange) -> Any:
        """The request is about to be sent; its headers can still be changed."""
        ...

    def after_response(self, exchange: Exchange, response: Response[Any]) -> Any:
        """A response came whose status is no error."""
        ...

    def on_error(self, exchange: Exchange, error: Exception) -> Any:
        """The attempt failed; the error is raised when this returns."""
        ...


def hooks_of(interceptor: object) -> list[str]:
    """The names of the hooks that an interceptor has; empty if it is none."""
    return [name for name in _HOOKS if callable(getattr(interceptor, name, None))]


def interceptor_mistakes(interceptors: Iterable[Any], asynchronous: bool) -> list[str]:
    """What is wrong with an ``interceptors=`` argument; empty if nothing is."""
    wrong: list[str] = []
    for one in interceptors:
        name = _name(one)
        hooks = hooks_of(one)
        if isinstance(one, type) or not hooks:
            wrong.append(
                f"interceptors: {name} is none (pass an object with {', '.join(_HOOKS)}, or some)"
            )
        elif not asynchronous:
            wrong += [
                f"interceptors: {name}.{hook} is async and the stub is not (write a plain def)"
                for hook in hooks
                if is_coroutine_function(getattr(one, hook))
            ]
    return wrong


class InterceptorStage:
    """Runs interceptors around an attempt, inside its timeout.

    Args:
        method: Whose calls.
        interceptors: Outermost first.
    """

    name = "interceptors"

    def __init__(self, method: MethodPlan, interceptors: Iterable[Any]) -> None:
        self._method = method
        self._interceptors = tuple(interceptors)
        self._before = _hooks(self._interceptors, "before_request")
        self._after = _hooks(self._interceptors[::-1], "after_response")
        self._failed = _hooks(self._interceptors[::-1], "on_error")

    def wrap(self, inner: Handler) -> Handler:
        async def interceptors(call: Call) -> Any:
            bare: Request = call.payload
            exchange = Exchange(self._method, call.attempt, bare)
            try:
                await _run(self._before, exchange)
                call.payload = exchange.request
                response = await inner(call)
                await _run(self._after, exchange, response)
            except Exception as error:
                await _run(self._failed, exchange, error)
                raise
            finally:
                call.payload = bare
            return response

        return interceptors

    def wrap_sync(self, inner: SyncHandler) -> SyncHandler:
        def interceptors(call: Call) -> Any:
            bare: Request = call.payload
            exchange = Exchange(self._method, call.attempt, bare)
            try:
                for hook in self._before:
                    hook(exchange)
                call.payload = exchange.request
                response = inner(call)
                for hook in self._after:
                    hook(exchange, response)
            except Exception as error:
                for hook in self._failed:
                    hook(exchange, error)
                raise
            finally:
                call.payload = bare
            return response

        return interceptors

    def describe(self) -> str:
        return ", ".join(_name(interceptor) for interceptor in self._interceptors)


def _hooks(interceptors: Sequence[Any], name: str) -> tuple[Callable[..., Any], ...]:
    return tuple(getattr(one, name) for one in interceptors if callable(getattr(one, name, None)))


async def _run(hooks: Iterable[Callable[..., Any]], *arguments: Any) -> None:
    for hook in hooks:
        result = hook(*arguments)
        if isawaitable(result):
            await result


def _name(interceptor: Any) -> str:
    return str(getattr(interceptor, "__name__", type(interceptor).__name__))
