"""Fixtures of the contract: rows, callers, certificates, and nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.client.contract.rows import ROWS, Caller, Row

PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE")


@pytest.fixture(params=ROWS, ids=lambda row: row.name)
def row(request: pytest.FixtureRequest) -> Row:
    """Each adapter in turn."""
    found: Row = request.param
    return found


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """The event loop of one test: asyncio's own, or uvloop's with ``PYFLY_TEST_LOOP=uvloop``."""
    factory = None
    if loop := os.environ.get("PYFLY_TEST_LOOP"):
        factory = import_module(loop).new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        yield runner
        left = asyncio.all_tasks(runner.get_loop())
        assert not left, f"tasks are left: {left}"


@pytest.fixture
def caller(row: Row, runner: asyncio.Runner) -> Iterator[Callable[..., Caller]]:
    """Makes callers, and stops their adapters in the end."""
    made: list[Caller] = []

    def make(base_url: str, **options: Any) -> Caller:
        made.append(Caller(row, runner, base_url, **options))
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(autouse=True)
def _nothing_is_left(_clean_environment: None) -> Iterator[None]:
    """No socket, no thread and, since warnings are errors, no ResourceWarning."""
    sockets, threads = open_sockets(), threading.active_count()
    yield
    gc.collect()
    patience = time.monotonic() + 1  # a library with threads of its own closes in its own time
    while time.monotonic() < patience and (
        open_sockets() > sockets or threading.active_count() > threads
    ):
        time.sleep(0.01)
    assert open_sockets() <= sockets, "sockets are left open"
    assert threading.active_count() <= threads, "threads are left running"


def open_sockets() -> int:
    """How many sockets this process has open; 0 where that cannot be told."""
    folder = Path("/proc/self/fd")
    if not folder.exists():
        return 0
    count = 0
    for entry in os.listdir(folder):
        try:
            count += os.readlink(folder / entry).startswith("socket:")
        except OSError:
            continue
    return count


class Certificates:
    """An authority, and what it has issued.

    Attributes:
        ca: The authority's certificate.
        client: A client certificate with its key.
    """

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self._stranger = trustme.CA()
        self.ca = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self.ca))
        self.client = folder / "client.pem"
        self._authority.issue_cert(
            "client@example.org"
        ).private_key_and_cert_chain_pem.write_to_path(str(self.client))

    def server(self, *names: str, trusted: bool = True, ask: bool = False) -> ssl.SSLContext:
        """The context of a server called ``names``; ``ask`` for a client's certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority = self._authority if trusted else self._stranger
        authority.issue_cert(*(names or ("127.0.0.1", "localhost"))).configure_cert(context)
        if ask:
            context.verify_mode = ssl.CERT_REQUIRED
            self._authority.configure_trust(context)
        return context


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Made once: keys take their time."""
    return Certificates(tmp_path_factory.mktemp("certificates"))
