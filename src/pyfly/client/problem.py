"""Problem details for HTTP APIs (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pyfly.client.message import Headers, media_type
from pyfly.kernel.record import Record


class ProblemDetail(Record):
    """The members of a problem document; a member of the wrong type counts as absent.

    Attributes:
        type: A URI reference that identifies the kind of problem; ``about:blank`` if absent.
        title: A short summary of the kind.
        status: The status code that the service generated.
        detail: What went wrong this time.
        instance: A URI reference that identifies this occurrence.
        extensions: All other members.
    """

    type: str = "about:blank"
    title: str | None = None
    status: int | None = None
    detail: str | None = None
    instance: str | None = None
    extensions: Mapping[str, Any] = {}


_KINDS: dict[str, type] = {"type": str, "title": str, "status": int, "detail": str, "instance": str}


def parse_problem(headers: Headers, body: bytes) -> ProblemDetail | None:
    """The problem document in a response; None if it is none, or cannot be read."""
    if media_type(headers) != "application/problem+json":
        return None
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    known = {
        name: document[name] for name, kind in _KINDS.items() if type(document.get(name)) is kind
    }
    rest = {name: value for name, value in document.items() if name not in _KINDS}
    return ProblemDetail(**known, extensions=rest)
