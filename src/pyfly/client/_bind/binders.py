"""One small class for each kind of parameter: it puts a value into its slot of a request.

A binder is made once for each parameter, with all that is known of it, and called with the
argument. What cannot be sent is refused with the method's and the parameter's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, NoReturn
from urllib.parse import unquote

from pyfly.client._bind.values import (
    Unsendable,
    cookie_value,
    header_value,
    path_segment,
    path_segments,
    plain_text,
    query_text,
)
from pyfly.client._compile.signature import is_forbidden_header, is_token
from pyfly.client._declare.markers import Path, Query
from pyfly.client.errors import ClientArgumentException
from pyfly.client.plan import MethodPlan, ParameterKind, ParameterPlan
from pyfly.kernel.secrets import SecretText, is_secret

_SEPARATORS = {"csv": ",", "ssv": "%20", "pipes": "%7C"}
_PLAIN_SEPARATORS = {"csv": ",", "ssv": " ", "pipes": "|"}
#: Dots, encoded or not, that would be a segment by themselves behind a slash.
_DOTS = re.compile(r"(?:\.|%2e){1,2}(?=/|$)", re.IGNORECASE).match
#: How much of a name that is refused is shown.
_SHOWN = 60


class Binder:
    """Base: which method and parameter it serves, and how it refuses a value."""

    def __init__(self, method: MethodPlan, parameter: ParameterPlan) -> None:
        self.method = method
        self.parameter = parameter

    def refuse(self, reason: object, cause: Exception | None = None) -> NoReturn:
        """Raise the error for a value that must not be sent."""
        refuse_argument(self.method, self.parameter, reason, cause)


def refuse_argument(
    method: MethodPlan, parameter: ParameterPlan, reason: object, cause: Exception | None = None
) -> NoReturn:
    """Raise the error for an argument that must not be sent."""
    error = ClientArgumentException(f"{parameter.name!r} cannot be sent: {reason}")
    error.parameter = parameter.name
    error.at_call(method.operation, method.http_method, method.template.text, 0)
    raise error from cause


class PathBinder(Binder):
    """A value in the path, encoded as one segment (or several, where asked)."""

    def __init__(self, method: MethodPlan, parameter: ParameterPlan) -> None:
        super().__init__(method, parameter)
        marker = parameter.marker
        spans = isinstance(marker, Path) and marker.segments
        self._encode = path_segments if spans else path_segment
        after = method.template.placeholders.index(parameter.wire_name) + 1
        self._dots = _DOTS(method.template.literals[after]) if spans else None

    def __call__(self, value: Any) -> str:
        try:
            text = self._encode(value)
        except Unsendable as reason:
            self.refuse(reason)
        if self._dots is not None and text.endswith("/"):
            self.refuse(
                f"a slash at its end would make a segment of the {self._dots[0]!r} behind it, "
                "which climbs out of the path (remove it)"
            )
        return text


class QueryBinder(Binder):
    """A query parameter as encoded text, ``&name=value`` for each value; None is left out."""

    def __init__(self, method: MethodPlan, parameter: ParameterPlan) -> None:
        super().__init__(method, parameter)
        self.prefix = f"&{query_text(parameter.wire_name)}="
        self._separator = _SEPARATORS.get(_style(parameter))

    def __call__(self, value: Any) -> str:
        if value is None:
            return ""
        try:
            return self.encoded(self.prefix, value)
        except Unsendable as reason:
            self.refuse(reason)

    def encoded(self, prefix: str, value: Any) -> str:
        """One or more parameters under an encoded prefix, ``&name=``."""
        if not is_collection(value):
            return prefix + query_text(value)
        texts = [query_text(item) for item in items_of(value)]
        if not texts:
            return ""
        separator = self._separator
        if separator is None:
            return "".join(prefix + text for text in texts)
        # A comma within a value is told from one between values by being encoded; a space or a
        # bar is encoded in both places.
        if any(separator in text for text in texts):
            raise Unsendable(
                f"a value holds the separator {unquote(separator)!r} (leave the style out to "
                "repeat the name, or use csv)"
            )
        return prefix + separator.join(texts)


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
            self.put(params, self._name, value)
        except Unsendable as reason:
            self.refuse(reason)

    def put(self, params: dict[str, str | list[str]], name: str, value: Any) -> None:
        """Note the text or texts of one parameter."""
        if not is_collection(value):
            params[name] = plain_text(value)
            return
        texts = [plain_text(item) for item in items_of(value)]
        if not texts:
            return
        if self._separator is None:
            params[name] = texts
            return
        if any(self._separator in text for text in texts):
            raise Unsendable(f'a value holds the separator {self._separator!r} (use style="multi")')
        params[name] = self._separator.join(texts)


class HeaderBinder(Binder):
    """One header field, of one value or a list of them; None leaves it out."""

    def __init__(self, method: MethodPlan, parameter: ParameterPlan) -> None:
        super().__init__(method, parameter)
        self._text = _secret_text if is_secret(parameter.wire_name) else _field_text

    def __call__(self, headers: dict[str, str], value: Any) -> None:
        if value is None:
            headers.pop(self.parameter.wire_name, None)
            return
        try:
            text = self._text(value)
        except Unsendable as reason:
            self.refuse(reason)
        if text is not None:
            headers[self.parameter.wire_name] = text


class HeadersBinder(Binder):
    """A mapping of header fields; a field set to None is left out."""

    def __init__(self, method: MethodPlan, parameter: ParameterPlan) -> None:
        super().__init__(method, parameter)
        self._multipart = bool(method.of_kind(ParameterKind.FILE))

    def __call__(self, headers: dict[str, str], value: Mapping[str, Any] | None) -> None:
        if value is None:
            return
        if not isinstance(value, Mapping):
            self.refuse(f"headers are a mapping, not a {type(value).__name__} (pass a dict)")
        for name, item in value.items():
            if not isinstance(name, str) or not is_token(name):
                self.refuse(f"{abbreviated(name)} is no header name (letters, digits and '-')")
            if is_forbidden_header(name):
                self.refuse(f"the header {abbreviated(name)} is not a caller's to set (remove it)")
            if self._multipart and name.lower() == "content-type":
                self.refuse(f"the {name!r} of a multipart body names its boundary (remove it)")
            if item is None:
                headers.pop(name, None)
                continue
            try:
                text = (_secret_text if is_secret(name) else _field_text)(item)
            except Unsendable as reason:
                self.refuse(f"the value of {abbreviated(name)} is not valid: {reason}")
            if text is not None:
                headers[name] = text


def _secret_text(value: Any) -> str | None:
    text = _field_text(value)
    return None if text is None else SecretText(text)


def _field_text(value: Any) -> str | None:
    """A value as that of a header field; a list's values in one line (RFC 9110, section 5.3).

    None for an empty list, which leaves the field as it is.
    """
    if not is_collection(value):
        return header_value(value)
    texts = [header_value(item) for item in items_of(value)]
    if any("," in text or '"' in text for text in texts):
        raise Unsendable(
            "a value in it holds a comma or a quote, which would not be told from those between "
            "values (pass all of it as one text, quoted as the service reads it)"
        )
    return ", ".join(texts) if texts else None


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
        headers["cookie"] = SecretText(f"{earlier}; {cookie}" if earlier else cookie)


class TimeoutBinder(Binder):
    """The timeout of this call's attempts: seconds or a timedelta; None keeps the setting."""

    def __call__(self, value: Any) -> float | None:
        if value is None:
            return None
        seconds = value.total_seconds() if hasattr(value, "total_seconds") else value
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
            self.refuse("a timeout is seconds or a timedelta (pass a number above 0)")
        if not 0 < seconds < float("inf"):
            self.refuse("a timeout is more than 0 seconds, and finite (pass a number above 0)")
        return float(seconds)


def _style(parameter: ParameterPlan) -> str:
    return parameter.marker.style if isinstance(parameter.marker, Query) else "multi"


def abbreviated(name: object) -> str:
    """A name as an error shows it: a hostile one may be as long as a book."""
    text = repr(name)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def is_collection(value: Any) -> bool:
    """Whether a value is several values; text and bytes are one."""
    return isinstance(value, (list, tuple, Set, Sequence)) and not isinstance(
        value, (str, bytes, bytearray, memoryview)
    )


def items_of(value: Iterable[Any]) -> list[Any]:
    """The values in the order they are sent; a set is sorted, so that a URL is stable."""
    items = [item for item in value if item is not None]
    return sorted(items, key=plain_text) if isinstance(value, Set) else items


class HeaderDict(dict[str, str]):
    """Header fields by name, whatever its case: a later one replaces an earlier one.

    Made of a dict whose names are lower case already.
    """

    def __setitem__(self, name: str, value: str) -> None:
        super().__setitem__(name.lower(), value)

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)

    def pop(self, name: str, *default: Any) -> Any:
        return super().pop(name.lower(), *default)
