"""``@http_client`` and ``@service_client``: a class becomes the declaration of a client."""

from __future__ import annotations

import types
import weakref
from abc import ABCMeta
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, Unpack, cast

from pyfly.client._declare.options import (
    POLICY_OPTIONS,
    PolicyOptions,
    VerbOptions,
    with_hidden_secrets,
)
from pyfly.client._declare.verbs import declaration_of, make_stub
from pyfly.container.stereotypes import Scope
from pyfly.kernel.record import Record
from pyfly.resilience import CircuitBreaker, CircuitBreakerPolicy, Listener, RetryPolicy

C = TypeVar("C", bound=Callable[..., Any])

_declared: weakref.WeakSet[type] = weakref.WeakSet()


class ClientOptions(VerbOptions, PolicyOptions, total=False):
    """The keyword arguments of ``@service_client`` that are for all methods, all optional."""


class ClientDeclaration(Record):
    """What the class decorator noted.

    Attributes:
        base_url: Where the service is; may hold ``${placeholders}``.
        name: The client's name in ``pyfly.client.clients.<name>``; None if it has none.
        resilience: The decorator's parameters under their own names, as given.
        listeners: Called with every event of the client's calls.
        options: What goes for all methods, as a verb's keyword arguments go for one.
    """

    base_url: str
    name: str | None
    resilience: dict[str, Any]
    listeners: Sequence[Listener]
    options: VerbOptions


def service_client(
    base_url: str = "",
    retry: int | bool | RetryPolicy = True,
    circuit_breaker: bool | CircuitBreaker | CircuitBreakerPolicy = True,
    retry_base_delay: float | None = None,
    circuit_breaker_failure_threshold: int | None = None,
    circuit_breaker_recovery_timeout: float | None = None,
    *,
    name: str | None = None,
    listeners: Sequence[Listener] = (),
    **options: Unpack[ClientOptions],
) -> Callable[[C], C]:
    """Declare a client whose calls are protected by a circuit breaker and retried.

    Args:
        base_url: ``http`` or ``https``, a host, and perhaps a path that all requests keep.
            ``${NAME:default}`` is resolved from the configuration.
        retry: True for the configured number of attempts (3), an int for this many in all,
            False for one; a :class:`~pyfly.resilience.RetryPolicy` to share one.
        circuit_breaker: Whether calls go through a circuit breaker; a policy for one of its
            own, an instance to share one.
        retry_base_delay: Seconds before the first retry, doubled for each further one.
        circuit_breaker_failure_threshold: Consecutive failures that open the circuit.
        circuit_breaker_recovery_timeout: Seconds before an open circuit lets a probe pass.
        name: Take the base URL and every setting from ``pyfly.client.clients.<name>``; the
            configuration beats what stands here.
        listeners: Called with every event of this client's calls.
        **options: ``headers``, ``params``, ``errors``, ``interceptors`` and ``auth`` of all
            methods; each method may add its own, which count more. And what protects them:
            ``timeout``, ``total_timeout``, ``retry_budget``, ``bulkhead``, ``rate_limiter``,
            ``adaptive_limit``, ``throttle``, ``hedge``, ``single_flight``, ``fallback`` and
            ``deadline_header``; see :class:`~pyfly.client._declare.options.PolicyOptions`.
    """
    given: dict[str, Any] = dict(options)
    policies = {name: given.pop(name) for name in POLICY_OPTIONS if name in given}
    common = with_hidden_secrets(cast(VerbOptions, given))
    resilience = {
        "retry": retry,
        "circuit_breaker": circuit_breaker,
        "retry_base_delay": retry_base_delay,
        "circuit_breaker_failure_threshold": circuit_breaker_failure_threshold,
        "circuit_breaker_recovery_timeout": circuit_breaker_recovery_timeout,
        **policies,
    }
    if isinstance(base_url, type):
        raise TypeError(f"write @service_client(base_url=…) above {base_url.__name__}")
    declaration = ClientDeclaration(base_url, name, resilience, tuple(listeners), common)

    def decorate(cls: C) -> C:
        _mark(cls, declaration)
        return cls

    return decorate


