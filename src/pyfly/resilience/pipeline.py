"""Stages folded into one function, once.

A stage wraps a handler into another handler. Building a pipeline wraps the sender with every
stage, innermost first, and what comes out is called for each call: nothing is looked up,
and a stage that is not there costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from pyfly.resilience.call import Handler, SyncHandler

__all__ = ["Handler", "Pipeline", "Stage", "SyncHandler"]


class Stage(Protocol):
    """One policy at work in a pipeline."""

    @property
    def name(self) -> str:
        """Its name in :data:`pyfly.resilience.assembly.ORDER`."""
        ...

    def wrap(self, inner: Handler) -> Handler:
        """Returns a coroutine function that does this stage's part around ``inner``."""
        ...

    def wrap_sync(self, inner: SyncHandler) -> SyncHandler:
        """The same for synchronous code."""
        ...

    def describe(self) -> str:
        """Its effective settings in one line."""
        ...


class Pipeline:
    """Stages in the order given, outermost first.

    Use :func:`pyfly.resilience.assembly.assemble` to have them put into the right order.
    """

    __slots__ = ("stages",)

    def __init__(self, stages: Iterable[Stage]) -> None:
        self.stages: tuple[Stage, ...] = tuple(stages)

    def build(self, send: Handler) -> Handler:
        """Returns one coroutine function that passes a call through every stage to ``send``."""
        for stage in reversed(self.stages):
            send = stage.wrap(send)
        return send

    def build_sync(self, send: SyncHandler) -> SyncHandler:
        """The same for synchronous code."""
        for stage in reversed(self.stages):
            send = stage.wrap_sync(send)
        return send

    def explain(self) -> str:
        """Returns what is executed, outermost first, one stage a line."""
        return "\n".join(f"{stage.name}: {stage.describe()}" for stage in self.stages)

    def __repr__(self) -> str:
        return f"Pipeline({', '.join(stage.name for stage in self.stages)})"
