"""How long a bean lives."""

from __future__ import annotations

from enum import Enum


class Scope(Enum):
    """How many instances of a bean there are.

    ``SINGLETON``: one per container. ``TRANSIENT``: a new one for whoever asks; the
    container does not keep it, so nothing stops or destroys it.
    """

    SINGLETON = "singleton"
    TRANSIENT = "transient"
