"""From a plan, a configuration and a port to a client that works.

The one place where a client is put together; :mod:`.standalone`, :mod:`.post_processor` and
:func:`pyfly.testing.client_for` all come here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pyfly.client._bind.codegen import generate
from pyfly.client._bind.constants import constant_mistakes
from pyfly.client._call.decode_stage import DecodeStage
from pyfly.client._call.idempotency_key import with_keys
from pyfly.client._call.invoke import invoker, sync_invoker
from pyfly.client._call.lifecycle import Lifecycle, SyncLifecycle
from pyfly.client._call.redirects import Redirects
from pyfly.client._call.runtime import MethodRuntime
from pyfly.client._codec.decode import wants_raw_response
from pyfly.client._compile.base_url import check_base_url
from pyfly.client._compile.compile import read_client
from pyfly.client._compile.policies import usable_policies
from pyfly.client._declare.service import implementation_of
from pyfly.client._protection.protection import Protection
from pyfly.client._protection.shared import HostBreakers
from pyfly.client._review import code_mistakes, decoders_of, port_mistakes
from pyfly.client._settings.config import ClientConfig, Settings
from pyfly.client._settings.declared import settings_from_decorator, settings_from_resilience
from pyfly.client._settings.table import CONNECTIONS
from pyfly.client._stream.streamer import streamer
from pyfly.client._stream.sync_streamer import sync_streamer
from pyfly.client.adapters.choice import make_adapter, unsuitable
from pyfly.client.adapters.foreign import ForeignPort, PortException, SyncForeignPort
from pyfly.client.adapters.settings import ConnectionSettings, ConnectionSettingsException
from pyfly.client.auth.credentials import credentials_of
from pyfly.client.auth.stage import AuthStage
from pyfly.client.error_mapping import ErrorMapping
from pyfly.client.errors import ClientDeclarationException
from pyfly.client.interceptors import InterceptorStage
from pyfly.client.observability.first_answers import FirstAnswers
from pyfly.client.observability.logging import LogListener
from pyfly.client.plan import ClientPlan, MethodPlan
from pyfly.resilience.clock import SYSTEM_CLOCK, Clock
from pyfly.resilience.events import Events, Listener
from pyfly.resilience.pipeline import Stage

PortFactory = Callable[[str], Any]

_UNBOUNDED = timedelta(days=365)
"""For a port, which takes a span."""


class ClientFactory:
    """What the clients of one context (or one ``connect``) are wired with.

    Args:
        config: The part of the configuration that is for clients.
        port_factory: Called with a base URL, returns a port; None for the adapter that the
            configuration names.
        listeners: Hear the events of all clients.
        clock: Where the time comes from.
    """

    def __init__(
        self,
        config: ClientConfig,
        port_factory: PortFactory | None = None,
        listeners: Sequence[Listener] = (),
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.config = config
        self.port_factory = port_factory
        self.listeners = tuple(listeners)
        self.clock = clock
        self.host_breakers: HostBreakers = {}

    def make(
        self,
        cls: Any,
        *,
        base_url: str | None = None,
        port: Any = None,
        asynchronous: bool | None = None,
    ) -> tuple[Any, WiredClient]:
        """Return a new client, and how it is wired.

        Args:
            cls: The class as declared.
            base_url: Overrides the declared and the configured one.
            port: Overrides the factory.
            asynchronous: The kind that it has to be of; None for either.

        Raises:
            ClientDeclarationException: Something is wrong with the class; it lists everything.
        """
        cls = implementation_of(cls)
        plan, mistakes = read_client(cls)
        if asynchronous is (not plan.asynchronous) and not mistakes:
            name, right = cls.__name__, "connect" if plan.asynchronous else "connect_sync"
            kind = "async def" if plan.asynchronous else "plain def"
            mistakes = [f"{name}: its stubs are {kind} (write {right}({name}))"]
            raise ClientDeclarationException(name, mistakes)
        client = None if mistakes else cls()  # of a wrong class it may not be possible
        return client, self._wire(client, plan, mistakes, base_url, port)

    def wire(self, bean: Any, *, base_url: str | None = None, port: Any = None) -> WiredClient:
        """Give every stub of a client its function.

        Args:
            bean: An instance of a client class.
            base_url: Overrides the declared and the configured one.
            port: Overrides the factory.

        Raises:
            ClientDeclarationException: Something is wrong with the class; it lists everything.
        """
        plan, mistakes = read_client(type(bean))
        return self._wire(bean, plan, mistakes, base_url, port)

    def _wire(
        self, bean: Any, plan: ClientPlan, mistakes: list[str], base_url: str | None, port: Any
    ) -> WiredClient:
        wired = WiredClient(plan, self, base_url, port, mistakes)
        if wired.mistakes:
            raise ClientDeclarationException(plan.cls.__name__, wired.mistakes)
        members: dict[str, Any] = {
            name: wired.functions[method.declaration].__get__(bean)
            for name, method in plan.names.items()
        }
        members["__pyfly_wired__"] = wired.functions
        members["__pyfly_wiring__"] = wired
        vars(bean).update(members)  # not setattr: a class may guard its attributes
        return wired


class _Kind(NamedTuple):
    """What differs between clients of an event loop and clients of threads."""

    foreign_port: Callable[..., Any]
    lifecycle: Callable[..., Any]
    invoker: Callable[..., Callable[..., Any]]
    streamer: Callable[..., Callable[..., Any]]


_ASYNCHRONOUS = _Kind(ForeignPort, Lifecycle, invoker, streamer)
_BLOCKING = _Kind(
    SyncForeignPort,
    lambda name, port, stop_timeout, drain: SyncLifecycle(name, port, stop_timeout),
    sync_invoker,
    sync_streamer,
)


class WiredClient:
    """One wired client: its port, its lifecycle, and one function for each stub.

    Args:
        plan: What the class says.
        factory: What its clients are wired with.
        base_url: Overrides the declared and the configured one.
        port: Overrides the one of the factory.
        mistakes: What is wrong with the class itself.

    Attributes:
        plan: What the class says.
        settings: Its effective settings.
        mistakes: Everything that is wrong, each once. Without a mistake, and only then, there is
            all of the following.
        port: Where its requests go.
        protection: What protects its calls.
        lifecycle: Starts and stops it.
        steps: What the calls of each method go through, by declaration.
        functions: The generated functions, by declaration.
    """

    def __init__(
        self,
        plan: ClientPlan,
        factory: ClientFactory,
        base_url: str | None,
        port: Any,
        mistakes: Sequence[str] = (),
    ) -> None:
        self.plan = plan
        declaration = plan.declaration
        self.name = declaration.name or plan.cls.__name__
        self._factory = factory
        self._base_url = base_url
        self._kind = _ASYNCHRONOUS if plan.asynchronous else _BLOCKING
        usable = usable_policies if mistakes else dict
        self.settings = factory.config.settings(
            declaration.name,
            settings_from_decorator(usable(declaration.resilience)),
            {m.name: settings_from_resilience(usable(m.resilience)) for m in plan.names.values()},
        )
        methods = {m.declaration: self._resolved(m) for m in plan.methods}
        found = [*mistakes, *code_mistakes(plan)]
        for method in methods.values():
            found += constant_mistakes(method)
        decoders, undecodable = decoders_of(plan, self.settings.value("max-response-size"))
        found += undecodable
        self.port = self._port(port, found)
        found += port_mistakes(plan.methods, self.port, self._port_name)
        self.events = Events([*factory.listeners, *declaration.listeners, LogListener()])
        self.protection = Protection(
            plan,
            self.settings,
            self.events,
            factory.clock,
            port_bounds=self.port.bounds_deadline,
            own_connections=not isinstance(self.port, (ForeignPort, SyncForeignPort)),
            host=self._host(),
            host_breakers=factory.host_breakers,
        )
        if found:  # what is wrong with the policies belongs into the same error
            for method in plan.methods:
                self.protection.pipeline(method)
            self._end(found)
            return
        self._first_answers = FirstAnswers(self.name)
        self.steps = {m.declaration: self._steps(m, decoders[m.declaration]) for m in plan.methods}
        self._end(found)
        if self.mistakes:
            return
        stop_timeout = self.settings.seconds("stop-timeout") or 0.0
        self.lifecycle = self._kind.lifecycle(
            self.name, self.port, stop_timeout, self.protection.drain
        )
        self.functions = {
            declaration: generate(
                methods[declaration],
                self.port.takes_encoded,
                with_keys(self._invoker(steps), steps.method.makes_key),
                port=self._port_name,
            )
            for declaration, steps in self.steps.items()
        }

    def _end(self, found: list[str]) -> None:
        self.mistakes = tuple(dict.fromkeys([*found, *self.protection.mistakes]))

    # Ports

    def _port(self, given: Any, mistakes: list[str]) -> Any:
        """The port; a stand-in, which is never used, where a mistake keeps it from being made."""
        try:
            port = self._made_port(mistakes) if given is None else given
            if port is None:
                return _NoPort()
            if getattr(port, "takes_encoded", None) is True:
                return port
            return self._kind.foreign_port(port, self.name, self._factory.clock)
        except PortException as error:
            mistakes.append(str(error))
        except ConnectionSettingsException as error:
            mistakes.append(f"{self.plan.cls.__name__}: {error}")
        return _NoPort()

    def _made_port(self, mistakes: list[str]) -> Any:
        url, wrong = self._declared_url()
        name, asynchronous = self.settings.value("adapter"), self.plan.asynchronous
        stock = self.settings.value("transport") == "stock" or self.settings.value("http2")
        ours = self._factory.port_factory is None
        unfit = unsuitable(name, asynchronous, stock) if ours else None
        mistakes += [f"{self.plan.cls.__name__}: {each}" for each in (wrong, unfit) if each]
        if wrong or unfit:
            return None
        if self._factory.port_factory is not None:
            return self._factory.port_factory(url)
        timeout = self.settings.value("timeout") or _UNBOUNDED
        settings = connection_settings(self.settings)
        return make_adapter(name, asynchronous, url, timeout, settings, stock)

    def _declared_url(self) -> tuple[str, str | None]:
        """The base URL of its declaration or configuration, and what is wrong with it."""
        declaration, given = self.plan.declaration, self._base_url
        if given is None:
            given = self.settings.value("base-url") or declaration.base_url
        if not given and declaration.name is not None:
            return "", (
                "has no base URL (write base_url=… in its decorator, or configure "
                f"pyfly.client.clients.{declaration.name}.base-url)"
            )
        return check_base_url(self._resolve(given, f"{self.plan.cls.__name__}.base_url"))

    @property
    def _port_name(self) -> str:
        return str(getattr(self.port, "kind", type(self.port).__name__))

    @cached_property
    def base_url(self) -> str:
        """What the paths of requests are below; ``""`` if that is the port's secret."""
        url: str = self.port.base_url if self.port.takes_encoded else self._declared_url()[0]
        return url

    def _host(self) -> str:
        """Whose circuit its calls go through, if that is the host's."""
        if self.settings.value("circuit-breaker.per") != "host":
            return ""
        return urlsplit(self.base_url).netloc

    # The parts of a method

    def _steps(self, method: MethodPlan, decode: Any) -> MethodRuntime:
        raw = wants_raw_response(method.returns)
        follow = self.settings.value("follow-redirects") and self.port.takes_encoded
        errors = ErrorMapping(method.errors) if method.errors else None
        stages = self._stages(method)
        if method.stream is None or method.options.get("paginate") is not None:
            stages.append(
                DecodeStage(decode, method, errors, shared=self.protection.shares(method))
            )
            errors = None
        return MethodRuntime(
            method=method,
            pipeline=self.protection.pipeline(method, stages),
            decode=decode,
            errors=errors,
            accepts=_any_status if raw else _missing if method.absent_on_404 else _no_status,
            redirects=Redirects(base_url=self.port.base_url) if follow else None,
            max_response_size=self.settings.value("max-response-size"),
            first_answers=self._first_answers,
            events=self.events,
            clock=self._factory.clock,
        )

    def _stages(self, method: MethodPlan) -> list[Stage]:
        """The user's own code around the attempts of a method."""
        stages: list[Stage] = []
        if method.interceptors:
            stages.append(InterceptorStage(method, method.interceptors))
        auth = self._resolve(method.options.get("auth"), f"{method.operation}: auth")
        credentials = credentials_of(auth)
        if credentials is not None:
            stages.append(AuthStage(credentials))
        return stages

    def _resolved(self, method: MethodPlan) -> MethodPlan:
        """The plan with the placeholders in its constants resolved from the configuration."""
        if not method.headers and not method.params:
            return method
        where = f"{method.operation}: headers or params"
        plan: MethodPlan = method.replace(
            headers={n: self._resolve(value, where) for n, value in method.headers.items()},
            params={n: self._resolve(value, where) for n, value in method.params.items()},
        )
        return plan

    def _resolve(self, value: Any, where: str) -> Any:
        if isinstance(value, str) and "${" in value:
            return self._factory.config.config.resolve(value, where=where)
        return value

    def _invoker(self, steps: MethodRuntime) -> Callable[..., Any]:
        if steps.method.stream is None:
            return self._kind.invoker(steps, self.port, self.lifecycle)
        return self._kind.streamer(steps, self.port, self.lifecycle, self.settings, self.base_url)

    # Its life

    async def start(self) -> None:
        """Start the port, before the first call does."""
        started = self.lifecycle.start()
        if self.plan.asynchronous:
            await started

    async def stop(self) -> None:
        """Drain and close; see :class:`~pyfly.client._call.lifecycle.Lifecycle`."""
        self.protection.forget()
        if self.plan.asynchronous:
            await self.lifecycle.stop()
        else:
            import asyncio

            await asyncio.to_thread(self.lifecycle.stop)

    def stop_sync(self) -> None:
        """Drain and close a synchronous client."""
        self.protection.forget()
        self.lifecycle.stop()


class _NoPort:
    """Stands where a mistake keeps a port from being made: the other mistakes are told too."""

    takes_encoded = True
    bounds_deadline = True
    base_url = ""
    open = send = None


def connection_settings(settings: Settings) -> ConnectionSettings:
    """The settings of a connection pool: those of the table that it has a field for."""
    values = {key.replace("-", "_"): settings.value(key) for key in CONNECTIONS}
    cert, key = values["cert"], values["key"]
    values["cert"] = (cert, key) if cert and key else cert
    values["library"] = "httpx" if values["adapter"] == "httpx" else "httpx2"
    fields = ConnectionSettings.__match_args__
    return ConnectionSettings(**{name: values[name] for name in fields})


def _any_status(status: int) -> bool:
    return True


def _no_status(status: int) -> bool:
    return False


def _missing(status: int) -> bool:
    return status == 404


def wiring_of(client: Any) -> WiredClient | None:
    """How a client was wired; None if it was not."""
    found = getattr(client, "__pyfly_wiring__", None)
    return found if isinstance(found, WiredClient) else None
