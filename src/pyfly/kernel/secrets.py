"""Which names hold secrets, and how a secret is shown: as ``***``.

One rule for errors, logs, tracebacks, cassettes, ``--dry-run`` and configuration. A name is taken
apart into words, whatever its spelling (``x-api-key``, ``API_KEY``, ``apiKey``); one of them tells.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

HIDDEN = "***"

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_WORDS = re.compile(r"auth|cookies?|[th]?otp|sigs?")
#: A word in which one of these stands is secret, as ``sessionid`` and ``authtoken`` are.
_PARTS = re.compile(r"authorization|credential|jwt|passw|pwd|secret|sess(?:ion|id)|signature|token")
_KEY = re.compile(r"(?!.*(?:don|hoc|joc|lac|mon|tur|whis)key)\w*keys?")
#: ``Idempotency-Key`` names a call, and opens nothing.
_SHIPPED = frozenset({"idempotencykey"})

_added: frozenset[str] = frozenset()
_excepted: frozenset[str] = _SHIPPED

_IN_AUTHORITY = re.compile(r"(://)([^/@\s\"'<>]+)@")
_IN_QUERY = re.compile(r"([?&;#])([^=&?;#\s\"'<>]+)=([^&;#\s\"'<>]*)")
_IN_JSON = re.compile(r"(\"([^\"\\]+)\"\s*:\s*\")((?:[^\"\\]|\\.)*)")


def secret_names(*, add: Iterable[str] = (), without: Iterable[str] = ()) -> None:
    """Say which names hold secrets, beside the rule and in spite of it, for the whole process.

    A later call replaces what an earlier one said; without arguments the rule alone counts.

    Args:
        add: Names of header fields, parameters and members that hold secrets, such as ``tenant``.
        without: Names that hold none, such as ``sort_key``. Case, ``-`` and ``_`` do not count.
    """
    global _added, _excepted
    _added = frozenset(map(_normal, add))
    _excepted = _SHIPPED.union(map(_normal, without))
    is_secret.cache_clear()


def _normal(name: str) -> str:
    return name.replace("-", "").replace("_", "").lower()


@lru_cache(1024)
def is_secret(name: str) -> bool:
    """Whether what has this name is secret.

    It is, if one of its words is, or ends in, *key*; holds *token*, *secret*, *passw*, *pwd*,
    *signature*, *jwt*, *session*, *credential* or *authorization*; or is *sig*, *otp*, *auth* or
    *cookie*.
    """
    normal = _normal(name)
    if normal in _excepted:
        return False
    return normal in _added or any(
        _WORDS.fullmatch(word) or _PARTS.search(word) or _KEY.fullmatch(word)
        for word in map(str.lower, _WORD.findall(name))
    )


def redacted(name: str, value: str) -> str:
    """The value of a header field or parameter as it may be shown: ``***`` if it is secret.

    Of where a redirect leads nothing is shown behind the path: a query may be one credential.
    """
    if is_secret(name):
        return HIDDEN
    if name.lower() == "location":
        path, mark, _ = value.replace("#", "?").partition("?")
        return f"{path}?{HIDDEN}" if mark else value
    return value


def shown(
    text: str,
    hides: Callable[[str], bool] = is_secret,
    hidden: Callable[[str], str] = lambda secret: HIDDEN,
) -> str:
    """A text without the credentials and secret parameters of the URLs in it.

    Nor the secret members of what looks like JSON: lines of it, events, a broken body.

    Args:
        text: The text.
        hides: Whether what has a name is secret.
        hidden: What stands in place of a secret.
    """
    text = _IN_AUTHORITY.sub(lambda found: f"{found[1]}{hidden(found[2])}@", text)

    def value(found: re.Match[str]) -> str:
        name, secret = found[2], found[3]
        return f"{found[1]}{name}={hidden(secret) if hides(name) else secret}"

    def member(found: re.Match[str]) -> str:
        return found[1] + (hidden(found[3]) if hides(found[2]) else found[3])

    return _IN_JSON.sub(member, _IN_QUERY.sub(value, text))


class SecretText(str):
    """A credential: what shows the values of a frame, such as a debugger's traceback, sees ``***``.

    It is the text in every other way; its pieces and its bytes are secret too.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{HIDDEN}'"

    def __getitem__(self, index: Any) -> SecretText:
        return SecretText(str.__getitem__(self, index))

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> SecretBytes:
        return SecretBytes(str.encode(self, encoding, errors))


def hidden(value: Any) -> Any:
    """A text as a credential; any other value as it is."""
    return SecretText(value) if type(value) is str else value


class SecretBytes(bytes):
    """A credential on its way to the wire; see :class:`SecretText`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"b'{HIDDEN}'"

    def __getitem__(self, index: Any) -> Any:
        piece = bytes.__getitem__(self, index)
        return SecretBytes(piece) if isinstance(piece, bytes) else piece
