"""Markers for ``Annotated``: where a parameter goes, and under which name.

Example::

    tags: Annotated[Sequence[str], Query("tag")] = ()
    trace: Annotated[str | None, Header("X-Trace")] = None
"""

from __future__ import annotations

from typing import Literal

from pyfly.kernel.record import Record

__all__ = ["Body", "Cookie", "Header", "Marker", "Path", "Query", "Timeout"]

QueryStyle = Literal["multi", "csv", "ssv", "pipes"]


class Marker(Record):
    """Base of all markers."""


class Path(Marker):
    """A placeholder in the path.

    Args:
        name: The placeholder's name; the parameter's own name if None.
        segments: Keep ``/`` in the value, so that it may span several segments. ``.`` and
            ``..`` are refused all the same.
    """

    name: str | None = None
    segments: bool = False


class Query(Marker):
    """A query parameter.

    Args:
        name: The name on the wire; the parameter's own name if None.
        style: How a collection is written: ``multi`` repeats the name (the default), ``csv``,
            ``ssv`` and ``pipes`` join the values with a comma, a space or a ``|``.
    """

    name: str | None = None
    style: QueryStyle = "multi"


class Header(Marker):
    """A header field.

    Args:
        name: The field name; the parameter's name with ``-`` for ``_`` if None.
    """

    name: str | None = None


class Cookie(Marker):
    """A cookie, sent with this request only.

    Args:
        name: The cookie's name; the parameter's own name if None.
    """

    name: str | None = None


class Body(Marker):
    """The request body, for a parameter that is not called ``body`` or on a ``DELETE``."""


class Timeout(Marker):
    """Seconds (or a ``timedelta``) that each attempt of this call may take; never sent."""
