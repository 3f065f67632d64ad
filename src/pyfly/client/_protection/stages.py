"""The stages that know HTTP: single flight, the deadline in a header, chaos."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NoReturn

from pyfly.client._settings.policy_settings import PolicySettings
from pyfly.client.auth.stage import AuthStage
from pyfly.client.errors import ConnectException, ReadTimeoutException, status_error
from pyfly.client.message import Headers, Request
from pyfly.client.plan import MethodPlan
from pyfly.resilience import Chaos, ChaosStage, DeadlineFormat, SingleFlight, format_deadline
from pyfly.resilience.call import Call, Handler, SyncHandler


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


class DeadlineHeaderStage:
    """Sends the time that an attempt has, unless the caller has set the header for this call.

    Args:
        header: Its name.
        form: How the time is written.
    """

    name = "deadline header"

    def __init__(self, header: str, form: DeadlineFormat) -> None:
        self._header = header.lower()
        self._form: DeadlineFormat = form

    def wrap(self, inner: Handler) -> Handler:
        async def deadline_header(call: Call) -> Any:
            bare: Request = call.payload
            call.payload = self._with_time_left(call, bare)
            try:
                return await inner(call)
            finally:
                call.payload = bare

        return deadline_header

    def wrap_sync(self, inner: SyncHandler) -> SyncHandler:
        def deadline_header(call: Call) -> Any:
            bare: Request = call.payload
            call.payload = self._with_time_left(call, bare)
            try:
                return inner(call)
            finally:
                call.payload = bare

        return deadline_header

    def _with_time_left(self, call: Call, bare: Request) -> Request:
        end = call.attempt_deadline
        if end is None or any(name.lower() == self._header for name in bare.headers):
            return bare
        left = format_deadline(end - call.clock.monotonic(), self._form)
        return bare.with_headers({**bare.headers, self._header: left})

    def describe(self) -> str:
        return f"{self._header}, the time that the attempt has, as {self._form}"


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
