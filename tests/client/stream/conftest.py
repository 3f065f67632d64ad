"""Fixtures of the streams: both kinds of client, and nothing left behind."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tests.client.contract.conftest import Certificates, open_sockets
from tests.client.stream.support import Kit


@pytest.fixture(params=[True, False], ids=["async", "sync"])
def kit(request: pytest.FixtureRequest) -> Iterator[Kit]:
    """Both kinds in turn; no socket of a test outlives it."""
    before = open_sockets()
    yield Kit(request.param)
    gc.collect()
    assert open_sockets() <= before, "sockets are left open"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Made once: keys take their time."""
    return Certificates(tmp_path_factory.mktemp("certificates"))
