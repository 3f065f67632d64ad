"""What a method will send, as a table: by the names on the wire."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pyfly.cli.annotations import type_text
from pyfly.cli.check.retries import Retries
from pyfly.cli.target import source_line
from pyfly.client import Body, File, Form, Query
from pyfly.client._compile.shapes import field_names, is_json_only, is_raw, members
from pyfly.client._settings.config import Settings
from pyfly.client.auth.credentials import credentials_of
from pyfly.client.plan import MethodPlan, ParameterKind, ParameterPlan
from pyfly.kernel.record import Record
from pyfly.kernel.secrets import redacted

_FORMS = (ParameterKind.FORM, ParameterKind.FORM_FIELDS, ParameterKind.FILE)


class Field(Record):
    """One name on the wire.

    Attributes:
        name: The name; None for what is spread into fields that are not known.
        parameter: The parameter that gives its value, or ``parameter.field``; None for a
            constant.
        type: The type of that; for a constant its value, ``***`` if it may be secret.
        required: Whether it is always sent.
        detail: What else is to be said, such as the media type of a file.
    """

    name: str | None
    parameter: str | None
    type: str
    required: bool
    detail: str | None = None


class RequestTable(Record):
    """The request of one method.

    Attributes:
        name: The method's.
        file: Where it is declared.
        line: Likewise.
        http_method: ``GET``, …
        url: The base URL and the template.
        path: The parameters in the path.
        query: The query parameters; those of pages are constants.
        headers: The header fields.
        cookies: The cookies.
        body: What the body is, such as ``application/json``; None if there is none.
        fields: The body's parameter, or the fields of the form.
        timeout_parameter: Takes the timeout of a call.
        returns: The result, as annotated.
        timeout: Seconds for one attempt.
        total_timeout: Seconds for the call.
        attempts: The most attempts.
        retried: When another attempt follows, and why.
    """

    name: str
    file: str | None
    line: int | None
    http_method: str
    url: str
    path: list[Field]
    query: list[Field]
    headers: list[Field]
    cookies: list[Field]
    body: str | None
    fields: list[Field]
    timeout_parameter: str | None
    returns: str
    timeout: float | None
    total_timeout: float | None
    attempts: int
    retried: str


def request_table(method: MethodPlan, settings: Settings, base_url: str) -> RequestTable:
    """Describe the request of one method of a right class."""
    retries = Retries(method, settings)
    file, line = source_line(method.declaration.function)
    timeouts = method.of_kind(ParameterKind.TIMEOUT)
    body, fields = _body(method)
    return RequestTable(
        name=method.name,
        file=file,
        line=line,
        http_method=method.http_method,
        url=base_url + method.template.text,
        path=[_field(p) for p in method.of_kind(ParameterKind.PATH)],
        query=_query(method),
        headers=_headers(method),
        cookies=[_field(p) for p in method.of_kind(ParameterKind.COOKIE)],
        body=body,
        fields=fields,
        timeout_parameter=timeouts[0].name if timeouts else None,
        returns=type_text(method.returns),
        timeout=settings.seconds("timeout", method.name),
        total_timeout=settings.seconds("total-timeout", method.name),
        attempts=retries.attempts,
        retried=retries.rule(),
    )


def _field(parameter: ParameterPlan) -> Field:
    detail: str | None = None
    marker = parameter.marker
    if isinstance(marker, Query) and marker.style != "multi":
        detail = marker.style
    elif isinstance(marker, File):
        detail = marker.content_type
    kind, sent = type_text(parameter.annotation), not parameter.has_default
    return Field(parameter.wire_name, parameter.name, kind, sent, detail)


def _spread(parameter: ParameterPlan) -> list[Field]:
    """The fields of an object that are known, else one line for all of them."""
    (kind, *others) = members(parameter.annotation)
    names = None if others else field_names(kind)
    marker = parameter.marker
    below = marker.name if isinstance(marker, (Form, Query)) and marker.nested else None
    if names is None:
        name = None if below is None else f"{below}[…]"
        return [Field(name, parameter.name, type_text(parameter.annotation), False)]
    of = parameter.name
    return [
        Field(name if below is None else f"{below}[{name}]", f"{of}.{name}", type_text(kind), False)
        for name in names
    ]


def _query(method: MethodPlan) -> list[Field]:
    fields = [_constant(name, value) for name, value in method.params.items()]
    for parameter in method.parameters:
        if parameter.kind is ParameterKind.QUERY:
            fields.append(_field(parameter))
        elif parameter.kind is ParameterKind.QUERY_FIELDS:
            fields += _spread(parameter)
    page = method.options.get("paginate")
    if page is not None:
        fields += [Field(name, None, "page by page", False) for name in page.params]
    return fields


def _headers(method: MethodPlan) -> list[Field]:
    fields = [_constant(name, value) for name, value in method.headers.items()]
    if method.makes_key:
        fields.append(Field("Idempotency-Key", None, "one for each call", True))
    credentials = credentials_of(method.options.get("auth"))
    if credentials is not None:
        fields.append(Field("Authorization", None, "***", True, f"auth={credentials.kind}"))
    for parameter in method.parameters:
        if parameter.kind is ParameterKind.HEADER:
            fields.append(_field(parameter))
        elif parameter.kind is ParameterKind.HEADERS:
            fields.append(Field(None, parameter.name, type_text(parameter.annotation), False))
    return fields


def _constant(name: str, value: Any) -> Field:
    text = value.total_seconds() if isinstance(value, timedelta) else value
    return Field(name, None, redacted(name, str(text)), True)


def _body(method: MethodPlan) -> tuple[str | None, list[Field]]:
    for parameter in method.of_kind(ParameterKind.BODY):
        return _media_type(parameter), [_field(parameter).replace(name=None)]
    fields: list[Field] = []
    for parameter in method.of_kind(*_FORMS):
        spread = parameter.kind is ParameterKind.FORM_FIELDS
        fields += _spread(parameter) if spread else [_field(parameter)]
    if not fields:
        return None, []
    multipart = bool(method.of_kind(ParameterKind.FILE))
    return "multipart/form-data" if multipart else "application/x-www-form-urlencoded", fields


def _media_type(parameter: ParameterPlan) -> str:
    marker = parameter.marker
    if isinstance(marker, Body) and marker.media_type:
        return marker.media_type
    kinds = members(parameter.annotation)
    if kinds and all(map(is_raw, kinds)):
        return "application/octet-stream"
    sure = not kinds or is_json_only(parameter.annotation)
    return "application/json" if sure else "application/json, or bytes as they are"
