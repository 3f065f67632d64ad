"""What the demo's service knows: a few products, and answers about them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

__all__ = ["CATEGORIES", "PRODUCT_IDS", "Catalogue"]

CATEGORIES = ("books", "games", "tools")
PRODUCT_IDS = tuple(f"p-{number:03}" for number in range(1, 31))

Answer = tuple[int, Any]
_NOT_FOUND: Answer = (404, {"title": "Not Found", "status": 404})


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

    def answer(self, method: str, target: str, body: bytes) -> Answer:
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
        return 405, {"title": "Method Not Allowed", "status": 405}

    def _one(self, method: str, product_id: str, body: bytes) -> Answer:
        if method == "GET":
            found = self._products.get(product_id)
            return _NOT_FOUND if found is None else (200, found)
        if method == "PUT":
            return 200, self._keep(product_id, body)
        if method == "DELETE":
            self._products.pop(product_id, None)
            return 204, None
        return 405, {"title": "Method Not Allowed", "status": 405}

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
