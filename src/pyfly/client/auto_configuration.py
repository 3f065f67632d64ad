"""How the clients plug themselves into an application context."""

from __future__ import annotations

from typing import Any

from pyfly.client.ports import HttpClientPort
from pyfly.client.post_processor import HttpClientBeanPostProcessor
from pyfly.context import ApplicationContext


def auto_configure(context: ApplicationContext) -> None:
    """Add a :class:`HttpClientBeanPostProcessor`, unless the user has one.

    A bean that is an :class:`~pyfly.client.HttpClientPort` carries the requests of all clients.
    """
    if context.has_post_processor(HttpClientBeanPostProcessor):
        return
    port = context.find_bean(HttpClientPort)
    factory = None if port is None else _always(port)
    context.register_post_processor(HttpClientBeanPostProcessor(factory, config=context.config))


def _always(port: Any) -> Any:
    return lambda base_url: port
