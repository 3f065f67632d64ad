"""A class is read once: a plan comes out, or one error that lists every mistake."""

from __future__ import annotations

from typing import Any

from pyfly.client._compile.generics import (
    free_variables,
    owner_of,
    type_arguments,
    type_parameters,
)
from pyfly.client._compile.options import (
    class_option_mistakes,
    interceptors_of,
    merged,
    option_mistakes,
)
from pyfly.client._compile.policies import policy_mistakes
from pyfly.client._compile.signature import read_signature
from pyfly.client._declare.options import (
    VerbOptions,
    is_idempotent,
    is_retryable,
    makes_key,
    resilience_of,
)
from pyfly.client._declare.service import (
    ClientDeclaration,
    client_declaration_of,
    implementation_of,
)
from pyfly.client._declare.verbs import Declaration, declaration_of
from pyfly.client.errors import ClientDeclarationException
from pyfly.client.plan import ClientPlan, MethodPlan, stream_mistakes, streamed
from pyfly.client.template import parse_path

#: Where a class keeps its plan, and the stubs that it was made of.
_COMPILED = "__pyfly_compiled__"
_IDEMPOTENT_METHODS = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")


def compile_client(cls: type) -> ClientPlan:
    """The plan of a client class whose declarations are right.

    Raises:
        ClientDeclarationException: Something is wrong with them; it lists everything.
    """
    plan, mistakes = read_client(cls)
    if mistakes:
        raise ClientDeclarationException(cls.__name__, mistakes)
    return plan


def read_client(cls: type) -> tuple[ClientPlan, list[str]]:
    """Read a client class: once, unless a stub in it is replaced.

    Args:
        cls: A class decorated with ``@http_client`` or ``@service_client``, or a subclass.

    Returns:
        The plan, and what is wrong with the declarations; only then can parts of it be missing.

    Raises:
        ClientDeclarationException: It is no client class at all.
    """
    declaration = client_declaration_of(cls)
    if declaration is None:
        raise ClientDeclarationException(
            cls.__name__,
            [f"{cls.__name__}: is no client class (put @service_client(base_url=…) above it)"],
        )
    stubs = _stubs(cls)
    seen = [declaration, *((name, stub, getattr(cls, name, None)) for name, stub in stubs)]
    earlier: tuple[list[Any], ClientPlan] | None = vars(cls).get(_COMPILED)
    if earlier is not None and earlier[0] == seen:
        return earlier[1], []
    plan, mistakes = _compiled(cls, declaration, stubs)
    if not mistakes:
        type.__setattr__(cls, _COMPILED, (seen, plan))
    return plan, mistakes


def _compiled(
    cls: type, declaration: ClientDeclaration, stubs: list[tuple[str, Any]]
) -> tuple[ClientPlan, list[str]]:
    problems = _class_mistakes(cls, declaration)
    methods: dict[Declaration, MethodPlan] = {}
    names: dict[str, MethodPlan] = {}
    for name, stub in stubs:
        method, mistakes = _compile_method(cls, name, stub, declaration.options)
        problems += [f"{method.operation}: {mistake}" for mistake in mistakes]
        methods.setdefault(method.declaration, method)
        effective = declaration_of(getattr(cls, name, None))
        if effective is method.declaration:
            names[name] = methods[method.declaration]
    problems += _mixture(cls, list(methods.values()))
    asynchronous = any(method.asynchronous for method in methods.values())
    plan = ClientPlan(cls, declaration, tuple(methods.values()), names, asynchronous)
    return plan, list(dict.fromkeys(problems))


def _stubs(cls: type) -> list[tuple[str, Any]]:
    """Every stub in the class and its bases, those that are overridden too.

    One that a class and its implementation both hold is there once.
    """
    found: dict[tuple[str, Declaration], tuple[str, Any]] = {}
    for base in cls.__mro__[-2::-1]:  # but for object
        for name, value in vars(base).items():
            if (declaration := declaration_of(value)) is not None:
                found.setdefault((name, declaration), (name, value))
    return list(found.values())


def _compile_method(
    cls: type, name: str, stub: Any, common: VerbOptions
) -> tuple[MethodPlan, list[str]]:
    declaration = declaration_of(stub)
    assert declaration is not None  # by _stubs
    template, mistakes = parse_path(declaration.path)
    owner = owner_of(cls, name, declaration)
    types, scope = type_arguments(cls, owner), type_parameters(owner, name)
    signature = read_signature(declaration, template, types, scope)
    mistakes += [
        f"-> {variable} is not filled in (name the type: class {cls.__name__}(Base[Type]))"
        for variable in free_variables(signature.returns)
    ]
    stream = streamed(signature.returns)
    if stream is not None:
        mistakes += stream_mistakes(stream, declaration.is_coroutine_function)
    if declaration.other_verbs:
        verbs = " and ".join((*declaration.other_verbs, declaration.http_method))
        mistakes.append(f"two verbs on one stub, {verbs} (declare a method for each)")
    own = declaration.options
    method = MethodPlan(
        name=name,
        operation=f"{cls.__name__}.{name}",
        declaration=declaration,
        template=template,
        parameters=tuple(signature.parameters),
        returns=signature.returns,
        asynchronous=declaration.is_coroutine_function
        or (stream is not None and stream.asynchronous),
        idempotent=declaration.http_method in _IDEMPOTENT_METHODS or is_idempotent(stub),
        retryable=is_retryable(stub),
        headers=merged("headers", common, own),
        params=merged("params", common, own),
        errors=merged("errors", common, own),
        interceptors=interceptors_of(common, own),
        options={**common, **own},
        resilience=resilience_of(stub),
        stream=stream,
        makes_key=makes_key(stub),
    )
    mistakes += signature.mistakes + option_mistakes(method)
    return method, mistakes


def _class_mistakes(cls: type, declaration: ClientDeclaration) -> list[str]:
    wrong: list[str] = []
    left = [
        name
        for name in getattr(cls, "__abstractmethods__", ())
        if declaration_of(getattr(cls, name, None)) is None
    ]
    for name in sorted(left):
        wrong.append(f"{cls.__name__}.{name}: is abstract and no stub (add a verb, or a body)")
    if implementation_of(cls).__dictoffset__ == 0:
        wrong.append(f"{cls.__name__}: has __slots__ and no __dict__ (remove __slots__)")
    wrong += [
        f"{cls.__name__}: {mistake}" for mistake in class_option_mistakes(declaration.options)
    ]
    wrong += [f"{cls.__name__}: {mistake}" for mistake in policy_mistakes(declaration.resilience)]
    return wrong


def _mixture(cls: type, methods: list[MethodPlan]) -> list[str]:
    if not methods:
        return [f'{cls.__name__}: declares no request (put @get("/…") above a method)']
    awaited = [method.name for method in methods if method.asynchronous]
    blocking = [method.name for method in methods if not method.asynchronous]
    if awaited and blocking:
        return [
            f"{cls.__name__}: {awaited[0]} is async and {blocking[0]} is not (declare one "
            "class for each)"
        ]
    return []
