"""``application/x-www-form-urlencoded``, as the URL standard (WHATWG, section 5.2) says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote_plus

__all__ = ["encode_form"]

_PLAIN = re.compile(r"[A-Za-z0-9*\-._]*").fullmatch


def encode_form(fields: Iterable[tuple[str, str]]) -> bytes:
    """Names and values as a form's body: a space is ``+``, all but ``A-Z a-z 0-9 * - . _`` is
    percent-encoded as UTF-8.

    Raises:
        ValueError: A text holds half of a surrogate pair.
    """
    return "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in fields).encode()


def _encoded(text: str) -> str:
    # quote_plus leaves the tilde alone, the standard does not.
    return text if _PLAIN(text) else quote_plus(text, safe="*").replace("~", "%7E")
