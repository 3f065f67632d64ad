"""A client over a port of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pyfly.client._compile.compile import compile_client
from pyfly.client._declare.service import implementation_of
from pyfly.client._settings.config import ClientConfig
from pyfly.client.wiring import ClientFactory
from pyfly.core import Config
from pyfly.resilience.clock import SYSTEM_CLOCK, Clock
from pyfly.resilience.events import Listener
from pyfly.testing.cassettes.cassette import CassetteBase
from pyfly.testing.fake_port.port import Fake

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
        TypeError: The fake port or cassette is for the other kind of client, or there is none.
        ClientDeclarationException: Something is wrong with the class; it lists everything.
    """
    if port is None:  # from a fixture that returns nothing: the client would use the network
        raise TypeError("client_for: port is None: give it a FakePort, a cassette or an adapter")
    if isinstance(port, (Fake, CassetteBase)):
        _require_kind(port, cls)
    if isinstance(port, Fake):
        port.clock = clock
    settings = ClientConfig(Config(environ={}) if config is None else config)
    client: T
    client, wired = ClientFactory(settings, None, listeners, clock).make(cls, port=port)
    if isinstance(port, Fake):
        port.max_response_size = wired.settings.value("max-response-size")
    return client


def _require_kind(port: Fake | CassetteBase, cls: Any) -> None:
    """Check that a port of this package is for the client's kind."""
    asynchronous = compile_client(implementation_of(cls)).asynchronous
    if asynchronous is not port.asynchronous:
        name = type(port).__name__.removeprefix("Sync")
        kind, right = ("async def", name) if asynchronous else ("plain def", f"Sync{name}")
        raise TypeError(f"{cls.__name__}: its stubs are {kind}: give it a {right}")
