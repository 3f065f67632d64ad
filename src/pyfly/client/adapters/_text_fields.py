"""The header fields of requests for libraries that take them as text."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from pyfly.client.adapters._outgoing import DEFAULTS
from pyfly.client.errors import ClientArgumentException
from pyfly.client.message import ConstantHeaders
from pyfly.kernel.secrets import is_secret

#: What would end a field, or be encoded otherwise than it is meant (RFC 9110, section 5.5).
_UNSENDABLE = re.compile(r"[\r\n\0]|^\s|\s$|[^\x00-\x7f]")


class TextFields:
    """The fields of an adapter's requests, put together once, as aiohttp takes them.

    Args:
        headers: The adapter's own, over the defaults.

    Attributes:
        public: Those that may go to every origin.

    Raises:
        ClientArgumentException: A field cannot be sent.
    """

    def __init__(self, headers: Mapping[str, str] | None) -> None:
        merged = {name: (name, value) for name, value in DEFAULTS.items()}
        for name, value in (headers or {}).items():
            _check(name, value)
            merged[name.lower()] = (name, value)
        secret = {name for name in merged if name == "host" or is_secret(name)}
        self._private = [field for name, field in merged.items() if name in secret]
        self.public = [field for name, field in merged.items() if name not in secret]

    @functools.cached_property
    def _at_home(self) -> Any:
        from multidict import CIMultiDict  # it comes with aiohttp

        return CIMultiDict([*self.public, *self._private])

    @functools.cached_property
    def _abroad(self) -> Any:
        from multidict import CIMultiDict

        return CIMultiDict(self.public)

    def for_request(self, headers: Mapping[str, str], home: bool) -> Any:
        """All fields of one request, as a ``CIMultiDict`` that is not to be changed.

        Args:
            headers: The request's own.
            home: Whether it goes to the adapter's own origin; the adapter's credentials go
                nowhere else.
        """
        if home and type(headers) is ConstantHeaders:
            encoded = headers.encoded
            if encoded is None or encoded[0] is not self:
                encoded = headers.encoded = self, self._merged(headers, home)
            return encoded[1]
        return self._merged(headers, home)

    def _merged(self, headers: Mapping[str, str], home: bool) -> Any:
        fields = self._at_home if home else self._abroad
        if headers:
            fields = fields.copy()
            for name, value in headers.items():
                _check(name, value)
                fields[name] = value
        return fields

    def with_length(self, fields: Any, length: int) -> Any:
        """The fields with the length of a body."""
        fields = fields.copy()
        fields["Content-Length"] = str(length)
        return fields


def _check(name: str, value: str) -> None:
    if _UNSENDABLE.search(value) or _UNSENDABLE.search(name):
        error = ClientArgumentException(
            f"header {name!r} holds characters that a header cannot carry"
        )
        error.parameter = name
        raise error
