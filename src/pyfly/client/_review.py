"""Everything that can be wrong with a class, wherever it is found: told at once.

The compiler knows the signatures, the codec what can be decoded, auth and interceptors what
they take. A class that passes here can still be refused for what only the wiring knows: the
port, and a base URL from the configuration.
"""

from __future__ import annotations

from typing import Any

from pyfly.client._codec.decode import UndecodableAnnotation, decoder_for
from pyfly.client._compile.base_url import check_base_url
from pyfly.client._compile.compile import read_client
from pyfly.client._declare.verbs import Declaration
from pyfly.client._stream.wiring import stream_decoder
from pyfly.client.auth.credentials import auth_mistakes
from pyfly.client.error_mapping import mapping_mistakes
from pyfly.client.errors import ClientDeclarationException
from pyfly.client.interceptors import interceptor_mistakes
from pyfly.client.plan import ClientPlan

__all__ = ["code_mistakes", "decoders_of", "review", "reviewed_plan"]

_ANY_SIZE = 1


def reviewed_plan(cls: type) -> ClientPlan:
    """The plan of a client class.

    Raises:
        ClientDeclarationException: Something is wrong with the class; it lists everything.
    """
    plan, mistakes = read_client(cls)
    if mistakes:  # a right class is asked the rest once, when it is wired
        mistakes += _mistakes_beyond(plan)
        raise ClientDeclarationException(cls.__name__, dict.fromkeys(mistakes))
    return plan


def review(cls: type) -> tuple[ClientPlan, list[str]]:
    """The plan of a client class and everything that is wrong with it, as far as code tells.

    Raises:
        ClientDeclarationException: It is no client class at all.
    """
    plan, mistakes = read_client(cls)
    return plan, list(dict.fromkeys([*mistakes, *_mistakes_beyond(plan)]))


def _mistakes_beyond(plan: ClientPlan) -> list[str]:
    """What is wrong besides the declarations themselves."""
    return decoders_of(plan, _ANY_SIZE)[1] + code_mistakes(plan) + _url_mistakes(plan)


def decoders_of(plan: ClientPlan, limit: int) -> tuple[dict[Declaration, Any], list[str]]:
    """The decoder of each method, and what is wrong with the return annotations.

    Args:
        plan: The client.
        limit: The largest item of a stream, in bytes.
    """
    decoders: dict[Declaration, Any] = {}
    mistakes: list[str] = []
    for method in plan.methods:
        try:
            decoders[method.declaration] = (
                decoder_for(method.returns)
                if method.stream is None
                else stream_decoder(method, limit)
            )
        except UndecodableAnnotation as reason:
            mistakes.append(f"{method.operation}: {reason}")
    return decoders, mistakes


def code_mistakes(plan: ClientPlan) -> list[str]:
    """What is wrong with the interceptors, credentials and error mappings of a class."""
    return list(
        dict.fromkeys(
            f"{method.operation}: {mistake}"
            for method in plan.names.values()
            for mistake in (
                *interceptor_mistakes(method.interceptors, method.asynchronous),
                *auth_mistakes(method.options.get("auth"), method.asynchronous),
                *mapping_mistakes(method.errors),
            )
        )
    )


def _url_mistakes(plan: ClientPlan) -> list[str]:
    """What is wrong with the base URL in the decorator, if it is one without placeholders."""
    url = plan.declaration.base_url
    if not url or "${" in url:
        return []
    wrong = check_base_url(url)[1]
    return [] if wrong is None else [f"{plan.cls.__name__}: {wrong}"]
