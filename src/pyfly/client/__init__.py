"""Declarative HTTP clients: everything a user of clients needs, in one import.

A class of method signatures is the whole declaration::

    from typing import Protocol
    from pyfly.client import connect, get, service_client

    @service_client(base_url="http://inventory-service:8080")
    class Inventory(Protocol):
        @get("/products/{product_id}")
        async def product(self, product_id: str) -> dict: ...

    async with connect(Inventory) as inventory:
        print(await inventory.product("42"))
"""

import logging

from pyfly.kernel.front_door import front_door

__getattr__, __dir__, __all__ = front_door(__name__)

logging.getLogger("pyfly.client").addHandler(logging.NullHandler())
