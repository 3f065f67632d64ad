"""The whole table."""

from __future__ import annotations

from tests.client.hostile_responses.bodies import BODIES
from tests.client.hostile_responses.case import Case
from tests.client.hostile_responses.framing import FRAMING
from tests.client.hostile_responses.heads import HEADS

__all__ = ["CASES"]

CASES: list[Case] = [*HEADS, *FRAMING, *BODIES]
