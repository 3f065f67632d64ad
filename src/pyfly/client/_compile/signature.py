"""From a stub's signature to the plans of its parameters."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, get_args, get_origin

from pyfly.client._compile.checks import parameter_mistakes, signature_mistakes
from pyfly.client._compile.generics import substituted
from pyfly.client._compile.shapes import (
    is_async_stream,
    is_fields,
    is_mapping,
    members,
    resolved_alias,
    unaliased,
)
from pyfly.client._declare.markers import (
    Body,
    Cookie,
    File,
    Form,
    Header,
    Marker,
    Path,
    Query,
    Timeout,
)
from pyfly.client._declare.verbs import Declaration
from pyfly.client.plan import ParameterKind, ParameterPlan
from pyfly.client.template import PathTemplate

NO_TYPES: Mapping[Any, Any] = MappingProxyType({})
_BODY_METHODS = ("POST", "PUT", "PATCH")
_BODILESS_METHODS = ("GET", "HEAD", "OPTIONS")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
#: Control characters (line breaks among them), and halves of surrogate pairs.
_NO_NAME = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff]").search
#: Fields that belong to the connection or the library, never to a caller.
FORBIDDEN_HEADERS = frozenset(
    {
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "te",
        "upgrade",
        "expect",
        "keep-alive",
        "trailer",
    }
)

_KINDS: dict[type[Marker], ParameterKind] = {
    Path: ParameterKind.PATH,
    Query: ParameterKind.QUERY,
    Header: ParameterKind.HEADER,
    Cookie: ParameterKind.COOKIE,
    Body: ParameterKind.BODY,
    Form: ParameterKind.FORM,
    File: ParameterKind.FILE,
    Timeout: ParameterKind.TIMEOUT,
}
_BODY_KINDS = (ParameterKind.BODY, ParameterKind.FORM, ParameterKind.FILE)
_PART: dict[Any, str] = {Form: "a field of one", File: "a file in one"}
#: What an object becomes in a place where its fields can stand alone.
_SPREAD = {
    ParameterKind.QUERY: ParameterKind.QUERY_FIELDS,
    ParameterKind.FORM: ParameterKind.FORM_FIELDS,
}


class Signature:
    """What a stub's signature says, and what is wrong with it.

    Attributes:
        parameters: The plans of the parameters that could be understood.
        returns: The return annotation; ``inspect.Parameter.empty`` if there is none.
        mistakes: One sentence each; empty if the signature is right.
    """

    def __init__(self) -> None:
        self.parameters: list[ParameterPlan] = []
        self.returns: Any = inspect.Parameter.empty
        self.mistakes: list[str] = []


def read_signature(
    declaration: Declaration,
    template: PathTemplate,
    types: Mapping[Any, Any] = NO_TYPES,
    scope: Mapping[str, Any] = NO_TYPES,
) -> Signature:
    """Read a stub's signature; all mistakes are gathered, none is raised.

    Args:
        declaration: The stub's.
        template: Its path.
        types: What the type variables in its annotations stand for.
        scope: The type parameters of its class, by name: text cannot see them otherwise.
    """
    result = Signature()
    function = declaration.function
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        result.mistakes.append("is no function (put the verb directly above a def)")
        return result
    hints = {
        name: substituted(hint, types)
        for name, hint in _hints(function, scope, result.mistakes).items()
    }
    result.returns = unaliased(hints.get("return", inspect.Parameter.empty))
    if "return" in hints and hints["return"] is type(None):
        result.returns = None
    if not parameters or parameters[0].kind not in (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    ):
        result.mistakes.append("has no self (write def method(self, …); no staticmethod)")
        return result
    # A stream is a plain def in an asynchronous client too.
    streams = any(map(is_async_stream, members(result.returns)))
    for parameter in parameters[1:]:
        plan = _parameter(parameter, hints.get(parameter.name, Any), declaration, template, result)
        if plan is not None:
            result.parameters.append(plan)
            asynchronous = declaration.is_coroutine_function or streams
            result.mistakes += parameter_mistakes(plan, asynchronous)
    result.mistakes += signature_mistakes(result.parameters, template)
    return result


def _hints(function: Any, scope: Mapping[str, Any], mistakes: list[str]) -> dict[str, Any]:
    try:
        # Without a scope its own default, which knows more on newer Pythons.
        names = dict(scope) if scope else None
        return typing.get_type_hints(function, localns=names, include_extras=True)
    except NameError as error:
        mistakes.append(
            f"the annotation {error.name!r} cannot be resolved (import it at module level; a "
            "class local to a function cannot be found from a string annotation)"
        )
    except Exception as error:  # any code may stand in an annotation
        mistakes.append(f"its annotations cannot be read: {type(error).__name__}: {error}")
    return {}


def _parameter(
    parameter: inspect.Parameter,
    hint: Any,
    declaration: Declaration,
    template: PathTemplate,
    result: Signature,
) -> ParameterPlan | None:
    name = parameter.name
    if parameter.kind is parameter.VAR_POSITIONAL:
        result.mistakes.append(f"*{name} cannot be sent (declare each value as a parameter)")
        return None
    if parameter.kind is parameter.VAR_KEYWORD:
        result.mistakes.append(f"**{name} cannot be sent (declare each value as a parameter)")
        return None
    if parameter.kind is parameter.POSITIONAL_ONLY:
        result.mistakes.append(f"{name!r} is positional-only (remove the '/')")
    annotation, marker = _marker_of(name, hint, result.mistakes)
    kind = _kind_of(name, annotation, marker, declaration, template)
    if kind is ParameterKind.BODY and parameter.default is None:
        annotation = annotation | None if members(annotation) else annotation
    if kind is None:
        part = _PART.get(type(marker), "one")
        result.mistakes.append(
            f"a {declaration.http_method} has no body, so {name!r} cannot be {part} "
            f'(use @post, or Annotated[…, Query("{name}")] for a query parameter)'
        )
        return None
    return ParameterPlan(
        name=name,
        kind=kind,
        wire_name=_wire_name(name, kind, marker, result.mistakes),
        annotation=annotation,
        marker=marker,
        keyword_only=parameter.kind is parameter.KEYWORD_ONLY,
        has_default=parameter.default is not parameter.empty,
    )


def _marker_of(name: str, hint: Any, mistakes: list[str]) -> tuple[Any, Marker | None]:
    """The annotation without its marker, and the marker.

    One inside a union counts as well: ``Annotated[str, Query("q")] | None``.
    """
    hint = resolved_alias(hint)
    markers = list(_markers(hint))
    if len(markers) > 1:
        names = " and ".join(type(marker).__name__ for marker in markers)
        mistakes.append(f"{name!r} is marked {names} (a value goes to one place)")
    annotation = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    return annotation, markers[0] if markers else None


def _markers(hint: Any) -> Iterator[Marker]:
    hint = resolved_alias(hint)
    if get_origin(hint) is Annotated:
        inner, *extras = get_args(hint)
        yield from _markers(inner)
        for extra in extras:
            if isinstance(extra, Marker):
                yield extra
            elif isinstance(extra, type) and issubclass(extra, Marker):
                yield extra()
    elif get_origin(hint) in (typing.Union, types.UnionType):
        for option in get_args(hint):
            yield from _markers(option)


def _kind_of(
    name: str,
    annotation: Any,
    marker: Marker | None,
    declaration: Declaration,
    template: PathTemplate,
) -> ParameterKind | None:
    """Where the value goes; None for a body on a method that has none."""
    method = declaration.http_method
    if marker is not None:
        kind = next(kind for of, kind in _KINDS.items() if isinstance(marker, of))
        if kind in _BODY_KINDS and method in _BODILESS_METHODS:
            return None
        types = members(annotation)
        return _SPREAD.get(kind, kind) if types and all(map(is_fields, types)) else kind
    if name in template.placeholders:
        return ParameterKind.PATH
    if name == "headers" and any(map(is_mapping, members(annotation))):
        return ParameterKind.HEADERS
    if name == "body":
        if method in _BODY_METHODS:
            return ParameterKind.BODY
        return None if method in _BODILESS_METHODS else ParameterKind.QUERY
    return ParameterKind.QUERY


def _wire_name(name: str, kind: ParameterKind, marker: Marker | None, mistakes: list[str]) -> str:
    given: object = getattr(marker, "name", None)
    if given is not None and (not isinstance(given, str) or not given):
        mistakes.append(f"{name!r}: the name on the wire must be a non-empty str, not {given!r}")
        return name
    if given is not None and _NO_NAME(str(given)):
        mistakes.append(f"{name!r}: the name on the wire, {given!r}, holds a control character")
        return name
    if kind is ParameterKind.HEADER:
        wire = str(given) if given else name.strip("_").replace("_", "-")
        if not _TOKEN.fullmatch(wire):
            mistakes.append(f"{name!r}: {wire!r} is no header name (letters, digits and '-')")
        elif is_forbidden_header(wire):
            mistakes.append(f"{name!r}: the header {wire!r} is not a caller's to set (remove it)")
        return wire
    if kind is ParameterKind.COOKIE and not _TOKEN.fullmatch(str(given or name)):
        mistakes.append(f"{name!r}: {given!r} is no cookie name (letters, digits and '-')")
    return str(given or name)


def is_forbidden_header(name: str) -> bool:
    """Whether a header belongs to the connection, so that a caller must not set it."""
    lower = name.lower()
    return lower in FORBIDDEN_HEADERS or lower.startswith("proxy-")


def is_token(name: str) -> bool:
    """Whether a text can be a header name (RFC 9110, section 5.6.2)."""
    return _TOKEN.fullmatch(name) is not None
