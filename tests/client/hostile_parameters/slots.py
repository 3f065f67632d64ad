"""The slots of a request: how a value is put into each, and what is to come of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

from pyfly.client import (
    Body,
    Cookie,
    File,
    FilePart,
    Form,
    Header,
    Path,
    Query,
    get,
    http_client,
    post,
)
from tests.client.hostile_parameters import reading
from tests.client.hostile_parameters.reading import MARK, is_encodable
from tests.client.hostile_parameters.wire import Sent

__all__ = ["SLOTS", "Slot", "client_class", "text_of"]


def text_of(value: Any) -> str | None:
    """The text that stands for a value; None if nothing may stand for it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value) if abs(value) < 10**4000 else None
    if isinstance(value, float | Decimal) and math.isfinite(value):
        return str(value)
    return None


class Slot:
    """One place in a request.

    Args:
        name: Shown as the test's parameter, and the name of the method.
        path: The template.
        annotation: Of the parameter ``value``, with its marker.
        read: From the request to the text that arrived; it checks all around it.
        fits: Whether the slot has a form for a text.
        wrap: From the value to the argument.
        converts: Whether other values than texts are tried.
        verb: How it is declared.
        beside: Whether a field and a file are sent beside it.
        parameter: What it is called.
    """

    def __init__(
        self,
        name: str,
        path: str,
        annotation: Any,
        read: Callable[[Sent], Any],
        fits: Callable[[str], bool],
        *,
        wrap: Callable[[Any], Any] | None = None,
        converts: bool = True,
        verb: Any = get,
        beside: bool = False,
        parameter: str = "value",
    ) -> None:
        self.name = name
        self.read = read
        self.parameter = parameter
        self.converts = converts
        self._path = path
        self._annotation = annotation
        self._fits = fits
        self._wrap = wrap
        self._verb = verb
        self._beside = beside

    def takes(self, value: Any) -> bool:
        """Whether a value is to arrive, and not to be refused."""
        text = text_of(value)
        return text is not None and self._fits(text)

    def argument(self, value: Any) -> Any:
        """What the method is called with."""
        return value if self._wrap is None else self._wrap(value)

    def stub(self, asynchronous: bool) -> Any:
        """Its method, declared."""

        async def awaited(self: Any, value: Any) -> None: ...
        def plain(self: Any, value: Any) -> None: ...
        async def awaited_beside(
            self: Any, value: Any, field: str = "1", last: bytes = b"2"
        ) -> None: ...
        def plain_beside(self: Any, value: Any, field: str = "1", last: bytes = b"2") -> None: ...
        async def awaited_headers(self: Any, headers: Any) -> None: ...
        def plain_headers(self: Any, headers: Any) -> None: ...

        if self.parameter == "headers":
            function: Any = awaited_headers if asynchronous else plain_headers
        elif self._beside:
            function = awaited_beside if asynchronous else plain_beside
        else:
            function = awaited if asynchronous else plain
        function.__name__ = self.name
        function.__annotations__ = {
            self.parameter: self._annotation,
            "field": Annotated[str, Form()],
            "last": Annotated[bytes, File()],
            "return": None,
        }
        return self._verb(self._path)(function)


def client_class(asynchronous: bool) -> Any:
    """A client with one method for each slot."""
    members = {slot.name: slot.stub(asynchronous) for slot in SLOTS}
    decorate = http_client(
        base_url="http://unused.example", headers={"X-First": "1"}, params={"fixed": "1"}
    )
    return decorate(type("Hostile", (), members))


def _between(value: Any) -> list[Any]:
    return ["first", value, "last"]


def _named(value: Any) -> dict[Any, str]:
    return {value: MARK}


def _filed(value: Any) -> FilePart:
    return FilePart(MARK.encode(), filename=value)


def in_query(
    name: str, annotation: Any, read: Any, fits: Any = is_encodable, **options: Any
) -> Slot:
    return Slot(name, "/search", annotation, read, fits, **options)


def in_body(
    name: str, annotation: Any, read: Any, fits: Any = is_encodable, **options: Any
) -> Slot:
    return Slot(name, "/items", annotation, read, fits, verb=post, **options)


NAMES = {"wrap": _named, "converts": False}
FIELDS = dict[Any, Any]

SLOTS = [
    Slot("path", "/things/{value}/end", Any, reading.segment, reading.is_segment),
    Slot(
        "segments",
        "/files/{value}/end",
        Annotated[Any, Path(segments=True)],
        reading.in_path("/files/", "/end"),
        reading.is_path,
    ),
    in_query("query", Any, reading.query),
    in_query("csv", Annotated[Any, Query(style="csv")], reading.joined(","), wrap=_between),
    in_query(
        "ssv",
        Annotated[Any, Query(style="ssv")],
        reading.joined("%20"),
        reading.holds_none_of(" "),
        wrap=_between,
    ),
    in_query(
        "pipes",
        Annotated[Any, Query(style="pipes")],
        reading.joined("%7C"),
        reading.holds_none_of("|"),
        wrap=_between,
    ),
    in_query("query_name", Annotated[FIELDS, Query()], reading.query_name, **NAMES),
    in_query("header", Annotated[Any, Header("X-Value")], reading.header, reading.is_field_value),
    in_query(
        "header_name",
        FIELDS,
        reading.header_name,
        reading.is_header_name,
        parameter="headers",
        **NAMES,
    ),
    in_query("cookie", Annotated[Any, Cookie("sid")], reading.cookie, reading.is_cookie_value),
    in_body("form_field", Annotated[Any, Form()], reading.form_field),
    in_body("form_name", Annotated[FIELDS, Form()], reading.form_name, **NAMES),
    in_body(
        "nested_name",
        Annotated[FIELDS, Form("below", nested=True)],
        reading.nested_name,
        reading.holds_none_of("[]"),
        **NAMES,
    ),
    in_body("multipart_field", Annotated[Any, Form()], reading.multipart_field, beside=True),
    in_body(
        "multipart_name",
        Annotated[FIELDS, Form()],
        reading.multipart_name,
        reading.is_part_name,
        beside=True,
        **NAMES,
    ),
    in_body(
        "file_name",
        Annotated[Any, File()],
        reading.file_name,
        reading.is_part_name,
        wrap=_filed,
        converts=False,
        beside=True,
    ),
    in_body(
        "file_content",
        Annotated[Any, File(filename="f")],
        reading.file_content,
        converts=False,
        beside=True,
    ),
    in_body("json", Annotated[Any, Body()], reading.json_value, wrap=_between, converts=False),
    in_body("json_name", Annotated[Any, Body()], reading.json_name, **NAMES),
    in_body("text", Annotated[Any, Body("text/plain")], reading.text, converts=False),
    in_body(
        "lines",
        Annotated[Any, Body("application/x-ndjson")],
        reading.line,
        wrap=_between,
        converts=False,
    ),
]
