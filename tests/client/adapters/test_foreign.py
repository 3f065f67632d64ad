"""Ports of the user's own: any response, any value, and clear words when something lacks."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from types import SimpleNamespace
from typing import Annotated, Any
from unittest.mock import AsyncMock, MagicMock

import pytest

from pyfly.client import Header, get, post, service_client
from pyfly.client.adapters.foreign import ForeignPort, PortException, SyncForeignPort
from pyfly.client.errors import (
    HttpStatusException,
    NotFoundException,
    PortValueException,
    RedirectException,
    ServerErrorException,
)
from pyfly.client.message import Headers, Request, Response
from pyfly.client.ports import HttpClientPort
from pyfly.testing import client_for


class Recorder:
    """An asynchronous port that returns what it was told to."""

    def __init__(self, result: Any = None) -> None:
        self.result = result
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.steps: list[str] = []

    async def request(self, method: str, url: str, **kwargs: Any) -> Any:
        self.calls.append((method, url, kwargs))
        return self.result

    async def start(self) -> None:
        self.steps.append("start")

    async def stop(self) -> None:
        self.steps.append("stop")


class SyncRecorder:
    """The same without async."""

    def __init__(self, result: Any = None) -> None:
        self.result = result
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.steps: list[str] = []

    def request(self, method: str, url: str, **kwargs: Any) -> Any:
        self.calls.append((method, url, kwargs))
        return self.result

    def start(self) -> None:
        self.steps.append("start")

    def stop(self) -> None:
        self.steps.append("stop")


GET = Request("GET", "/things", {})


def sent(result: Any, request: Request = GET) -> Response[Any]:
    """What the pipeline gets if a port returns ``result``; both kinds agree."""
    port = SyncForeignPort(SyncRecorder(result), "Things")
    found = port.send(request, None)
    other = asyncio.run(ForeignPort(Recorder(result), "Things").send(request, None))
    assert type(other) is type(found)
    return found


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, {}),
        ({"params": {}, "json": None}, {}),
        ({"params": {"a": ["1", "2"]}}, {"params": {"a": ["1", "2"]}}),
        ({"json": {}}, {"json": {}}),
        ({"json": []}, {"json": []}),
        ({"json": 0}, {"json": 0}),
        ({"json": False}, {"json": False}),
        ({"json": ""}, {"json": ""}),
    ],
)
def test_a_port_receives_only_what_is_there(
    parts: dict[str, Any], expected: dict[str, Any]
) -> None:
    for headers in ({}, {"X-A": "1"}):
        recorder = SyncRecorder()
        request = Request("POST", "/p", headers, **parts)
        SyncForeignPort(recorder, "Things").send(request, 5.0)
        arguments = {**expected, "headers": headers} if headers else expected
        assert recorder.calls == [("POST", "/p", arguments)]


def test_both_ports_say_what_they_can_do() -> None:
    for port in (ForeignPort(Recorder(), "Things"), SyncForeignPort(SyncRecorder(), "Things")):
        assert port.takes_encoded is False
        assert port.bounds_deadline is isinstance(port, ForeignPort)
        assert "ecorder of Things" in repr(port)


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"id": 1},
        [1, 2],
        "text",
        b"bytes",
        7,
        {"status_code": 200},
        SimpleNamespace(status_code="200"),
        SimpleNamespace(status_code=True),
        MagicMock(),
    ],
)
def test_anything_without_an_int_status_is_a_plain_value(value: Any) -> None:
    response = sent(value)
    assert response.is_plain_value
    assert response.json() is value
    assert response.content_encoding is None
    assert "plain" in repr(response)


@pytest.mark.parametrize("part", ["status_code", "headers", "content", "text"])
def test_a_plain_value_has_no_part_of_a_response(part: str) -> None:
    response = sent({"secret": "s3cret"})
    with pytest.raises(
        PortValueException, match=r"Recorder\.request\(\) returned a plain dict"
    ) as c:
        getattr(response, part)
    assert "s3cret" not in str(c.value)
    assert "return an object with status_code" in str(c.value)


@pytest.mark.parametrize("status", [200, 404, HTTPStatus.CREATED])
def test_an_int_status_makes_a_response(status: int) -> None:
    response = sent(SimpleNamespace(status_code=status, json=lambda: {"id": 1}))
    assert not response.is_plain_value
    assert type(response.status_code) is int
    assert response.status_code == status
    assert response.is_success is (status < 300)
    assert response.json() == {"id": 1}
    assert response.value is None
    assert repr(response) == f"<SimpleNamespace {int(status)} from SyncRecorder>"


def test_nothing_is_asked_of_a_response_before_it_is_needed() -> None:
    asked: list[str] = []

    class Shy:
        status_code = 200

        def __getattr__(self, name: str) -> Any:
            asked.append(name)
            raise AttributeError(name)

    response = sent(Shy())
    assert asked == []
    for part in ("headers", "content", "text"):
        with pytest.raises(PortValueException, match=f"Shy, which has no '{part}'"):
            getattr(response, part)
    with pytest.raises(PortValueException, match="which has no 'json'"):
        response.json()


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "a/b", "X": 1},
        [("Content-Type", "a/b"), (b"X", b"1")],
        Headers({"Content-Type": "a/b", "X": "1"}),
    ],
)
def test_headers_may_be_any_mapping_or_pairs(headers: Any) -> None:
    found = sent(SimpleNamespace(status_code=200, headers=headers)).headers
    assert isinstance(found, Headers)
    assert (found["content-type"], found["x"]) == ("a/b", "1")


@pytest.mark.parametrize("headers", [None, 5, "a: b", ["ab", "abc"], [1]])
def test_headers_of_another_kind_are_refused(headers: Any) -> None:
    response = sent(SimpleNamespace(status_code=200, headers=headers))
    with pytest.raises(PortValueException, match=r"whose 'headers' is a .*: it must be a mapping"):
        _ = response.headers


@pytest.mark.parametrize(
    ("parts", "content", "text"),
    [
        ({"content": b"caf\xc3\xa9"}, b"caf\xc3\xa9", "café"),
        ({"content": bytearray(b"x")}, b"x", "x"),
        ({"text": "café"}, b"caf\xc3\xa9", "café"),
        ({"content": b"raw", "text": "decoded"}, b"raw", "decoded"),
    ],
)
def test_content_and_text_stand_in_for_each_other(
    parts: dict[str, Any], content: bytes, text: str
) -> None:
    response = sent(SimpleNamespace(status_code=200, headers={}, **parts))
    assert response.content == content
    assert response.text == text


def test_text_is_decoded_by_the_declared_charset() -> None:
    headers = {"content-type": "text/plain; charset=latin-1"}
    response = sent(SimpleNamespace(status_code=200, headers=headers, content=b"caf\xe9"))
    assert response.text == "café"


def test_content_and_text_of_another_kind_are_refused() -> None:
    with pytest.raises(PortValueException, match="whose 'content' is a str: it must be bytes"):
        _ = sent(SimpleNamespace(status_code=200, content="text")).content
    with pytest.raises(PortValueException, match="whose 'text' is a method: it must be str"):
        _ = sent(SimpleNamespace(status_code=200, text=_method)).text


class _Bound:
    def text(self) -> str:
        return ""


_method = _Bound().text


def test_json_must_be_a_method_that_needs_no_waiting() -> None:
    async def json() -> None: ...

    with pytest.raises(PortValueException, match="a method without async: read the body in"):
        sent(SimpleNamespace(status_code=200, json=json)).json()
    with pytest.raises(PortValueException, match="whose 'json' is a dict: it must be a method"):
        sent(SimpleNamespace(status_code=200, json={})).json()


async def test_exceptions_of_a_port_pass_through_unchanged() -> None:
    error = KeyError("mine")
    port = MagicMock()
    port.request = AsyncMock(side_effect=error)
    with pytest.raises(KeyError) as caught:
        await ForeignPort(port, "Things").send(GET, None)
    assert caught.value is error
    port.request = MagicMock(side_effect=error)
    with pytest.raises(KeyError) as caught:
        SyncForeignPort(port, "Things").send(GET, None)
    assert caught.value is error


async def test_starting_and_stopping_reach_the_port() -> None:
    recorder, sync = Recorder(), SyncRecorder()
    port = ForeignPort(recorder, "Things")
    await port.start()
    await port.stop()
    sync_port = SyncForeignPort(sync, "Things")
    sync_port.start()
    sync_port.stop()
    assert recorder.steps == sync.steps == ["start", "stop"]


async def test_start_and_stop_of_an_asynchronous_port_need_not_be_async() -> None:
    port = SyncRecorder()
    await ForeignPort(port, "Things").start()
    await ForeignPort(port, "Things").stop()
    assert port.steps == ["start", "stop"]


async def test_the_mock_of_a_port_is_a_port() -> None:
    mock = AsyncMock(spec=HttpClientPort)
    mock.request.return_value = [{"id": "1"}]
    port = ForeignPort(mock, "Things")
    await port.start()
    assert (await port.send(GET, None)).json() == [{"id": "1"}]
    mock.request.assert_awaited_once_with("GET", "/things")


async def test_a_synchronous_request_for_an_asynchronous_client_is_refused() -> None:
    with pytest.raises(PortException, match=r"Things: SyncRecorder\.request\(\) is not async"):
        await ForeignPort(SyncRecorder({}), "Things").send(GET, None)


async def test_an_asynchronous_port_for_a_synchronous_client_is_refused() -> None:
    port = SyncForeignPort(Recorder({}), "Things")
    for method, act in (
        ("request", lambda: port.send(GET, None)),
        ("start", port.start),
        ("stop", port.stop),
    ):
        with pytest.raises(
            PortException, match=rf"Recorder\.{method}\(\) is async, but the client"
        ):
            act()


def test_something_that_only_can_be_awaited_is_refused_too() -> None:
    class Later:
        def __await__(self) -> Any:
            yield

    with pytest.raises(PortException):
        SyncForeignPort(SyncRecorder(Later()), "Things").send(GET, None)


@pytest.mark.parametrize("kind", [ForeignPort, SyncForeignPort])
def test_an_object_that_lacks_a_method_is_refused_at_once(kind: Any) -> None:
    with pytest.raises(PortException, match=r"the port object lacks request\(\) and start\(\) and"):
        kind(object(), "Things")
    half = SimpleNamespace(request=print, start=print, stop=None)
    with pytest.raises(PortException, match=r"Things: the port SimpleNamespace lacks stop\(\)"):
        kind(half, "Things")
    with pytest.raises(PortException, match="port is the class Recorder; give an object"):
        kind(Recorder, "Things")


class _Bare:
    """Nothing but a status."""

    def __init__(self, status_code: int) -> None:
        self.status_code = status_code


class _Broken:
    """Whatever is asked of it but the status fails."""

    def __init__(self, status_code: int) -> None:
        self.status_code = status_code

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"{name} cannot be had")


@service_client(base_url="http://x", retry=False, circuit_breaker=False, headers={"X-App": "a"})
class Things:
    @get("/things")
    async def things(
        self,
        tenant: Annotated[str, Header("X-Tenant-ID")] = "t",
        headers: dict[str, str] | None = None,
    ) -> None: ...

    @post("/things")
    async def create(
        self, body: dict[str, Any], trace_id: Annotated[str, Header("Trace-ID")] = "1"
    ) -> Any: ...


@pytest.mark.survives(
    "JSON and models",
    "a port of one's own answers with an error status, and has no headers and no body",
    "the exception of that status",
)
@pytest.mark.parametrize("lacking", [_Bare, _Broken])
@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, NotFoundException), (503, ServerErrorException), (301, RedirectException)],
)
async def test_an_error_status_is_told_whatever_the_response_lacks(
    lacking: Any, status: int, kind: type[Exception]
) -> None:
    things = client_for(Things, port=Recorder(lacking(status)))
    with pytest.raises(kind, match=str(status)) as caught:
        await things.things()
    assert isinstance(caught.value, HttpStatusException)
    assert caught.value.status_code == status
    assert caught.value.body == b""


async def test_the_names_of_headers_reach_a_port_as_they_were_written() -> None:
    port = Recorder({"id": 1})
    things = client_for(Things, port=port)
    await things.things()
    await things.things("u", {"X-MiXed": "m", "x-tenant-id": "v"})
    await things.create({"a": 1})
    assert [arguments["headers"] for _, _, arguments in port.calls] == [
        {"X-App": "a", "X-Tenant-ID": "t"},
        {"X-App": "a", "x-tenant-id": "v", "X-MiXed": "m"},
        {"X-App": "a", "Trace-ID": "1"},
    ]
