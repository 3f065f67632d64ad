"""Which outcomes count as failures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from pyfly.kernel.record import Record

Kind: TypeAlias = type[BaseException] | Callable[[BaseException], bool]
Kinds: TypeAlias = Kind | tuple[Kind, ...]


class FailureRule(Record):
    """Which outcomes of a call a circuit breaker counts as failures. Immutable.

    An error that is not recorded, or ignored, is no success either: it proves nothing, and the
    permit of a probe goes back. The rule is not asked about
    :class:`~pyfly.kernel.exceptions.CircuitBreakerException` and exceptions that are no
    ``Exception``.

    Args:
        record: The errors that count: an exception class, a function from an error to a bool, or
            a tuple of such; default: all.
        ignore: The errors that do not count although they are recorded.
        record_result: A function from a returned value to a bool: whether it counts as failure.

    Raises:
        TypeError: Something else.
    """

    record: Kinds
    ignore: Kinds
    record_result: Callable[[Any], bool] | None

    def __init__(
        self,
        record: Kinds = Exception,
        ignore: Kinds = (),
        *,
        record_result: Callable[[Any], bool] | None = None,
    ) -> None:
        _check_kinds("record", record)
        _check_kinds("ignore", ignore)
        if record_result is not None and not callable(record_result):
            raise TypeError(
                "FailureRule: record_result must be a function from a result to a bool, "
                f"not {type(record_result).__name__}"
            )
        super().__init__(record, ignore, record_result)

    def __call__(self, error: BaseException) -> bool:
        """Returns whether an error counts."""
        return _fits(self.record, error) and not _fits(self.ignore, error)


def _fits(kinds: Kinds, error: BaseException) -> bool:
    for kind in kinds if isinstance(kinds, tuple) else (kinds,):
        if isinstance(error, kind) if isinstance(kind, type) else kind(error):
            return True
    return False


def _check_kinds(name: str, kinds: Any) -> None:
    for kind in kinds if isinstance(kinds, tuple) else (kinds,):
        if isinstance(kind, type):
            if not issubclass(kind, BaseException):
                raise TypeError(
                    f"FailureRule: {name} names {kind.__name__}, which is no exception class"
                )
        elif not callable(kind):
            raise TypeError(
                f"FailureRule: {name} must be an exception class, a function from an error to a "
                f"bool, or a tuple of them, not {type(kind).__name__} {kind!r}"
            )
