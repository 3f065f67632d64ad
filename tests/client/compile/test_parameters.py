"""What a declaration says of its parameters is checked before anything is sent."""

import dataclasses
import io
import pathlib
import sys
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from enum import Enum
from typing import IO, Annotated, Any, BinaryIO, Generic, Literal, NewType, TypedDict, TypeVar

import attrs
import msgspec
import pydantic
import pytest

from pyfly.client import (
    Body,
    ClientDeclarationException,
    Cookie,
    Header,
    Path,
    Query,
    get,
    head,
    http_client,
    options,
    post,
)
from pyfly.client._compile.compile import compile_client
from pyfly.client._declare.markers import File, Form, Marker
from pyfly.client.message import FilePart
from pyfly.client.plan import ParameterKind

T = TypeVar("T")


@dataclasses.dataclass
class Data:
    name: str
    size: int = 0


class Model(pydantic.BaseModel):
    name: str = pydantic.Field(serialization_alias="Name")


class Typed(TypedDict):
    name: str


class Struct(msgspec.Struct, rename="upper"):
    name: str


@attrs.define
class Attrs:
    name: str


class Colour(Enum):
    RED = "red"


Identifier = NewType("Identifier", str)


def class_with(annotation: Any, verb: Any = post, path: str = "/a", sync: bool = False) -> Any:
    """A client with one stub, ``call``, that has one parameter, ``x``."""

    def plain(self: Any, x: Any) -> Any: ...

    async def call(self: Any, x: Any) -> Any: ...

    stub = plain if sync else call
    stub.__annotations__ = {"x": annotation}
    return http_client("http://x")(type("Client", (), {"call": verb(path)(stub)}))


def problems_of(annotation: Any, verb: Any = post, path: str = "/a", sync: bool = False) -> str:
    """What is wrong with such a stub; empty if nothing is."""
    try:
        compile_client(class_with(annotation, verb, path, sync))
    except ClientDeclarationException as error:
        problems = [problem.split(": ", 1) for problem in error.problems]
        return "\n".join(text if where == "Client.call" else where for where, text in problems)
    return ""


def kind_of(annotation: Any) -> ParameterKind:
    return compile_client(class_with(annotation)).methods[0].parameters[0].kind


