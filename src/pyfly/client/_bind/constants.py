"""What every request of a method carries, whatever its arguments: made once.

:func:`constant_mistakes` is asked before the rest: what it finds nothing wrong with can be sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pyfly.client._bind.values import Unsendable, header_value, plain_text, query_text
from pyfly.client._codec.decode import wants_json
from pyfly.client.message import ConstantHeaders
from pyfly.client.plan import MethodPlan, ParameterKind
from pyfly.kernel.secrets import SecretText, is_secret


def constant_mistakes(method: MethodPlan) -> Iterator[str]:
    """What is wrong with the constants of a method whose placeholders have been resolved."""
    for name, value in method.headers.items():
        try:
            header_value(value)
        except Unsendable as reason:
            yield f"{method.operation}: headers: the value of {name!r} cannot be sent: {reason}"
        if str(name).lower() == "content-type" and method.of_kind(ParameterKind.FILE):
            yield (
                f"{method.operation}: headers: a multipart body's Content-Type names its boundary "
                "(remove it; File(content_type=…) gives the type of a file)"
            )
    for name, value in method.params.items():
        try:
            _texts(value)
        except Unsendable as reason:
            yield f"{method.operation}: params: the value of {name!r} cannot be sent: {reason}"


def constant_headers(method: MethodPlan, encoded: bool) -> ConstantHeaders:
    """The constant header fields, by lower-case name.

    A method whose result is JSON asks for some, unless it asks for something itself.

    Args:
        method: The method.
        encoded: Whether the port takes encoded requests; one of a user's own knows best.
    """
    asks = encoded and wants_json(method.returns) and not _is_raw_stream(method)
    return ConstantHeaders(
        {
            **({"accept": "application/json"} if asks else {}),
            **{
                name.lower(): (SecretText if is_secret(name) else str)(header_value(value))
                for name, value in method.headers.items()
            },
        }
    )


def _is_raw_stream(method: MethodPlan) -> bool:
    """Whether it streams what is not, as a whole, one JSON text: bytes, events or lines."""
    return method.stream is not None and method.options.get("paginate") is None


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
        for name, value in method.params.items()
        for text in _texts(value)
    )


def constant_params(method: MethodPlan) -> dict[str, str | list[str]]:
    """The constant query parameters, for a port that encodes by itself."""
    every = {name: _texts(value) for name, value in method.params.items()}
    return {name: texts[0] if len(texts) == 1 else texts for name, texts in every.items() if texts}


def _texts(value: Any) -> list[str]:
    """The texts of one parameter; None leaves it out, a list repeats it."""
    values: list[Any] = list(value) if isinstance(value, (list, tuple)) else [value]
    return [plain_text(item) for item in values if item is not None]
