"""From a method's plan to one Python function with the stub's own signature.

What comes out for ``search(self, shop, category=None, page=1)`` on ``/shops/{shop}`` reads::

    def make(_invoke, _request, _method, _path_0, _path_shop, _is_category, _query_category, …):
        async def search(self, shop, category=None, page=None):
            if not (shop.__class__ is str and shop.isascii() and shop.isalnum()):
                shop = _path_shop(shop)
            url = f'{_path_0}{shop}'
            category = '' if category is None else _query_category(category)
            page = f'{_is_page}{page}' if page.__class__ is int … else _query_page(page)
            query = f'{category}{page}'
            if query:
                url = f'{url}?{query[1:]}'
            return await _invoke(_request(_method, url, _headers))
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
from typing import Any

from pyfly.client._bind.binders import (
    CookieBinder,
    HeaderBinder,
    HeadersBinder,
    ParamsBinder,
    PathBinder,
    QueryBinder,
    TimeoutBinder,
)
from pyfly.client._bind.bodies import (
    BodyBinder,
    FormBinder,
    MultipartBinder,
    close_content,
    refusing_port,
)
from pyfly.client._bind.constants import constant_headers, constant_params, constant_query
from pyfly.client._bind.fields import ParamsFieldsBinder, QueryFieldsBinder
from pyfly.client._compile.plan import MethodPlan, ParameterKind, ParameterPlan, allows_none
from pyfly.client._compile.shapes import members
from pyfly.client._declare.verbs import Declaration
from pyfly.client.message import Request

__all__ = ["generate", "render"]

_serial = itertools.count(1)

#: Beyond it ``str(int)`` may refuse, which only the binder puts into words.
_LIMIT = 1 << 63
_HEADER_BINDERS: dict[ParameterKind, Any] = {
    ParameterKind.HEADER: HeaderBinder,
    ParameterKind.COOKIE: CookieBinder,
    # The mapping comes last: what a caller passes for one call beats all else.
    ParameterKind.HEADERS: HeadersBinder,
}
_FORM_KINDS = (ParameterKind.FORM, ParameterKind.FORM_FIELDS, ParameterKind.FILE)
_QUERY_KINDS = (ParameterKind.QUERY, ParameterKind.QUERY_FIELDS)


class _Names:
    """Names for what the generated function uses: none is a parameter's or the function's own."""

    def __init__(self, method: MethodPlan) -> None:
        function = method.declaration.function.__name__
        self._taken = {parameter.name for parameter in method.parameters} | {"self", function}

    def __call__(self, wanted: str) -> str:
        while wanted in self._taken:
            wanted += "_"
        self._taken.add(wanted)
        return wanted


class _Text:
    """The text of one function, and the values that ``make`` binds into it."""

    def __init__(self, method: MethodPlan, encoded: bool, port: str) -> None:
        self.method = method
        self.encoded = encoded
        self.port = port
        self.bound: dict[str, Any] = {}
        self.lines: list[str] = []
        self.closes: str | None = None
        self._names = _Names(method)
        self._limit: str | None = None
        self.url, self.query, self.headers, self.content = map(
            self._names, ("url", "query", "headers", "content")
        )

    def bind(self, wanted: str, value: Any) -> str:
        name = self._names(f"_{wanted}")
        self.bound[name] = value
        return name

    def call(self, kind: str, parameter: ParameterPlan, binder: Any, *before: str) -> str:
        """A call of a binder with the parameter; a bound method is the fastest to call."""
        name = self.bind(f"{kind}_{parameter.name}", binder.__call__)
        return f"{name}({', '.join([*before, parameter.name])})"

    def needs_no_encoding(self, parameter: ParameterPlan) -> str | None:
        """A test in C that most values of the annotated type pass; None for other types."""
        name, kinds = parameter.name, members(parameter.annotation)
        if kinds in ([], [str]):
            return f"{name}.__class__ is str and {name}.isascii() and {name}.isalnum()"
        if kinds == [int]:
            if self._limit is None:
                self._limit = self.bind("limit", _LIMIT)
            return f"{name}.__class__ is int and -{self._limit} < {name} < {self._limit}"
        return None

    # The parts of a request, each a few lines

    def add_path(self) -> None:
        template = self.method.template
        placed = {p.wire_name: p for p in self.method.of_kind(ParameterKind.PATH)}
        pieces: list[str] = []
        for index, literal in enumerate(template.literals):
            if literal:
                pieces.append(f"{{{self.bind(f'path_{index}', literal)}}}")
            if index < len(template.placeholders):
                parameter = placed[template.placeholders[index]]
                self._add_encoding(parameter)
                pieces.append(f"{{{parameter.name}}}")
        if len(pieces) == 1 and not template.placeholders:
            self.lines.append(f"{self.url} = {pieces[0][1:-1]}")
        else:
            self.lines.append(f"{self.url} = f'{''.join(pieces)}'")

    def _add_encoding(self, parameter: ParameterPlan) -> None:
        name = parameter.name
        encode = f"{name} = {self.call('path', parameter, PathBinder(self.method, parameter))}"
        test = self.needs_no_encoding(parameter)
        if test is None:
            self.lines.append(encode)
        else:
            self.lines += [f"if not ({test}):", f"    {encode}"]

    def add_query(self) -> None:
        parameters = self.method.of_kind(*_QUERY_KINDS)
        constant = constant_query(self.method)
        if not parameters and not constant:
            return
        pieces = [self.bind("params", constant)] if constant else []
        for parameter in parameters:
            self.lines.append(f"{parameter.name} = {self._query_text(parameter)}")
            pieces.append(parameter.name)
        pieces = [f"{{{piece}}}" for piece in pieces]
        self.lines += [
            f"{self.query} = f'{''.join(pieces)}'",
            f"if {self.query}:",
            f"    {self.url} = f'{{{self.url}}}?{{{self.query}[1:]}}'",
        ]

    def _query_text(self, parameter: ParameterPlan) -> str:
        name = parameter.name
        if parameter.kind is ParameterKind.QUERY_FIELDS:
            return self.call("query", parameter, QueryFieldsBinder(self.method, parameter))
        binder = QueryBinder(self.method, parameter)
        text = self.call("query", parameter, binder)
        test = self.needs_no_encoding(parameter)
        if test is not None:
            begin = self.bind(f"is_{name}", binder.prefix)
            text = f"f'{{{begin}}}{{{name}}}' if {test} else {text}"
        elif members(parameter.annotation) == [bool]:
            true = self.bind(f"is_True_{name}", binder(True))
            false = self.bind(f"is_False_{name}", binder(False))
            text = f"{true} if {name} is True else {false} if {name} is False else {text}"
        if allows_none(parameter.annotation):
            text = f"'' if {name} is None else {text}"
        return text

    def add_params(self) -> str | None:
        """The query for a port that encodes by itself; the argument that hands it over."""
        parameters = self.method.of_kind(*_QUERY_KINDS)
        constant = constant_params(self.method)
        if not parameters and not constant:
            return None
        start = f"{{**{self.bind('params', constant)}}}" if constant else "{}"
        self.lines.append(f"{self.query} = {start}")
        for parameter in parameters:
            spread = parameter.kind is ParameterKind.QUERY_FIELDS
            binder = (ParamsFieldsBinder if spread else ParamsBinder)(self.method, parameter)
            self.lines.append(self.call("query", parameter, binder, self.query))
        return f"params={self.query} or None"

    def add_headers_and_body(self) -> list[str]:
        """The arguments of the request that hold both."""
        constant = constant_headers(self.method)
        binder, asked = self._body(constant)
        headers = self.headers
        if asked:
            waits = "await " if binder.__name__ == "awaited" else ""
            name = self.bind("body", binder)
            given = ", ".join(parameter.name for parameter in asked)
            self.lines.append(f"{self.content}, {headers} = {waits}{name}({given})")
        else:
            headers = self.bind("headers", constant)
        kinds = list(_HEADER_BINDERS)
        parameters = sorted(self.method.of_kind(*kinds), key=lambda p: kinds.index(p.kind))
        if parameters:
            self.lines.append(f"{self.headers} = {self.bind('copy', _HeaderDict)}({headers})")
            headers = self.headers
        for parameter in parameters:
            binder = _HEADER_BINDERS[parameter.kind](self.method, parameter)
            self.lines.append(self.call(parameter.kind.value, parameter, binder, headers))
        if not asked:
            return [headers]
        return [headers, self.content if self.encoded else f"json={self.content}"]

    def _body(self, headers: dict[str, str]) -> tuple[Any, tuple[ParameterPlan, ...]]:
        """What makes the body, and of which parameters."""
        method = self.method
        bodies = method.of_kind(ParameterKind.BODY)
        if bodies:
            body = BodyBinder(method, bodies[0], headers, self.port)
            if not self.encoded:
                return body.plain, bodies
            if body.json_only:
                return body.json, bodies
            self.closes = self.content
            return body.awaited if method.asynchronous else body.any, bodies
        fields = method.of_kind(*_FORM_KINDS)
        if not fields:
            return None, ()
        if not self.encoded:
            return refusing_port(method, self.port), fields
        if not method.of_kind(ParameterKind.FILE):
            return FormBinder(method, headers).__call__, fields
        self.closes = self.content
        multipart = MultipartBinder(method, headers)
        return multipart.awaited if method.asynchronous else multipart.__call__, fields


class _HeaderDict(dict[str, str]):
    """Header fields by name, whatever its case: a later one replaces an earlier one.

    Made of a dict whose names are lower case already.
    """

    def __setitem__(self, name: str, value: str) -> None:
        super().__setitem__(name.lower(), value)

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)

    def pop(self, name: str, *default: Any) -> Any:
        return super().pop(name.lower(), *default)


def render(method: MethodPlan, encoded: bool, port: str = "its port") -> tuple[str, dict[str, Any]]:
    """The text of ``make`` for a method, and the values of its parameters but the first."""
    text = _Text(method, encoded, port)
    invoke = text.bind("invoke", None)
    request = text.bind("request", Request)
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
    timeouts = method.of_kind(ParameterKind.TIMEOUT)
    extra = "".join(f", {text.call('timeout', p, TimeoutBinder(method, p))}" for p in timeouts)
    call = f"{invoke}({request}({', '.join(arguments)}){extra})"
    done = f"return await {call}" if method.asynchronous else f"return {call}"
    if text.closes is None:
        text.lines.append(done)
    else:
        close = text.bind("close", close_content)
        text.lines += ["try:", f"    {done}", "finally:", f"    {close}({text.closes})"]
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


def generate(
    method: MethodPlan, encoded: bool, invoke: Callable[..., Any], port: str = "its port"
) -> Callable[..., Any]:
    """The function that carries out a declared method.

    Args:
        method: The plan.
        encoded: Whether the port takes encoded requests.
        invoke: Called with a :class:`Request` (and the timeout of this call, if the method has
            such a parameter); awaited if the method is asynchronous.
        port: How a port that encodes by itself is called in errors.
    """
    source, bound = render(method, encoded, port)
    declaration = method.declaration
    make = declaration.factories.get(source)
    if make is None:
        make = declaration.factories[source] = _compiled(declaration, source)
    function: Callable[..., Any] = make(invoke, **bound)
    _dress(function, declaration.function)
    return function


def _compiled(declaration: Declaration, source: str) -> Callable[..., Any]:
    """``make`` itself. Tracebacks show its text for as long as it or one of its functions lives."""
    stub = declaration.function
    filename = f"<pyfly {stub.__module__}.{stub.__qualname__} {next(_serial)}>"
    # Each function holds this namespace, and with it ``make``.
    namespace: dict[str, Any] = {"__name__": stub.__module__}
    exec(compile(source, filename, "exec"), namespace)
    make: Callable[..., Any] = namespace["make"]
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    weakref.finalize(make, linecache.cache.pop, filename, None).atexit = False
    return make


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
