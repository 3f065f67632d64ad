"""One command-line option for each parameter of a method."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any

import click

from pyfly.cli.annotations import type_text
from pyfly.cli.call.texts import choices_of, item_annotation, json_value, scalar
from pyfly.client import Body
from pyfly.client._compile.media_type import MediaType
from pyfly.client._compile.shapes import is_fields, is_raw, members
from pyfly.client.plan import MethodPlan, ParameterKind, ParameterPlan

#: Of the names that click passes values by, so that they do not meet those of other options.
PREFIX = "argument_"

_PLACES = {
    ParameterKind.PATH: "in the path",
    ParameterKind.QUERY: "query parameter {name}",
    ParameterKind.QUERY_FIELDS: "query parameters, as a JSON object",
    ParameterKind.HEADER: "header {name}",
    ParameterKind.HEADERS: "a header, such as 'X-Trace: 1'; may be repeated",
    ParameterKind.COOKIE: "cookie {name}",
    ParameterKind.BODY: "the body",
    ParameterKind.FORM: "form field {name}",
    ParameterKind.FORM_FIELDS: "form fields, as a JSON object",
    ParameterKind.FILE: "file {name}: @path, or - for standard input",
    ParameterKind.TIMEOUT: "how long each attempt may take, such as 2s",
}


def options_of(method: MethodPlan) -> list[click.Option]:
    """The options of a method's parameters, in their order."""
    signature = inspect.signature(method.declaration.function).parameters
    return [_option(p, signature[p.name].default) for p in method.parameters]


