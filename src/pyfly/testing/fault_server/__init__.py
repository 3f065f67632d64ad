"""A server on loopback that does anything wrong on purpose, for tests and for the shell."""

from pyfly.testing.fault_server.answers import Answer, Delayed, Drip, Early, Interim, Raw, Silence
from pyfly.testing.fault_server.broken import (
    BadChunks,
    Bomb,
    Close,
    HalfClose,
    HeaderBomb,
    LeftOver,
    Reset,
    TruncatedGzip,
    WrongLength,
)
from pyfly.testing.fault_server.choice import Flapping, InTurn, Mix
from pyfly.testing.fault_server.exchange import AnsweringBehaviour as Leaf
from pyfly.testing.fault_server.exchange import Behaviour
from pyfly.testing.fault_server.exchange import ServedExchange as Exchange
from pyfly.testing.fault_server.latency import Fixed, Latency, LogNormal, Pareto, Uniform
from pyfly.testing.fault_server.received import ReceivedRequest
from pyfly.testing.fault_server.server import FaultServer

__all__ = [
    "Answer",
    "BadChunks",
    "Behaviour",
    "Bomb",
    "Close",
    "Delayed",
    "Drip",
    "Early",
    "Exchange",
    "FaultServer",
    "Fixed",
    "Flapping",
    "HalfClose",
    "HeaderBomb",
    "InTurn",
    "Interim",
    "Latency",
    "Leaf",
    "LeftOver",
    "LogNormal",
    "Mix",
    "Pareto",
    "Raw",
    "ReceivedRequest",
    "Reset",
    "Silence",
    "TruncatedGzip",
    "Uniform",
    "WrongLength",
]
