"""No error, and no log of a call, shows a secret."""

import asyncio
import json
import logging
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import pydantic
import pytest
from rich.pretty import pretty_repr

from pyfly.client import (
    Cookie,
    Header,
    Headers,
    Query,
    Response,
    bearer,
    connect,
    connect_sync,
    get,
    http_client,
    post,
    service_client,
)
from pyfly.kernel.exceptions import PyFlyException
from pyfly.testing import FaultServer
from pyfly.testing.fault_server import Answer as FaultAnswer
from pyfly.testing.fault_server import Reset, Silence
from tests.rules.support import settings
from tests.support.servers import ServerClient

TESTS = Path(__file__).parents[1]
SECRETS = ["hunter2-auth", "hunter2-cookie", "hunter2-key", "hunter2-query", "hunter2-body",
           "hunter2-answer", "hunter2-set"]  # fmt: skip


class Card(pydantic.BaseModel):
    number: int
    holder: str


def client_class(url: str) -> Any:
    @service_client(base_url=url, retry=2, retry_base_delay=0.001)
    class Client:
        @post("/x")
        async def send(
            self,
            body: dict,
            headers: Mapping[str, str],
            token: Annotated[str, Query("access_token")] = "hunter2-query",
            key: Annotated[str, Header("X-Api-Key")] = "hunter2-key",
        ) -> Card: ...

    return Client


async def call(client: Any) -> Any:
    return await client.send(
        {"password": "hunter2-body"},
        {"Authorization": "Bearer hunter2-auth", "Cookie": "session=hunter2-cookie"},
    )


