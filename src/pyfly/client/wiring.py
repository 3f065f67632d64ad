"""From a plan, a configuration and a port to a client that works.

The one place where a client is put together; :mod:`.connect`, :mod:`.post_processor` and
:func:`pyfly.testing.client_for` all come here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from pyfly.client._bind.codegen import generate
from pyfly.client._call.decode_stage import DecodeStage
from pyfly.client._call.idempotency_key import with_keys
from pyfly.client._call.invoke import invoker, sync_invoker
from pyfly.client._call.lifecycle import Lifecycle, SyncLifecycle
from pyfly.client._call.redirects import Redirects
from pyfly.client._call.runtime import MethodRuntime
from pyfly.client._codec.decode import wants_raw_response
from pyfly.client._compile.base_url import check_base_url
from pyfly.client._declare.service import implementation_of
from pyfly.client._protection.protection import Protection
from pyfly.client._protection.shared import HostBreakers
from pyfly.client._review import code_mistakes, decoders_of, reviewed_plan
from pyfly.client._settings.config import ClientConfig, Settings
from pyfly.client._settings.declared import settings_from_decorator, settings_from_resilience
from pyfly.client._stream.wiring import port_mistakes, streamer, sync_streamer
from pyfly.client.adapters.choice import make_adapter, unsuitable
from pyfly.client.adapters.foreign import ForeignPort, SyncForeignPort
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

__all__ = ["ClientFactory", "WiredClient", "instantiate", "wiring_of"]

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

    def wire(self, bean: Any, *, base_url: str | None = None, port: Any = None) -> WiredClient:
        """Give every stub of a client its function.

        Args:
            bean: An instance of a client class.
            base_url: Overrides the declared and the configured one.
            port: Overrides the factory.

        Raises:
            ClientDeclarationException: Something is wrong with the class; all of it.
        """
        wiring = WiredClient(reviewed_plan(type(bean)), self, base_url, port)
        functions = wiring.functions
        members: dict[str, Any] = {
            name: functions[method.declaration].__get__(bean)
            for name, method in wiring.plan.names.items()
        }
        members["__pyfly_wired__"] = functions
        members["__pyfly_wiring__"] = wiring
        try:
            vars(bean).update(members)  # not setattr: a class may guard its attributes
        except TypeError:
            cls = type(bean).__name__
            raise ClientDeclarationException(
                cls, [f"{cls}: has __slots__ and no __dict__ (remove __slots__)"]
            ) from None
        return wiring


class WiredClient:
    """One wired client: its port, its lifecycle, and one function for each stub.

    Attributes:
        plan: What the class says.
        settings: Its effective settings.
        steps: What the calls of each method go through, by the method's name.
        functions: The generated functions, by declaration.
        lifecycle: Starts and stops it.
    """

    def __init__(
        self, plan: ClientPlan, workshop: ClientFactory, base_url: str | None, port: Any
    ) -> None:
        self.plan = plan
        declaration = plan.declaration
        self.name = declaration.name or plan.cls.__name__
        self.settings = workshop.config.settings(
            declaration.name,
            settings_from_decorator(declaration.resilience),
            {m.name: settings_from_resilience(m.resilience) for m in plan.names.values()},
        )
        self._workshop = workshop
        decoders, mistakes = decoders_of(plan, self.settings.value("max-response-size"))
        mistakes += code_mistakes(plan)
        if port is None:
            port = self._make_port(base_url, mistakes)
        if mistakes:
            raise ClientDeclarationException(plan.cls.__name__, mistakes)
        self.port = self._as_wire(port)
        mistakes += port_mistakes(plan.methods, self.port, self._port_name)
        if mistakes:
            raise ClientDeclarationException(plan.cls.__name__, mistakes)
        self.events = Events([*workshop.listeners, *declaration.listeners, LogListener()])
        self.protection = Protection(
            plan,
            self.settings,
            self.events,
            workshop.clock,
            port_bounds=self.port.bounds_deadline,
            host=self._host(base_url),
            host_breakers=workshop.host_breakers,
        )
        self.lifecycle = self._lifecycle()
        self._first_answers = FirstAnswers(self.name)
        self.steps = {m.declaration: self._steps(m, decoders[m.declaration]) for m in plan.methods}
        if self.protection.mistakes:
            raise ClientDeclarationException(plan.cls.__name__, self.protection.mistakes)
        self.functions = {
            declaration: generate(
                self._resolved(steps.method),
                self.port.takes_encoded,
                with_keys(self._invoker(steps, base_url), steps.method.makes_key),
                port=self._port_name,
            )
            for declaration, steps in self.steps.items()
        }

    # Ports

    def _make_port(self, base_url: str | None, mistakes: list[str]) -> Any:
        url = self._base_url(base_url, mistakes)
        if mistakes:
            return None
        if self._workshop.port_factory is not None:
            return self._workshop.port_factory(url)
        name, asynchronous = self.settings.value("adapter"), self.plan.asynchronous
        stock = self.settings.value("transport") == "stock" or self.settings.value("http2")
        wrong = unsuitable(name, asynchronous, stock)
        if wrong is not None:
            mistakes.append(f"{self.plan.cls.__name__}: {wrong}")
            return None
        timeout = self.settings.value("timeout") or _UNBOUNDED
        settings = connection_settings(self.settings)
        try:
            return make_adapter(name, asynchronous, url, timeout, settings, stock)
        except ConnectionSettingsException as exc:
            mistakes.append(f"{self.plan.cls.__name__}: {exc}")
            return None

    def _base_url(self, override: str | None, mistakes: list[str]) -> str:
        cls, declaration = self.plan.cls.__name__, self.plan.declaration
        given = override
        if given is None:
            given = self.settings.value("base-url") or declaration.base_url
        if not given and declaration.name is not None:
            mistakes.append(
                f"{cls}: has no base URL (write base_url=… in its decorator, or configure "
                f"pyfly.client.clients.{declaration.name}.base-url)"
            )
            return ""
        if isinstance(given, str) and "${" in given:
            given = self._workshop.config.config.resolve(given, where=f"{cls}.base_url")
        url, wrong = check_base_url(given)
        if wrong is not None:
            mistakes.append(f"{cls}: {wrong}")
        return url

    def _as_wire(self, port: Any) -> Any:
        if getattr(port, "takes_encoded", None) is True:
            return port
        wrap = ForeignPort if self.plan.asynchronous else SyncForeignPort
        return wrap(port, self.name, self._workshop.clock)

    @property
    def _port_name(self) -> str:
        return str(getattr(self.port, "kind", type(self.port).__name__))

    def _known_base_url(self, override: str | None) -> str:
        """What the paths of requests are below; ``""`` if that is the port's secret."""
        return self.port.base_url if self.port.takes_encoded else self._base_url(override, [])

    def _host(self, override: str | None) -> str:
        """Whose circuit its calls go through, if that is the host's."""
        if self.settings.value("circuit-breaker.per") != "host":
            return ""
        return urlsplit(self._known_base_url(override)).netloc

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
            clock=self._workshop.clock,
        )

    def _stages(self, method: MethodPlan) -> list[Stage]:
        """The user's own code around the attempts of a method."""
        stages: list[Stage] = []
        if method.interceptors:
            stages.append(InterceptorStage(method, method.interceptors))
        auth = method.options.get("auth")
        if isinstance(auth, str):
            auth = self._workshop.config.config.resolve(auth, where=f"{method.operation}: auth")
        credentials = credentials_of(auth)
        if credentials is not None:
            stages.append(AuthStage(credentials))
        return stages

    def _resolved(self, method: MethodPlan) -> MethodPlan:
        """The plan with the placeholders in its constants resolved from the configuration."""
        if not method.headers and not method.params:
            return method
        config, where = self._workshop.config.config, f"{method.operation}: headers or params"

        def resolved(value: Any) -> Any:
            if isinstance(value, str) and "${" in value:
                return config.resolve(value, where=where)
            return value

        plan: MethodPlan = method.replace(
            headers={name: resolved(value) for name, value in method.headers.items()},
            params={name: resolved(value) for name, value in method.params.items()},
        )
        return plan

    def _lifecycle(self) -> Lifecycle | SyncLifecycle:
        stop_timeout = self.settings.seconds("stop-timeout") or 0.0
        if self.plan.asynchronous:
            return Lifecycle(self.name, self.port, stop_timeout, self.protection.drain)
        return SyncLifecycle(self.name, self.port, stop_timeout)

    def _invoker(self, steps: MethodRuntime, base_url: str | None) -> Callable[..., Any]:
        if steps.method.stream is not None:
            known = self._known_base_url(base_url)
            if isinstance(self.lifecycle, Lifecycle):
                return streamer(steps, self.port, self.lifecycle, self.settings, known)
            return sync_streamer(steps, self.port, self.lifecycle, self.settings, known)
        if isinstance(self.lifecycle, Lifecycle):
            return invoker(steps, self.port, self.lifecycle)
        return sync_invoker(steps, self.port, self.lifecycle)

    # Its life

    async def start(self) -> None:
        """Start the port, before the first call does."""
        if isinstance(self.lifecycle, Lifecycle):
            await self.lifecycle.start()
        else:
            self.lifecycle.start()

    async def stop(self) -> None:
        """Drain and close; see :class:`~pyfly.client._call.lifecycle.Lifecycle`."""
        self.protection.forget()
        if isinstance(self.lifecycle, Lifecycle):
            await self.lifecycle.stop()
        else:
            import asyncio

            await asyncio.to_thread(self.lifecycle.stop)

    def stop_sync(self) -> None:
        """Drain and close a synchronous client."""
        self.protection.forget()
        assert isinstance(self.lifecycle, SyncLifecycle)  # by connect_sync
        self.lifecycle.stop()


