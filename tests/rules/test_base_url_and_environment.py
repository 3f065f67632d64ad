"""The origin of a client: its base URL, and what the environment may not change."""

from pathlib import Path
from typing import Any

import pytest

from pyfly.client import ConnectException, connect, get, http_client
from pyfly.kernel.exceptions import PyFlyException
from tests.rules.support import one_answer, settings
from tests.support.servers import ServerClient

PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]


def client_class(url: str) -> Any:
    @http_client(base_url=url)
    class Client:
        @get("/echo/x")
        async def echo(self) -> dict: ...

    return Client


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize(
    ("suffix", "target"),
    [("", "/echo/x"), ("/", "/echo/x"), ("/echo/v1", "/echo/v1/echo/x"),
     ("/echo/v1/", "/echo/v1/echo/x")],
)  # fmt: skip
async def test_the_path_of_a_base_url_is_kept(
    guide: ServerClient, suffix: str, target: str
) -> None:
    async with connect(client_class(guide.url + suffix)) as client:
        await client.echo()
    assert guide.request().target == target


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host",
        "file:///etc/passwd",
        "host:8080",
        "//host",
        "/path",
        "http://",
        "http:///path",
        "http://:8080",
        "http://ann:hunter2@host",
        "http://ann@host",
        "http://host?x=1",
        "http://host/#top",
        "http://host:port",
        "http://ho st",
        "http://host\r\nX-Evil: 1",
    ],
)
async def test_a_base_url_that_is_no_origin_is_refused_and_named(url: str) -> None:
    async def use() -> None:
        async with connect(client_class(url)) as client:
            await client.echo()

    with pytest.raises(PyFlyException) as caught:
        await use()
    assert "Client" in str(caught.value)
    assert not isinstance(caught.value, ConnectException)
    assert "hunter2" not in str(caught.value) + repr(caught.value)


async def test_the_base_url_of_connect_is_held_to_the_same_rules(guide: ServerClient) -> None:
    async def use() -> None:
        async with connect(client_class(guide.url), base_url="http://a:hunter2@host") as client:
            await client.echo()

    with pytest.raises(PyFlyException) as caught:
        await use()
    assert "hunter2" not in str(caught.value)


async def test_placeholders_are_resolved_from_configuration_and_environment(
    guide: ServerClient,
) -> None:
    host, port = guide.url.removeprefix("http://").split(":")
    config = settings(INVENTORY_PORT=port)
    in_part = "http://${inventory.host:" + host + "}:${INVENTORY_PORT}"
    for url in (in_part, "${INVENTORY:" + guide.url + "}"):
        async with connect(client_class(url), config=config) as client:
            await client.echo()
    assert len(guide.requests()) == 2


async def test_a_placeholder_that_leads_nowhere_is_named() -> None:
    async def use() -> None:
        async with connect(client_class("http://${no.such.key}"), config=settings()) as client:
            await client.echo()

    with pytest.raises(PyFlyException, match=r"no\.such\.key") as caught:
        await use()
    assert "Client" in str(caught.value)


# The environment


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
async def test_proxies_of_the_environment_are_ignored(
    guide: ServerClient, unused_port: int, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, f"http://127.0.0.1:{unused_port}")
    async with connect(client_class(guide.url)) as client:
        await client.echo()
    assert guide.request().target == "/echo/x"


async def test_trust_env_makes_them_count(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\nConnection: close\r\n\r\n"
    async with one_answer(answer + b'{"via":"proxy"}') as (url, heads):
        monkeypatch.setenv("HTTP_PROXY", url)
        config = settings({"default.trust-env": True})
        async with connect(client_class("http://inventory.invalid"), config=config) as client:
            assert await client.echo() == {"via": "proxy"}
    line = heads[0].split(b"\r\n")[0].replace(b".invalid:80/", b".invalid/")
    assert line == b"GET http://inventory.invalid/echo/x HTTP/1.1"


async def test_a_connect_failure_says_that_a_proxy_was_ignored(
    unused_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:hunter2@proxy.invalid:3128")
    async with connect(client_class(f"https://127.0.0.1:{unused_port}")) as client:
        with pytest.raises(ConnectException, match="HTTPS_PROXY") as caught:
            await client.echo()
    assert "hunter2" not in str(caught.value)


async def test_netrc_is_ignored(
    guide: ServerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login ann password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    async with connect(client_class(guide.url)) as client:
        await client.echo()
    assert guide.request().header("authorization") is None
