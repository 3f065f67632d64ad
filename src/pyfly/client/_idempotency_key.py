"""``Idempotency-Key``: one for each call, so that the service can tell its attempts from others.

See the Internet-Draft draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

from pyfly.client.message import Request

__all__ = ["KEY", "has_idempotency_key", "with_idempotency_key"]

KEY = "idempotency-key"


def has_idempotency_key(request: Request) -> bool:
    """Whether a request carries one."""
    return any(name.lower() == KEY for name in request.headers)


def with_idempotency_key(request: Request) -> Request:
    """The request with a new key, unless its caller has set one."""
    if has_idempotency_key(request):
        return request
    from uuid import uuid4  # who makes no keys does not pay for its import

    return request.with_headers({**request.headers, KEY: str(uuid4())})