def http_client(
    base_url: str = "",
    *,
    name: str | None = None,
    listeners: Sequence[Listener] = (),
    **options: Unpack[ClientOptions],
) -> Callable[[C], C]:
    """Declare a client without circuit breaker and retry; else as :func:`service_client`."""
    if isinstance(base_url, type):
        raise TypeError(f"write @http_client(base_url=…) above {base_url.__name__}")
    return service_client(
        base_url, retry=False, circuit_breaker=False, name=name, listeners=listeners, **options
    )


def _mark(cls: Any, declaration: ClientDeclaration) -> None:
    if not isinstance(cls, type):
        raise TypeError(f"@service_client and @http_client are for classes, not for {cls!r}")
    if "__pyfly_client_declaration__" in vars(cls):
        raise TypeError(
            f"{cls.__name__} is a client already, and two would share what the last decorator says "
            f"(decorate a subclass for each: class Other({cls.__name__}): ...)"
        )
    _note(cls, declaration)


def _note(cls: Any, declaration: ClientDeclaration) -> None:
    cls.__pyfly_http_client__ = True
    cls.__pyfly_service_client__ = True
    cls.__pyfly_http_base_url__ = declaration.base_url
    cls.__pyfly_resilience__ = declaration.resilience
    cls.__pyfly_injectable__ = True
    cls.__pyfly_stereotype__ = "component"
    cls.__pyfly_scope__ = Scope.SINGLETON
    cls.__pyfly_client_declaration__ = declaration
    if cls.__reduce__ is object.__reduce__:
        cls.__reduce__ = _reduce
    _declared.add(cls)
    if _needs_implementation(cls):
        cls.__pyfly_implementation__ = _implement(cls)


def _needs_implementation(cls: type) -> bool:
    """A Protocol cannot be instantiated, nor can an ABC whose stubs are abstract."""
    return bool(getattr(cls, "_is_protocol", False)) or isinstance(cls, ABCMeta)


def _implement(cls: type) -> type:
    """A concrete subclass in which every abstract stub stands as a plain one."""
    stubs: dict[str, Any] = {}
    for name in dir(cls):
        declaration = declaration_of(getattr(cls, name, None))
        if declaration is not None:
            stubs[name] = make_stub(declaration)
            stubs[name].__isabstractmethod__ = False

    def body(namespace: dict[str, Any]) -> None:
        namespace.update(stubs)
        namespace["__module__"] = cls.__module__
        namespace["__qualname__"] = cls.__qualname__
        namespace["__doc__"] = cls.__doc__

    return types.new_class(cls.__name__, (cls,), {}, body)


def _reduce(client: object) -> Any:
    """What pickle asks: a client that was wired holds what its process shares."""
    if "__pyfly_wiring__" not in vars(client):
        return object.__reduce_ex__(client, 2)
    name = type(client).__name__
    raise TypeError(
        f"{name}: a client cannot be pickled or copied: it belongs to its process (pass the class "
        f"{name} and the base URL, and connect there)"
    )


def client_declaration_of(cls: type) -> ClientDeclaration | None:
    """What the class decorator noted on ``cls`` or on a base; None if there was none."""
    found = getattr(cls, "__pyfly_client_declaration__", None)
    return found if isinstance(found, ClientDeclaration) else None


def declared_names() -> set[str]:
    """The names of all clients that this process has declared."""
    declarations = [client_declaration_of(cls) for cls in list(_declared)]
    return {each.name for each in declarations if each is not None and each.name is not None}


def implementation_of(cls: Any) -> Any:
    """The class to instantiate for ``cls``: itself, or its concrete subclass."""
    return vars(cls).get("__pyfly_implementation__") or cls
