"""What is wrong with the parameters of a stub, each taken alone and all together.

Every mistake is one sentence: what is wrong, and in brackets what to write instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, get_args

from pyfly.client._codec.multipart import (
    require_file_name,
    require_media_type,
    require_part_name,
)
from pyfly.client._compile.media_type import MediaType
from pyfly.client._compile.shapes import (
    can_be_file,
    field_names,
    in_words,
    is_async_stream,
    is_collection,
    is_fields,
    is_json_only,
    is_raw,
    is_scalar,
    items_of,
    may_be_pydantic,
    members,
)
from pyfly.client._declare.markers import Body, File, Form, Query, QueryStyle
from pyfly.client.message import text_codec
from pyfly.client.plan import ParameterKind, ParameterPlan
from pyfly.client.template import PathTemplate

_FORMS = (ParameterKind.FORM, ParameterKind.FORM_FIELDS, ParameterKind.FILE)
_PLACES = {
    ParameterKind.PATH: "a path",
    ParameterKind.COOKIE: "a cookie",
}


def parameter_mistakes(plan: ParameterPlan, asynchronous: bool) -> Iterator[str]:
    """What is wrong with one parameter: its annotation does not fit its place, or its marker.

    Args:
        plan: The parameter.
        asynchronous: Whether it is a client's with ``async`` calls.
    """
    check = _CHECKS.get(plan.kind)
    if check is not None:
        for mistake in check(plan):
            yield f"{plan.name!r}{mistake}"
    if not asynchronous and plan.kind in (ParameterKind.BODY, ParameterKind.FILE):
        kinds = members(plan.annotation)
        if kinds and all(map(is_async_stream, kinds)):
            yield (
                f"{plan.name!r} is asynchronous and the stub is not (write Iterator[bytes], or "
                "async def)"
            )


def _single(plan: ParameterPlan) -> Iterator[str]:
    kinds = members(plan.annotation)
    if kinds and all(map(_is_no_text, kinds)):
        yield (
            f" is a {in_words(kinds[0])}, and {_PLACES[plan.kind]} takes one text (declare a "
            "str, and join the values)"
        )


def _header(plan: ParameterPlan) -> Iterator[str]:
    kinds = members(plan.annotation)
    if kinds and all(map(_is_no_value, kinds)):
        yield (
            f" is a {in_words(kinds[0])}, which a header field cannot hold (declare a str, or a "
            "list of texts, numbers, dates or enums)"
        )


def _is_no_text(member: Any) -> bool:
    """Whether no value of a type stands for one text."""
    if is_scalar(member):
        return False
    no_scalar = is_collection(member) or is_fields(member) or is_raw(member)
    return no_scalar or member is timedelta


def _query(plan: ParameterPlan) -> Iterator[str]:
    yield from _style(plan)
    kinds = members(plan.annotation)
    if not kinds:
        return
    first = in_words(kinds[0])
    if all(map(is_fields, kinds)):
        yield (
            f" is a {first}, which is no query parameter by itself (write Annotated[{first}, "
            "Query()] to send each field as one, or Body() to send it as the body)"
        )
    elif any(map(is_fields, kinds)) and plan.marker is not None:
        yield f" is either one parameter or several (declare one of {_either(kinds)})"
    elif all(map(_is_no_value, kinds)):
        yield f" is a {first}, which a query cannot hold{_instead(kinds[0])}"


def _is_no_value(member: Any) -> bool:
    """Whether no value of a type stands for one text or several."""
    if is_collection(member):
        items = items_of(member)
        return bool(items) and all(map(_is_no_text, items))
    return _is_no_text(member)


def _instead(member: Any) -> str:
    if is_raw(member):
        return " (mark it Body() or File() to send it as the body)"
    if member is timedelta:
        return " (declare seconds as an int or float)"
    return " (declare a list of texts, numbers, dates or enums)"


def _either(kinds: list[Any]) -> str:
    return " and ".join(in_words(kind) for kind in kinds)


def _spread(plan: ParameterPlan) -> Iterator[str]:
    yield from _style(plan)
    if getattr(plan.marker, "name", None) is not None and not _is_nested(plan):
        yield (
            f" is spread into fields with names of their own, so that {plan.wire_name!r} is "
            "never sent (remove it, and rename the fields; nested=True sends them below it)"
        )


def _is_nested(plan: ParameterPlan) -> bool:
    return isinstance(plan.marker, (Form, Query)) and plan.marker.nested


def _style(plan: ParameterPlan) -> Iterator[str]:
    known = get_args(QueryStyle)
    if isinstance(plan.marker, Query) and plan.marker.style not in known:
        yield f": {plan.marker.style!r} is no style (write one of {', '.join(known)})"


def _form(plan: ParameterPlan) -> Iterator[str]:
    kinds = members(plan.annotation)
    if not kinds:
        return
    if any(map(is_fields, kinds)):
        yield f" is either one field or several (declare one of {_either(kinds)})"
    elif all(map(_is_no_value, kinds)) and not _is_nested(plan):
        instead = " (mark it File())" if is_raw(kinds[0]) else _instead(kinds[0])
        yield f" is a {in_words(kinds[0])}, which a form cannot hold{instead}"


def _file(plan: ParameterPlan) -> Iterator[str]:
    if not can_be_file(plan.annotation):
        first = in_words(members(plan.annotation)[0])
        yield (
            f" is marked File, but a {first} is no file (write bytes, pathlib.Path, BinaryIO, "
            "Iterator[bytes] or FilePart; Form() marks a text field)"
        )
    marker = plan.marker
    if isinstance(marker, File):
        try:
            if marker.filename is not None:
                require_file_name(marker.filename)
            if marker.content_type is not None:
                require_media_type(marker.content_type)
        except ValueError as reason:
            yield f": {reason}"


def _body(plan: ParameterPlan) -> Iterator[str]:
    marker = plan.marker if isinstance(plan.marker, Body) else Body()
    for name, asked in marker.dump_options.items():
        if not isinstance(asked, bool):
            yield f": {name}={asked!r} (write True or False)"
        elif not may_be_pydantic(plan.annotation):
            first = in_words(members(plan.annotation)[0])
            yield f" is a {first}, and {name} is for models of pydantic's (remove it)"
    given = marker.media_type
    if given is None:
        return
    try:
        require_media_type(given)
    except ValueError as reason:
        yield f": {reason}"
        return
    kind = MediaType(given)
    try:
        text_codec(kind.charset)
    except LookupError:
        yield f": {kind.charset!r} is no charset that Python knows (write utf-8)"
        return
    types = members(plan.annotation)
    takes_values = kind.is_json or kind.is_lines
    if not takes_values and is_json_only(plan.annotation) and not any(map(_is_str, types)):
        instead = "Form()" if kind.essence.endswith("/x-www-form-urlencoded") else "str or bytes"
        yield f" is a {in_words(types[0])}, which has no form as {kind.essence} (write {instead})"


def _is_str(member: Any) -> bool:
    return isinstance(member, type) and issubclass(member, str)


_CHECKS: dict[ParameterKind, Callable[[ParameterPlan], Iterator[str]]] = {
    ParameterKind.PATH: _single,
    ParameterKind.HEADER: _header,
    ParameterKind.COOKIE: _single,
    ParameterKind.QUERY: _query,
    ParameterKind.QUERY_FIELDS: _spread,
    ParameterKind.FORM: _form,
    ParameterKind.FORM_FIELDS: _spread,
    ParameterKind.FILE: _file,
    ParameterKind.BODY: _body,
}


def signature_mistakes(parameters: list[ParameterPlan], template: PathTemplate) -> Iterator[str]:
    """What is wrong with the parameters of a stub together."""
    yield from _placeholder_mistakes(parameters, template)
    yield from _body_mistakes(parameters)
    yield from _name_mistakes(parameters)


def _placeholder_mistakes(parameters: list[ParameterPlan], template: PathTemplate) -> Iterator[str]:
    names = [p.name for p in parameters]
    placed = [p.wire_name for p in parameters if p.kind is ParameterKind.PATH]
    for placeholder in dict.fromkeys(template.placeholders):
        if placeholder.isidentifier() and placeholder not in placed:
            yield (
                f"the placeholder {{{placeholder}}} has no parameter (there are: "
                f"{', '.join(names) or 'none'}; add {placeholder}, or rename one)"
            )
    for parameter in parameters:
        if parameter.kind is not ParameterKind.PATH:
            continue
        if parameter.wire_name not in template.placeholders:
            yield (
                f"{parameter.name!r} is marked Path, but {template.text!r} has no "
                f"{{{parameter.wire_name}}} (add it to the path)"
            )
        elif placed.count(parameter.wire_name) > 1:
            yield f"two parameters fill {{{parameter.wire_name}}} (keep one)"


def _body_mistakes(parameters: list[ParameterPlan]) -> Iterator[str]:
    bodies = [p.name for p in parameters if p.kind is ParameterKind.BODY]
    if len(bodies) > 1:
        yield f"two bodies, {_listed(bodies)} (a request has one; combine them)"
    forms = [p.name for p in parameters if p.kind in _FORMS]
    if bodies and forms:
        yield (
            f"{bodies[0]!r} is the body, and so is the form of {_listed(forms)} (a request has "
            "one; mark all of them Form() or File(), or none)"
        )
    for kind in (ParameterKind.TIMEOUT, ParameterKind.HEADERS):
        found = [p.name for p in parameters if p.kind is kind]
        if len(found) > 1:
            yield f"{_listed(found)} both are its {kind.value} (keep one)"
    if any(p.kind is ParameterKind.FILE for p in parameters):
        yield from _part_mistakes(parameters)
        for p in parameters:
            if p.kind is ParameterKind.HEADER and p.wire_name.lower() == "content-type":
                yield (
                    f"{p.name!r}: a multipart body's Content-Type names its boundary (remove it; "
                    "File(content_type=…) gives the type of a file)"
                )


def _part_mistakes(parameters: list[ParameterPlan]) -> Iterator[str]:
    """Names that the parts of a multipart body cannot have."""
    for p in parameters:
        if p.kind in (ParameterKind.FORM, ParameterKind.FILE):
            try:
                require_part_name(p.wire_name, "field name")
            except ValueError as reason:
                yield f"{p.name!r}: {reason}"


def _listed(names: list[str]) -> str:
    return " and ".join(map(repr, names))


def _name_mistakes(parameters: list[ParameterPlan]) -> Iterator[str]:
    """Names that are sent twice; those of spread fields where they are known."""
    for said, alone, spread in (
        ("query parameter", (ParameterKind.QUERY,), ParameterKind.QUERY_FIELDS),
        ("header parameter", (ParameterKind.HEADER,), None),
        ("cookie parameter", (ParameterKind.COOKIE,), None),
        ("form field", (ParameterKind.FORM, ParameterKind.FILE), ParameterKind.FORM_FIELDS),
    ):
        seen: dict[str, str] = {}
        for parameter in parameters:
            if parameter.kind in alone:
                names = [parameter.wire_name]
            elif spread is not None and parameter.kind is spread:
                below = _is_nested(parameter) and getattr(parameter.marker, "name", None)
                names = [below] if below else _known_fields(parameter.annotation)
            else:
                continue
            for name in names:
                key = name.lower() if parameter.kind is ParameterKind.HEADER else name
                if seen.setdefault(key, parameter.name) != parameter.name:
                    yield (
                        f"{seen[key]!r} and {parameter.name!r} are both sent as the {said} "
                        f"{name!r} (rename one)"
                    )


def _known_fields(annotation: Any) -> list[str]:
    found = [name for member in members(annotation) for name in field_names(member) or ()]
    return list(dict.fromkeys(found))
