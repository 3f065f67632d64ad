"""Chaos as the configuration describes it: connections that fail, delays, error statuses."""

from __future__ import annotations

from typing import NoReturn

from pyfly.client._settings.policy_settings import PolicySettings
from pyfly.client.errors import ConnectException, ReadTimeoutException, status_error
from pyfly.client.message import Headers
from pyfly.resilience import Chaos, ChaosStage
from pyfly.resilience.call import Call

__all__ = ["HttpChaosStage"]

_FAULTS: dict[str, type[Exception]] = {
    "connection": ConnectException,
    "timeout": ReadTimeoutException,
}


class HttpChaosStage(ChaosStage):
    """Chaos whose outcome is a status, which becomes an exception like that of any answer."""

    def __init__(self, settings: PolicySettings) -> None:
        fault = _FAULTS[settings["fault"]]
        chaos = Chaos(
            settings["seed"],
            fault=(settings["fault-rate"], lambda: fault("injected by chaos")),
            latency=(settings["latency-rate"], settings["latency"]),
            outcome=(settings["outcome-rate"], settings["outcome"]),
        )
        super().__init__(chaos)

    def _outcome(self, call: Call) -> NoReturn:
        raise status_error(super()._outcome(call), Headers(), b"")
