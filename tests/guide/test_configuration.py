"""Configuration: exactly the guide's keys, their defaults, and where values may come from."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest

from pyfly.client import (
    AttemptTimeoutException,
    CircuitBreakerException,
    ConnectTimeoutException,
    HttpClientPort,
    ServerErrorException,
    connect,
    explain,
    get,
    service_client,
)
from pyfly.core import Config
from pyfly.testing import client_for
from tests.guide.clocks import Monotonic
from tests.support.servers import ServerClient

EXAMPLE = """\
pyfly:
  client:
    default:
      timeout: 30s
      connect-timeout: 5s
    circuit-breaker:
      failure-threshold: 5
      recovery-timeout: 30s
    retry:
      max-attempts: 3
      base-delay: 1s
"""


def file(tmp_path: Path, text: str, name: str = "pyfly.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def config(tmp_path: Path, text: str, **more: Any) -> Config:
    return Config.from_file(file(tmp_path, text), **{"environ": {}, **more})


def declared(url: str = "http://x:1", **settings: Any) -> Any:
    """A client class; a new one each time."""

    @service_client(base_url=url, **settings)
    class Client:
        @get("/status/503")
        async def fail(self) -> dict: ...

        @get("/delay/{ms}")
        async def slow(self, ms: int) -> dict: ...

        @get("/health")
        async def health(self) -> dict: ...

    return Client


def failing() -> Any:
    port = AsyncMock(spec=HttpClientPort)
    port.request.side_effect = ConnectionError("down")
    return port


async def attempts(config: Config | None, **settings: Any) -> int:
    """How many attempts a failing call makes."""
    port = failing()
    client = client_for(declared(**settings), port=port, config=config)
    with pytest.raises(ConnectionError):
        await client.fail()
    count: int = port.request.await_count
    return count


# The guide's file


async def test_the_guides_file_is_effective_on_the_wire(
    guide: ServerClient, tmp_path: Path, sleeps: list[float], running: Monotonic
) -> None:
    text = (
        EXAMPLE.replace("failure-threshold: 5", "failure-threshold: 2")
        .replace("recovery-timeout: 30s", "recovery-timeout: 45s")
        .replace("max-attempts: 3", "max-attempts: 4")
        .replace("base-delay: 1s", "base-delay: 500ms")
    )
    async with connect(declared(guide.url), config=config(tmp_path, text)) as client:
        with pytest.raises(ServerErrorException):
            await client.fail()
        assert len(guide.requests()) == 4
        assert sleeps == [0.5, 1.0, 2.0]
        with pytest.raises(ServerErrorException):
            await client.fail()
        with pytest.raises(CircuitBreakerException):
            await client.health()
        running.advance(40)
        with pytest.raises(CircuitBreakerException):
            await client.health()
        running.advance(5)
        assert await client.health() == {"status": "UP"}


async def test_timeout_is_the_request_timeout(guide: ServerClient, tmp_path: Path) -> None:
    text = EXAMPLE.replace("timeout: 30s\n      connect", "timeout: 50ms\n      connect")
    assert "timeout: 50ms" in text
    client_class = declared(guide.url, retry=False)
    async with connect(client_class, config=config(tmp_path, text)) as client:
        with pytest.raises(AttemptTimeoutException) as caught:
            await client.slow(2000)
    assert isinstance(caught.value, TimeoutError)


@contextmanager
def full_backlog() -> Iterator[int]:
    """The port of a listener that takes no further connection."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        try:
            for _ in range(4):
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(listener.getsockname())
                waiting.append(one)
            yield listener.getsockname()[1]
        finally:
            for one in waiting:
                one.close()


async def test_connect_timeout_bounds_the_connection_alone(tmp_path: Path) -> None:
    text = EXAMPLE.replace("connect-timeout: 5s", "connect-timeout: 50ms")
    with full_backlog() as port:
        client_class = declared(f"http://127.0.0.1:{port}", retry=False)
        async with connect(client_class, config=config(tmp_path, text)) as client:
            with pytest.raises(ConnectTimeoutException) as caught:
                await client.health()
    assert isinstance(caught.value, TimeoutError)
    assert isinstance(caught.value, ConnectionError)


