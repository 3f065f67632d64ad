"""The client of the demo, as a user would write it. The demo prints this class."""

from __future__ import annotations

import inspect
from typing import Any, Protocol

from pyfly.cli.demo.script import DEFAULT_SECONDS
from pyfly.client import delete, get, post, put, service_client
from pyfly.core import Config

Product = dict[str, Any]
SECTION = "pyfly.client.clients.inventory"


# Printed as it stands here, so for terminals of 80 columns.
# fmt: off
@service_client(
    base_url="http://inventory-service:8080",
    name="inventory",
    retry=3,
    retry_base_delay=0.1,
    circuit_breaker_failure_threshold=5,
    circuit_breaker_recovery_timeout=2.0,
)
class InventoryClient(Protocol):
    """A client of the inventory service."""

    @get("/products/{product_id}")
    async def get_product(self, product_id: str) -> Product: ...

    @get("/products")
    async def search_products(
        self, category: str, in_stock: bool = True
    ) -> list[Product]: ...

    @post("/products")
    async def create_product(self, body: Product) -> Product: ...

    @put("/products/{product_id}")
    async def update_product(
        self, product_id: str, body: Product
    ) -> Product: ...

    @delete("/products/{product_id}")
    async def delete_product(self, product_id: str) -> None: ...
# fmt: on


def source() -> str:
    """The class above, as text; empty where Python has no source files."""
    try:
        return inspect.getsource(InventoryClient).rstrip()
    except OSError:
        return ""


def declared() -> dict[str, Any]:
    """What its decorator says about resilience, by the names of the parameters."""
    found: dict[str, Any] = vars(InventoryClient)["__pyfly_resilience__"]
    return dict(found)


def configured(seconds: float = DEFAULT_SECONDS, *, breaker: bool = True) -> dict[str, str]:
    """What the configuration says, by keys of ``pyfly.yaml``.

    Args:
        seconds: How long the demo lasts: a shorter outage needs a shorter recovery time.
        breaker: False to see what happens without a circuit breaker.
    """
    values = {f"{SECTION}.timeout": "400ms"}
    if breaker and seconds != DEFAULT_SECONDS:
        recovery = declared()["circuit_breaker_recovery_timeout"] * seconds / DEFAULT_SECONDS
        values[f"{SECTION}.circuit-breaker.recovery-timeout"] = f"{1000 * recovery:.0f}ms"
    if not breaker:
        values[f"{SECTION}.circuit-breaker.enabled"] = "false"
    return values


def config(values: dict[str, str]) -> Config:
    """The configuration, closed to the environment: the demo shows what it says it does."""
    return Config(values, environ={})
