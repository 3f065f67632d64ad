"""The lines of one generated function, and the values that they use.

Values that need no encoding, which are most, are told by tests in C; a binder is called for
the others. Nothing but identifiers enters the text.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from pyfly.client._bind.binders import (
    CookieBinder,
    HeaderBinder,
    HeaderDict,
    HeadersBinder,
    ParamsBinder,
    PathBinder,
    QueryBinder,
)
from pyfly.client._bind.bodies import BodyBinder, FormBinder, MultipartBinder, refusing_port
from pyfly.client._bind.constants import (
    WrittenNames,
    constant_headers,
    constant_params,
    constant_query,
)
from pyfly.client._bind.fields import ParamsFieldsBinder, QueryFieldsBinder
from pyfly.client._compile.shapes import members
from pyfly.client.message import BlankRequest
from pyfly.client.plan import MethodPlan, ParameterKind, ParameterPlan, allows_none
from pyfly.kernel.secrets import hidden, is_secret

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


class FunctionText:
    """The text of one function, and the values that ``make`` binds into it."""

    def __init__(self, method: MethodPlan, encoded: bool, port: str) -> None:
        self.method = method
        self.encoded = encoded
        self.port = port
        self.bound: dict[str, Any] = {}
        self.request_class = ""
        self.lines: list[str] = []
        self._names = _Names(method)
        self._limits: tuple[str, str] | None = None
        self.url, self.query, self.headers, self.content, self.request = map(
            self._names, ("url", "query", "headers", "content", "request")
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
            if self._limits is None:
                self._limits = self.bind("least", -_LIMIT), self.bind("most", _LIMIT)
            least, most = self._limits
            return f"{name}.__class__ is int and {least} < {name} < {most}"
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
            true, false = (
                self.bind(f"{word}_{name}", binder(value))
                for word, value in (("true", True), ("false", False))
            )
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
        constant = constant_headers(self.method, self.encoded)
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
            self.lines.append(f"{self.headers} = {self.bind('copy', HeaderDict)}({headers})")
            headers = self.headers
        for parameter in parameters:
            binder = _HEADER_BINDERS[parameter.kind](self.method, parameter)
            if parameter.kind is ParameterKind.COOKIE or is_secret(parameter.wire_name):
                self.lines.insert(0, f"{parameter.name} = {self._hidden}({parameter.name})")
            self.lines.append(self.call(parameter.kind.value, parameter, binder, headers))
        if not self.encoded and (constant or parameters):
            fields = [headers, *(p.name for p in self.method.of_kind(ParameterKind.HEADERS))]
            written = self.bind("written", WrittenNames(self.method))
            headers = f"{written}({', '.join(fields)})"
        if not asked:
            return [headers]
        return [headers, self.content if self.encoded else f"json={self.content}"]

    @cached_property
    def _hidden(self) -> str:
        return self.bind("hidden", hidden)

    def filled(self, method: str, url: str, headers: str) -> str:
        """The lines for a request without a body; the name of the variable that holds it.

        Filling it in here takes half the time of its constructor, which is a tenth of a
        microsecond and the largest part of a binding.
        """
        request = self.request
        self.lines += [
            f"{request} = {self.bind('blank', BlankRequest)}()",
            f"{request}.method = {method}",
            f"{request}.url = {url}",
            f"{request}.headers = {headers}",
            f"{request}.content = {request}.params = {request}.json = {request}.single_use = None",
        ]
        return request

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
            return body.awaited if method.awaited else body.any, bodies
        fields = method.of_kind(*_FORM_KINDS)
        if not fields:
            return None, ()
        if not self.encoded:
            return refusing_port(method, self.port), fields
        if not method.of_kind(ParameterKind.FILE):
            return FormBinder(method, headers).__call__, fields
        multipart = MultipartBinder(method, headers)
        return multipart.awaited if method.awaited else multipart.__call__, fields