WRONG: list[tuple[Any, str]] = [
    # What a query cannot hold
    (dict[str, str], "'x' is a dict[str, str], which is no query parameter by itself (write "
     "Annotated[dict[str, str], Query()] to send each field as one, or Body() to send it as"),
    (dict, "'x' is a dict, which is no query parameter by itself (write Annotated[dict, Query()]"),
    (Data | None, "'x' is a Data, which is no query parameter by itself"),
    (Typed, "'x' is a Typed, which is no query"),
    (bytes, "'x' is a bytes, which a query cannot hold (mark it Body() or File() to send it"),
    (BinaryIO, "'x' is a BinaryIO, which a query cannot hold (mark it Body() or File()"),
    (pathlib.Path, "'x' is a Path, which a query cannot hold"),
    (AsyncIterator[bytes], "'x' is a AsyncIterator[bytes], which a query cannot hold"),
    (timedelta, "'x' is a timedelta, which a query cannot hold (declare seconds as an int or"),
    (list[Data], "which a query cannot hold (declare a list of texts, numbers, dates or enums)"),
    (list[list[str]], "which a query cannot hold (declare a list of texts"),
    (Annotated[Data | str, Query()], "'x' is either one parameter or several (declare one of Data"),
    # Queries
    (Annotated[str, Query(style="comma")],  # type: ignore[arg-type]
     "'x': 'comma' is no style (write one of multi, csv, ssv, pipes)"),
    (Annotated[Data, Query(style="comma")], "'x': 'comma' is no style"),  # type: ignore[arg-type]
    (Annotated[Data, Query("filter")], "'x' is spread into fields with names of their own, so that "
     "'filter' is never sent (remove it, and rename the fields; nested=True sends them below it)"),
    (Annotated[Data, Form("data")], "'x' is spread into fields with names of their own"),
    # One text
    (Annotated[list[dict], Header()], "'x' is a list[dict], which a header field cannot hold"),
    (Annotated[dict[str, str], Header()], "which a header field cannot hold (declare a str, or a"),
    (Annotated[Sequence[str], Cookie()], "and a cookie takes one text"),
    (Annotated[bytes, Header()], "'x' is a bytes, which a header field cannot hold"),
    (Annotated[timedelta, Header()], "'x' is a timedelta, which a header field cannot hold"),
    # Forms
    (Annotated[bytes, Form()], "'x' is a bytes, which a form cannot hold (mark it File())"),
    (Annotated[list[Data], Form()], "which a form cannot hold (declare a list of texts"),
    (Annotated[Data | int, Form()], "'x' is either one field or several (declare one of Data and"),
    # Files
    (Annotated[int, File()], "'x' is marked File, but a int is no file (write bytes, pathlib.Path, "
     "BinaryIO, Iterator[bytes] or FilePart; Form() marks a text field)"),
    (Annotated[date | None, File()], "'x' is marked File, but a date is no file"),
    (Annotated[Data, File()], "'x' is marked File, but a Data is no file"),
    (Annotated[dict[str, bytes], File()], "is no file"),
    (Annotated[list[int], File()], "'x' is marked File, but a list[int] is no file"),
    (Annotated[Colour, File()], "'x' is marked File, but a Colour is no file"),
    (Annotated[timedelta, File()], "'x' is marked File, but a timedelta is no file"),
    (Annotated[bytes, File(filename="a\x00")], "'x': the file name holds a control character"),
    (Annotated[bytes, File(filename="")], "'x': the file name must be a non-empty str, not ''"),
    (Annotated[bytes, File(content_type="png")], "'x': 'png' is no media type (write one like"),
    (Annotated[bytes, File(content_type="a/b\r\nc: d")], "is no media type"),
    # Bodies
    (Annotated[str, Body("text")], "'x': 'text' is no media type (write one like 'image/png')"),
    (Annotated[str, Body(7)], "'x': 7 is no media type"),  # type: ignore[arg-type]
    (Annotated[str, Body("text/plain; charset=klingon")], "'x': 'klingon' is no charset that"),
    (Annotated[dict[str, str], Body("text/plain")],
     "'x' is a dict[str, str], which has no form as text/plain (write str or bytes)"),
    (Annotated[Data, Body("application/x-www-form-urlencoded")],
     "'x' is a Data, which has no form as application/x-www-form-urlencoded (write Form())"),
    # Names
    (Annotated[str, Query("a\r\nb")], "'x': the name on the wire, 'a\\r\\nb', holds a control"),
    (Annotated[str, Query("\ud800")], "'x': the name on the wire, '\\ud800', holds a control"),
    (Annotated[str, Form("")], "'x': the name on the wire must be a non-empty str"),
    (Annotated[bytes, File("a\nb")], "'x': the name on the wire, 'a\\nb', holds a control"),
    (Annotated[str, Query(7)], "must be a non-empty str, not 7"),  # type: ignore[arg-type]
    (Annotated[str, Query("a")] | Annotated[int, Header("b")], "'x' is marked Query and Header"),
]  # fmt: skip


@pytest.mark.parametrize(("annotation", "problem"), WRONG, ids=lambda v: str(v)[:60])
def test_a_parameter_that_cannot_be_sent_is_a_mistake(annotation: Any, problem: str) -> None:
    found = problems_of(annotation)
    assert problem in found
    assert "\n" not in found


