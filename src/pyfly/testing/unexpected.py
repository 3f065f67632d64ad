"""A request that a test did not expect."""

from __future__ import annotations

__all__ = ["UnexpectedRequestException"]


class UnexpectedRequestException(BaseException):
    """A request reached a port of a test that has no answer to it; the message says what differs.

    No ``Exception``, and so none of ours: like a failed assertion it is for the test alone. No
    retry repeats it, no circuit breaker counts it, no fallback answers it, and no
    ``except Exception`` in the code under test hides it.
    """
