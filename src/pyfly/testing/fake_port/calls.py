"""What a fake port was asked."""

from __future__ import annotations

from typing import Any

from pyfly.client.message import Headers
from pyfly.testing.requests.received import SeenRequest
from pyfly.testing.requests.route import Route


class FakeCall:
    """One request that reached a fake port: one attempt, so a retried call has several.

    Attributes:
        operation: ``Inventory.product`` where a rule for a declared method took it, else
            method and template of the rule; None if no rule did.
        method: ``GET``, ``POST``, …
        path: The path below the base URL, percent-encoded, without the query.
        arguments: The arguments by parameter, read back from the request and of the declared
            types; what was left out is None. A timeout is not sent, so it is not here.
        headers: The header fields that the client sends.
        body: The encoded body; None if there is none.
    """

    __slots__ = (
        "_route",
        "_seen",
        "_values",
        "arguments",
        "body",
        "headers",
        "method",
        "operation",
        "path",
    )

    def __init__(
        self, seen: SeenRequest, route: Route | None, values: dict[str, str] | None
    ) -> None:
        self._seen = seen
        self._route = route
        self._values = values or {}
        self.operation = None if route is None else route.operation
        self.method = seen.method
        self.path = seen.path
        self.arguments: dict[str, Any] = (
            {} if route is None else route.arguments(seen, self._values)
        )
        self.headers: Headers = seen.headers
        self.body = seen.content

    @property
    def target(self) -> str:
        """Path and query, secrets in the query not shown."""
        return self._seen.target

    @property
    def json(self) -> Any:
        """The body as JSON values.

        Raises:
            ValueError: There is none, or it is no JSON.
        """
        return self._seen.json()

    def __repr__(self) -> str:
        if self._route is None:
            return f"<{self.method} {self.target}, which no rule took>"
        return f"<{self._route.shown(self._seen, self._values)}>"
