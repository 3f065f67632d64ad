"""What a user's tests of their clients need."""

from pyfly.testing.clients import client_for

__all__ = ["client_for"]
