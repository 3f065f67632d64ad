"""Credentials in a pipeline: for each attempt, and once more after a 401."""

from __future__ import annotations

from inspect import isawaitable
from typing import Any

from pyfly.client.auth.credentials import Credentials, Provider
from pyfly.client.errors import ClientArgumentException, UnauthorizedException
from pyfly.client.message import Request
from pyfly.kernel.secrets import SecretText
from pyfly.resilience import detached
from pyfly.resilience.call import Call
from pyfly.resilience.pipeline import Handler, SyncHandler

_HEADER = "authorization"


class AuthStage:
    """Sets ``Authorization``, unless the caller has set it for this call.

    Args:
        credentials: Where the values come from.
    """

    name = "auth"

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def wrap(self, inner: Handler) -> Handler:
        credentials = self._credentials

        async def auth(call: Call) -> Any:
            bare: Request = call.payload
            if _has_own(bare):
                return await inner(call)
            sent = await _ask(credentials.current)
            try:
                call.payload = _with(bare, sent)
                return await inner(call)
            except UnauthorizedException:
                if credentials.refresh is None or call.single_attempt is not None:
                    raise
                fresh = await _ask(credentials.refresh)
                if fresh == sent:
                    raise
                call.payload = _with(bare, fresh)
                return await inner(call)
            finally:
                call.payload = bare

        return auth

    def wrap_sync(self, inner: SyncHandler) -> SyncHandler:
        credentials = self._credentials

        def auth(call: Call) -> Any:
            bare: Request = call.payload
            if _has_own(bare):
                return inner(call)
            sent = _ask_sync(credentials.current)
            try:
                call.payload = _with(bare, sent)
                return inner(call)
            except UnauthorizedException:
                if credentials.refresh is None or call.single_attempt is not None:
                    raise
                fresh = _ask_sync(credentials.refresh)
                if fresh == sent:
                    raise
                call.payload = _with(bare, fresh)
                return inner(call)
            finally:
                call.payload = bare

        return auth

    async def value_for(self, call: Call) -> str | None:
        """The value that a call would be sent with; None if it has its own."""
        return None if _has_own(call.payload) else await _ask(self._credentials.current)

    def value_for_sync(self, call: Call) -> str | None:
        """The same in synchronous code."""
        return None if _has_own(call.payload) else _ask_sync(self._credentials.current)

    def describe(self) -> str:
        again = ", once more after a 401" if self._credentials.refresh is not None else ""
        return f"{self._credentials.kind}{again}"


async def _ask(provider: Provider) -> str:
    with detached():  # a token is for others too: it must not fail for this caller's deadline
        value = provider()
        return _checked(await value if isawaitable(value) else value)


def _ask_sync(provider: Provider) -> str:
    with detached():
        return _checked(provider())


def _checked(value: Any) -> str:
    if isinstance(value, str) and value.isascii() and value.isprintable() and value.strip():
        return SecretText(value)
    # The value is not shown: it is, or is part of, a secret.
    raise ClientArgumentException(
        "auth: what the provider gave is no header value (a str of printable ASCII)"
    )


def _has_own(request: Request) -> bool:
    return any(name.lower() == _HEADER for name in request.headers)


def _with(request: Request, value: str) -> Request:
    return request.with_headers({**request.headers, _HEADER: value})
