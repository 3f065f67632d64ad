"""Everything that can be wrong with a class, wherever it is found: told at once.

The compiler knows the signatures, the codec what can be decoded, auth and interceptors what
they take. A class that passes here can still be refused for what only the wiring knows: the
port, and a base URL from the configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pyfly.client._codec.decode import UndecodableAnnotation, decoder_for
from pyfly.client._compile.base_url import check_base_url
from pyfly.client._compile.compile import read_client
from pyfly.client._declare.verbs import Declaration
from pyfly.client._stream.body_reader import reader_for
from pyfly.client._stream.page_decoder import PageDecoder
from pyfly.client.auth.credentials import auth_mistakes
from pyfly.client.error_mapping import mapping_mistakes
from pyfly.client.interceptors import interceptor_mistakes
from pyfly.client.pagination import Page
from pyfly.client.plan import ClientPlan, MethodPlan


def stream_decoder(method: MethodPlan, limit: int) -> Any:
    """What decodes the items of a method that streams, in place of the decoder of a value.

    Args:
        method: Its plan.
        limit: The largest item of a stream, in bytes.

    Raises:
        UndecodableAnnotation: Nothing can be decoded into them.
    """
    assert method.stream is not None  # by the wiring
    page = method.options.get("paginate")
    if isinstance(page, Page):  # what is none is told as a mistake of its own
        return PageDecoder(method.stream.item, page.items)
    return reader_for(method.stream.item, limit)


def port_mistakes(methods: Iterable[MethodPlan], port: Any, name: str) -> Iterator[str]:
    """What a port lacks for the methods that stream, pages apart.

    Args:
        methods: All of a client.
        port: Its port.
        name: How that is called.
    """
    if callable(getattr(port, "open", None)):
        return
    for method in methods:
        if method.stream is not None and method.options.get("paginate") is None:
            yield (
                f"{method.operation}: streams its result, which the port {name} cannot: it has no "
                "open() (use pyfly's own adapter, or return the value as a whole)"
            )


_ANY_SIZE = 1


def review(cls: type) -> tuple[ClientPlan, list[str]]:
    """The plan of a client class and everything that is wrong with it, as far as code tells.

    Raises:
        ClientDeclarationException: It is no client class at all.
    """
    plan, mistakes = read_client(cls)
    undecodable = decoders_of(plan, _ANY_SIZE)[1]
    return plan, list(dict.fromkeys([*mistakes, *undecodable, *code_mistakes(plan)]))


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


def code_mistakes(plan: ClientPlan) -> Iterator[str]:
    """What is wrong with the interceptors, credentials, error mappings and URL of a class."""
    for method in plan.names.values():
        for mistake in (
            *interceptor_mistakes(method.interceptors, method.asynchronous),
            *auth_mistakes(method.options.get("auth"), method.asynchronous),
            *mapping_mistakes(method.errors),
        ):
            yield f"{method.operation}: {mistake}"
    url = plan.declaration.base_url
    wrong = check_base_url(url)[1] if url and "${" not in url else None
    if wrong is not None:
        yield f"{plan.cls.__name__}: {wrong}"
