"""Which requests are the same, so that one call may answer them all."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from pyfly.client.auth.stage import AuthStage
from pyfly.client.message import Request
from pyfly.client.plan import MethodPlan
from pyfly.resilience import SingleFlight
from pyfly.resilience.call import Call, Handler, SyncHandler

__all__ = ["RequestFlightStage"]


class RequestFlightStage:
    """Calls that ask for the same share one call while it is under way.

    The same: method, URL, all header fields, the timeout of the call, and the credentials that
    this very caller would send, so that two callers with different ones never share.

    Args:
        single_flight: The calls under way; of one client.
        method: Whose calls.
        auth: Where the credentials come from; None if there are none.
    """

    name = "single-flight"

    def __init__(
        self, single_flight: SingleFlight, method: MethodPlan, auth: AuthStage | None
    ) -> None:
        self._single_flight = single_flight
        self._operation = method.operation
        self._auth = auth

    def wrap(self, inner: Handler) -> Handler:
        run, auth = self._single_flight.run, self._auth

        async def single_flight(call: Call) -> Any:
            value = None
            if auth is not None:
                try:
                    value = await auth.value_for(call)
                except Exception:  # without credentials there is no telling who asks:
                    return await inner(call)  # the call raises it, or has better luck
            return await run(self._key(call, value), call, inner)

        return single_flight

    def wrap_sync(self, inner: SyncHandler) -> SyncHandler:
        run, auth = self._single_flight.run_sync, self._auth

        def single_flight(call: Call) -> Any:
            value = None
            if auth is not None:
                try:
                    value = auth.value_for_sync(call)
                except Exception:  # as above
                    return inner(call)
            return run(self._key(call, value), call, inner)

        return single_flight

    def _key(self, call: Call, authorization: str | None) -> Hashable:
        request: Request = call.payload
        headers = frozenset((name.lower(), value) for name, value in request.headers.items())
        params = None
        if request.params is not None:  # a port that encodes them itself
            params = tuple(
                (name, value if isinstance(value, str) else tuple(value))
                for name, value in request.params.items()
            )
        return (
            self._operation,
            request.method,
            request.url,
            params,
            headers,
            authorization,
            call.attempt_timeout,
        )

    def describe(self) -> str:
        return "calls with the same URL, headers and credentials share one while it is under way"
