"""Fixtures that any test may ask for: servers in other processes, and a free port."""

from __future__ import annotations

import gc
import signal
import socket
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.servers import ServerClient, ServerHandle, server_process

# A shell that starts us in the background, or under nohup, has SIGINT ignored, which the processes
# that we start would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says more of the machine than of the code.
settings.register_profile("usual", deadline=None)
settings.load_profile("usual")
# `pytest --hypothesis-profile=long` tries twenty times as many examples.
settings.register_profile("long", max_examples=2_000, deadline=None)


@pytest.fixture(scope="module", autouse=True)
def _quick_collections() -> None:
    """What is there before the tests of a module is not looked through again after each of them.

    There are tens of thousands of tests in memory; many end with a collection, to see that
    nothing is left.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def guide_server() -> Iterator[ServerHandle]:
    """The services of the examples, in another process; its records live as long as it does."""
    with server_process("tests.support.guide_server") as server:
        yield server


@pytest.fixture
def guide(guide_server: ServerHandle) -> ServerClient:
    """The hand on :func:`guide_server`, which has forgotten what earlier tests did."""
    client = ServerClient(guide_server.url)
    client.reset()
    return client


@pytest.fixture(scope="session")
def httpbin_server() -> Iterator[ServerHandle]:
    """httpbin, in another process."""
    with server_process("tests.support.httpbin_server") as server:
        yield server


@pytest.fixture
def unused_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
