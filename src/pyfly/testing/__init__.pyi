"""The public names of :mod:`pyfly.testing`, and where each lives: the one list of them."""

from pyfly.testing.cassettes.cassette import Cassette as Cassette, SyncCassette as SyncCassette
from pyfly.testing.cassettes.yaml_file import CassetteException as CassetteException
from pyfly.testing.clients import client_for as client_for
from pyfly.testing.fake_port.calls import FakeCall as FakeCall
from pyfly.testing.fake_port.port import FakePort as FakePort, SyncFakePort as SyncFakePort
from pyfly.testing.fake_port.rules import Rule as Rule, StreamRule as StreamRule
from pyfly.testing.fault_server.server import FaultServer as FaultServer
from pyfly.testing.requests.received import UnexpectedRequestException as UnexpectedRequestException
from pyfly.testing.virtual_clock import VirtualClock as VirtualClock
from pyfly.testing.virtual_time import (
    VirtualDeadlockException as VirtualDeadlockException,
    VirtualTimeLoop as VirtualTimeLoop,
    run_virtual as run_virtual,
)
