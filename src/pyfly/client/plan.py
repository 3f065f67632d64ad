"""The plans: what a class of stubs says, once it has been read and found right."""

from __future__ import annotations

import inspect
from collections import abc
from enum import Enum
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pyfly.client._declare.markers import Marker
from pyfly.client._declare.options import VerbOptions
from pyfly.client._declare.service import ClientDeclaration
from pyfly.client._declare.verbs import Declaration
from pyfly.client.template import PathTemplate
from pyfly.kernel.record import Record

_ASYNCHRONOUS = (abc.AsyncIterator, abc.AsyncIterable, abc.AsyncGenerator)
_BLOCKING = (abc.Iterator, abc.Iterable, abc.Generator)


class Streamed(Record):
    """What a stub says of its stream.

    Attributes:
        asynchronous: Whether it is read with ``async for``.
        item: What one item is; ``inspect.Parameter.empty`` if the annotation does not say.
    """

    asynchronous: bool
    item: Any


def streamed(annotation: Any) -> Streamed | None:
    """The stream that a resolved return annotation asks for; None if it asks for none."""
    origin = get_origin(annotation) or annotation
    arguments = get_args(annotation)
    item = arguments[0] if arguments else inspect.Parameter.empty
    if origin in _ASYNCHRONOUS or getattr(origin, "__pyfly_stream__", None) == "async":
        return Streamed(True, item)
    if origin in _BLOCKING or getattr(origin, "__pyfly_stream__", None) == "sync":
        return Streamed(False, item)
    return None


def stream_mistakes(stream: Streamed, is_coroutine_function: bool) -> list[str]:
    """What is wrong with how a stub that returns a stream is written."""
    if not is_coroutine_function:
        return []
    name = getattr(stream.item, "__name__", "T")
    instead = f"def … -> AsyncIterator[{name}]"
    if stream.asynchronous:
        return [f"-> AsyncIterator is a stream, which nobody awaits (write plain {instead})"]
    return [
        f"-> Iterator is a stream, which async def cannot return (write plain {instead}, or "
        f"async def … -> list[{name}])"
    ]


class ParameterKind(Enum):
    """Where the value of a parameter goes."""

    PATH = "path"
    QUERY = "query"
    QUERY_FIELDS = "query_fields"
    HEADER = "header"
    HEADERS = "headers"
    COOKIE = "cookie"
    BODY = "body"
    FORM = "form"
    FORM_FIELDS = "form_fields"
    FILE = "file"
    TIMEOUT = "timeout"


class ParameterPlan(Record):
    """One parameter of a stub.

    Attributes:
        name: Its Python name.
        kind: Where its value goes.
        wire_name: Its name on the wire.
        annotation: Its resolved type, without the marker.
        marker: The marker in its annotation, if there is one.
        keyword_only: Whether it stands behind a ``*``.
        has_default: Whether it may be left out.
    """

    name: str
    kind: ParameterKind
    wire_name: str
    annotation: Any
    marker: Marker | None
    keyword_only: bool
    has_default: bool


class MethodPlan(Record):
    """One stub.

    Attributes:
        name: Its name in the class.
        operation: ``Class.method``, as errors, events and logs call it.
        declaration: What the verb decorator noted.
        template: The path.
        parameters: All parameters but ``self``, in order.
        returns: The resolved return annotation; ``inspect.Parameter.empty`` if there is none.
        asynchronous: Whether it is for an event loop: an ``async def``, or an asynchronous stream.
        idempotent: Whether repeated requests are harmless: by the method, or by decorator.
        retryable: Whether ``@retryable`` allows retries all the same.
        headers: Constant header fields, the client's and the method's.
        params: Constant query parameters, likewise.
        errors: What statuses raise, likewise.
        interceptors: The client's, then the method's.
        options: The verb's other keyword arguments over the client's.
        resilience: What ``@resilience`` said of it.
        stream: What it streams; None for a method that returns a value.
        makes_key: Whether each of its calls gets an ``Idempotency-Key``.
    """

    name: str
    operation: str
    declaration: Declaration
    template: PathTemplate
    parameters: tuple[ParameterPlan, ...]
    returns: Any
    asynchronous: bool
    idempotent: bool
    retryable: bool
    headers: dict[str, str]
    params: dict[str, Any]
    errors: dict[Any, Any]
    interceptors: tuple[Any, ...]
    options: VerbOptions
    resilience: dict[str, Any]
    stream: Streamed | None = None
    makes_key: bool = False

    @property
    def awaited(self) -> bool:
        """Whether its calls are awaited; a stream is a plain ``def``."""
        return self.asynchronous and self.stream is None

    @property
    def http_method(self) -> str:
        """``GET``, ``POST``, …"""
        return self.declaration.http_method

    @property
    def absent_on_404(self) -> bool:
        """Whether a 404 means that there is no such thing, and the annotation has room for it.

        So it is where the method says ``not_found=None``, and for a GET or HEAD whose path
        ends in a placeholder: elsewhere a 404 may as well mean a wrong path.
        """
        if "not_found" in self.options:
            return self.returns is None or allows_none(self.returns)
        if not allows_none(self.returns):
            return False
        reads_one = self.http_method in ("GET", "HEAD") and not self.template.literals[-1]
        return reads_one and bool(self.template.placeholders)

    def of_kind(self, *kinds: ParameterKind) -> tuple[ParameterPlan, ...]:
        """The parameters of some kinds, in order."""
        return tuple(p for p in self.parameters if p.kind in kinds)


def allows_none(annotation: Any) -> bool:
    """Whether an annotation is ``T | None``."""
    is_union = get_origin(annotation) in (Union, UnionType)
    return is_union and type(None) in get_args(annotation)


class ClientPlan(Record):
    """One client class.

    Attributes:
        cls: The class as declared.
        declaration: What the class decorator noted.
        methods: Every stub in it and its bases, overridden ones included, since ``super()``
            may reach them.
        names: The stubs that calls on an instance reach by name.
        asynchronous: Whether the stubs are for an event loop; a class has stubs of one kind.
    """

    cls: type
    declaration: ClientDeclaration
    methods: tuple[MethodPlan, ...]
    names: dict[str, MethodPlan]
    asynchronous: bool