def connection_settings(settings: Settings) -> ConnectionSettings:
    """The settings of a connection pool."""
    cert, key = settings.value("cert"), settings.value("key")
    return ConnectionSettings(
        library="httpx" if settings.value("adapter") == "httpx" else "httpx2",
        connect_timeout=settings.value("connect-timeout"),
        pool_timeout=settings.value("pool-timeout"),
        max_connections=settings.value("max-connections"),
        keepalive_expiry=settings.value("keepalive-expiry"),
        max_response_size=settings.value("max-response-size"),
        verify=settings.value("verify"),
        ca=settings.value("ca"),
        cert=(cert, key) if cert and key else cert,
        proxy=settings.value("proxy"),
        trust_env=settings.value("trust-env"),
        uds=settings.value("uds"),
        http2=settings.value("http2"),
    )


def _any_status(status: int) -> bool:
    return True


def _no_status(status: int) -> bool:
    return False


def _missing(status: int) -> bool:
    return status == 404


def instantiate(cls: Any) -> Any:
    """An instance of a client class, made by its concrete subclass where it has one."""
    return implementation_of(cls)()


def wiring_of(client: Any) -> WiredClient | None:
    """How a client was wired; None if it was not."""
    found = getattr(client, "__pyfly_wiring__", None)
    return found if isinstance(found, WiredClient) else None
