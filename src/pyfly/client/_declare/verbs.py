"""``@get``, ``@post`` and their siblings: a stub, and what it stands for.

Their keyword arguments are told at :class:`~pyfly.client._declare.options.VerbOptions`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, Unpack

from pyfly.client._declare.options import VerbOptions, with_hidden_secrets

F = TypeVar("F", bound=Callable[..., Any])

_CO_COROUTINE = 0x80


class Declaration:
    """What a verb decorator noted about one stub.

    Compared by identity: a client's table of wired functions is keyed by it, so that a stub
    that was copied into a subclass still finds its function.

    Attributes:
        function: The user's own function; its body is never run.
        http_method: ``GET``, ``POST``, …
        path: The path template as written.
        options: The verb's keyword arguments, as given.
        other_verbs: The verbs of further decorators on the same stub, which is a mistake.
        factories: What has been compiled for it, by source text: clients of one class share
            it, and it lives as long as the class.
        latest: What the last client was bound with, by kind of port.
    """

    __slots__ = (
        "factories",
        "function",
        "http_method",
        "latest",
        "options",
        "other_verbs",
        "path",
    )

    def __init__(
        self,
        function: Callable[..., Any],
        http_method: str,
        path: str,
        options: VerbOptions | None = None,
        other_verbs: tuple[str, ...] = (),
    ) -> None:
        self.function = function
        self.http_method = http_method
        self.path = path
        self.options: VerbOptions = options or {}
        self.other_verbs = other_verbs
        self.factories: dict[str, Callable[..., Any]] = {}
        self.latest: dict[tuple[bool, str], tuple[Any, Callable[..., Any], dict[str, Any]]] = {}

    @property
    def is_coroutine_function(self) -> bool:
        """Whether the stub was written with ``async def``."""
        return is_coroutine_function(self.function)

    def __repr__(self) -> str:
        return f"<{self.http_method} {self.path} of {self.function.__qualname__}>"


def is_coroutine_function(function: Any) -> bool:
    """Whether a function, or an object's ``__call__``, is an ``async def``.

    As ``inspect.iscoroutinefunction``, without what that costs.
    """
    code = getattr(function, "__code__", None)
    if code is None and callable(function):
        code = getattr(type(function).__call__, "__code__", None)
    return code is not None and bool(code.co_flags & _CO_COROUTINE)


def get(path: str, **options: Unpack[VerbOptions]) -> Callable[[F], F]:
    """Declare a ``GET`` request. Parameters not in ``path`` become query parameters."""
    return _verb("GET", path, options)


def head(path: str, **options: Unpack[VerbOptions]) -> Callable[[F], F]:
    """Declare a ``HEAD`` request. Parameters not in ``path`` become query parameters."""
    return _verb("HEAD", path, options)


def options(path: str, **options: Unpack[VerbOptions]) -> Callable[[F], F]:
    """Declare an ``OPTIONS`` request. Parameters not in ``path`` become query parameters."""
    return _verb("OPTIONS", path, options)


def post(path: str, **options: Unpack[VerbOptions]) -> Callable[[F], F]:
    """Declare a ``POST`` request: ``body`` is sent as JSON, other parameters as the query."""
    return _verb("POST", path, options)


def put(path: str, **options: Unpack[VerbOptions]) -> Callable[[F], F]:
    """Declare a ``PUT`` request: ``body`` is sent as JSON, other parameters as the query."""
    return _verb("PUT", path, options)


def patch(path: str, **options: Unpack[VerbOptions]) -> Callable[[F], F]:
    """Declare a ``PATCH`` request: ``body`` is sent as JSON, other parameters as the query."""
    return _verb("PATCH", path, options)


def delete(path: str, **options: Unpack[VerbOptions]) -> Callable[[F], F]:
    """Declare a ``DELETE`` request. Parameters not in ``path`` become query parameters."""
    return _verb("DELETE", path, options)


def _verb(http_method: str, path: str, options: VerbOptions) -> Callable[[F], F]:
    if callable(path):
        raise TypeError(f'@{http_method.lower()} needs a path: write @{http_method.lower()}("/…")')

    def decorate(function: F) -> F:
        inner = declaration_of(function)
        bare: Callable[..., Any] = function
        others: tuple[str, ...] = ()
        if inner is not None:  # told with the other mistakes of the class
            bare, others = inner.function, (*inner.other_verbs, inner.http_method)
        noted = with_hidden_secrets(options)
        stub: F = make_stub(Declaration(bare, http_method, path, noted, others))
        return stub

    return decorate


def make_stub(declaration: Declaration) -> Any:
    """A function in place of the user's: it forwards to what the client was wired with.

    The instance's own attribute is the fast way to the same function; this one is reached by
    ``super().method()`` and before the client is wired.
    """
    function = declaration.function
    forward = _awaiting(declaration) if declaration.is_coroutine_function else _calling(declaration)
    stub: Any = functools.wraps(function)(forward)
    stub.__pyfly_http_method__ = declaration.http_method
    stub.__pyfly_http_path__ = declaration.path
    stub.__pyfly_declaration__ = declaration
    return stub


def _awaiting(declaration: Declaration) -> Callable[..., Any]:
    async def stub(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await _wired(self, declaration)(self, *args, **kwargs)

    return stub


def _calling(declaration: Declaration) -> Callable[..., Any]:
    def stub(self: Any, *args: Any, **kwargs: Any) -> Any:
        return _wired(self, declaration)(self, *args, **kwargs)

    return stub


def _wired(client: Any, declaration: Declaration) -> Callable[..., Any]:
    table: Mapping[Declaration, Callable[..., Any]] = getattr(client, "__pyfly_wired__", {})
    function = table.get(declaration)
    if function is None:
        name = f"{type(client).__name__}.{declaration.function.__name__}"
        raise NotImplementedError(f"{name} has not been wired by HttpClientBeanPostProcessor")
    return function


def declaration_of(function: Any) -> Declaration | None:
    """The declaration that a verb decorator left on ``function``; None if there is none."""
    found = getattr(function, "__pyfly_declaration__", None)
    return found if isinstance(found, Declaration) else None
