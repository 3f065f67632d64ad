"""What every request of a method carries, whatever its arguments: made once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from pyfly.client._bind.values import Unsendable, header_value, plain_text, query_text
from pyfly.client.errors import ClientDeclarationException
from pyfly.client.plan import MethodPlan, ParameterKind

__all__ = ["WrittenNames", "constant_headers", "constant_params", "constant_query"]


def constant_headers(method: MethodPlan) -> dict[str, str]:
    """The constant header fields, by lower-case name.

    Raises:
        ClientDeclarationException: A value cannot be sent.
    """
    headers: dict[str, str] = {}
    for name, value in method.headers.items():
        try:
            headers[name.lower()] = header_value(value)
        except Unsendable as reason:
            _refuse(method, f"headers: the value of {name!r} cannot be sent: {reason}")
    return headers


class WrittenNames:
    """Gives header fields the names that the user wrote, for a port that encodes by itself."""

    def __init__(self, method: MethodPlan) -> None:
        declared = [p.wire_name for p in method.of_kind(ParameterKind.HEADER)]
        self._names = {name.lower(): name for name in (*method.headers, *declared)}

    def __call__(self, headers: Mapping[str, str], *given: Any) -> dict[str, str]:
        """The fields by their names as written; ``given`` are mappings of this call's fields."""
        names = self._names
        if given:
            names = {**names, **{name.lower(): name for each in given for name in each or ()}}
        return {names.get(name, name): value for name, value in headers.items()}


def constant_query(method: MethodPlan) -> str:
    """The constant query parameters, encoded: ``&name=value`` for each."""
    return "".join(
        f"&{query_text(name)}={query_text(text)}"
        for name, texts in _texts(method).items()
        for text in texts
    )


def constant_params(method: MethodPlan) -> dict[str, str | list[str]]:
    """The constant query parameters, for a port that encodes by itself."""
    return {name: texts[0] if len(texts) == 1 else texts for name, texts in _texts(method).items()}


def _texts(method: MethodPlan) -> dict[str, list[str]]:
    """Name and texts of each parameter; None leaves one out, a list repeats it."""
    found: dict[str, list[str]] = {}
    for name, value in method.params.items():
        values: list[Any] = list(value) if isinstance(value, (list, tuple)) else [value]
        try:
            texts = [plain_text(item) for item in values if item is not None]
        except Unsendable as reason:
            _refuse(method, f"params: the value of {name!r} cannot be sent: {reason}")
        if texts:
            found[name] = texts
    return found


def _refuse(method: MethodPlan, mistake: str) -> NoReturn:
    client = method.operation.partition(".")[0]
    raise ClientDeclarationException(client, [f"{method.operation}: {mistake}"])
