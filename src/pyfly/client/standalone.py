"""A client without a container."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from types import TracebackType
from typing import Any, Generic, TypeVar

from pyfly.client._settings.config import ClientConfig
from pyfly.client._settings.strangers import warn_of_methods
from pyfly.client.wiring import ClientFactory, WiredClient
from pyfly.core import Config
from pyfly.resilience.events import Listener

T = TypeVar("T")

_MANY, _WITHIN = 10, 60.0


class ClientUsageWarning(UserWarning):
    """A client is used in a way that works, but costs more than it must."""


def connect(
    cls: Callable[..., T],
    *,
    base_url: str | None = None,
    port: Any = None,
    config: Config | None = None,
    listeners: Sequence[Listener] = (),
) -> AbstractAsyncContextManager[T]:
    """Returns a wired client for an ``async with`` block.

    Make one for the life of the program, not one for each request: the connections, the
    circuit breaker and the retry budget belong to it, and end with it.

    Args:
        cls: A class with ``@service_client`` or ``@http_client`` and ``async def`` stubs.
        base_url: Instead of the declared one.
        port: Any :class:`~pyfly.client.HttpClientPort`, instead of pyfly's adapter.
        config: Where the settings are read. Without it no file is read; environment variables
            count.
        listeners: Called with every event of the client's calls.

    Raises:
        ClientDeclarationException: Something is wrong with the class; it lists everything.
        ConfigException: Something is wrong with the configuration; it lists everything.

    Example::

        async with connect(Inventory) as inventory:
            product = await inventory.product("42")
    """
    return _Connection(cls, base_url, port, config, listeners)


class _Connection(AbstractAsyncContextManager[T], Generic[T]):
    def __init__(
        self,
        cls: Callable[..., T],
        base_url: str | None,
        port: Any,
        config: Config | None,
        listeners: Sequence[Listener],
    ) -> None:
        def wire() -> tuple[Any, WiredClient]:
            return _wired(cls, True, base_url, port, config, listeners)

        self._wire = wire
        self._wiring: WiredClient | None = None

    async def __aenter__(self) -> T:
        client: T
        client, self._wiring = self._wire()
        await self._wiring.start()
        return client

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._wiring is not None  # entered
        await self._wiring.stop()


def connect_sync(
    cls: Callable[..., T],
    *,
    base_url: str | None = None,
    port: Any = None,
    config: Config | None = None,
    listeners: Sequence[Listener] = (),
) -> AbstractContextManager[T]:
    """Returns a wired client for a ``with`` block, of a class whose stubs are plain ``def``.

    Else as :func:`connect`; ``port`` is any :class:`~pyfly.client.ports.SyncHttpClientPort`.
    Threads may share the client.
    """
    return _connection_sync(cls, base_url, port, config, listeners)


@contextmanager
def _connection_sync(
    cls: Callable[..., T],
    base_url: str | None,
    port: Any,
    config: Config | None,
    listeners: Sequence[Listener],
) -> Generator[T]:
    client, wiring = _wired(cls, False, base_url, port, config, listeners)
    try:
        yield client
    finally:
        wiring.stop_sync()


def _wired(
    cls: Any,
    asynchronous: bool,
    base_url: str | None,
    port: Any,
    config: Config | None,
    listeners: Sequence[Listener],
) -> tuple[Any, WiredClient]:
    if not isinstance(cls, type):
        raise TypeError(f"connect takes a client class, not {cls!r}")
    factory = ClientFactory(ClientConfig(Config() if config is None else config), None, listeners)
    client, wiring = factory.make(cls, base_url=base_url, port=port, asynchronous=asynchronous)
    _note_connect(cls)
    # Of clients it knows its own only: those that a file names besides may belong to others.
    warn_of_methods(factory.config, wiring.plan.declaration.name, wiring.plan.names)
    return client, wiring


def _note_connect(cls: type) -> None:
    """Warn of the tenth client of one class within a minute."""
    now = time.monotonic()
    recent = [at for at in getattr(cls, "__pyfly_connects__", ()) if now - at < _WITHIN]
    cls.__pyfly_connects__ = [*recent, now][-_MANY:]  # type: ignore[attr-defined]  # metadata
    if len(recent) == _MANY - 1:
        warnings.warn(
            f"{cls.__name__} was connected {_MANY} times within a minute: each makes and drops "
            "its connections and its circuit breaker. Connect once, and pass the client on.",
            ClientUsageWarning,
            stacklevel=5,  # the line of the `with`
        )
