"""What can be wrong with a cassette as a whole."""

from __future__ import annotations

from pyfly.kernel.exceptions import PyFlyException

__all__ = ["CassetteException"]


class CassetteException(PyFlyException, ValueError):
    """A cassette cannot be used: it is missing, too old, or no cassette; the message says why."""
