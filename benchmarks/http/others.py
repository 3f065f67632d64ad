"""The declarative clients of others, each as its own documentation shows it."""

from __future__ import annotations

import importlib
from contextlib import AsyncExitStack
from typing import Any

from benchmarks.http.opened import PARAMS, Opened

__all__ = [
    "open_apiroute",
    "open_clientwright",
    "open_gracy",
    "open_httpware",
    "open_meatie",
    "open_pico",
    "open_uplink",
]


async def open_uplink(_: str, url: str, stack: AsyncExitStack) -> Opened:
    """uplink over aiohttp."""
    uplink: Any = importlib.import_module("uplink")
    aiohttp: Any = importlib.import_module("aiohttp")

    def item(self: Any, size: Any, category: Any, page: Any, in_stock: Any) -> None: ...

    arguments = uplink.args(uplink.Path, uplink.Query, uplink.Query, uplink.Query)
    stub = uplink.returns.json(arguments(uplink.get("/items/{size}")(item)))
    session = await stack.enter_async_context(aiohttp.ClientSession())
    kind = type("Api", (uplink.Consumer,), {"item": stub})
    api = kind(base_url=url, client=uplink.AiohttpClient(session))

    async def call(size: int) -> Any:
        return await api.item(size, "tools", 3, "true")

    return Opened(call)


async def open_meatie(library: str, url: str, stack: AsyncExitStack) -> Opened:
    """meatie over aiohttp or httpx."""
    meatie: Any = importlib.import_module("meatie")

    async def item(self: Any, size: int, category: str, page: int, in_stock: str) -> Any: ...

    item.__annotations__ = {"size": int, "category": str, "page": int, "in_stock": str,
                            "return": dict[str, Any]}  # fmt: skip
    if library == "aiohttp":
        base: Any = importlib.import_module("meatie_aiohttp").Client
        session = importlib.import_module("aiohttp").ClientSession(base_url=url)
    else:
        base = importlib.import_module("meatie_httpx").AsyncClient
        session = importlib.import_module("httpx").AsyncClient(base_url=url)
    kind = type("Api", (base,), {"item": meatie.endpoint("/items/{size}")(item)})
    api = await stack.enter_async_context(kind(session))

    async def call(size: int) -> Any:
        return await api.item(size, "tools", 3, "true")

    return Opened(call)


async def open_gracy(_: str, url: str, stack: AsyncExitStack) -> Opened:
    """gracy."""
    gracy: Any = importlib.import_module("gracy")
    settings = gracy.GracyConfig(parser={"default": lambda response: response.json()})
    config = type("Config", (), {"BASE_URL": url, "SETTINGS": settings})
    endpoints = gracy.BaseEndpoint("Endpoint", {"ITEM": "/items/{SIZE}"})
    api: Any = type("Api", (gracy.Gracy,), {"Config": config})()

    async def call(size: int) -> Any:
        return await api.get(endpoints.ITEM, {"SIZE": str(size)}, params=PARAMS)

    return Opened(call)


async def open_pico(_: str, url: str, stack: AsyncExitStack) -> Opened:
    """pico-httpx."""
    pico: Any = importlib.import_module("pico_httpx")
    settings: Any = importlib.import_module("pico_httpx.config").HttpSettings

    async def item(self: Any, size: int, category: str, page: int, in_stock: str) -> Any: ...

    kind = type("Api", (), {"item": pico.get("/items/{size}")(item)})
    api: Any = pico.http_client(base_url=url)(kind)(settings())

    async def call(size: int) -> Any:
        return await api.item(size, "tools", 3, "true")

    return Opened(call)


async def open_apiroute(_: str, url: str, stack: AsyncExitStack) -> Opened:
    """apiroute."""
    apiroute: Any = importlib.import_module("apiroute")

    async def item(self: Any, size: int, category: Any, page: Any, in_stock: Any) -> Any: ...

    item.__annotations__ = {"size": int, "category": apiroute.Query, "page": apiroute.Query,
                            "in_stock": apiroute.Query, "return": dict}  # fmt: skip
    route = apiroute.route("GET", "/items/{size}")(item)
    pooled: Any = importlib.import_module("apiroute.transports").AsyncPooledTransport()
    kind: Any = type("Api", (apiroute.Client,), {"base_url": url, "item": route})
    api = kind(async_transport=pooled).aio

    async def call(size: int) -> Any:
        return await api.item(size, "tools", 3, "true")

    return Opened(call)


async def open_clientwright(_: str, url: str, stack: AsyncExitStack) -> Opened:
    """clientwright."""
    importlib.import_module("clientwright")
    raise NotImplementedError("no case has been written for it")


async def open_httpware(_: str, url: str, stack: AsyncExitStack) -> Opened:
    """httpware."""
    httpware: Any = importlib.import_module("httpware")
    client = await stack.enter_async_context(httpware.AsyncClient(base_url=url))

    async def call(size: int) -> Any:
        return await client.get(f"/items/{size}", params=PARAMS, response_model=dict)

    return Opened(call)
