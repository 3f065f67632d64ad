"""``errors={404: ProductNotFound}``: exceptions of a user's own for the statuses of a service.

The mapping happens outside the pipeline: the circuit breaker and the retry judge the status
itself, whatever it is called in the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyfly.client._codec.typed import typed_json
from pyfly.client.errors import HttpStatusException
from pyfly.kernel.record import Record


class ErrorBody(Record):
    """A value of ``errors=``: the error's body, decoded into a type.

    The exception gets it as ``error_body``; None if the body is something else.

    Attributes:
        model: A pydantic model, a dataclass, or anything else that a result can be.
        raises: The exception to raise; the status's own if None.
    """

    model: Any
    raises: type[Exception] | None = None


class ErrorMapping:
    """The table of one method.

    Args:
        errors: By status, such as 404, or by hundred, such as ``"4xx"``: an exception class, a
            function from the status's exception to the one to raise, or an :class:`ErrorBody`.
    """

    def __init__(self, errors: Mapping[Any, Any]) -> None:
        self._errors = dict(errors)
        self._decoders = {
            id(entry): typed_json(entry.model)
            for entry in errors.values()
            if isinstance(entry, ErrorBody)
        }

    def translate(self, error: HttpStatusException) -> Exception:
        """The exception to raise for a status; ``error`` itself if the table has none."""
        status = error.status_code
        entry = self._errors.get(status, self._errors.get(f"{status // 100}xx"))
        if entry is None:
            return error
        if isinstance(entry, ErrorBody):
            raised: Any = error if entry.raises is None else _made(entry.raises, error)
            raised.error_body = self._decoded(entry, error)
            return raised  # type: ignore[no-any-return]  # one of the two above
        if isinstance(entry, type):
            return _made(entry, error)
        made = entry(error)
        return made if isinstance(made, Exception) else error

    def _decoded(self, entry: ErrorBody, error: HttpStatusException) -> Any:
        decoder = self._decoders[id(entry)]
        try:
            return decoder.from_bytes(error.body)
        except decoder.errors:
            return None


def _made(kind: type[Exception], error: HttpStatusException) -> Exception:
    """An exception of ``kind`` that knows what ``error`` knows."""
    if issubclass(kind, HttpStatusException):
        made = kind(error.status_code, error.headers, error.body)
        if error.operation is not None:
            made.at_call(
                error.operation, error.method or "", error.url_template or "", error.attempts
            )
        return made
    return kind(str(error))


def mapping_mistakes(errors: Mapping[Any, Any]) -> list[str]:
    """What is wrong with an ``errors=`` argument; empty if nothing is."""
    wrong: list[str] = []
    for key, entry in errors.items():
        if not _is_key(key):
            wrong.append(f"errors: {key!r} is no status (write 300 to 599, or '4xx')")
        if not _is_entry(entry):
            wrong.append(
                f"errors: {entry!r} for {key} is no exception class (write one, a function "
                "that makes one, or ErrorBody(Model))"
            )
    return wrong


def _is_key(key: Any) -> bool:
    if isinstance(key, str):
        return key in ("3xx", "4xx", "5xx")
    return isinstance(key, int) and not isinstance(key, bool) and 300 <= key <= 599


def _is_entry(entry: Any) -> bool:
    if isinstance(entry, ErrorBody):
        return entry.raises is None or _is_entry(entry.raises)
    if isinstance(entry, type):
        return issubclass(entry, Exception)
    return callable(entry)
