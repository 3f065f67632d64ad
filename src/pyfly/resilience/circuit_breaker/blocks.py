"""Which admission a ``with`` block has: of all blocks of one breaker, its own."""

from __future__ import annotations

from contextvars import ContextVar

from pyfly.resilience.circuit_breaker.state import Admission

__all__ = ["Blocks"]


class _Block:
    __slots__ = ("admission", "left", "outer", "owner")

    def __init__(self, owner: Blocks, admission: Admission, outer: _Block | None) -> None:
        self.owner = owner
        self.admission = admission
        self.outer = outer
        self.left = False


_innermost: ContextVar[_Block | None] = ContextVar("pyfly_circuit_breaker_block", default=None)


class Blocks:
    """The blocks of one breaker that are entered and not left.

    They are told apart by the context: that of a task, of a thread. A block that is left in
    another context than it was entered in (a fixture's, a generator's) takes the admission
    that was given last: so each is given back once in any case.
    """

    __slots__ = ("_entered",)

    def __init__(self) -> None:
        self._entered: dict[_Block, None] = {}

    def enter(self, admission: Admission) -> None:
        """A block begins."""
        block = _Block(self, admission, _open_one(_innermost.get(), None))
        self._entered[block] = None
        _innermost.set(block)

    def leave(self) -> Admission:
        """The innermost block of this context ends: its admission."""
        block = _open_one(_innermost.get(), self)
        if block is None:
            block, _ = self._entered.popitem()
        else:
            del self._entered[block]
        block.left = True
        _innermost.set(_open_one(_innermost.get(), None))
        return block.admission


def _open_one(block: _Block | None, owner: Blocks | None) -> _Block | None:
    """From here outwards, the first block (of one breaker) that has not been left."""
    while block is not None and (block.left or owner not in (None, block.owner)):
        block = block.outer
    return block
