"""The demo's inventory service: a server of faults that misbehaves on command."""

from __future__ import annotations

import json
import random
from types import TracebackType
from typing import Any, TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

from pyfly.testing.fault_server.answers import Answer
from pyfly.testing.fault_server.exchange import AnsweringBehaviour, ServedExchange
from pyfly.testing.fault_server.server import FaultServer

CATEGORIES = ("books", "games", "tools")
PRODUCT_IDS = tuple(f"p-{number:03}" for number in range(1, 31))

StatusAndBody: TypeAlias = tuple[int, Any]
_NOT_FOUND: StatusAndBody = (404, {"title": "Not Found", "status": 404})
_NOT_ALLOWED: StatusAndBody = (405, {"title": "Method Not Allowed", "status": 405})
_LONGEST_RUN_OF_ERRORS = 3


class Catalogue:
    """Products by their id."""

    def __init__(self) -> None:
        self._products: dict[str, dict[str, Any]] = {
            product_id: {
                "id": product_id,
                "name": f"Product {product_id[2:]}",
                "category": CATEGORIES[number % len(CATEGORIES)],
                "stock": number % 7,
            }
            for number, product_id in enumerate(PRODUCT_IDS)
        }
        self._created = 0

    def answer(self, method: str, target: str, body: bytes) -> StatusAndBody:
        """The status and the body, which None leaves out."""
        url = urlsplit(target)
        first, *rest = url.path.strip("/").split("/")
        if first != "products" or len(rest) > 1:
            return _NOT_FOUND
        if rest:
            return self._one(method, unquote(rest[0]), body)
        if method == "GET":
            return 200, self._search(parse_qs(url.query))
        if method == "POST":
            self._created += 1
            return 201, self._keep(f"n-{self._created:04}", body)
        return _NOT_ALLOWED

    def _one(self, method: str, product_id: str, body: bytes) -> StatusAndBody:
        if method == "GET":
            found = self._products.get(product_id)
            return _NOT_FOUND if found is None else (200, found)
        if method == "PUT":
            return 200, self._keep(product_id, body)
        if method == "DELETE":
            self._products.pop(product_id, None)
            return 204, None
        return _NOT_ALLOWED

    def _search(self, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        category, in_stock = query.get("category"), query.get("in_stock", ["false"])[0] == "true"
        return [
            product
            for product in self._products.values()
            if (category is None or product["category"] in category)
            and (product["stock"] > 0 or not in_stock)
        ][:10]

    def _keep(self, product_id: str, body: bytes) -> dict[str, Any]:
        product: dict[str, Any] = {"category": "", "stock": 0, **json.loads(body)}
        product["id"] = product_id
        self._products[product_id] = product
        return product


class InventoryService(AnsweringBehaviour):
    """Answers from a catalogue, as late and as well as its present phase says.

    Attributes:
        phase: Of the script: ``healthy``, ``slow``, ``failing``, …
    """

    __slots__ = ("_catalogue", "_errors_in_a_row", "_random", "phase")

    def __init__(self, seed: int = 2) -> None:
        self.phase = "healthy"
        self._catalogue = Catalogue()
        self._random = random.Random(seed)
        self._errors_in_a_row = 0

    async def act(self, exchange: ServedExchange) -> None:
        await exchange.pause(self.delay())
        request = exchange.request
        assert request is not None  # it is not played at the accept
        status, body = 503, None
        if not self.fails():
            status, body = self._catalogue.answer(request.method, request.target, request.body)
        await exchange.send(Answer(status, json=body).whole(request.method))

    def delay(self) -> float:
        """Seconds until the next answer."""
        if self.phase == "slow":
            late = self._random.random() < 0.3
            return self._random.uniform(0.3, 1.0) if late else self._random.uniform(0.05, 0.25)
        return self._random.uniform(0.002, 0.008)

    def fails(self) -> bool:
        """Whether the next answer is an error: two in five are, never many in a row."""
        bad = self.phase == "failing" and self._random.random() < 0.4
        if bad and self._errors_in_a_row < _LONGEST_RUN_OF_ERRORS:
            self._errors_in_a_row += 1
            return True
        self._errors_in_a_row = 0
        return False


class DemoService:
    """The service for a ``with`` block, on a free port, in a thread of its own.

    Attributes:
        url: Where it is.
    """

    def __init__(self) -> None:
        self._inventory = InventoryService()
        self._server = FaultServer(self._inventory)

    @property
    def url(self) -> str:
        return self._server.url

    def __enter__(self) -> DemoService:
        self._server.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.__exit__(kind, error, traceback)

    def enter(self, phase: str) -> None:
        """Behave as a phase of the script says."""
        self._inventory.phase = phase
        if phase == "down":
            self._server.refuse()
        else:
            self._server.accept()