@pytest.mark.parametrize(
    "annotation",
    [
        Any,
        object,
        T,
        str,
        str | None,
        int | str,
        Literal["a", "b"],
        Literal[None, 1],
        Identifier,
        Colour,
        date,
        list[str],
        set[int] | None,
        tuple[Colour, ...],
        list,
        list[Any],
        Sequence[Identifier],
        str | dict[str, str],
        str | bytes,
        list[str | Data],
        Annotated[str, "a note"],
        Annotated[Any, Query()],
        Annotated[str, Query(style="csv")],
        Annotated[str | list[str], Query("a b")],
        Annotated[dict[str, str], Query()],
        Annotated[Data | None, Query(style="csv")],
        Annotated[Model | Typed, Query()],
        Annotated[Struct, Form()],
        Annotated[Attrs, Form()],
        Annotated[Any, Form()],
        Annotated[list[str], Form()],
        Annotated[str | list[str], Header()],
        Annotated[Any, Header()],
        Annotated[Any, File()],
        Annotated[bytes | str | None, File()],
        Annotated[pathlib.Path, File()],
        Annotated[BinaryIO, File()],
        Annotated[IO[bytes], File()],
        Annotated[io.BufferedReader, File()],
        Annotated[FilePart, File()],
        Annotated[list[FilePart] | bytes, File()],
        Annotated[list[Any], File()],
        Annotated[Iterator[bytes], File()],
        Annotated[AsyncIterable[bytes], File()],
        Annotated[int | bytes, File()],
        Annotated[str, Body("text/plain; charset=utf-16")],
        Annotated[bytes, Body("application/pdf")],
        Annotated[Any, Body("application/xml")],
        Annotated[str | Data, Body("text/plain")],
        Annotated[dict[str, Any], Body("application/merge-patch+json")],
        Annotated[list[Data], Body("application/x-ndjson")],
        Annotated[AsyncIterator[Data], Body("application/x-ndjson")],
        Annotated[AsyncIterator[bytes], Body()],
        Annotated[str, Query("x")] | None,
    ],
    ids=str,
)
def test_a_parameter_that_can_be_sent_is_none(annotation: Any) -> None:
    assert problems_of(annotation) == ""


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        (Annotated[Data, Query()], ParameterKind.QUERY_FIELDS),
        (Annotated[Data | Typed | None, Query()], ParameterKind.QUERY_FIELDS),
        (Annotated[Mapping[str, str], Form()], ParameterKind.FORM_FIELDS),
        (Annotated[Any, Query()], ParameterKind.QUERY),
        (Annotated[list[str], Form()], ParameterKind.FORM),
        (Annotated[str, Header("a")] | None, ParameterKind.HEADER),
        (Annotated[Annotated[str, Header("a")], "note"], ParameterKind.HEADER),
        (Annotated[Annotated[str, "note"] | None, Cookie], ParameterKind.COOKIE),
        (Annotated[Data, Body], ParameterKind.BODY),
        (Annotated[Data, File()], None),
    ],
    ids=str,
)
def test_the_annotation_says_whether_an_object_is_spread(annotation: Any, kind: Any) -> None:
    if kind is None:
        assert problems_of(annotation) != ""
    else:
        assert kind_of(annotation) is kind


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the type statement is of 3.12")
def test_a_type_statement_stands_for_what_it_names() -> None:
    namespace: dict[str, Any] = {"Annotated": Annotated, "Header": Header, "Data": Data}
    exec("type Trace = Annotated[str | None, Header('X-Trace')]\ntype Plain = Data", namespace)
    assert kind_of(namespace["Trace"]) is ParameterKind.HEADER
    alias = namespace["Plain"]
    assert kind_of(Annotated[alias, Query()]) is ParameterKind.QUERY_FIELDS


@pytest.mark.parametrize("verb", [get, head, options])
@pytest.mark.parametrize(
    ("marker", "said"),
    [(Body(), "one"), (Form(), "a field of one"), (File(), "a file in one")],
)
def test_methods_without_a_body_take_no_part_of_one(verb: Any, marker: Marker, said: str) -> None:
    method = verb.__name__.upper()
    assert problems_of(Annotated[bytes, marker], verb).partition("\n")[0] == (
        f"a {method} has no body, so 'x' cannot be {said} "
        '(use @post, or Annotated[…, Query("x")] for a query parameter)'
    )


