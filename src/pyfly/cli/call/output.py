"""Results on standard output, errors on standard error."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from pyfly.client import ProblemDetail, Response, ServerSentEvent
from pyfly.client._codec.encode import to_plain
from pyfly.client.errors import CallException, HttpStatusException
from pyfly.kernel.record import Record
from pyfly.kernel.secrets import redacted


class Output(Record):
    """How results are printed.

    Attributes:
        raw: Text is printed as it is, not as JSON.
        show_secrets: Secret header fields are printed too.
    """

    raw: bool
    show_secrets: bool

    def value(self, value: Any) -> None:
        """Print the result of a call: JSON, or bytes as they are."""
        if isinstance(value, bytes):
            _write(value)
        elif self.raw and isinstance(value, str):
            click.echo(value, nl=not value.endswith("\n"))
        else:
            click.echo(json.dumps(self._plain(value), indent=2, ensure_ascii=False))

    def item(self, value: Any) -> None:
        """Print an item of a stream at once: a line of JSON, or bytes as they are."""
        if isinstance(value, bytes):
            _write(value)
        elif self.raw and isinstance(value, str):
            click.echo(value)
        else:
            click.echo(json.dumps(self._plain(value), ensure_ascii=False))

    def _plain(self, value: Any) -> Any:
        if isinstance(value, ServerSentEvent):
            return {name: getattr(value, name) for name in ServerSentEvent.__match_args__}
        if isinstance(value, Response):
            return self._response(value)
        return to_plain(value)

    def _response(self, response: Response[Any]) -> dict[str, Any]:
        shown = {
            name: value if self.show_secrets else redacted(name, value)
            for name, value in response.headers.items()
        }
        value = response.value
        return {
            "status": response.status_code,
            "headers": shown,
            "value": _read(response) if value is None else self._plain(value),
        }


def _read(response: Response[Any]) -> Any:
    """The body of a ``Response`` alone: JSON if it is some, else text."""
    try:
        return response.json()
    except ValueError:
        return response.content.decode("utf-8", "replace") or None


def _write(content: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def error_data(error: Exception) -> dict[str, Any]:
    """What programs want to know of a failed call."""
    data: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
    if isinstance(error, CallException):
        for name in ("operation", "method", "url_template", "attempts"):
            data[name] = getattr(error, name)
    if isinstance(error, HttpStatusException):
        data["status"] = error.status_code
        data["retry_after"] = error.retry_after
        problem = error.problem
        if problem is not None:
            names = ProblemDetail.__match_args__
            data["problem"] = {name: to_plain(getattr(problem, name)) for name in names}
    return {"error": data}
