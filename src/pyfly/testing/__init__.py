"""What a user's tests of their clients need.

The names are imported when they are first used: pytest imports this package for the plugin
in it, also where no test needs a client.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyfly.testing.cassettes.cassette import Cassette, SyncCassette
    from pyfly.testing.cassettes.errors import CassetteException
    from pyfly.testing.clients import client_for
    from pyfly.testing.fake_port.calls import FakeCall
    from pyfly.testing.fake_port.port import FakePort, SyncFakePort
    from pyfly.testing.fake_port.rules import Rule, StreamRule
    from pyfly.testing.fault_server.server import FaultServer
    from pyfly.testing.unexpected import UnexpectedRequestException
    from pyfly.testing.virtual_clock import VirtualClock
    from pyfly.testing.virtual_time import VirtualDeadlockException, VirtualTimeLoop, run_virtual

__all__ = [
    "Cassette",
    "CassetteException",
    "FakeCall",
    "FakePort",
    "FaultServer",
    "Rule",
    "StreamRule",
    "SyncCassette",
    "SyncFakePort",
    "UnexpectedRequestException",
    "VirtualClock",
    "VirtualDeadlockException",
    "VirtualTimeLoop",
    "client_for",
    "run_virtual",
]

_HOME = {
    "Cassette": "cassettes.cassette",
    "CassetteException": "cassettes.errors",
    "FakeCall": "fake_port.calls",
    "FakePort": "fake_port.port",
    "FaultServer": "fault_server.server",
    "Rule": "fake_port.rules",
    "StreamRule": "fake_port.rules",
    "SyncCassette": "cassettes.cassette",
    "SyncFakePort": "fake_port.port",
    "UnexpectedRequestException": "unexpected",
    "VirtualClock": "virtual_clock",
    "VirtualDeadlockException": "virtual_time",
    "VirtualTimeLoop": "virtual_time",
    "client_for": "clients",
    "run_virtual": "virtual_time",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
