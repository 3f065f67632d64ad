"""What a throttle raises."""

from __future__ import annotations

from pyfly.kernel.exceptions import RefusedException

__all__ = ["ThrottledException"]


class ThrottledException(RefusedException):
    """The other side turns so many calls away that this one was not made."""

    default_message = "Throttled: the other side turns calls away"
