"""What ``auth=`` takes: a header value, :func:`bearer` or :func:`basic`."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from pyfly.client._declare.verbs import is_coroutine_function

Provider: TypeAlias = Callable[[], "str | Awaitable[str]"]


class Credentials:
    """A source of ``Authorization`` values; its ``repr`` shows none of them.

    Args:
        kind: How it is called in messages, such as ``bearer``.
        current: Called for each attempt.
        refresh: Called once after a 401, to get another value; None where there is none.

    Attributes:
        is_asynchronous: Whether a value has to be awaited.
    """

    __slots__ = ("current", "is_asynchronous", "kind", "refresh")

    def __init__(self, kind: str, current: Provider, refresh: Provider | None) -> None:
        self.kind = kind
        self.current = current
        self.refresh = refresh
        self.is_asynchronous = is_coroutine_function(current) or is_coroutine_function(refresh)

    def __repr__(self) -> str:
        return f"{self.kind}(***)"


def bearer(
    provider: str | Callable[[], str | Awaitable[str]],
    *,
    refresh: Callable[[], str | Awaitable[str]] | None = None,
) -> Credentials:
    """A bearer token (RFC 6750).

    Args:
        provider: The token, or a function that gives it, plain or ``async``. It is asked for
            every attempt, so it should remember what is still good.
        refresh: Asked for a new token when the service answers 401; then the request is sent
            once more. Without it ``provider`` is asked again, if it is a function.
    """
    if isinstance(provider, str):
        return Credentials("bearer", _always(f"Bearer {provider}"), _bearing(refresh))
    return Credentials("bearer", _require(_bearing(provider)), _bearing(refresh or provider))


def basic(username: str, password: str) -> Credentials:
    """User name and password (RFC 7617).

    Raises:
        ValueError: The user name holds a colon.
    """
    if ":" in username:
        raise ValueError("basic(): a user name with a colon cannot be told from the password")
    token = b64encode(f"{username}:{password}".encode()).decode("ascii")
    return Credentials("basic", _always(f"Basic {token}"), None)


def credentials_of(auth: Any) -> Credentials | None:
    """The credentials that an ``auth=`` argument means; None for none.

    Raises:
        TypeError: It is nothing that can be one.
    """
    if auth is None or isinstance(auth, Credentials):
        return auth
    if isinstance(auth, str):
        return Credentials("header", _always(auth), None)
    raise TypeError(
        f"auth must be a header value, bearer(…) or basic(…), not a {type(auth).__name__}"
    )


def auth_mistakes(auth: Any, asynchronous: bool) -> list[str]:
    """What is wrong with an ``auth=`` argument; empty if nothing is."""
    try:
        credentials = credentials_of(auth)
    except TypeError as error:
        return [str(error)]
    if credentials is not None and credentials.is_asynchronous and not asynchronous:
        return ["auth: its provider is async and the stub is not (write a plain function)"]
    return []


def _always(value: str) -> Provider:
    return lambda: value


def _bearing(provider: Provider | None) -> Provider | None:
    """A provider of header values from one of tokens."""
    if provider is None:
        return None
    if not is_coroutine_function(provider):
        plain: Callable[[], Any] = provider

        def value() -> Any:
            token = plain()
            return f"Bearer {token}" if isinstance(token, str) else _awaited(token)

        return value

    async def value_later() -> str:
        later: Any = provider()
        return f"Bearer {await later}"

    return value_later


async def _awaited(token: Awaitable[str]) -> str:
    return f"Bearer {await token}"


def _require(provider: Provider | None) -> Provider:
    assert provider is not None  # made from one that is not None
    return provider
