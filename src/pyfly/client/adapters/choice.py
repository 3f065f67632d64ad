"""The adapter that ``pyfly.client.*.adapter`` names."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pyfly.client.adapters.aiohttp import AiohttpClientAdapter
from pyfly.client.adapters.httpx import HttpxClientAdapter
from pyfly.client.adapters.httpx_sync import HttpxSyncClientAdapter
from pyfly.client.adapters.pyreqwest import PyreqwestClientAdapter
from pyfly.client.adapters.settings import ConnectionSettings
from pyfly.client.adapters.stock import StockHttpxClientAdapter, StockHttpxSyncClientAdapter

__all__ = ["ADAPTERS", "make_adapter", "unsuitable"]

#: What the setting can be.
ADAPTERS = ("httpx2", "httpx", "aiohttp", "pyreqwest")
_ASYNCHRONOUS_ONLY = {"aiohttp": AiohttpClientAdapter, "pyreqwest": PyreqwestClientAdapter}


def unsuitable(name: str, asynchronous: bool, stock: bool) -> str | None:
    """Why an adapter cannot serve a client, as the end of a sentence; None if it can."""
    if name not in _ASYNCHRONOUS_ONLY:
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
    if name in _ASYNCHRONOUS_ONLY:
        return _ASYNCHRONOUS_ONLY[name](base_url, timeout, settings=settings)
    if stock:
        made = StockHttpxClientAdapter if asynchronous else StockHttpxSyncClientAdapter
        return made(base_url, timeout, settings=settings)
    kind = HttpxClientAdapter if asynchronous else HttpxSyncClientAdapter
    return kind(base_url, timeout, settings=settings)
