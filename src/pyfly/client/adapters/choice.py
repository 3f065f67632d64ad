"""The adapter that ``pyfly.client.*.adapter`` names."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pyfly.client.adapters.aiohttp import AiohttpClientAdapter
from pyfly.client.adapters.httpx import HttpxClientAdapter
from pyfly.client.adapters.httpx_sync import HttpxSyncClientAdapter
from pyfly.client.adapters.pyreqwest import PyreqwestClientAdapter
from pyfly.client.adapters.settings import ConnectionSettings

__all__ = ["ADAPTERS", "make_adapter", "unsuitable"]

#: What the setting can be.
ADAPTERS = ("httpx2", "httpx", "aiohttp", "pyreqwest")
_ASYNCHRONOUS_ONLY = {"aiohttp": AiohttpClientAdapter, "pyreqwest": PyreqwestClientAdapter}


def unsuitable(name: str, asynchronous: bool) -> str | None:
    """Why an adapter cannot serve a client, as the end of a sentence; None if it can."""
    if asynchronous or name not in _ASYNCHRONOUS_ONLY:
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
) -> Any:
    """An adapter by its name; its library is imported when it starts."""
    if name in _ASYNCHRONOUS_ONLY:
        return _ASYNCHRONOUS_ONLY[name](base_url, timeout, settings=settings)
    kind = HttpxClientAdapter if asynchronous else HttpxSyncClientAdapter
    return kind(base_url, timeout, settings=settings)
