"""What a user's tests of their clients need.

The names are imported when they are first used: pytest imports this package for the plugin
in it, also where no test needs a client.
"""

from typing import TYPE_CHECKING

from pyfly.kernel.front_door import front_door

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

_HOMES = {
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

if not TYPE_CHECKING:  # a checker that saw it would take every misspelt name
    __getattr__, __dir__ = front_door(__name__, _HOMES)
