"""The bulkhead in a pipeline: each attempt holds a permit while it runs."""

from __future__ import annotations

from functools import partial
from typing import Any

from pyfly.kernel.exceptions import BulkheadException
from pyfly.resilience._guard import tell_refusal, time_for
from pyfly.resilience.bulkhead.bulkhead import Bulkhead
from pyfly.resilience.bulkhead.state import Permit
from pyfly.resilience.call import Call, Handler, SyncHandler


class BulkheadStage:
    """Lets so many attempts run at once.

    No attempt waits past the deadline of its call: where a timer ends the call then, it ends
    the wait too; elsewhere the wait ends in a :class:`BulkheadException`.

    Args:
        bulkhead: The bulkhead, which several pipelines may share.
    """

    name = "bulkhead"

    def __init__(self, bulkhead: Bulkhead) -> None:
        self.bulkhead = bulkhead

    def wrap(self, inner: Handler) -> Handler:
        bulkhead = self.bulkhead

        async def bulkhead_stage(call: Call) -> Any:
            permit = bulkhead.try_acquire()
            if permit is None:
                permit = await self._wait(call)
            try:
                result = await inner(call)
            except BaseException:
                bulkhead.release(permit)
                raise
            self._succeeded(call, permit)
            return result

        return bulkhead_stage

    def wrap_sync(self, inner: SyncHandler) -> SyncHandler:
        bulkhead = self.bulkhead

        def bulkhead_stage(call: Call) -> Any:
            permit = bulkhead.try_acquire()
            if permit is None:
                permit = self._wait_sync(call)
            try:
                result = inner(call)
            except BaseException:
                bulkhead.release(permit)
                raise
            self._succeeded(call, permit)
            return result

        return bulkhead_stage

    def _succeeded(self, call: Call, permit: Permit) -> None:
        """Give the permit back; for a stream, when that is closed."""
        if call.on_close is None:
            self.bulkhead.release(permit)
        else:
            call.on_close.append(partial(self.bulkhead.release, permit))

    async def _wait(self, call: Call) -> Permit:
        left = None if call.expiry is not None else time_for(call)
        try:
            return await self.bulkhead.wait(call.operation, left)
        except BulkheadException as refusal:
            tell_refusal(call.events, call.operation, call.clock, self.name, refusal)
            raise

    def _wait_sync(self, call: Call) -> Permit:
        try:
            return self.bulkhead.wait_sync(call.operation, time_for(call))
        except BulkheadException as refusal:
            tell_refusal(call.events, call.operation, call.clock, self.name, refusal)
            raise

    def describe(self) -> str:
        return self.bulkhead.describe()
