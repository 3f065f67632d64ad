"""One small class for each kind of parameter: it puts a value into its slot of a request.

A binder is made once for each parameter, with all that is known of it, and called with the
argument. What cannot be sent is refused with the method's and the parameter's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, NoReturn

from pyfly.client._bind.values import (
    Unsendable,
    cookie_value,
    header_value,
    path_segment,
    path_segments,
    plain_text,
    query_text,
)
from pyfly.client._codec.encode import to_json, to_plain
from pyfly.client._compile.plan import MethodPlan, ParameterKind, ParameterPlan
from pyfly.client._compile.signature import is_forbidden_header, is_token
from pyfly.client._declare.markers import Path, Query
from pyfly.client.errors import ClientArgumentException

__all__ = [
    "Binder",
    "BodyBinder",
    "CookieBinder",
    "HeaderBinder",
    "HeadersBinder",
    "ParamsBinder",
    "PathBinder",
    "QueryBinder",
    "TimeoutBinder",
    "binder_for",
]

_SEPARATORS = {"csv": ",", "ssv": "%20", "pipes": "%7C"}
_PLAIN_SEPARATORS = {"csv": ",", "ssv": " ", "pipes": "|"}


class Binder:
    """Base: which method and parameter it serves, and how it refuses a value."""

    def __init__(self, method: MethodPlan, parameter: ParameterPlan) -> None:
        self.method = method
        self.parameter = parameter

    def refuse(self, reason: object) -> NoReturn:
        """Raise the error for a value that must not be sent."""
        error = ClientArgumentException(f"{self.parameter.name!r} cannot be sent: {reason}")
        error.parameter = self.parameter.name
        error.at_call(self.method.operation, self.method.http_method, self.method.template.text, 0)
        raise error from None


class PathBinder(Binder):
    """A value in the path, encoded as one segment (or several, where asked)."""

    def __init__(self, method: MethodPlan, parameter: ParameterPlan) -> None:
        super().__init__(method, parameter)
        marker = parameter.marker
        spans = isinstance(marker, Path) and marker.segments
        self._encode = path_segments if spans else path_segment

    def __call__(self, value: Any) -> str:
        try:
            return self._encode(value)
        except Unsendable as reason:
            self.refuse(reason)


class QueryBinder(Binder):
    """A query parameter as encoded text, ``&name=value`` for each value; None is left out."""

    def __init__(self, method: MethodPlan, parameter: ParameterPlan) -> None:
        super().__init__(method, parameter)
        self._prefix = f"&{query_text(parameter.wire_name)}="
        self._separator = _SEPARATORS.get(_style(parameter))

    def __call__(self, value: Any) -> str:
        if value is None:
            return ""
        try:
            if not _is_collection(value):
                return self._prefix + query_text(value)
            texts = [query_text(item) for item in _items(value)]
        except Unsendable as reason:
            self.refuse(reason)
        if not texts:
            return ""
        if self._separator is not None:
            return self._prefix + self._separator.join(texts)
        return "".join(self._prefix + text for text in texts)


class ParamsBinder(Binder):
    """A query parameter for a port that encodes by itself: text, or a list of texts."""

    def __init__(self, method: MethodPlan, parameter: ParameterPlan) -> None:
        super().__init__(method, parameter)
        self._name = parameter.wire_name
        self._separator = _PLAIN_SEPARATORS.get(_style(parameter))

    def __call__(self, params: dict[str, str | list[str]], value: Any) -> None:
        if value is None:
            return
        try:
            if not _is_collection(value):
                params[self._name] = plain_text(value)
                return
            texts = [plain_text(item) for item in _items(value)]
        except Unsendable as reason:
            self.refuse(reason)
        if not texts:
            return
        if self._separator is None:
            params[self._name] = texts
            return
        if any(self._separator in text for text in texts):
            self.refuse(f"a value holds the separator {self._separator!r}")
        params[self._name] = self._separator.join(texts)


class HeaderBinder(Binder):
    """One header field; None leaves it out."""

    def __call__(self, headers: dict[str, str], value: Any) -> None:
        if value is None:
            headers.pop(self.parameter.wire_name, None)
            return
        try:
            headers[self.parameter.wire_name] = header_value(value)
        except Unsendable as reason:
            self.refuse(reason)


class HeadersBinder(Binder):
    """A mapping of header fields; a field set to None is left out."""

    def __call__(self, headers: dict[str, str], value: Mapping[str, Any] | None) -> None:
        if value is None:
            return
        if not isinstance(value, Mapping):
            self.refuse(f"headers are a mapping, not a {type(value).__name__}")
        for name, item in value.items():
            if not isinstance(name, str) or not is_token(name):
                self.refuse(f"{name!r} is no header name")
            if is_forbidden_header(name):
                self.refuse(f"the header {name!r} is not a caller's to set")
            if item is None:
                headers.pop(name, None)
                continue
            try:
                headers[name] = header_value(item)
            except Unsendable as reason:
                self.refuse(f"the value of {name!r} is not valid: {reason}")


class CookieBinder(Binder):
    """One cookie of this request; None leaves it out."""

    def __call__(self, headers: dict[str, str], value: Any) -> None:
        if value is None:
            return
        try:
            cookie = f"{self.parameter.wire_name}={cookie_value(value)}"
        except Unsendable as reason:
            self.refuse(reason)
        earlier = headers.get("cookie")
        headers["cookie"] = f"{earlier}; {cookie}" if earlier else cookie


class BodyBinder(Binder):
    """The body: as JSON bytes, or as plain values for a port that encodes by itself."""

    def encoded(self, value: Any) -> bytes | None:
        """The body as bytes; None, the value, is no body at all."""
        if value is None:
            return None
        try:
            return to_json(value)
        except (TypeError, ValueError, RecursionError) as error:
            self.refuse(error)

    def plain(self, value: Any) -> Any:
        """The body as dicts, lists, texts and numbers."""
        if value is None:
            return None
        try:
            return to_plain(value)
        except (TypeError, ValueError, RecursionError) as error:
            self.refuse(error)


class TimeoutBinder(Binder):
    """The timeout of this call's attempts: seconds or a timedelta; None keeps the setting."""

    def __call__(self, value: Any) -> float | None:
        if value is None:
            return None
        seconds = value.total_seconds() if hasattr(value, "total_seconds") else value
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
            self.refuse("a timeout is seconds or a timedelta")
        if not 0 < seconds < float("inf"):
            self.refuse("a timeout is more than 0 seconds, and finite")
        return float(seconds)


