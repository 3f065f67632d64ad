"""The circuit breakers and retries of others, each as its own documentation shows it.

Every entry is made in a function of its own, with its library imported there: a library that is
not installed, or cannot be imported, is a row that says so.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from tools.bench_environment import FAILED

__all__ = ["BREAKERS", "OPEN", "RETRIES", "Rival", "make", "not_installed"]

#: Circuits stay open for as long as the measuring takes.
HOUR = 3600.0

Function = Callable[[], Awaitable[Any]]


class Rival(NamedTuple):
    """A library.

    Attributes:
        name: Its name in the package index.
        wrap: From an ``async def`` function to the protected one; may have to be awaited for.
        refused: The exception by which an open circuit refuses, as ``module:name``.
    """

    name: str
    wrap: Callable[[Function], Awaitable[Function]]
    refused: str = ""

    def refusal(self) -> type[BaseException]:
        """The exception of an open circuit."""
        module, _, name = self.refused.partition(":")
        found: type[BaseException] = getattr(importlib.import_module(module), name)
        return found


async def make(rival: Rival, function: Function) -> Function | str:
    """The protected function, or why there is none."""
    try:
        return await rival.wrap(function)
    except Exception as error:
        return not_installed(rival.name) or f"{type(error).__name__}: {error}"


def not_installed(name: str) -> str | None:
    """Why a library could not be installed into this environment; None: nothing is known."""
    try:
        stamp = json.loads(Path(sys.prefix, FAILED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    reason: str | None = stamp.get("failed", {}).get(name)
    return reason


async def _purgatory(function: Function) -> Function:
    purgatory: Any = importlib.import_module("purgatory")
    breaker = await purgatory.AsyncCircuitBreakerFactory().get_breaker("benchmark", ttl=HOUR)

    async def call() -> Any:
        async with breaker:
            return await function()

    return call


async def _circuitbreaker(function: Function) -> Function:
    module: Any = importlib.import_module("circuitbreaker")
    wrapped: Function = module.circuit(recovery_timeout=HOUR)(function)
    return wrapped


async def _hyx(function: Function) -> Function:
    module: Any = importlib.import_module("hyx.circuitbreaker")
    wrapped: Function = module.consecutive_breaker(recovery_time_secs=HOUR)(function)
    return wrapped


async def _aiobreaker(function: Function) -> Function:
    module: Any = importlib.import_module("aiobreaker")
    breaker = module.CircuitBreaker(timeout_duration=timedelta(seconds=HOUR))

    async def call() -> Any:
        return await breaker.call_async(function)

    return call


async def _interlock(function: Function) -> Function:
    module: Any = importlib.import_module("interlock")
    config = module.Config(wait_duration_in_open=HOUR)
    wrapped: Function = module.CircuitBreaker(name="benchmark", config=config)(function)
    return wrapped


async def _tenacity(function: Function) -> Function:
    module: Any = importlib.import_module("tenacity")
    decorate = module.retry(
        stop=module.stop_after_attempt(3), wait=module.wait_exponential(1), reraise=True
    )
    wrapped: Function = decorate(function)
    return wrapped


async def _stamina(function: Function) -> Function:
    module: Any = importlib.import_module("stamina")
    wrapped: Function = module.retry(on=Exception, attempts=3)(function)
    return wrapped


async def _backoff(function: Function) -> Function:
    module: Any = importlib.import_module("backoff")
    wrapped: Function = module.on_exception(module.expo, Exception, max_tries=3)(function)
    return wrapped


async def _hyx_retry(function: Function) -> Function:
    module: Any = importlib.import_module("hyx.retry")
    wrapped: Function = module.retry(on=Exception, attempts=3)(function)
    return wrapped


BREAKERS = (
    Rival("purgatory", _purgatory, "purgatory.domain.model:OpenedState"),
    Rival("circuitbreaker", _circuitbreaker, "circuitbreaker:CircuitBreakerError"),
    Rival("hyx", _hyx, "hyx.circuitbreaker.exceptions:BreakerFailing"),
    Rival("aiobreaker", _aiobreaker, "aiobreaker:CircuitBreakerError"),
    Rival("interlock-cb", _interlock, "interlock:CircuitOpenError"),
)
RETRIES = (
    Rival("hyx", _hyx_retry),
    Rival("backoff", _backoff),
    Rival("stamina", _stamina),
    Rival("tenacity", _tenacity),
)
OPEN = BREAKERS
