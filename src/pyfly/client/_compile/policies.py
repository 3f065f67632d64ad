"""What protects calls, as ``@service_client`` and ``@resilience`` were told it, checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, get_args

from pyfly.client._compile.signature import is_forbidden_header, is_token
from pyfly.client._declare.options import POLICY_OPTIONS
from pyfly.client._settings.rows import DecoratorParameter
from pyfly.client._settings.table import PARAMETERS
from pyfly.resilience import DeadlineFormat, TimeoutPolicy

_OF_METHODS = ("retry", "breaker", *POLICY_OPTIONS)


def policy_mistakes(given: Mapping[str, Any], decorator: str = "") -> Iterator[str]:
    """Yields what is wrong with the parameters of a decorator; a None says nothing.

    Args:
        given: The parameters by name.
        decorator: Its name, for a decorator of a method.
    """
    for name, value in given.items():
        if name not in PARAMETERS:
            from difflib import get_close_matches  # only when something is wrong

            near = get_close_matches(name, _OF_METHODS, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(_OF_METHODS)}"
            yield f"{name}=… is no argument of {decorator} ({hint})"
            continue
        parameter = PARAMETERS[name][0]
        what = parameter.expected
        says_nothing = value is None and name not in ("retry", "circuit_breaker")
        if not says_nothing and not _takes(parameter, value):
            if name == "retry" and value == 0:
                what = f"it makes no attempt at all; {what}"
            said = f"{name}={value!r}"
            yield f"{decorator}({said}): {what}" if decorator else f"{said} ({what})"
    wrong = _timeout_mistake(given.get("timeout"), given.get("total_timeout"))
    if wrong is not None:
        yield f"{decorator}: {wrong}" if decorator else wrong


def usable_policies(given: Mapping[str, Any]) -> dict[str, Any]:
    """Those parameters of a decorator that nothing is wrong with."""
    return {name: value for name, value in given.items() if not any(policy_mistakes({name: value}))}


def _timeout_mistake(timeout: Any, total: Any) -> str | None:
    if isinstance(timeout, TimeoutPolicy):
        if total is not None and timeout.total is not None:
            return "total_timeout stands beside a TimeoutPolicy that says it (keep one)"
    elif _is_span(timeout) and _is_span(total) and _seconds(timeout) > _seconds(total):
        spans = f"timeout ({_seconds(timeout):g} s) is longer than total_timeout"
        return f"{spans} ({_seconds(total):g} s)"
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_span(value: Any) -> bool:
    if isinstance(value, timedelta):
        return value > timedelta(0)
    return _is_number(value) and value > 0


def _seconds(value: Any) -> float:
    return value.total_seconds() if isinstance(value, timedelta) else float(value)


def _is_pause(value: Any) -> bool:
    return _is_number(value) and value >= 0


def is_header_to_set(name: Any) -> bool:
    """Returns whether a header of this name can be set at all."""
    return isinstance(name, str) and is_token(name) and not is_forbidden_header(name)


def _is_deadline_header(value: Any) -> bool:
    if isinstance(value, tuple) and len(value) == 2:
        name, form = value
        return is_header_to_set(name) and form in get_args(DeadlineFormat)
    return is_header_to_set(value)


#: Whether a plain value is of its kind.
_PLAIN: dict[str, Callable[[Any], bool]] = {
    "": lambda value: False,
    "count": _is_count,
    "rate": lambda value: _is_number(value) and value > 0,
    "seconds": _is_pause,
    "span": _is_span,
    "header": _is_deadline_header,
}


def _takes(parameter: DecoratorParameter, value: Any) -> bool:
    """Returns whether a value is one that a parameter takes."""
    if isinstance(value, bool):
        return parameter.switches and (value is False or parameter.plain[0] != "header")
    return isinstance(value, parameter.takes) or _PLAIN[parameter.plain[0]](value)
