"""Whether and why a method is retried, in words."""

from __future__ import annotations

from pyfly.client._compile.shapes import is_async_stream, is_stream, members
from pyfly.client._settings.config import Settings
from pyfly.client.plan import MethodPlan, ParameterKind

_KEY = "idempotency-key"


def takes_key(method: MethodPlan) -> str | None:
    """What may hold an ``Idempotency-Key``: a parameter, or ``headers=``; None if nothing does."""
    for parameter in method.of_kind(ParameterKind.HEADER):
        if parameter.wire_name.lower() == _KEY:
            return parameter.name
    if any(name.lower() == _KEY for name in method.headers):
        return "headers="
    return next((p.name for p in method.of_kind(ParameterKind.HEADERS)), None)


def sent_once(method: MethodPlan) -> str | None:
    """The parameter whose every value can be read only once; None if there is none."""
    for parameter in method.of_kind(ParameterKind.BODY, ParameterKind.FILE):
        kinds = members(parameter.annotation)
        if kinds and all(is_async_stream(kind) or is_stream(kind) for kind in kinds):
            return parameter.name
    return None


class Retries:
    """The retries of one method.

    Args:
        method: Its plan.
        settings: Those of its client.

    Attributes:
        attempts: How many attempts a call makes at most.
        first_pause: Seconds before the second one.
        off: Why there are none, where there are none.
    """

    def __init__(self, method: MethodPlan, settings: Settings) -> None:
        self._method = method
        enabled = settings.switch("retry", method.name)
        attempts = settings.find("retry.max-attempts", method.name)
        self.attempts: int = attempts.value if enabled.value else 1
        self.first_pause = settings.seconds("retry.base-delay", method.name) or 0.0
        self.off = f"retries are off ({attempts.origin if enabled.value else enabled.origin})"

    def rule(self) -> str:
        """When another attempt follows, and why."""
        method = self._method
        if self.attempts < 2:
            return f"never: {self.off}"
        if (single := sent_once(method)) is not None:
            return f"never: {single!r} can be sent only once"
        if method.stream is not None and method.options.get("paginate") is None:
            before = " before the first item"
        else:
            before = ""
        if method.retryable:
            return f"yes{before}: @retryable"
        if method.idempotent:
            unsafe = method.http_method in ("POST", "PATCH")
            why = "@idempotent" if unsafe else f"a {method.http_method} may be repeated"
            return f"yes{before}: {why}"
        key = takes_key(method)
        with_key = f", or an Idempotency-Key is given by {key}" if key else ""
        return f"only if no connection was made{with_key}: a {method.http_method} may have effects"
