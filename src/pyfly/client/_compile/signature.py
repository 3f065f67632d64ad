"""From a stub's signature to the plans of its parameters."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Mapping
from typing import Annotated, Any, get_args, get_origin

from pyfly.client._compile.plan import ParameterKind, ParameterPlan
from pyfly.client._compile.template import PathTemplate
from pyfly.client._declare.markers import Body, Cookie, Header, Marker, Path, Query, Timeout
from pyfly.client._declare.verbs import Declaration

__all__ = ["Signature", "read_signature"]

_BODY_METHODS = ("POST", "PUT", "PATCH")
_BODILESS_METHODS = ("GET", "HEAD", "OPTIONS")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
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
    Timeout: ParameterKind.TIMEOUT,
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


def read_signature(declaration: Declaration, template: PathTemplate) -> Signature:
    """Read a stub's signature; all mistakes are gathered, none is raised."""
    result = Signature()
    function = declaration.function
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        result.mistakes.append("is no function (put the verb directly above a def)")
        return result
    hints = _hints(function, result.mistakes)
    result.returns = hints.get("return", inspect.Parameter.empty)
    if "return" in hints and hints["return"] is type(None):
        result.returns = None
    if not parameters or parameters[0].kind not in (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    ):
        result.mistakes.append("has no self (write def method(self, …); no staticmethod)")
        return result
    for parameter in parameters[1:]:
        plan = _parameter(parameter, hints.get(parameter.name, Any), declaration, template, result)
        if plan is not None:
            result.parameters.append(plan)
    _check_placeholders(result, template)
    _check_bodies(result, declaration)
    _check_wire_names(result)
    return result


def _hints(function: Any, mistakes: list[str]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
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
        return None
    annotation, marker = _marker_of(name, hint, result.mistakes)
    kind = _kind_of(name, annotation, marker, declaration, template)
    if kind is None:
        result.mistakes.append(
            f"a {declaration.http_method} has no body, so {name!r} cannot be one "
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
    if get_origin(hint) is not Annotated:
        return hint, None
    annotation, *extras = get_args(hint)
    markers: list[Marker] = []
    for extra in extras:
        if isinstance(extra, Marker):
            markers.append(extra)
        elif isinstance(extra, type) and issubclass(extra, Marker):
            markers.append(extra())
    if len(markers) > 1:
        names = " and ".join(type(marker).__name__ for marker in markers)
        mistakes.append(f"{name!r} is marked {names} (a value goes to one place)")
    return annotation, markers[0] if markers else None


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
        kind = _KINDS[type(marker)]
        return None if kind is ParameterKind.BODY and method in _BODILESS_METHODS else kind
    if name in template.placeholders:
        return ParameterKind.PATH
    if name == "headers" and _is_mapping(annotation):
        return ParameterKind.HEADERS
    if name == "body":
        if method in _BODY_METHODS:
            return ParameterKind.BODY
        return None if method in _BODILESS_METHODS else ParameterKind.QUERY
    return ParameterKind.QUERY


def _is_mapping(annotation: Any) -> bool:
    options = get_args(annotation) if _is_union(annotation) else (annotation,)
    for option in options:
        origin = get_origin(option) or option
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return True
    return False


def _is_union(annotation: Any) -> bool:
    import types

    return get_origin(annotation) in (typing.Union, types.UnionType)


def _wire_name(name: str, kind: ParameterKind, marker: Marker | None, mistakes: list[str]) -> str:
    given: object = getattr(marker, "name", None)
    if given is not None and (not isinstance(given, str) or not given):
        mistakes.append(f"{name!r}: the name on the wire must be a non-empty str, not {given!r}")
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


def _check_placeholders(result: Signature, template: PathTemplate) -> None:
    names = [p.name for p in result.parameters]
    placed = [p.wire_name for p in result.parameters if p.kind is ParameterKind.PATH]
    for placeholder in dict.fromkeys(template.placeholders):
        if placeholder.isidentifier() and placeholder not in placed:
            result.mistakes.append(
                f"the placeholder {{{placeholder}}} has no parameter (there are: "
                f"{', '.join(names) or 'none'}; add {placeholder}, or rename one)"
            )
    for parameter in result.parameters:
        if parameter.kind is not ParameterKind.PATH:
            continue
        if parameter.wire_name not in template.placeholders:
            result.mistakes.append(
                f"{parameter.name!r} is marked Path, but {template.text!r} has no "
                f"{{{parameter.wire_name}}} (add it to the path)"
            )
        elif placed.count(parameter.wire_name) > 1:
            result.mistakes.append(f"two parameters fill {{{parameter.wire_name}}} (keep one)")


def _check_bodies(result: Signature, declaration: Declaration) -> None:
    bodies = [p.name for p in result.parameters if p.kind is ParameterKind.BODY]
    if len(bodies) > 1:
        result.mistakes.append(
            f"two bodies, {' and '.join(map(repr, bodies))} (a request has one; combine them)"
        )
    for kind in (ParameterKind.TIMEOUT, ParameterKind.HEADERS):
        found = [p.name for p in result.parameters if p.kind is kind]
        if len(found) > 1:
            result.mistakes.append(
                f"{' and '.join(map(repr, found))} both are its {kind.value} (keep one)"
            )


def _check_wire_names(result: Signature) -> None:
    for kind in (ParameterKind.QUERY, ParameterKind.HEADER, ParameterKind.COOKIE):
        seen: dict[str, str] = {}
        for parameter in result.parameters:
            if parameter.kind is not kind:
                continue
            wire = parameter.wire_name
            key = wire.lower() if kind is ParameterKind.HEADER else wire
            if key in seen:
                result.mistakes.append(
                    f"{seen[key]!r} and {parameter.name!r} are both sent as the {kind.value} "
                    f"parameter {wire!r} (rename one)"
                )
            seen[key] = parameter.name
