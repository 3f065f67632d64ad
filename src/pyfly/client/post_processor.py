"""A client inside a container: the bean is wired after it was made."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyfly.client._declare.service import declared_names
from pyfly.client._settings.config import ClientConfig
from pyfly.client._settings.strangers import unknown_clients, warn_of, warn_of_methods
from pyfly.client.plan import ClientPlan
from pyfly.client.wiring import ClientFactory, WiredClient, wiring_of
from pyfly.core import Config
from pyfly.resilience.events import Listener


class HttpClientBeanPostProcessor:
    """Replaces the stubs of client beans with functions that make requests.

    A context starts and stops the clients with itself. Without one, a client starts with its
    first call, and :meth:`stop` stops all that this processor wired.

    Args:
        http_client_factory: Called with a base URL, returns an
            :class:`~pyfly.client.HttpClientPort`; default: the adapter that the configuration
            names (httpx2).
        config: Where the settings are read; default: the shipped settings, and the environment.
        default_retry: ``{"max-attempts": 3, "base-delay": 1.0}``, whole or in part, seconds.
        default_circuit_breaker: ``{"failure-threshold": 5, "recovery-timeout": 30}``, likewise.
        listeners: Called with the events of all clients.

    Raises:
        ConfigException: The configuration of the clients is wrong; it lists everything.
    """

    def __init__(
        self,
        http_client_factory: Callable[[str], Any] | None = None,
        *,
        config: Config | None = None,
        default_retry: Mapping[str, Any] | None = None,
        default_circuit_breaker: Mapping[str, Any] | None = None,
        listeners: Sequence[Listener] = (),
    ) -> None:
        settings = ClientConfig(
            Config() if config is None else config, default_retry, default_circuit_breaker
        )
        self._factory = ClientFactory(settings, http_client_factory, listeners)
        self._wired: weakref.WeakSet[WiredClient] = weakref.WeakSet()

    def before_init(self, bean: Any, bean_name: str) -> Any:
        """Nothing: returns the bean."""
        return bean

    def after_init(self, bean: Any, bean_name: str) -> Any:
        """Wire the bean if its class is a client and nobody has wired it yet; returns it.

        Raises:
            ClientDeclarationException: Something is wrong with the class; it lists everything.
        """
        if getattr(type(bean), "__pyfly_http_client__", False) and wiring_of(bean) is None:
            wiring = self._factory.wire(bean)
            self._warn_of_strangers(wiring.plan)
            self._wired.add(wiring)
        return bean

    async def on_start(self, bean: Any, bean_name: str) -> None:
        """Start a client with its context."""
        wiring = self._own(bean)
        if wiring is not None:
            await wiring.start()

    async def on_stop(self, bean: Any, bean_name: str) -> None:
        """Stop a client with its context."""
        wiring = self._own(bean)
        if wiring is not None:
            await wiring.stop()

    async def stop(self) -> None:
        """Stop every client that this processor wired; one that fails does not keep the others.

        Raises:
            ExceptionGroup: Some could not be stopped.
        """
        failures: list[Exception] = []
        for wiring in list(self._wired):
            try:
                await wiring.stop()
            except Exception as error:
                failures.append(error)
        if failures:
            raise ExceptionGroup("some clients could not be stopped", failures)

    def _warn_of_strangers(self, plan: ClientPlan) -> None:
        """Warn of sections of clients and methods that no class has, each once."""
        if not self._wired:
            unknown = unknown_clients(self._factory.config, declared_names())
            warn_of("no client class is named", unknown)
        warn_of_methods(self._factory.config, plan.declaration.name, plan.names)

    def _own(self, bean: Any) -> WiredClient | None:
        wiring = wiring_of(bean)
        return wiring if wiring in self._wired else None
