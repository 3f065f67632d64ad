"""The cases, by name: what opens each, and which package it needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import NamedTuple

from benchmarks.http import by_hand, others, ours
from benchmarks.http.opened import Opened

__all__ = ["CASES", "REFERENCE", "HttpCase"]

REFERENCE = "httpx2 by hand"


class HttpCase(NamedTuple):
    """A client to measure.

    Attributes:
        open: Opens it.
        variant: What ``open`` is given.
        package: Its name in the package index.
        idle: Whether it is measured with many idle connections, too.
        target: The ratios to reach: one call after the other, and 64 at once.
        tls: Those over TLS; None: it is not measured there.
    """

    open: Callable[[str, str, AsyncExitStack], Awaitable[Opened]]
    variant: str
    package: str
    idle: bool = False
    target: tuple[float, float] | None = None
    tls: tuple[float, float] | tuple[()] | None = None


#: With all defaults on: one after the other, and 64 at once.
TARGETS = {"httpx2": (0.50, 0.25), "aiohttp": (0.28, 0.12)}
TLS_TARGETS: dict[str, tuple[float, float] | tuple[()]] = {"httpx2": (0.65, 0.35), "aiohttp": ()}
CASES: dict[str, HttpCase] = {
    "floor (Protocol and httptools)": HttpCase(by_hand.open_floor, "", "httptools", True),
    REFERENCE: HttpCase(by_hand.open_httpx, "httpx2", "httpx2", True, tls=()),
    "httpx by hand": HttpCase(by_hand.open_httpx, "httpx", "httpx", True),
    "aiohttp by hand": HttpCase(by_hand.open_aiohttp, "json", "aiohttp", True, tls=()),
    "aiohttp by hand, our decoder": HttpCase(by_hand.open_aiohttp, "bytes", "aiohttp"),
    **{
        f"pyfly on {adapter}, {kind}": HttpCase(
            opening, adapter, adapter, kind == "resilient",
            TARGETS.get(adapter) if kind == "resilient" else None,
            TLS_TARGETS.get(adapter) if kind == "resilient" else None,
        )
        for adapter in ours.ADAPTERS
        for kind, opening in (("plain", ours.open_plain), ("resilient", ours.open_resilient))
    },
    "uplink (aiohttp)": HttpCase(others.open_uplink, "", "uplink"),
    "meatie on aiohttp": HttpCase(others.open_meatie, "aiohttp", "meatie"),
    "meatie on httpx": HttpCase(others.open_meatie, "httpx", "meatie"),
    "gracy (httpx)": HttpCase(others.open_gracy, "", "gracy"),
    "pico-httpx": HttpCase(others.open_pico, "", "pico-httpx"),
    "apiroute (httpx)": HttpCase(others.open_apiroute, "", "apiroute"),
    "clientwright": HttpCase(others.open_clientwright, "", "clientwright"),
    "httpware (httpx2)": HttpCase(others.open_httpware, "", "httpware"),
}  # fmt: skip
