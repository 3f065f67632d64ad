"""How the connections of one pool are made."""

from __future__ import annotations

from collections.abc import Callable
from ssl import SSLContext
from typing import NamedTuple

from pyfly.transport.target import HttpOrigin


class Network(NamedTuple):
    """What a pool has to know of the world.

    Attributes:
        context: Makes the TLS context, when a connection needs it.
        proxy_of: The URL of the proxy on the way to an origin; None for the direct way.
        uds: The Unix socket to which everything goes; None without.
        max_connections: Open connections at once, over all origins.
        keepalive: Seconds that a connection may lie idle.
    """

    context: Callable[[], SSLContext]
    proxy_of: Callable[[HttpOrigin], str | None]
    uds: str | None
    max_connections: int
    keepalive: float