def test_explain_tells_each_setting_and_its_line(tmp_path: Path) -> None:
    client = client_for(declared(), port=failing(), config=config(tmp_path, EXAMPLE))
    told = explain(client.health)
    for number, line in enumerate(EXAMPLE.splitlines(), 1):
        key, _, value = line.strip().partition(": ")
        if value and key != "connect-timeout":  # that one belongs to pyfly's own adapters
            assert key in told
            assert f"pyfly.yaml:{number}" in told, f"{key} does not show its line\n{told}"


async def test_explain_tells_the_connect_timeout_of_an_adapter(tmp_path: Path) -> None:
    async with connect(declared(), config=config(tmp_path, EXAMPLE)) as client:
        told = explain(client.health)
    assert "connect-timeout" in told
    assert "pyfly.yaml:5" in told


# Defaults


@pytest.mark.parametrize("text", ["", "pyfly:\n", "pyfly:\n  client:\n", EXAMPLE])
async def test_without_a_key_the_default_of_the_table_counts(
    tmp_path: Path, sleeps: list[float], running: Monotonic, text: str
) -> None:
    port = failing()
    client = client_for(declared(), port=port, config=config(tmp_path, text))
    for _ in range(5):
        with pytest.raises(ConnectionError):
            await client.fail()
    assert sleeps[:2] == [1.0, 2.0]
    assert port.request.await_count <= 15
    with pytest.raises(CircuitBreakerException) as caught:
        await client.fail()
    assert caught.value.retry_after == pytest.approx(30, abs=1)
    running.advance(30)
    port.request.side_effect = None
    port.request.return_value = {"status": "UP"}
    assert await client.health() == {"status": "UP"}


def test_explain_tells_the_default_timeouts() -> None:
    told = explain(client_for(declared(), port=failing()).health)
    assert "timeout" in told
    assert "30" in told


async def test_a_block_that_is_given_in_part_is_filled_from_the_defaults(
    tmp_path: Path, sleeps: list[float]
) -> None:
    text = "pyfly:\n  client:\n    retry:\n      max-attempts: 4\n"
    assert await attempts(config(tmp_path, text)) == 4
    assert sleeps == [1.0, 2.0, 4.0]


# Durations


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("30s", 30), ("500ms", 0.5), ("2m", 120), ("1h", 3600), ("7", 7), ("0.25", 0.25),
     ("PT30S", 30), ("PT1M30S", 90)],
)  # fmt: skip
async def test_a_duration_has_a_unit_or_is_seconds(
    tmp_path: Path, sleeps: list[float], written: str, seconds: float
) -> None:
    text = f"pyfly:\n  client:\n    retry:\n      max-attempts: 2\n      base-delay: {written}\n"
    assert await attempts(config(tmp_path, text)) == 2
    assert sleeps == pytest.approx([seconds])


# The environment


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PYFLY_CLIENT_DEFAULT_TIMEOUT", "17s"),
        ("PYFLY_CLIENT_CIRCUIT_BREAKER_FAILURE_THRESHOLD", "17"),
        ("PYFLY_CLIENT_CIRCUIT_BREAKER_RECOVERY_TIMEOUT", "17s"),
        ("PYFLY_CLIENT_RETRY_MAX_ATTEMPTS", "17"),
        ("PYFLY_CLIENT_RETRY_BASE_DELAY", "17s"),
    ],
)
def test_every_leaf_has_a_variable_and_explain_names_it(
    tmp_path: Path, variable: str, value: str
) -> None:
    settings = config(tmp_path, EXAMPLE, environ={variable: value})
    told = explain(client_for(declared(), port=failing(), config=settings).health)
    assert variable in told
    assert "17" in told