def values_of(method: MethodPlan, given: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments of a call: what was given on the command line."""
    found: dict[str, Any] = {}
    for parameter in method.parameters:
        value = given.get(PREFIX + parameter.name)
        if value is None or value == ():
            continue
        if parameter.kind is ParameterKind.HEADERS:
            value = {name: text for mapping in value for name, text in mapping.items()}
        found[parameter.name] = list(value) if isinstance(value, tuple) else value
    return found


def _flag(name: str) -> str:
    """``--product-id``; the command takes ``--product_id`` for it too."""
    return f"--{(name.strip('_') or name).replace('_', '-')}"


def _option(parameter: ParameterPlan, default: Any) -> click.Option:
    is_flag_like = members(parameter.annotation) == [bool]
    extra: dict[str, Any] = {"is_flag": False, "flag_value": "true"} if is_flag_like else {}
    return click.Option(
        [_flag(parameter.name), PREFIX + parameter.name],
        type=_Argument(parameter).reader(),
        multiple=True,  # so that a second one is seen
        callback=None if _is_repeated(parameter) else _only_one,
        required=not parameter.has_default,
        help=_help(parameter, default),
        metavar=_metavar(parameter),
        **extra,
    )


def _only_one(context: click.Context, option: click.Parameter, values: tuple[Any, ...]) -> Any:
    """The value of an option; None for none.

    Raises:
        click.UsageError: There are several.
    """
    if len(values) > 1:
        raise click.UsageError(
            f"{option.opts[0]} takes one value, and is given {len(values)} times"
        )
    return values[0] if values else None


def _is_repeated(parameter: ParameterPlan) -> bool:
    if parameter.kind is ParameterKind.HEADERS:
        return True
    several = (ParameterKind.QUERY, ParameterKind.FORM, ParameterKind.FILE)
    return parameter.kind in several and item_annotation(parameter.annotation) is not None


def _metavar(parameter: ParameterPlan) -> str:
    choices = choices_of(parameter.annotation)
    if choices:
        return "[" + "|".join(choices) + "]"
    annotation = item_annotation(parameter.annotation) if _is_repeated(parameter) else None
    text = type_text(parameter.annotation if annotation is None else annotation)
    return text.removesuffix(" | None")  # which is said by leaving it out


def _help(parameter: ParameterPlan, default: Any) -> str:
    text = _PLACES[parameter.kind].format(name=parameter.wire_name)
    if parameter.kind is ParameterKind.BODY:
        text += f" ({_media_type(parameter).text}): @file, or - for standard input"
    if _is_repeated(parameter) and parameter.kind is not ParameterKind.HEADERS:
        text += "; may be repeated"
    if isinstance(default, Enum):
        default = default.value
    if isinstance(default, bool):
        default = str(default).lower()
    told = isinstance(default, (str, int, float)) and default != ""
    return f"{text}  [default: {default}]" if told else text


def _media_type(parameter: ParameterPlan) -> MediaType:
    given = parameter.marker.media_type if isinstance(parameter.marker, Body) else None
    kinds = members(parameter.annotation)
    if given is None and kinds and all(map(is_raw, kinds)):
        return MediaType("application/octet-stream")
    return MediaType(given or "application/json")


class _Argument:
    """Reads the text of one option."""

    def __init__(self, parameter: ParameterPlan) -> None:
        self._parameter = parameter

    def reader(self) -> Callable[[str], Any]:
        """A function for click."""

        def value(text: str) -> Any:
            try:
                return self._read(text)
            except (ValueError, RecursionError) as error:
                raise click.BadParameter(str(error)) from None

        return value

    def _read(self, text: str) -> Any:
        parameter = self._parameter
        match parameter.kind:
            case ParameterKind.BODY:
                return self._body(text)
            case ParameterKind.FILE:
                return self._file(text)
            case ParameterKind.HEADERS:
                return _headers(text)
            case ParameterKind.QUERY_FIELDS | ParameterKind.FORM_FIELDS:
                return json_value(parameter.annotation, _content(text))
            case ParameterKind.TIMEOUT:
                return scalar(timedelta, text)
            case _:
                inner = item_annotation(parameter.annotation) if _is_repeated(parameter) else None
                if inner is not None and any(map(is_fields, members(inner))):
                    return json_value(inner, _content(text))  # nested=True
                return scalar(parameter.annotation if inner is None else inner, text)

    def _body(self, text: str) -> Any:
        annotation, media_type = self._parameter.annotation, _media_type(self._parameter)
        kinds = members(annotation)
        raw = bool(kinds) and any(map(is_raw, kinds))
        if raw and text.startswith("@") and not text.startswith("@@"):
            return _path(text[1:])
        if media_type.is_lines:
            return [json_value(Any, line) for line in _content(text).splitlines() if line.strip()]
        only_text = bool(kinds) and all(kind is str for kind in kinds)
        if only_text or not (media_type.is_json or raw):
            return _content(text).decode()
        if raw and all(map(is_raw, kinds)):
            return _content(text)
        try:
            return json_value(annotation, _content(text))
        except ValueError as error:
            hint = "" if text[:1] in "@-{[" else " (texts have quotes in JSON)"
            raise ValueError(f"{error}{hint}") from None

    def _file(self, text: str) -> Any:
        if text == "-":
            return _content(text)
        if not text.startswith("@"):
            raise ValueError(f"write @{text} for the file of that name, or - for standard input")
        return _path(text[1:])


def _path(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise ValueError(f"there is no file {text!r}")
    return path


def _content(text: str) -> bytes:
    """The text itself, that of ``@file``, or standard input for ``-``; ``@@`` is an ``@``."""
    if text in ("-", "@-"):
        return sys.stdin.buffer.read()
    if text.startswith("@@"):
        return text[1:].encode()
    return _path(text[1:]).read_bytes() if text.startswith("@") else text.encode()


def _headers(text: str) -> dict[str, Any]:
    if text.startswith("{"):
        value = json_value(Any, text.encode())
        assert isinstance(value, dict)  # by the brace
        return value
    name, colon, value = text.partition(":")
    if not colon:
        raise ValueError(f"{text!r} is no header (write 'Name: value')")
    return {name.strip(): value.strip()}
