"""What stands for a result that leads to another attempt."""

from __future__ import annotations

from pyfly.kernel.exceptions import PyFlyException

__all__ = ["UnwantedResultException"]


class UnwantedResultException(PyFlyException):
    """An attempt returned something that ``retry_if_result`` does not want.

    It is told to listeners and in the history, and never raised: if no attempt returns
    something better, the last result is returned. It does not hold the result.
    """

    def __str__(self) -> str:
        return "retry_if_result asked for another attempt"
