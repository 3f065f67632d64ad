"""A client over a port of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pyfly.client._compile.compile import compile_client
from pyfly.client._declare.service import implementation_of
from pyfly.client._wiring import Workshop, instantiate
from pyfly.client.config import ClientConfig
from pyfly.core import Config
from pyfly.resilience.clock import SYSTEM_CLOCK, Clock
from pyfly.resilience.events import Listener
from pyfly.testing.fake_port.port import Fake, FakePort

__all__ = ["client_for"]

T = TypeVar("T")


def client_for(
    cls: Callable[..., T],
    *,
    port: Any,
    config: Config | None = None,
    listeners: Sequence[Listener] = (),
    clock: Clock = SYSTEM_CLOCK,
) -> T:
    """A client wired as the container would, over a port that makes no requests.

    It starts with its first call; a port that holds nothing need not be stopped.

    Args:
        cls: A client class.
        port: A :class:`~pyfly.testing.FakePort`, or any :class:`~pyfly.client.HttpClientPort`,
            such as ``AsyncMock(spec=HttpClientPort)``; for synchronous stubs a synchronous one.
        config: Where the settings are read; default: the shipped ones alone.
        listeners: Called with every event of the client's calls.
        clock: Where back-off and recovery time come from, and the delays of a fake port.

    Raises:
        TypeError: The fake port is for the other kind of client.
        ClientDeclarationException: Something is wrong with the class; it lists everything.
    """
    if isinstance(port, Fake):
        _suit(port, cls, clock)
    settings = ClientConfig(Config(environ={}) if config is None else config)
    client: T = instantiate(cls)
    Workshop(settings, None, listeners, clock).wire(client, port=port)
    return client


def _suit(port: Fake, cls: Any, clock: Clock) -> None:
    """Check that a fake is of the client's kind, and give it the client's clock."""
    asynchronous = compile_client(implementation_of(cls)).asynchronous
    if asynchronous is not isinstance(port, FakePort):
        kind, right = ("async def", "FakePort") if asynchronous else ("plain def", "SyncFakePort")
        raise TypeError(f"{cls.__name__}: its stubs are {kind}: give it a {right}()")
    port.clock = clock
