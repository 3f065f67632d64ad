"""From a method's plan to one Python function with the stub's own signature.

What comes out for ``search(self, category, in_stock=True)`` on ``/products`` reads::

    def make(_invoke, _request, _method, _headers, _path_0, _query_category, _query_in_stock):
        async def search(self, category, in_stock=...):
            url = f'{_path_0}'
            query = _query_category(category) + _query_in_stock(in_stock)
            if query:
                url += '?' + query[1:]
            return await _invoke(_request(_method, url, _headers))
        return search

Python itself binds the arguments; there is no reflection in a call. Only identifiers enter the
text, which Python has already accepted as such; everything else that a user wrote (paths,
names on the wire, defaults) is a value bound by ``make``. The text is registered with
``linecache``, so that tracebacks and debuggers show it and ``inspect.getsource`` finds it.
"""

from __future__ import annotations

import itertools
import linecache
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from pyfly.client._bind.binders import binder_for
from pyfly.client._bind.constants import constant_headers, constant_params, constant_query
from pyfly.client._compile.plan import MethodPlan, ParameterKind, ParameterPlan
from pyfly.client.message import Request

__all__ = ["generate", "render"]

_serial = itertools.count(1)


class _Names:
    """Names for what the generated function uses, none of which is a parameter's."""

    def __init__(self, parameters: tuple[ParameterPlan, ...]) -> None:
        self._taken = {parameter.name for parameter in parameters} | {"self"}

    def __call__(self, wanted: str) -> str:
        while wanted in self._taken:
            wanted += "_"
        self._taken.add(wanted)
        return wanted


class _Text:
    """The text of one function, and the values that ``make`` binds into it."""

    def __init__(self, method: MethodPlan, encoded: bool) -> None:
        self.method = method
        self.encoded = encoded
        self.bound: dict[str, Any] = {}
        self.lines: list[str] = []
        self._names = _Names(method.parameters)
        self._locals = {name: self._names(name) for name in ("url", "query", "headers")}
        self._headers: dict[str, str] = {}

    def bind(self, wanted: str, value: Any) -> str:
        name = self._names(f"_{wanted}")
        self.bound[name] = value
        return name

    def binder(self, parameter: ParameterPlan) -> str:
        value = binder_for(self.method, parameter, self.encoded)
        return self.bind(f"{parameter.kind.value}_{parameter.name}", value)

    def url(self) -> str:
        """The line that makes the path; the name of the variable that holds it."""
        template = self.method.template
        placed = {p.wire_name: p for p in self.method.of_kind(ParameterKind.PATH)}
        pieces: list[str] = []
        for index, literal in enumerate(template.literals):
            if literal:
                pieces.append(f"{{{self.bind(f'path_{index}', literal)}}}")
            if index < len(template.placeholders):
                parameter = placed[template.placeholders[index]]
                pieces.append(f"{{{self.binder(parameter)}({parameter.name})}}")
        url = self._locals["url"]
        self.lines.append(f"{url} = f'{''.join(pieces)}'")
        return url

    def query(self, url: str) -> str | None:
        """The lines for the query; for a port that encodes by itself, where they end up."""
        parameters = self.method.of_kind(ParameterKind.QUERY)
        constant = constant_query(self.method) if self.encoded else constant_params(self.method)
        if not parameters and not constant:
            return None
        query = self._locals["query"]
        if self.encoded:
            texts = [self.bind("params", constant)] if constant else []
            texts += [f"{self.binder(parameter)}({parameter.name})" for parameter in parameters]
            self.lines.append(f"{query} = {' + '.join(texts)}")
            self.lines.append(f"if {query}:")
            self.lines.append(f"    {url} += '?' + {query}[1:]")
            return None
        start = f"{{**{self.bind('params', constant)}}}" if constant else "{}"
        self.lines.append(f"{query} = {start}")
        for parameter in parameters:
            self.lines.append(f"{self.binder(parameter)}({query}, {parameter.name})")
        return query

    def headers(self, constant: dict[str, str]) -> str:
        """The lines for the headers; the name of the variable or constant that holds them."""
        prebuilt = self.bind("headers", constant)
        kinds = (ParameterKind.HEADER, ParameterKind.COOKIE, ParameterKind.HEADERS)
        # The mapping comes last: what a caller passes for one call beats all else.
        parameters = sorted(self.method.of_kind(*kinds), key=lambda p: kinds.index(p.kind))
        if not parameters:
            return prebuilt
        headers = self._locals["headers"]
        copy = self.bind("copy", _HeaderDict)
        self.lines.append(f"{headers} = {copy}({prebuilt})")
        for parameter in parameters:
            self.lines.append(f"{self.binder(parameter)}({headers}, {parameter.name})")
        return headers


class _HeaderDict(dict[str, str]):
    """Header fields by name, whatever its case: a later one replaces an earlier one."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__()
        for name, value in fields.items():
            self[name] = value

    def __setitem__(self, name: str, value: str) -> None:
        super().__setitem__(name.lower(), value)

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)

    def pop(self, name: str, *default: Any) -> Any:
        return super().pop(name.lower(), *default)


def render(method: MethodPlan, encoded: bool) -> tuple[str, dict[str, Any]]:
    """The text of a method's function, and what it needs bound besides ``_invoke``.

    Args:
        method: The plan.
        encoded: Whether the port takes encoded requests.
    """
    text = _Text(method, encoded)
    invoke = text.bind("invoke", None)
    request = text.bind("request", Request)
    verb = text.bind("method", method.http_method)
    url = text.url()
    params = text.query(url)
    bodies = method.of_kind(ParameterKind.BODY)
    constant = {"content-type": "application/json"} if bodies and encoded else {}
    arguments = [verb, url, text.headers({**constant, **constant_headers(method)})]
    if bodies:
        body = f"{text.binder(bodies[0])}({bodies[0].name})"
        arguments.append(f"content={body}" if encoded else f"json={body}")
    if params:
        arguments.append(f"params={params} or None")
    timeouts = method.of_kind(ParameterKind.TIMEOUT)
    extra = f", {text.binder(timeouts[0])}({timeouts[0].name})" if timeouts else ""
    call = f"{invoke}({request}({', '.join(arguments)}){extra})"
    text.lines.append(f"return await {call}" if method.asynchronous else f"return {call}")
    head = "async def" if method.asynchronous else "def"
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


def generate(method: MethodPlan, encoded: bool, invoke: Callable[..., Any]) -> Callable[..., Any]:
    """The function that carries out a declared method.

    Args:
        method: The plan.
        encoded: Whether the port takes encoded requests.
        invoke: Called with a :class:`Request` (and the timeout of this call, if the method has
            such a parameter); awaited if the method is asynchronous.
    """
    source, bound = render(method, encoded)
    stub = method.declaration.function
    filename = f"<pyfly {stub.__module__}.{stub.__qualname__} {next(_serial)}>"
    namespace: dict[str, Any] = {"__name__": stub.__module__}
    exec(compile(source, filename, "exec"), namespace)
    make = namespace["make"]
    function: Callable[..., Any] = make(invoke, **bound)
    _dress(function, stub)
    _remember(function, filename, source)
    return function


def _dress(function: Any, stub: Any) -> None:
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


def _remember(function: Any, filename: str, source: str) -> None:
    """Show the text in tracebacks, for as long as the function lives."""
    lines: Iterator[str] = iter(source.splitlines(keepends=True))
    linecache.cache[filename] = (len(source), None, list(lines), filename)
    weakref.finalize(function, linecache.cache.pop, filename, None)
