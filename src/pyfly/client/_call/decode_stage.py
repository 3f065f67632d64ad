"""From the response to the value, in the pipeline: outside the circuit breaker and the retry."""

from __future__ import annotations

from copy import copy
from inspect import Parameter
from typing import Any

from pyfly.client._codec.decode import Decoder
from pyfly.client.error_mapping import ErrorMapping
from pyfly.client.errors import CallException, HttpStatusException, raise_as
from pyfly.client.plan import MethodPlan
from pyfly.resilience.call import Call, Handler, SyncHandler


class DecodeStage:
    """Decodes, and raises the exception that the user has named for a status.

    Bad JSON never opens a circuit and is never retried; a fallback, which stands outside,
    answers it, and sees the user's own exceptions.

    Args:
        decode: From a response to the value.
        method: Whose calls.
        errors: What statuses raise instead of their own exceptions; None for nothing.
        shared: Whether several calls may get the same response: each decodes a copy.
    """

    name = "decode"

    def __init__(
        self,
        decode: Decoder,
        method: MethodPlan,
        errors: ErrorMapping | None = None,
        shared: bool = False,
    ) -> None:
        self._decode = (lambda response: decode(copy(response))) if shared else decode
        self._method = method
        self._errors = errors

    def wrap(self, inner: Handler) -> Handler:
        decode = self._decode

        async def decode_stage(call: Call) -> Any:
            try:
                return decode(await inner(call))
            except CallException as error:
                raise_as(self._meaning(call, error), error)

        return decode_stage

    def wrap_sync(self, inner: SyncHandler) -> SyncHandler:
        decode = self._decode

        def decode_stage(call: Call) -> Any:
            try:
                return decode(inner(call))
            except CallException as error:
                raise_as(self._meaning(call, error), error)

        return decode_stage

    def _meaning(self, call: Call, error: CallException) -> Exception:
        plan = self._method
        error.at_call(plan.operation, plan.http_method, plan.template.text, call.attempt)
        if self._errors is not None and isinstance(error, HttpStatusException):
            return self._errors.translate(error)
        return error

    def describe(self) -> str:
        returns = self._method.returns
        if returns is Parameter.empty:
            return "into JSON values"
        return f"into {returns.__name__ if type(returns) is type else returns}"
