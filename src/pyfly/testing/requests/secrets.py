"""Secrets are taken out before anything is written, or compared with what was written.

In place of each stands ``***1``, ``***2``, …: the same for the same secret, so that what a
service names in one answer and wants back in the next request, such as a page token, still fits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pyfly.kernel.secrets import is_secret, shown

_PLACEHOLDER = re.compile(r"\*\*\*\d*")


def alike(text: str) -> str:
    """A text in which all placeholders are the same: which number a secret has is chance."""
    return _PLACEHOLDER.sub("***", text)


class Redactor:
    """Takes out what is secret by its name.

    Args:
        names: Of header fields, parameters and body fields, beside those that are always
            secret: see :func:`~pyfly.kernel.secrets.is_secret`.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = {_normal(name) for name in names}
        self._numbers: dict[str, int] = {}

    def hides(self, name: str) -> bool:
        """Whether what has this name is secret."""
        return _normal(name) in self._names or is_secret(name)

    def hidden(self, secret: str) -> str:
        """What stands in its place."""
        if not secret or _PLACEHOLDER.fullmatch(secret):
            return secret
        return f"***{self._numbers.setdefault(secret, len(self._numbers) + 1)}"

    def field(self, name: str, text: str) -> str:
        """The value of a header field or parameter."""
        return self.hidden(text) if self.hides(name) else self.text(text)

    def text(self, text: str) -> str:
        """A text without the credentials and secret parameters of the URLs in it.

        Nor the secret members of what looks like JSON: lines of it, events, a broken body.
        """
        return shown(text, self.hides, self.hidden)

    def json(self, value: Any, name: str = "") -> Any:
        """JSON values without the texts in fields whose names are secret.

        Numbers and booleans go only where the test has named the field, since ``total_tokens``
        is no secret.
        """
        return self._json(value, self.hides(name), _normal(name) in self._names)

    def _json(self, value: Any, hide: bool, named: bool) -> Any:
        if isinstance(value, dict):
            return {
                key: self._json(
                    item, hide or self.hides(str(key)), named or _normal(str(key)) in self._names
                )
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self._json(item, hide, named) for item in value]
        if isinstance(value, str):
            return self.hidden(value) if hide else self.text(value)
        return type(value)() if named and value is not None else value


def _normal(name: str) -> str:
    return name.lower().replace("_", "-")
