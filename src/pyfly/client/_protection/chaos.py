"""Chaos as the configuration describes it: connections that fail, delays, error statuses."""

from __future__ import annotations

from typing import Any

from pyfly.client._settings.policy_settings import PolicySettings
from pyfly.client.errors import ConnectException, ReadTimeoutException, status_error
from pyfly.client.message import Headers, Response
from pyfly.resilience import Chaos, ChaosStage
from pyfly.resilience.call import Call, Handler, SyncHandler

__all__ = ["HttpChaosStage", "chaos"]

_FAULTS: dict[str, type[Exception]] = {
    "connection": ConnectException,
    "timeout": ReadTimeoutException,
}


class _Injected(Response[Any]):
    """An answer that no service gave."""


def chaos(settings: PolicySettings) -> Chaos:
    """What is done to attempts."""
    fault = _FAULTS[settings["fault"]]
    return Chaos(
        settings["seed"],
        fault=(settings["fault-rate"], lambda: fault("injected by chaos")),
        latency=(settings["latency-rate"], settings["latency"]),
        outcome=(settings["outcome-rate"], _Injected(settings["outcome"], Headers())),
    )


class HttpChaosStage(ChaosStage):
    """Chaos whose outcome is a response: its status becomes an exception like any other's."""

    def wrap(self, inner: Handler) -> Handler:
        run = super().wrap(inner)

        async def chaos_stage(call: Call) -> Any:
            return _judged(await run(call))

        return chaos_stage

    def wrap_sync(self, inner: SyncHandler) -> SyncHandler:
        run = super().wrap_sync(inner)

        def chaos_stage(call: Call) -> Any:
            return _judged(run(call))

        return chaos_stage


def _judged(response: Any) -> Any:
    if isinstance(response, _Injected):
        raise status_error(response.status_code, response.headers, b"")
    return response
