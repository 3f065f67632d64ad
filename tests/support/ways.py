"""The two ways of a first attempt: in line, where it can be, and by the pipeline always."""

from __future__ import annotations

import pytest

WAYS = ("in line", "by the pipeline")


def take(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clients that are made from now on make their first attempts that way."""
    if way == WAYS[1]:
        monkeypatch.setattr("pyfly.client._call.invoke.guards_of", lambda steps, port_bounds: None)
