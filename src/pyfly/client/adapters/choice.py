"""The adapter that ``pyfly.client.*.adapter`` names."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pyfly.client.adapters.settings import ConnectionSettings

#: What the setting can be.
ADAPTERS = ("httpx2", "httpx", "aiohttp")


def unsuitable(name: str, asynchronous: bool, stock: bool) -> str | None:
    """Why an adapter cannot serve a client, as the end of a sentence; None if it can."""
    if name != "aiohttp":
        return None
    if stock:
        return f"transport and http2 are not for {name} (set adapter to httpx2, or leave them out)"
    if asynchronous:
        return None
    return (
        f"the adapter {name} serves asynchronous clients alone (write the methods with "
        "'async def', or set adapter to httpx2)"
    )


def make_adapter(
    name: str,
    asynchronous: bool,
    base_url: str,
    timeout: timedelta,
    settings: ConnectionSettings,
    stock: bool,
) -> Any:
    """An adapter by its name; its library is imported when it starts.

    Args:
        name: One of :data:`ADAPTERS`.
        asynchronous: Whether the client's methods are coroutines.
        base_url: Where its paths begin.
        timeout: How long a read or write may take.
        settings: How connections are made.
        stock: Whether to use the transport that the library ships with.
    """
    return _kind(name, asynchronous, stock)(base_url, timeout, settings=settings)


def _kind(name: str, asynchronous: bool, stock: bool) -> Any:
    """The class of an adapter. The modules of the others are not imported: it would cost a
    fifth of what a client without them takes to load.
    """
    if name == "aiohttp":
        from pyfly.client.adapters.aiohttp import AiohttpClientAdapter

        return AiohttpClientAdapter
    if stock:
        from pyfly.client.adapters.stock import StockHttpxClientAdapter, StockHttpxSyncClientAdapter

        return StockHttpxClientAdapter if asynchronous else StockHttpxSyncClientAdapter
    if asynchronous:
        from pyfly.client.adapters.httpx import HttpxClientAdapter

        return HttpxClientAdapter
    from pyfly.client.adapters.httpx_sync import HttpxSyncClientAdapter

    return HttpxSyncClientAdapter
