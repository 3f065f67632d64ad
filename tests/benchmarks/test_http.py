from __future__ import annotations

import json
import random
import ssl
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from benchmarks import footprint
from benchmarks.http import run
from benchmarks.http.cases import CASES, REFERENCE
from benchmarks.http.server import answers, document


@pytest.mark.parametrize("size", [100, 10_240, 1_048_576])
def test_a_document_has_its_size_and_is_json(size: int) -> None:
    text = document(size)
    assert len(text) == size
    assert json.loads(text)["total"] == size
    assert answers()[size].endswith(text)


def test_every_kind_of_client_has_a_case() -> None:
    assert REFERENCE in CASES
    for adapter in ("httpx2", "httpx", "aiohttp"):
        assert f"pyfly on {adapter}, plain" in CASES
        assert f"pyfly on {adapter}, resilient" in CASES
    packages = {case.package for case in CASES.values()}
    assert packages >= {
        "uplink", "meatie", "gracy", "pico-httpx", "apiroute", "clientwright", "httpware",
    }  # fmt: skip


def test_turns_are_shuffled_in_rounds_or_grow() -> None:
    turns = [run.Turn(100, 1), run.Turn(100, 64), run.Turn(10_240, 1)]
    shuffled = list(run._order(turns, 2, random.Random(1), growing=False))
    assert [number for number, _ in shuffled] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert {turn for number, turn in shuffled if number == 1} == set(turns)
    growing = [turn for _, turn in run._order(turns, 1, random.Random(1), growing=True)]
    assert growing == [turns[0]] * 2 + [turns[1]] * 2 + [turns[2]] * 2


def test_one_that_is_missing_is_a_row_and_the_others_have_ratios(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def turns(names: Any, turns: Any, rounds: int, **_: Any) -> Any:
        taken = {
            (name, turn): [100.0 * (1 + (name != REFERENCE))] * rounds
            for name in names
            for turn in turns
            if name != "clientwright"
        }
        return taken, {"clientwright": "needs Python >=3.12"}

    monkeypatch.setattr(run, "_take_turns", turns)
    rows = run.rows(3, (100,))
    by_name = {row["case"]: row for row in rows}
    assert len(rows) == 2 * len(CASES)
    assert by_name["clientwright"]["missing"] == "needs Python >=3.12"
    assert by_name["uplink (aiohttp)"]["ratio"] == 2.0
    idle = run.idle_rows(3)
    assert {row["ratio"] for row in idle} == {1.0}
    assert any(row.get("target") == 1.3 for row in idle)
    tls = run.tls_rows(3)
    assert [row["case"] for row in tls[: len(tls) // 2]] == [
        "httpx2 by hand",
        "aiohttp by hand",
        "pyfly on httpx2, resilient",
        "pyfly on aiohttp, resilient",
    ]
    assert [row["target"] for row in tls if "target" in row] == [0.65, 0.35]


def test_clients_over_tls_trust_the_certificate_that_was_made_for_the_server() -> None:
    with ExitStack() as stack:
        (pem,), variables = run._certificate(stack)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(pem)
        assert ssl.create_default_context(cafile=variables["SSL_CERT_FILE"]).get_ca_certs()
    assert not Path(pem).exists()


def test_imports_are_measured_against_asyncio_and_one_that_fails_is_a_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(footprint, "IMPORTED", ("import asyncio", "import nowhere_at_all"))
    rows = footprint.import_rows(1)
    assert rows[0]["ratio"] == 1.0
    assert "No module named" in rows[1]["missing"]


def test_a_client_has_a_weight_and_calls_in_flight_have_one() -> None:
    import asyncio

    declared, bare = asyncio.run(footprint._in_flight(50))
    assert declared > bare > 0
    assert footprint._held_by(lambda: [bytes(1000) for _ in range(100)]) > 100_000
