"""``Idempotency-Key``: one for each call, so that the service can tell its attempts from others.

See the Internet-Draft draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyfly.client.message import Request

KEY = "idempotency-key"


def has_idempotency_key(request: Request) -> bool:
    """Returns whether a request carries one."""
    return any(name.lower() == KEY for name in request.headers)


def with_keys(invoke: Callable[..., Any], wanted: bool) -> Callable[..., Any]:
    """Returns a function that makes calls out of requests, each of which gets a key.

    Args:
        invoke: Makes a call out of a request that has one.
        wanted: Whether keys are asked for at all.
    """
    if not wanted:
        return invoke
    from uuid import uuid4  # who makes no keys does not pay for its import

    def keyed(request: Request, *more: Any) -> Any:
        if not has_idempotency_key(request):
            request = request.with_headers({**request.headers, KEY: str(uuid4())})
        return invoke(request, *more)

    return keyed
