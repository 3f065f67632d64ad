"""The page "Testing your clients" keeps its word."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pyfly.client import CircuitBreakerException, ServerErrorException
from pyfly.testing import FakePort, VirtualClock, client_for
from tests.support.servers import ServerHandle
from tests.testing.support import Inventory, Product

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_its_examples_are_tests_that_pass(
    tmp_path: Path, guide_server: ServerHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INVENTORY_URL", guide_server.url)
    monkeypatch.delenv("PYFLY_CASSETTES", raising=False)
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    for number, block in enumerate(blocks):
        (tmp_path / f"test_{number}.py").write_text(block, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nfilterwarnings = error\n"
        "asyncio_default_fixture_loop_scope = function\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    written = sum(len(re.findall(r"^async def test_", block, re.MULTILINE)) for block in blocks)
    assert f"{written} passed" in done.stdout
    assert (tmp_path / "cassettes" / "widget.yaml").exists()


async def a_users_test() -> int:
    """Three attempts a call until the circuit is open, then its recovery."""
    clock = VirtualClock()
    with FakePort() as fake:
        fake.on(Inventory.product, "1").responds(503)
        inventory = client_for(Inventory, port=fake, clock=clock)
        for _ in range(5):
            with pytest.raises(ServerErrorException):
                await inventory.product("1")
        with pytest.raises(CircuitBreakerException):
            await inventory.product("1")
        clock.advance(30)
        fake.on(Inventory.product, "1").returns(Product("1"))
        assert await inventory.product("1") == Product("1")
        return len(fake.calls)


async def test_a_test_with_three_retries_and_an_open_circuit_takes_under_ten_milliseconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("it sleeps")

    monkeypatch.setattr(time, "sleep", refuse)
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "call_later", refuse)
    took: list[float] = []
    for _ in range(20):
        began = time.perf_counter()
        arrived = await a_users_test()
        took.append(time.perf_counter() - began)
    assert arrived > 5
    assert min(took) < 0.010, took
