"""What is allowed, and most likely not meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyfly.cli.check.finding import ERROR, WARNING
from pyfly.cli.check.retries import Retries, sent_once, takes_key
from pyfly.client._compile.shapes import (
    in_words,
    is_collection,
    is_fields,
    is_file,
    is_raw,
    is_scalar,
    members,
)
from pyfly.client._declare.options import is_idempotent, is_retryable
from pyfly.client._settings.config import Settings
from pyfly.client.plan import MethodPlan, ParameterKind

_SAFE = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")
_FILLED = (ParameterKind.BODY, ParameterKind.QUERY)


def hints(
    method: MethodPlan, stub: Any, settings: Settings, retries: Retries
) -> Iterator[tuple[str, str]]:
    """Severity and text of each hint about a method; the text is the end of a sentence."""
    yield from _useless_retry(method, retries)
    yield from _useless_mark(method, stub, retries)
    yield from _no_time(method, settings, retries)
    yield from _constant_key(method)
    yield from _no_form(method)


def _useless_retry(method: MethodPlan, retries: Retries) -> Iterator[tuple[str, str]]:
    """A retry that the method itself asks for, and that its request does not allow."""
    asked: Any = method.resilience.get("retry")
    if not asked or retries.attempts < 2:
        return
    shown = repr(asked) if isinstance(asked, int) else f"{type(asked).__name__}(…)"
    verb = f"@resilience(retry={shown})"
    single = sent_once(method)
    if single is not None:
        yield (
            ERROR,
            f"{verb} can never take effect: {single!r} can be sent only once (take bytes or a "
            "file, or remove the retry)",
        )
    elif not (method.idempotent or method.retryable or takes_key(method)):
        yield (
            ERROR,
            f"{verb} never takes effect once a {method.http_method} has been sent: it may have "
            "had its effect (add @retryable or @idempotent, or an Annotated[str, "
            'Header("Idempotency-Key")] parameter)',
        )


def _useless_mark(method: MethodPlan, stub: Any, retries: Retries) -> Iterator[tuple[str, str]]:
    marks = {"retryable": is_retryable(stub), "idempotent": is_idempotent(stub)}
    for name in (name for name, stands in marks.items() if stands):
        if method.http_method in _SAFE and not (name == "idempotent" and method.makes_key):
            yield WARNING, f"a {method.http_method} may be repeated anyway (remove @{name})"
        elif retries.attempts < 2 and name == "retryable":
            yield WARNING, f"@retryable has nothing to allow: {retries.off} (remove one of them)"


def _no_time(method: MethodPlan, settings: Settings, retries: Retries) -> Iterator[tuple[str, str]]:
    total = settings.seconds("total-timeout", method.name)
    if total is None or retries.attempts < 2 or retries.first_pause < total:
        return
    severity = ERROR if method.resilience.get("retry") else WARNING
    yield (
        severity,
        f"its retries can never fire: the first comes {retries.first_pause:g} s after a failure, "
        f"and the total timeout is {total:g} s (raise that, lower retry_base_delay, or set "
        "retry=False)",
    )


def _constant_key(method: MethodPlan) -> Iterator[tuple[str, str]]:
    if any(name.lower() == "idempotency-key" for name in method.headers):
        yield (
            WARNING,
            "the constant Idempotency-Key makes all its calls one to the service (declare a "
            "parameter for it)",
        )


def _no_form(method: MethodPlan) -> Iterator[tuple[str, str]]:
    """Classes of which no value can be sent."""
    for parameter in method.of_kind(*_FILLED):
        kinds = members(parameter.annotation)
        if kinds and all(map(_is_unknown, kinds)):
            yield (
                WARNING,
                f"{parameter.name!r}: a {in_words(kinds[0])} has no form in a request (declare a "
                "dataclass, a model or a dict)",
            )


def _is_unknown(member: Any) -> bool:
    if not isinstance(member, type) or getattr(member, "_is_protocol", False):
        return False
    known = (is_scalar, is_fields, is_collection, is_raw, is_file)
    return not (any(knows(member) for knows in known) or hasattr(member, "model_dump"))
