"""Our own clients: every adapter, plain and resilient."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from typing import Any

from benchmarks.http.opened import Opened
from pyfly.client import connect, get, http_client, service_client
from pyfly.core import Config, ConfigException

__all__ = ["ADAPTERS", "open_plain", "open_resilient"]

ADAPTERS = ("httpx2", "httpx", "aiohttp")


@http_client()
class Plain:
    """Without circuit breaker and retry."""

    @get("/items/{size}")
    async def item(
        self, size: int, category: str, page: int = 1, in_stock: bool | None = None
    ) -> dict[str, Any]:
        """One call."""
        raise NotImplementedError

    @get("/held/{size}")
    async def held(self, size: int) -> dict[str, Any]:
        """One that is answered late."""
        raise NotImplementedError


@service_client()
class Resilient(Plain):
    """As shipped."""


async def _open(kind: Any, adapter: str, url: str, stack: AsyncExitStack) -> Opened:
    settings: dict[str, Any] = {"adapter": adapter, "max-connections": 200}
    if url.startswith("https:"):
        settings["ca"] = os.environ["SSL_CERT_FILE"]  # where the others find it by themselves
    config = Config({"pyfly": {"client": {"default": settings}}})
    try:
        client = await stack.enter_async_context(connect(kind, base_url=url, config=config))
    except ConfigException as error:
        raise LookupError(f"pyfly has no adapter {adapter!r}") from error

    async def call(size: int) -> Any:
        return await client.item(size, "tools", 3, in_stock=True)

    return Opened(call, client.held)


async def open_plain(adapter: str, url: str, stack: AsyncExitStack) -> Opened:
    """A declared client with every stage off."""
    return await _open(Plain, adapter, url, stack)


async def open_resilient(adapter: str, url: str, stack: AsyncExitStack) -> Opened:
    """A declared client with all defaults."""
    return await _open(Resilient, adapter, url, stack)
