"""Which stages a method cannot have."""

from __future__ import annotations

from pyfly.client._call.failure_classification import why_no_hedge
from pyfly.client.interceptors import hooks_of
from pyfly.client.plan import MethodPlan

__all__ = ["why_not"]

_SHARED_METHODS = ("GET", "HEAD")


def why_not(section: str, method: MethodPlan) -> str | None:
    """Why a method cannot have a fallback, a single flight or hedges; None if it can."""
    if method.stream is not None:
        return "a stream takes none (it is for methods that return a value)"
    if section == "hedge":
        return why_no_hedge(method)
    if section == "single-flight":
        return _why_not_shared(method)
    return None


def _why_not_shared(method: MethodPlan) -> str | None:
    if method.http_method not in _SHARED_METHODS:
        return f"a {method.http_method} is not shared (only GET and HEAD are)"
    for interceptor in method.interceptors:
        if "before_request" in hooks_of(interceptor):
            name = getattr(interceptor, "__name__", type(interceptor).__name__)
            return (
                f"the interceptor {name} may give each caller's request other headers, so its "
                "calls must not be shared (do without one of them)"
            )
    return None
