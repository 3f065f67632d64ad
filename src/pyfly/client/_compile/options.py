"""The keyword arguments of verbs, checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pyfly.client._codec.decode import needs_body
from pyfly.client._compile.policies import policy_mistakes
from pyfly.client._compile.signature import is_forbidden_header, is_token
from pyfly.client._declare.options import VerbOptions
from pyfly.client._settings.table import PARAMETERS
from pyfly.client.pagination import Page
from pyfly.client.plan import MethodPlan, ParameterKind

_OF_VERBS = tuple(VerbOptions.__annotations__)
_OF_CLASSES = (*_OF_VERBS, "name", "listeners", *PARAMETERS)
_MAPPINGS = {
    "headers": '{"X-Name": "value"}',
    "params": '{"name": "value"}',
    "errors": "{404: ProductNotFound}",
}


def merged(name: str, common: VerbOptions, own: VerbOptions) -> dict[Any, Any]:
    """A mapping of the client's, and the method's over it; one that is none counts as empty."""
    found: dict[Any, Any] = {}
    for options in (common, own):
        given: Any = options.get(name)
        if isinstance(given, Mapping):
            found.update(given)
    return found


def interceptors_of(common: VerbOptions, own: VerbOptions) -> tuple[Any, ...]:
    """The client's interceptors, then the method's; what is no list counts as empty."""
    found: list[Any] = []
    for options in (common, own):
        given: Any = options.get("interceptors")
        if _is_list(given):
            found += given
    return tuple(found)


def _shape_mistakes(given: VerbOptions) -> Iterator[str]:
    """Which arguments are not even a mapping or a list."""
    options: Mapping[str, Any] = given
    for name, instead in _MAPPINGS.items():
        if name in options and not isinstance(options[name], Mapping):
            yield f"{name}={_short(options[name])} is no mapping (write {name}={instead})"
    if "interceptors" in options and not _is_list(options["interceptors"]):
        yield f"interceptors={_short(options['interceptors'])} is no list (write interceptors=[…])"


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _short(value: object) -> str:
    """A value of the wrong type; by its type, where its text would tell nothing."""
    simple = isinstance(value, (str, int, float, list, tuple, set))
    return repr(value)[:40] if simple else f"<{type(value).__name__}>"


def option_mistakes(method: MethodPlan) -> list[str]:
    """What is wrong with the keyword arguments of a method; empty if nothing is."""
    return [
        *_shape_mistakes(method.declaration.options),
        *_unknown(method.declaration.options, "a verb", _OF_VERBS),
        *_header_mistakes(method),
        *_param_mistakes(method),
        *_head_mistakes(method),
        *_not_found_mistakes(method),
        *_paginate_mistakes(method),
        *_reconnect_mistakes(method),
        *policy_mistakes(method.resilience, "@resilience"),
    ]


def class_option_mistakes(options: VerbOptions) -> list[str]:
    """What is wrong with the keyword arguments of a class decorator, policies apart."""
    return [*_shape_mistakes(options), *_unknown(options, "a class decorator", _OF_CLASSES)]


def _unknown(options: Mapping[str, Any], of: str, known: Sequence[str]) -> Iterator[str]:
    for name in options:
        if name in _OF_VERBS:
            continue
        import difflib  # only when something is wrong

        near = difflib.get_close_matches(name, (*known, *PARAMETERS), 1)
        hint = f"known are {', '.join(known)}"
        if near and near[0] in known:
            hint = f"did you mean {near[0]}?"
        elif near:
            hint = f"write @resilience({near[0]}=…) above it"
        yield f"{name}=… is no argument of {of} ({hint})"


def _head_mistakes(method: MethodPlan) -> Iterator[str]:
    if method.http_method == "HEAD" and method.stream is None and needs_body(method.returns):
        yield (
            "a response to HEAD has no body, so that no value can come of it (write -> Response "
            "for its status and headers, or -> None)"
        )


def _header_mistakes(method: MethodPlan) -> Iterator[str]:
    for name, value in method.headers.items():
        if not isinstance(name, str) or not is_token(name):
            yield f"headers: {name!r} is no header name (letters, digits and '-')"
        elif is_forbidden_header(name):
            yield f"headers: {name!r} is not a caller's to set (remove it)"
        elif not isinstance(value, str):
            yield f"headers: the value of {name!r} must be a str, not {type(value).__name__}"


def _param_mistakes(method: MethodPlan) -> Iterator[str]:
    declared = {p.wire_name: p.name for p in method.of_kind(ParameterKind.QUERY)}
    for name in method.params:
        if not isinstance(name, str) or not name:
            yield f"params: {name!r} is no name of a query parameter (write a str)"
        elif name in declared:
            yield f"params: {name!r} is the parameter {declared[name]!r} as well (keep one)"


def _not_found_mistakes(method: MethodPlan) -> Iterator[str]:
    if "not_found" not in method.options:
        return
    if method.options["not_found"] is not None:
        yield "not_found takes None only (a 404 raises NotFoundException without it)"
    elif not method.absent_on_404:
        yield "not_found=None needs a return annotation with room for it (write T | None, or None)"


def _paginate_mistakes(method: MethodPlan) -> Iterator[str]:
    page = method.options.get("paginate")
    if page is None:
        return
    if not isinstance(page, Page):
        yield (
            f"paginate: {page!r} is no Page (write Page.link(), Page.cursor(), Page.number() or "
            "Page.offset())"
        )
        return
    yield from page.mistakes()
    if method.makes_key:
        yield "paginate makes a call for each page, which must not share a key (remove key=True)"
    if method.stream is None:
        yield (
            "paginate needs a plain def that returns the items (write def … -> AsyncIterator[T], "
            "or Iterator[T] in a synchronous class)"
        )
    elif method.stream.item is bytes:
        yield "paginate gives the items of pages, and bytes are none (write AsyncIterator[T])"
    declared = {p.wire_name: p.name for p in method.of_kind(ParameterKind.QUERY)}
    for name in page.params:
        if name in declared:
            yield (
                f"paginate sends the query parameter {name!r} by itself, and so does the "
                f"parameter {declared[name]!r} (remove that)"
            )
        elif name in method.params:
            yield f"paginate sends the query parameter {name!r} by itself (remove it from params)"


def _reconnect_mistakes(method: MethodPlan) -> Iterator[str]:
    if "reconnect" in method.options:
        if not isinstance(method.options["reconnect"], bool):
            yield f"reconnect={method.options['reconnect']!r} (write True or False)"
        if "reconnect" in method.declaration.options and method.stream is None:
            yield "reconnect is for server-sent events (return AsyncIterator[ServerSentEvent])"
