"""A secret of each kind is planted in a call over a socket; nothing that tells of it shows it."""

from __future__ import annotations

import logging
import textwrap
import traceback
from pathlib import Path
from typing import Any

import pytest

from pyfly.client import HttpxClientAdapter, connect, explain
from pyfly.kernel.exceptions import PyFlyException
from pyfly.testing import Cassette, FaultServer, client_for
from pyfly.testing.fault_server import Answer, Behaviour, Reset
from tests.cli.shell import HEAD, Shell
from tests.rules.support import settings

#: A method for each, with what would be seen if it were shown, and how it is called by hand.
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "auth": ('@get("/x", auth="Bearer hunter2")', {}),
    "refresh": ('@get("/x", auth=bearer("hunter2-old", refresh=lambda: "hunter2-new"))', {}),
    "x_api_key": ('@get("/x", headers={"X-Api-Key": "hunter2"})', {}),
    "subscription": ('@get("/x")', {"key": ("Header('Ocp-Apim-Subscription-Key')", "hunter2")}),
    "query": ('@get("/x")', {"token": ("Query('access_token')", "hunter2")}),
    "fixed_query": ('@get("/x", params={"access_token": "hunter2"})', {}),
    "cookie": ('@get("/x")', {"sid": ("Cookie('sid')", "hunter2")}),
    "form": ('@post("/x")', {"secret": ("Form('client_secret')", "hunter2")}),
    "body": ('@post("/x")', {"body": ("Body()", {"user": "me", "password": "hunter2"})}),
}
SAD = {"location": "/y?access_token=hunter2#id_token=hunter2", "set-cookie": "sid=hunter2"}
PROBLEM = '{"title": "no", "detail": "see /y?access_token=hunter2", "token": "hunter2"}'
OUTCOMES: dict[str, Behaviour] = {
    "200": Answer(json={"access_token": "hunter2"}, headers=SAD),
    "302": Answer(302, headers=SAD),
    "401": Answer(401, headers=SAD, json={"password": "hunter2"}),
    "422": Answer(422, PROBLEM, headers={**SAD, "content-type": "application/problem+json"}),
    "503": Answer(503, headers=SAD),
    "reset": Reset("before"),
    "no json": Answer(200, '{"password": "hunter2"', headers=SAD),
}


def declaration(kind: str) -> str:
    """A module with a client of one method, which has the name of the kind."""
    decorator, parameters = KINDS[kind]
    told = "".join(f", {name}: Annotated[Any, {mark}]" for name, (mark, _) in parameters.items())
    return HEAD + textwrap.dedent(f"""
        @service_client("http://nowhere.invalid", retry=2, retry_base_delay=0.001)
        class Planted(Protocol):
            {decorator}
            async def {kind}(self{told}) -> dict[str, Any]: ...
    """)


def client_class(kind: str) -> Any:
    names: dict[str, Any] = {"__name__": "planted"}
    exec(compile(declaration(kind), "planted", "exec", dont_inherit=True), names)
    return names["Planted"]


def told_of(error: BaseException) -> str:
    """Everything an error says; the lines of source in a traceback are no values."""
    lines = traceback.format_exception(error)
    told = [line for line in lines if not line.lstrip().startswith("File ")]
    return f"{error} {error!r} {error.args} {vars(error).get('context')} {''.join(told)}"


def logged(caplog: pytest.LogCaptureFixture) -> str:
    records = [record for record in caplog.records if record.name.startswith("pyfly")]
    return " ".join(f"{record.getMessage()} {vars(record)}" for record in records)


@pytest.mark.survives(
    "Files, pages and credentials",
    "a call with a secret in a header, a token, the query, a cookie, a form, a body, or the URL of "
    "its proxy, whatever comes of it",
    "`***` in errors, logs, cassettes, `explain` and `pyfly call --dry-run`",
)
@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_planted_secret_is_shown_nowhere(
    kind: str, outcome: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    arguments = {name: value for name, (_, value) in KINDS[kind][1].items()}
    told: dict[str, str] = {}
    path = tmp_path / "planted.yaml"
    with FaultServer() as server:
        server.on("*", OUTCOMES[outcome])
        async with Cassette(path, HttpxClientAdapter(server.url), mode="refresh") as cassette:
            client = client_for(client_class(kind), port=cassette)
            method = getattr(client, kind)
            told["explain"] = f"{explain(method)} {client!r} {method!r}"
            if outcome == "200":
                assert await method(**arguments) == {"access_token": "hunter2"}
            else:
                with pytest.raises(PyFlyException) as caught:
                    await method(**arguments)
                told["error"] = told_of(caught.value)
        sent = b"".join(request.head + request.body for request in server.requests)
    assert b"hunter2" in sent
    told["cassette"] = path.read_text()
    told["logs"] = logged(caplog)
    lines = [(name, line) for name, text in told.items() for line in text.splitlines()]
    assert [(name, line) for name, line in lines if "hunter2" in line] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_dry_run_shows_no_planted_secret(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = Shell(tmp_path, monkeypatch, capsys)
    module = shell.module(declaration(kind), head="")
    values = [
        part
        for name, (_, value) in KINDS[kind][1].items()
        for part in (f"--{name}", '{"password": "hunter2"}' if name == "body" else value)
    ]
    ran = shell.run("call", f"{module}:Planted.{kind}", *values, "--dry-run")
    assert (ran.status, ran.complained) == (0, "")
    assert "***" in ran.printed
    assert "hunter2" not in ran.printed


@pytest.mark.parametrize("answers", [True, False])
async def test_the_password_of_a_proxy_is_shown_nowhere(
    answers: bool, unused_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with FaultServer() as server:
        server.on("*", Answer(407, headers=SAD))
        at = server.url.removeprefix("http://") if answers else f"127.0.0.1:{unused_port}"
        config = settings({"default.proxy": f"http://me:hunter2@{at}"})
        async with connect(client_class("auth"), config=config) as client:
            told = f"{explain(client.auth)} {client!r}"
            with pytest.raises(PyFlyException) as caught:
                await client.auth()
        told += told_of(caught.value) + logged(caplog)
    assert "hunter2" not in told
    assert "proxy" in told
