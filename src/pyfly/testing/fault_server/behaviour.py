"""What a server does about a request, as a value that a route or a script holds."""

from __future__ import annotations

from abc import ABC, abstractmethod

from pyfly.testing.fault_server.exchange import ServedExchange

__all__ = ["AnsweringBehaviour", "Behaviour"]


class Behaviour(ABC):
    """Something to do about one request.

    Behaviours do not change and may be shared between routes. Write one of your own by
    deriving from :class:`AnsweringBehaviour`.
    """

    __slots__ = ()

    @abstractmethod
    async def play(self, exchange: ServedExchange) -> None:
        """Do it. The connection serves the next request unless it was ended."""


class AnsweringBehaviour(Behaviour):
    """A behaviour that answers by itself: it is what the records name.

    Example::

        class Teapot(AnsweringBehaviour):
            async def act(self, exchange: ServedExchange) -> None:
                await exchange.send(b"HTTP/1.1 418 I'm a teapot\\r\\ncontent-length: 0\\r\\n\\r\\n")
    """

    __slots__ = ()

    async def play(self, exchange: ServedExchange) -> None:
        exchange.note(type(self).__name__)
        await exchange.receive()
        await self.act(exchange)

    @abstractmethod
    async def act(self, exchange: ServedExchange) -> None:
        """Answer. The request is read, unless the answer is to be early."""