def _style(parameter: ParameterPlan) -> str:
    return parameter.marker.style if isinstance(parameter.marker, Query) else "multi"


def _is_collection(value: Any) -> bool:
    return isinstance(value, (list, tuple, Set, Sequence)) and not isinstance(
        value, (str, bytes, bytearray, memoryview)
    )


def _items(value: Iterable[Any]) -> list[Any]:
    """The values in the order they are sent; a set is sorted, so that a URL is stable."""
    items = [item for item in value if item is not None]
    return sorted(items, key=plain_text) if isinstance(value, Set) else items


_BINDERS: dict[ParameterKind, type[Binder]] = {
    ParameterKind.PATH: PathBinder,
    ParameterKind.QUERY: QueryBinder,
    ParameterKind.HEADER: HeaderBinder,
    ParameterKind.HEADERS: HeadersBinder,
    ParameterKind.COOKIE: CookieBinder,
    ParameterKind.BODY: BodyBinder,
    ParameterKind.TIMEOUT: TimeoutBinder,
}


def binder_for(method: MethodPlan, parameter: ParameterPlan, encoded: bool) -> Any:
    """The binder of a parameter, for a port that takes encoded requests or one that does not."""
    if parameter.kind is ParameterKind.QUERY and not encoded:
        return ParamsBinder(method, parameter)
    binder = _BINDERS[parameter.kind](method, parameter)
    if isinstance(binder, BodyBinder):
        return binder.encoded if encoded else binder.plain
    return binder