async def test_the_variable_of_connect_timeout_counts(tmp_path: Path) -> None:
    environ = {"PYFLY_CLIENT_DEFAULT_CONNECT_TIMEOUT": "50ms"}
    with full_backlog() as port:
        client_class = declared(f"http://127.0.0.1:{port}", retry=False)
        settings = config(tmp_path, EXAMPLE, environ=environ)
        async with connect(client_class, config=settings) as client:
            with pytest.raises(ConnectTimeoutException):
                await client.health()


async def test_a_variable_beats_the_file(tmp_path: Path, sleeps: list[float]) -> None:
    environ = {"PYFLY_CLIENT_RETRY_MAX_ATTEMPTS": "2", "PYFLY_CLIENT_RETRY_BASE_DELAY": "3s"}
    assert await attempts(config(tmp_path, EXAMPLE, environ=environ)) == 2
    assert sleeps == [3.0]


async def test_the_environment_of_the_process_counts_by_default(
    tmp_path: Path, sleeps: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYFLY_CLIENT_RETRY_MAX_ATTEMPTS", "2")
    assert await attempts(Config.from_file(file(tmp_path, EXAMPLE))) == 2


async def test_a_text_may_name_a_variable_and_a_default(
    tmp_path: Path, sleeps: list[float]
) -> None:
    text = EXAMPLE.replace("max-attempts: 3", "max-attempts: ${ATTEMPTS:4}")
    assert await attempts(config(tmp_path, text)) == 4
    assert await attempts(config(tmp_path, text, environ={"ATTEMPTS": "2"})) == 2


# Profiles


async def test_the_file_of_a_profile_beats_the_common_one(
    tmp_path: Path, sleeps: list[float]
) -> None:
    file(tmp_path, "pyfly:\n  client:\n    retry:\n      max-attempts: 2\n", "pyfly-test.yaml")
    assert await attempts(config(tmp_path, EXAMPLE)) == 3
    assert await attempts(config(tmp_path, EXAMPLE, profiles=["test"])) == 2


async def test_the_environment_beats_a_profile(tmp_path: Path, sleeps: list[float]) -> None:
    file(tmp_path, "pyfly:\n  client:\n    retry:\n      max-attempts: 2\n", "pyfly-test.yaml")
    environ = {"PYFLY_CLIENT_RETRY_MAX_ATTEMPTS": "5"}
    settings = config(tmp_path, EXAMPLE, profiles=["test"], environ=environ)
    assert await attempts(settings) == 5


# Levels


@pytest.mark.parametrize(("retry", "made"), [(True, 4), (2, 2), (False, 1)])
async def test_what_a_class_says_beats_the_default_configuration(
    tmp_path: Path, sleeps: list[float], retry: int | bool, made: int
) -> None:
    text = EXAMPLE.replace("max-attempts: 3", "max-attempts: 4")
    assert await attempts(config(tmp_path, text), retry=retry) == made


async def test_the_configuration_of_a_named_client_beats_what_its_class_says(
    tmp_path: Path, sleeps: list[float]
) -> None:
    text = EXAMPLE + (
        "    clients:\n      inventory:\n        retry:\n          max-attempts: 5\n"
        "          base-delay: 2s\n"
    )
    settings = config(tmp_path, text)
    made = await attempts(settings, name="inventory", retry=2, retry_base_delay=0.1)
    assert made == 5
    assert sleeps == [2.0, 4.0, 8.0, 16.0]
    assert await attempts(settings, name="other", retry=2) == 2


async def test_a_named_client_takes_its_base_url_from_the_configuration(
    guide: ServerClient, tmp_path: Path
) -> None:
    text = f"pyfly:\n  client:\n    clients:\n      inventory:\n        base-url: {guide.url}\n"
    client_class = declared("", name="inventory")
    async with connect(client_class, config=config(tmp_path, text)) as client:
        assert await client.health() == {"status": "UP"}
    assert guide.request().raw.startswith(b"GET /health HTTP/1.1\r\n")
