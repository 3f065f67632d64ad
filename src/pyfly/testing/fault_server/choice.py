"""Which behaviour it is this time: in turn, by chance, or by the clock."""

from __future__ import annotations

from itertools import accumulate

from pyfly.testing.fault_server.exchange import Behaviour, ServedExchange


class InTurn(Behaviour):
    """The first for the first request of a route, the second for the second, and so on.

    Args:
        *behaviours: In order.
        repeat: Whether they begin again after the last one; otherwise that one goes on.
    """

    __slots__ = ("_behaviours", "_repeat")

    def __init__(self, *behaviours: Behaviour, repeat: bool = False) -> None:
        if not behaviours:
            raise ValueError("InTurn: give at least one behaviour, such as Answer()")
        for each in behaviours:
            if not isinstance(each, Behaviour):
                raise TypeError(f"InTurn: {each!r} is no behaviour: write one such as Answer()")
        self._behaviours = behaviours
        self._repeat = repeat

    async def play(self, exchange: ServedExchange) -> None:
        place, count = exchange.number - 1, len(self._behaviours)
        place = place % count if self._repeat else min(place, count - 1)
        await self._behaviours[place].play(exchange)


class Mix(Behaviour):
    """One of several by chance; the same ones in every run with the same seed.

    Args:
        *shares: Pairs of a weight and a behaviour: ``Mix((0.9, Answer()), (0.1, Reset()))``.
            The weights need not add up to one.
    """

    __slots__ = ("_behaviours", "_weights")

    def __init__(self, *shares: tuple[float, Behaviour]) -> None:
        weights = [weight for weight, _ in shares]
        if not shares or min(weights) < 0 or not 0 < sum(weights) < float("inf"):
            raise ValueError(
                "Mix: give pairs of a weight of at least 0 and a behaviour, such as "
                "Mix((0.9, Answer()), (0.1, Reset()))"
            )
        self._weights = list(accumulate(weights))
        self._behaviours = [behaviour for _, behaviour in shares]

    async def play(self, exchange: ServedExchange) -> None:
        (chosen,) = exchange.random.choices(self._behaviours, cum_weights=self._weights)
        await chosen.play(exchange)


class Flapping(Behaviour):
    """Good for a while, bad for a while, and so on, by the time since the server started.

    Args:
        up: How long it is good, in seconds.
        down: How long it is bad.
        good: What is done then.
        bad: What is done then.
    """

    __slots__ = ("_bad", "_good", "_period", "_up")

    def __init__(self, up: float, down: float, good: Behaviour, bad: Behaviour) -> None:
        if not (up > 0 and down > 0):
            raise ValueError(f"Flapping: up is {up!r} and down {down!r}; give seconds above 0")
        self._up = up
        self._period = up + down
        self._good = good
        self._bad = bad

    async def play(self, exchange: ServedExchange) -> None:
        up = exchange.elapsed % self._period < self._up
        await (self._good if up else self._bad).play(exchange)