@pytest.mark.parametrize("annotation", [list[str], dict[str, str], Data, bytes, timedelta])
def test_a_path_takes_one_text(annotation: Any) -> None:
    assert "and a path takes one text" in problems_of(annotation, path="/a/{x}")
    marked = Annotated[annotation, Path(segments=True)]
    assert "and a path takes one text" in problems_of(marked, path="/a/{x}")


@pytest.mark.parametrize("kind", [AsyncIterator[bytes], AsyncIterable[bytes] | None])
@pytest.mark.parametrize("marker", [Body(), File()])
def test_a_synchronous_stub_takes_no_asynchronous_iterator(kind: Any, marker: Marker) -> None:
    annotation = Annotated[kind, marker]
    assert problems_of(annotation, sync=True) == (
        "'x' is asynchronous and the stub is not (write Iterator[bytes], or async def)"
    )
    assert problems_of(annotation) == ""
    assert problems_of(Annotated[Iterator[bytes] | kind, marker], sync=True) == ""


def test_an_asynchronous_stub_takes_a_plain_iterator() -> None:
    assert problems_of(Annotated[Iterable[bytes], Body()]) == ""


def problems_of_class(cls: Any) -> list[str]:
    with pytest.raises(ClientDeclarationException) as caught:
        compile_client(http_client("http://x")(cls))
    return list(caught.value.problems)


def test_names_that_are_sent_twice_are_mistakes_where_they_are_known() -> None:
    class Client:
        @get("/a")
        async def query(self, name: str, f: Annotated[Data, Query()]) -> Any: ...

        @get("/b")
        async def alias(
            self, f: Annotated[Model, Query()], n: Annotated[str, Query("Name")]
        ) -> Any: ...

        @get("/c")
        async def both(
            self, f: Annotated[Struct, Query()], g: Annotated[dict[str, str], Query()]
        ) -> Any: ...

        @get("/d")
        async def objects(
            self, f: Annotated[Typed, Query()], g: Annotated[Attrs | None, Query()]
        ) -> Any: ...

        @post("/e")
        async def form(
            self,
            f: Annotated[Data, Form()],
            size: Annotated[int, Form()],
            more: Annotated[bytes, File("name")],
        ) -> Any: ...

        @post("/f")
        async def places(self, name: str, f: Annotated[Data, Form()]) -> Any: ...

        @get("/g")
        async def members(self, f: Annotated[Data | Attrs, Query()]) -> Any: ...

    assert problems_of_class(Client) == [
        "Client.query: 'name' and 'f' are both sent as the query parameter 'name' (rename one)",
        "Client.alias: 'f' and 'n' are both sent as the query parameter 'Name' (rename one)",
        "Client.objects: 'f' and 'g' are both sent as the query parameter 'name' (rename one)",
        "Client.form: 'f' and 'size' are both sent as the form field 'size' (rename one)",
        "Client.form: 'f' and 'more' are both sent as the form field 'name' (rename one)",
    ]


def test_a_body_and_a_form_are_one_too_many() -> None:
    class Client:
        @post("/a")
        async def call(
            self,
            body: dict[str, Any],
            title: Annotated[str, Form()],
            photo: Annotated[bytes, File()],
        ) -> Any: ...

    assert problems_of_class(Client) == [
        "Client.call: 'body' is the body, and so is the form of 'title' and 'photo' (a request "
        "has one; mark all of them Form() or File(), or none)"
    ]


F = TypeVar("F")


def test_a_type_variable_is_what_the_class_says() -> None:
    class Base(Generic[F]):
        @get("/a")
        async def find(self, f: Annotated[F, Query()]) -> Any: ...

    @http_client("http://x")
    class Client(Base[Data]): ...

    (method,) = compile_client(Client).methods
    assert method.parameters[0].kind is ParameterKind.QUERY_FIELDS
    assert method.parameters[0].annotation is Data


def test_a_marker_of_ones_own_is_its_base() -> None:
    class Tenant(Header): ...

    assert kind_of(Annotated[str, Tenant("X-Tenant")]) is ParameterKind.HEADER
