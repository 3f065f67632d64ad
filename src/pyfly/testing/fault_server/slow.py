"""Answers that come in drops."""

from __future__ import annotations

from pyfly.testing.fault_server import wire
from pyfly.testing.fault_server.answers import Answer
from pyfly.testing.fault_server.behaviour import AnsweringBehaviour
from pyfly.testing.fault_server.exchange import ServedExchange
from pyfly.testing.fault_server.latency import AnyLatency, as_latency

__all__ = ["Drip"]


class Drip(AnsweringBehaviour):
    """An answer that is right, and hardly ever gets there.

    Args:
        gap: Seconds before each piece of the body, or a distribution.
        size: How many bytes a piece has.
        head_gap: Seconds before each piece of the head; 0 sends the head at once.
        answer: What drips.
    """

    __slots__ = ("_answer", "_gap", "_head_gap", "_size")

    def __init__(
        self,
        gap: AnyLatency = 0.1,
        size: int = 1,
        *,
        head_gap: AnyLatency = 0.0,
        answer: Answer | None = None,
    ) -> None:
        if size < 1:
            raise ValueError(f"Drip: size is {size!r}; give 1 or more bytes")
        self._answer = answer or Answer()
        self._gap = as_latency(gap)
        self._head_gap = as_latency(head_gap)
        self._size = size

    async def act(self, exchange: ServedExchange) -> None:
        await self._answer.wait(exchange)
        head = self._answer.head()
        body = self._answer.whole(exchange.method)[len(head) :]
        for data, gap in ((head, self._head_gap), (body, self._gap)):
            for piece in wire.pieces_of(data, self._size):
                await exchange.pause(gap.seconds(exchange.random))
                await exchange.send(piece)
