"""From a method's plan to one Python function with the stub's own signature.

What comes out for ``search(self, shop, category=None, page=1)`` on ``/shops/{shop}`` reads::

    def make(_invoke, _request_class, _method, _path_shop, _path_0, _query_category, …):
        async def search(self, shop, category=None, page=None):
            if not (shop.__class__ is str and shop.isascii() and shop.isalnum()):
                shop = _path_shop(shop)
            url = f'{_path_0}{shop}'
            category = '' if category is None else _query_category(category)
            page = f'{_is_page}{page}' if page.__class__ is int … else _query_page(page)
            query = f'{category}{page}'
            if query:
                url = f'{url}?{query[1:]}'
            request = _blank()
            request.method = _method
            request.url = url
            request.headers = _headers
            request.content = request.params = request.json = request.single_use = None
            return await _invoke(request)
        return search

Python itself binds the arguments; there is no reflection in a call. Values that need no encoding,
which are most, are told by tests in C; a binder is called for the others. Only identifiers
enter the text, which Python has already accepted as such; everything else that a user wrote
(paths, names on the wire, defaults) is a value bound by ``make``. The text is compiled once for
all clients of a class, and registered with ``linecache``, so that tracebacks and debuggers show
it and ``inspect.getsource`` finds it.
"""

from __future__ import annotations

import itertools
import linecache
import sys
import weakref
from collections.abc import Callable
from functools import lru_cache
from types import CodeType
from typing import Any

from pyfly.client._bind.binders import TimeoutBinder
from pyfly.client._bind.function_text import FunctionText
from pyfly.client._declare.verbs import Declaration
from pyfly.client.message import Request
from pyfly.client.plan import MethodPlan, ParameterKind

_serial = itertools.count(1)


def render(method: MethodPlan, encoded: bool, port: str = "its port") -> tuple[str, dict[str, Any]]:
    """The text of ``make`` for a method, and the values of its parameters but the first."""
    text = FunctionText(method, encoded, port)
    invoke = text.bind("invoke", None)
    text.request_class = text.bind("request_class", Request)
    verb = text.bind("method", method.http_method)
    text.add_path()
    params = None
    if encoded:
        text.add_query()
    else:
        params = text.add_params()
    arguments = [verb, text.url, *text.add_headers_and_body()]
    if params:
        arguments.append(params)
    made = (
        f"{text.request_class}({', '.join(arguments)})"
        if len(arguments) > 3
        else text.filled(*arguments)
    )
    timeouts = method.of_kind(ParameterKind.TIMEOUT)
    extra = "".join(f", {text.call('timeout', p, TimeoutBinder(method, p))}" for p in timeouts)
    call = f"{invoke}({made}{extra})"
    text.lines.append(f"return await {call}" if method.awaited else f"return {call}")
    head = "async def" if method.awaited else "def"
    lines = [
        f"def make({', '.join(text.bound)}):",
        f"    {head} {method.declaration.function.__name__}({_signature(method)}):",
        *(f"        {line}" for line in text.lines),
        f"    return {method.declaration.function.__name__}",
    ]
    del text.bound[invoke]
    return "\n".join(lines) + "\n", text.bound


def _signature(method: MethodPlan) -> str:
    """The stub's parameters; the real defaults are put in afterwards, as values."""
    pieces = ["self"]
    for parameter in method.parameters:
        if parameter.keyword_only and "*" not in pieces:
            pieces.append("*")
        pieces.append(f"{parameter.name}=None" if parameter.has_default else parameter.name)
    return ", ".join(pieces)


def generate(
    method: MethodPlan, encoded: bool, invoke: Callable[..., Any], port: str = "its port"
) -> Callable[..., Any]:
    """The function that carries out a declared method.

    Args:
        method: The plan.
        encoded: Whether the port takes encoded requests.
        invoke: Called with a :class:`Request` (and the timeout of this call, if the method has
            such a parameter); awaited if the method is.
        port: How a port that encodes by itself is called in errors.
    """
    make, bound = _factory(method, encoded, port)
    function: Callable[..., Any] = make(invoke, **bound)
    _copy_signature(function, method.declaration.function)
    return function


def _factory(
    method: MethodPlan, encoded: bool, port: str
) -> tuple[Callable[..., Any], dict[str, Any]]:
    """``make`` and its values: made once for a plan, compiled once for a text."""
    declaration = method.declaration
    latest = declaration.latest.get((encoded, port))
    if latest is not None and latest[0] is method:
        return latest[1], latest[2]
    source, bound = render(method, encoded, port)
    make = declaration.factories.get(source)
    if make is None:
        make = declaration.factories[source] = _compiled(declaration, source)
    declaration.latest[encoded, port] = method, make, bound
    return make, bound


def _compiled(declaration: Declaration, source: str) -> Callable[..., Any]:
    """``make`` itself. Tracebacks show its text for as long as it or one of its functions lives."""
    stub = declaration.function
    filename = f"<pyfly {stub.__module__}.{stub.__qualname__} {next(_serial)}>"
    # Each function holds this namespace, and with it ``make``.
    namespace: dict[str, Any] = {"__name__": stub.__module__}
    exec(_named(_code(source), filename), namespace)
    make: Callable[..., Any] = namespace["make"]
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    weakref.finalize(make, linecache.cache.pop, filename, None).atexit = False
    return make


@lru_cache(256)
def _code(source: str) -> CodeType:
    """Returns the code of a text. Methods of one name and form, in many classes, have one text."""
    return compile(source, "<pyfly>", "exec")


def _named(code: CodeType, filename: str) -> CodeType:
    """Returns a code, and the codes within it, as if they had been compiled from that file."""
    inner = (_named(c, filename) if isinstance(c, CodeType) else c for c in code.co_consts)
    return code.replace(co_filename=filename, co_consts=tuple(inner))


def _copy_signature(function: Any, stub: Any) -> None:
    """Give a function the looks of the stub. No ``functools.wraps``: it would hide the source."""
    function.__defaults__ = stub.__defaults__
    function.__kwdefaults__ = stub.__kwdefaults__
    function.__qualname__ = stub.__qualname__
    function.__doc__ = stub.__doc__
    function.__module__ = stub.__module__
    if sys.version_info >= (3, 14):
        function.__annotate__ = stub.__annotate__
    else:
        function.__annotations__ = stub.__annotations__
