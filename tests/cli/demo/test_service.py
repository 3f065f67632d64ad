"""The service that misbehaves."""

from __future__ import annotations

import http.client
import json
import socket
from itertools import groupby, pairwise

import pytest

from pyfly.cli.demo.script import phase_at, script
from pyfly.cli.demo.service import CATEGORIES, Catalogue, DemoService, InventoryService
from pyfly.testing import FaultServer


class TestTheScript:
    def test_the_phases_follow_each_other_and_fill_the_time(self) -> None:
        phases = script(14.0)
        assert [phase.name for phase in phases] == [
            "healthy", "slow", "failing", "down", "recovered",
        ]  # fmt: skip
        assert phases[0].start == 0.0
        assert phases[-1].end == 14.0
        assert all(a.end == b.start for a, b in pairwise(phases))

    def test_after_the_end_the_last_phase_goes_on(self) -> None:
        phases = script(28.0)
        assert [phase_at(phases, at).name for at in (0.0, 5.0, 21.9, 99.0)] == [
            "healthy", "slow", "down", "recovered",
        ]  # fmt: skip


class TestTheInventory:
    def test_a_healthy_service_is_quick_and_right(self) -> None:
        inventory = InventoryService()
        assert all(inventory.delay() < 0.01 for _ in range(100))
        assert not any(inventory.fails() for _ in range(100))

    def test_a_slow_service_sometimes_takes_longer_than_the_client_waits(self) -> None:
        inventory = InventoryService()
        inventory.phase = "slow"
        delays = [inventory.delay() for _ in range(200)]
        assert max(delays) <= 1.0
        assert 0.1 < sum(delay > 0.4 for delay in delays) / 200 < 0.4

    def test_a_failing_service_fails_often_but_never_many_times_in_a_row(self) -> None:
        inventory = InventoryService()
        inventory.phase = "failing"
        fails = [inventory.fails() for _ in range(500)]
        assert 0.3 < sum(fails) / 500 < 0.5
        assert max(len(list(run)) for bad, run in groupby(fails) if bad) <= 3

    def test_it_is_the_same_every_time(self) -> None:
        one, other = InventoryService(), InventoryService()
        assert [one.delay() for _ in range(9)] == [other.delay() for _ in range(9)]


class TestTheCatalogue:
    def test_a_product_is_created_read_updated_and_deleted(self) -> None:
        catalogue = Catalogue()
        status, made = catalogue.answer("POST", "/products", b'{"name": "New"}')
        assert (status, made["id"]) == (201, "n-0001")
        assert catalogue.answer("GET", "/products/n-0001", b"") == (200, made)
        status, changed = catalogue.answer("PUT", "/products/n-0001", b'{"stock": 3}')
        assert (status, changed["stock"]) == (200, 3)
        for _ in range(2):
            assert catalogue.answer("DELETE", "/products/n-0001", b"") == (204, None)
        assert catalogue.answer("GET", "/products/n-0001", b"")[0] == 404

    def test_a_search_finds_a_category_and_what_is_in_stock(self) -> None:
        catalogue = Catalogue()
        _, found = catalogue.answer("GET", f"/products?category={CATEGORIES[0]}", b"")
        assert {product["category"] for product in found} == {CATEGORIES[0]}
        _, found = catalogue.answer("GET", "/products?in_stock=true", b"")
        assert all(product["stock"] > 0 for product in found)

    @pytest.mark.parametrize(
        ("method", "target", "status"),
        [
            ("GET", "/", 404),
            ("GET", "/products/p-001/more", 404),
            ("PATCH", "/products", 405),
            ("PATCH", "/products/p-001", 405),
        ],
    )
    def test_what_it_does_not_know_is_an_error(self, method: str, target: str, status: int) -> None:
        assert Catalogue().answer(method, target, b"")[0] == status


class TestTheService:
    def test_it_answers_over_one_connection(self) -> None:
        with FaultServer(InventoryService()) as server, Asking("127.0.0.1", server.port) as ask:
            assert ask("GET", "/products/p-001") == 200
            assert ask("POST", "/products", b'{"name": "New"}') == 201
            assert ask("DELETE", "/products/n-0001") == 204
            assert ask("GET", "/products/n-0001") == 404
            assert server.connections == 1

    def test_a_failing_service_answers_503(self) -> None:
        inventory = InventoryService()
        inventory.phase = "failing"
        with FaultServer(inventory) as server, Asking("127.0.0.1", server.port) as ask:
            assert {ask("GET", "/products/p-001") for _ in range(12)} == {200, 503}


class Asking:
    """One connection of the standard library; calling it makes a request."""

    def __init__(self, host: str, port: int) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=10)

    def __enter__(self) -> Asking:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def __call__(self, method: str, target: str, body: bytes | None = None) -> int:
        self._connection.request(method, target, body)
        response = self._connection.getresponse()
        content = response.read()
        if content:
            json.loads(content)
        return response.status


class TestItsLife:
    def test_it_is_there_for_the_block_and_gone_after_it(self) -> None:
        with DemoService() as service:
            port = int(service.url.rsplit(":", 1)[1])
            socket.create_connection(("127.0.0.1", port)).close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))

    def test_a_service_that_is_down_resets_refuses_and_keeps_its_port(self) -> None:
        with DemoService() as service:
            port = int(service.url.rsplit(":", 1)[1])
            there = socket.create_connection(("127.0.0.1", port), timeout=10)
            there.sendall(b"GET /products/p-001 HTTP/1.1\r\nhost: x\r\n\r\n")
            assert there.recv(65536).startswith(b"HTTP/1.1 200")
            service.enter("down")
            with pytest.raises(ConnectionResetError):
                there.recv(1)
            there.close()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), timeout=10)
            with socket.socket() as other, pytest.raises(OSError, match="in use"):
                other.bind(("127.0.0.1", port))
            service.enter("recovered")
            socket.create_connection(("127.0.0.1", port), timeout=10).close()