def leaks(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """What was logged; of other libraries not what they only log for debugging."""
    return " ".join(
        f"{record.getMessage()} {vars(record)}"
        for record in caplog.records
        if record.name.startswith("pyfly") or record.levelno >= logging.INFO
    )


SAD = {"Set-Cookie": "session=hunter2-set", "WWW-Authenticate": "Bearer"}
ANSWERS: dict[str, dict[str, Any]] = {
    "503": {"status": 503, "headers": SAD, "body": {"secret": "hunter2-answer"}, "times": 9},
    "401": {"status": 401, "headers": SAD, "body": {"secret": "hunter2-answer"}},
    "422 problem": {
        "status": 422,
        "headers": {**SAD, "Content-Type": "application/problem+json"},
        "body": {
            "title": 'not valid: {"password": "hunter2-answer"}',
            "detail": "see https://me:hunter2-auth@h/y?access_token=hunter2-query",
            "extension": "hunter2-answer",
        },
    },
    "302": {"status": 302, "headers": {**SAD, "Location": "/y?access_token=hunter2-query"}},
    "mismatch": {"headers": SAD, "body": {"number": "hunter2-answer", "holder": 5}},
    "no json": {"headers": SAD, "body": b'{"number": "hunter2-answer"'},
    "html": {"headers": {**SAD, "Content-Type": "text/html"}, "body": b"<p>hunter2-answer</p>"},
    "204": {"raw": "HTTP/1.1 204 No Content\r\nSet-Cookie: session=hunter2-set\r\n\r\n"},
    "too large": {"headers": SAD, "body": b"hunter2-answer" * 1000},
    "dropped": {"drop": True, "times": 9},
    "cut": {"headers": SAD, "body": b"hunter2-answer" * 5, "cut": 150},
    "broken header": {"raw": "HTTP/1.1 200 OK\r\nX hunter2-answer\r\n\r\n", "close": True},
    "broken status": {"raw": "HTTP/1.1 hunter2-answer\r\n\r\n", "close": True},
    "slow": {"delay": 1, "times": 9},
}


@pytest.mark.parametrize("kind", ANSWERS)
async def test_no_error_and_no_log_of_a_call_shows_a_secret(
    guide: ServerClient, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    caplog.set_level(logging.DEBUG)
    guide.script("/x", ANSWERS[kind])
    config = settings({"default.timeout": "60ms", "default.max-response-size": 5000})
    async with connect(client_class(guide.url), config=config) as client:
        with pytest.raises(PyFlyException) as caught:
            await call(client)
    error = caught.value
    assert leaks(f"{error} {error!r} {error.args} {error.context}") == []
    assert leaks(logged(caplog)) == []
    assert leaks("\n".join(getattr(error, "__notes__", []))) == []


@pytest.mark.parametrize("kind", [kind for kind in ANSWERS if "broken" not in kind])
async def test_a_logged_traceback_shows_no_secret(guide: ServerClient, kind: str) -> None:
    guide.script("/x", ANSWERS[kind])
    config = settings({"default.timeout": "60ms", "default.max-response-size": 5000})
    async with connect(client_class(guide.url), config=config) as client:
        with pytest.raises(PyFlyException) as caught:
            await call(client)
    lines = traceback.format_exception(caught.value)
    told = [line for line in lines if not line.lstrip().startswith("File ")]  # source is no value
    assert leaks("".join(told)) == []


async def test_a_connection_that_is_refused_shows_none(
    unused_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with connect(client_class(f"http://127.0.0.1:{unused_port}")) as client:
        with pytest.raises(PyFlyException) as caught:
            await call(client)
    assert leaks(f"{caught.value} {caught.value!r} {logged(caplog)}") == []


async def test_a_refused_argument_does_not_show_its_value(
    guide: ServerClient, caplog: pytest.LogCaptureFixture
) -> None:
    @http_client(base_url=guide.url)
    class Client:
        @get("/x/{token}")
        async def read(
            self,
            token: str,
            auth: Annotated[str | None, Header("Authorization")] = None,
            session: Annotated[str | None, Cookie("session")] = None,
        ) -> dict: ...

    caplog.set_level(logging.DEBUG)
    async with connect(Client) as client:
        for arguments in (
            {"token": "hunter2-key\n"},
            {"token": "1", "auth": "Bearer hunter2-auth\r\n"},
            {"token": "1", "session": "hunter2-cookie\r\n"},
        ):
            with pytest.raises(PyFlyException) as caught:
                await client.read(**arguments)
            assert leaks(f"{caught.value} {caught.value!r} {logged(caplog)}") == []


async def test_headers_and_responses_do_not_show_secrets(guide: ServerClient) -> None:
    headers = Headers({"Authorization": "hunter2-auth", "Set-Cookie": "hunter2-set", "X-A": "b"})
    assert leaks(repr(headers)) == leaks(str(headers)) == []
    assert "b" in repr(headers)

    @http_client(base_url=guide.url)
    class Client:
        @get("/x")
        async def read(self) -> Response: ...

    guide.script("/x", {"headers": SAD, "body": {"secret": "hunter2-answer"}})
    async with connect(Client) as client:
        response = await client.read()
    assert json.loads(response.content) == {"secret": "hunter2-answer"}
    assert leaks(f"{response} {response!r}") == []


def shown_locals(error: BaseException) -> str:
    """What rich's traceback, or Sentry's, shows of the frames of ours that an error has."""
    shown: list[str] = []
    seen: BaseException | None = error
    while seen is not None:
        for frame, _ in traceback.walk_tb(seen.__traceback__):
            if "pyfly" in frame.f_code.co_filename.replace(str(TESTS), ""):
                shown += [pretty_repr(value, max_string=40) for value in frame.f_locals.values()]
                shown += [repr(value) for value in frame.f_locals.values()]
        seen = seen.__cause__ or seen.__context__
    assert shown
    return "\n".join(shown)


def credentialed(url: str, asynchronous: bool, auth: Any) -> Any:
    if asynchronous:

        class Client:
            @get("/x", headers={"X-Secret": "hunter2-auth-and-so-on-for-more-than-forty-letters"})
            async def read(
                self,
                key: Annotated[str, Header("X-Api-Key")],
                session: Annotated[str, Cookie("sid")],
            ) -> Any: ...

            @post("/x")
            async def send(self, body: dict) -> Any: ...

        return service_client(url, auth=auth, retry=2, retry_base_delay=0.001)(Client)

    class SyncClient:
        @get("/x", headers={"X-Secret": "hunter2-auth-and-so-on-for-more-than-forty-letters"})
        def read(
            self, key: Annotated[str, Header("X-Api-Key")], session: Annotated[str, Cookie("sid")]
        ) -> Any: ...

        @post("/x")
        def send(self, body: dict) -> Any: ...

    return service_client(url, auth=auth, retry=2, retry_base_delay=0.001)(SyncClient)


FAILURES = {"reset": Reset("before"), "silence": Silence(), "401": FaultAnswer(401)}


@pytest.mark.survives(
    "Files, pages and credentials",
    "a traceback that shows the values in each frame",
    "`***` for every credential in a frame of pyfly's",
)
@pytest.mark.parametrize(
    "auth", ["hunter2-auth", bearer(lambda: "hunter2-auth")], ids=["text", "b"]
)
@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("adapter", ["httpx2", "aiohttp", "sync"])
async def test_a_traceback_with_locals_shows_no_credential(
    adapter: str, failure: str, auth: Any
) -> None:
    config = settings({"default.timeout": "100ms"})
    if adapter == "aiohttp":
        config = settings({"default.timeout": "100ms", "default.adapter": "aiohttp"})
    with FaultServer() as server:
        server.on("*", FAILURES[failure])
        calls = (
            lambda client: client.read("hunter2-key", "hunter2-cookie"),
            lambda client: client.send({"a": 1}),
        )
        errors: list[BaseException] = []
        if adapter == "sync":
            with connect_sync(credentialed(server.url, False, auth), config=config) as client:
                for call in calls:
                    with pytest.raises(PyFlyException) as caught:
                        await asyncio.to_thread(call, client)
                    errors.append(caught.value)
        else:
            async with connect(credentialed(server.url, True, auth), config=config) as client:
                for call in calls:
                    with pytest.raises(PyFlyException) as caught:
                        await call(client)
                    errors.append(caught.value)
    for error in errors:
        assert leaks(shown_locals(error)) == []
