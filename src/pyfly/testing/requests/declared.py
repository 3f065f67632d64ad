"""Routes made of what a test names: a declared method, a path template, a client class."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from pyfly.client._compile.compile import compile_client
from pyfly.client._compile.signature import read_signature
from pyfly.client._declare.verbs import Declaration, declaration_of
from pyfly.client.plan import MethodPlan, ParameterKind, ParameterPlan, streamed
from pyfly.client.template import parse_path
from pyfly.testing.requests.route import Route

_BODY_METHODS = ("POST", "PUT", "PATCH")


def routes_of(cls: type) -> list[Route]:
    """The routes of a client class, the closest matches first.

    Raises:
        ClientDeclarationException: Something is wrong with the class.
    """
    routes = [Route(method) for method in compile_client(cls).names.values()]
    return sorted(routes, key=lambda route: -route.weight)


def route_of(stub: Any) -> Route:
    """The route of a declared method, such as ``Inventory.product``.

    Raises:
        TypeError: It is none, or its signature cannot be read.
    """
    declaration = declaration_of(stub)
    if declaration is None:
        name = getattr(stub, "__qualname__", None) or repr(stub)
        if inspect.ismethod(stub):
            name = f"{name} of an instance"
        raise TypeError(
            f"{name} is no declared method: name one by its class, such as Inventory.product, "
            'or give method and path, such as "GET", "/products/{product_id}"'
        )
    template, mistakes = parse_path(declaration.path)
    signature = read_signature(declaration, template)
    mistakes += signature.mistakes
    if mistakes:
        raise TypeError(f"{_operation(stub)}: {'; '.join(mistakes)}")
    return Route(_plan(declaration, _operation(stub), signature.parameters, signature.returns))


def route_of_template(method: str, path: str, names: Mapping[str, Any]) -> Route:
    """The route of a method and a path template.

    Args:
        method: ``GET``, ``POST``, …
        path: Such as ``/products/{product_id}``.
        names: The parameters that are to be compared: those of the path; ``body``, where there
            is one; any others are query parameters.

    Raises:
        ValueError: The method or the path is none.
    """
    if not method.isalpha() or not method.isupper():
        raise ValueError(f'{method!r} is no HTTP method (write "GET", "POST", …)')
    template, mistakes = parse_path(path)
    if mistakes:
        raise ValueError("; ".join(mistakes))

    def kind_of(name: str) -> ParameterKind:
        if name in template.placeholders:
            return ParameterKind.PATH
        is_body = name == "body" and method in _BODY_METHODS
        return ParameterKind.BODY if is_body else ParameterKind.QUERY

    parameters = [
        ParameterPlan(name, kind_of(name), name, Any, None, True, True)
        for name in dict.fromkeys((*template.placeholders, *names))
    ]
    declaration = Declaration(route_of_template, method, path)
    return Route(_plan(declaration, f"{method} {path}", parameters, inspect.Parameter.empty))


def arguments_of(stub: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call of a declared method, by parameter; defaults fill the gaps.

    A timeout is not sent, so it is no argument here.

    Raises:
        TypeError: The method does not take them.
    """
    declaration = declaration_of(stub)
    assert declaration is not None  # by route_of
    signature = inspect.signature(declaration.function)
    try:
        bound = signature.bind(None, *args, **kwargs)
    except TypeError as error:
        names = ", ".join(list(signature.parameters)[1:])
        raise TypeError(f"{_operation(stub)}({names}): {error}") from None
    bound.apply_defaults()
    return dict(list(bound.arguments.items())[1:])


def _operation(stub: Any) -> str:
    return str(stub.__qualname__).rpartition("<locals>.")[2]


def _plan(
    declaration: Declaration, operation: str, parameters: list[ParameterPlan], returns: Any
) -> MethodPlan:
    """A plan of what is known without the class: its constants are not."""
    options = declaration.options
    stream = streamed(returns)
    return MethodPlan(
        name=operation.rpartition(".")[2],
        operation=operation,
        declaration=declaration,
        template=parse_path(declaration.path)[0],
        parameters=tuple(parameters),
        returns=returns,
        asynchronous=declaration.is_coroutine_function
        or (stream is not None and stream.asynchronous),
        idempotent=False,
        retryable=False,
        headers=dict(options.get("headers", {})),
        params=dict(options.get("params", {})),
        errors={},
        interceptors=(),
        options=options,
        resilience={},
        stream=stream,
    )
