"""The proxy on the way to an origin, by the settings or the environment."""

from __future__ import annotations

from pyfly.client.adapters.settings import ConnectionSettings
from pyfly.transport.proxy import proxy_from_environment
from pyfly.transport.target import HttpOrigin


def proxy_for(settings: ConnectionSettings, origin: HttpOrigin) -> str | None:
    """The URL of the proxy on the way to ``origin``; None for the direct way."""
    if settings.proxy is not None or not settings.trust_env or settings.uds is not None:
        return settings.proxy
    return proxy_from_environment(origin)
