"""One declared method, or one path template, as requests are compared with it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from typing import Any
from unittest.mock import ANY

from pyfly.client import Path
from pyfly.client.errors import ClientArgumentException
from pyfly.client.plan import MethodPlan, ParameterKind
from pyfly.kernel.secrets import redacted
from pyfly.testing.requests.parameter import Slot
from pyfly.testing.requests.parameters import slot_for
from pyfly.testing.requests.received import SeenRequest

#: How much another method, and another path, weigh against an argument that differs.
_METHOD_WEIGHT, _PATH_WEIGHT, _ARGUMENT_WEIGHT = 2.0, 3.0, 0.5


class Expectation:
    """What one parameter is to be.

    Args:
        slot: The parameter's.
        value: What the test gave: what it becomes on the wire is compared; a value that
            cannot be sent, such as a dict or model with ``mock.ANY`` in it, is compared by ``==``.
    """

    def __init__(self, slot: Slot, value: Any) -> None:
        self.slot = slot
        self._value = value
        self._by_wire = True
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # pydantic's, of ANY where a model has a type
                self._wire = slot.wire(value)
        except ClientArgumentException:
            self._by_wire = False

    @property
    def text(self) -> str:
        """What is wanted, as it may be shown."""
        if self._by_wire:
            return self.slot.shown(self._wire)
        return redacted(self.slot.wire_name, repr(self._value))

    def differences(self, seen: SeenRequest, path: dict[str, str]) -> list[str]:
        """What was sent instead; empty if it is as it should be."""
        slot = self.slot
        raw = slot.raw(seen, path)
        if self._by_wire:
            return slot.differences(raw, self._wire)
        if self._value == slot.value(raw) or self._value == _plain(seen):
            return []
        return [slot.told(slot.name, self.text, slot.shown(raw))]


def _plain(seen: SeenRequest) -> Any:
    try:
        return seen.json()
    except ValueError:
        return None


#: What a route's parameters are to be, by name; those that are not named may be anything.
Wanted = Mapping[str, Expectation]


class Route:
    """Where requests of one method go.

    Args:
        method: Its plan.

    Attributes:
        operation: ``Inventory.product``; for a template the template itself.
        slots: Its parameters that are sent, by name.
    """

    def __init__(self, method: MethodPlan) -> None:
        self.method = method
        self.operation = method.operation
        self.slots = {
            p.name: slot_for(method, p)
            for p in method.parameters
            if p.kind is not ParameterKind.TIMEOUT
        }
        self._path = re.compile(_pattern(method))

    @property
    def text(self) -> str:
        """``GET /products/{product_id}``."""
        return f"{self.method.http_method} {self.method.template.text}"

    @property
    def weight(self) -> int:
        """How much of the path is literal: the more, the closer the match."""
        return sum(map(len, self.method.template.literals))

    def wanted(self, values: Mapping[str, Any]) -> Wanted:
        """Expectations of values by parameter; ``mock.ANY`` makes none."""
        return {
            name: Expectation(self.slots[name], value)
            for name, value in values.items()
            if value is not ANY
        }

    def takes(self, seen: SeenRequest) -> dict[str, str] | None:
        """The encoded values of the path; None if method or path are others."""
        if seen.method != self.method.http_method:
            return None
        return self._values(seen)

    def _values(self, seen: SeenRequest) -> dict[str, str] | None:
        found = None if seen.origin else self._path.fullmatch(seen.path)
        if found is None:
            return None
        return dict(zip(self.method.template.placeholders, found.groups(), strict=True))

    def arguments(self, seen: SeenRequest, path: dict[str, str]) -> dict[str, Any]:
        """The typed arguments of a request that it takes, by parameter."""
        return {name: slot.value(slot.raw(seen, path)) for name, slot in self.slots.items()}

    def shown(self, seen: SeenRequest, path: dict[str, str]) -> str:
        """The call that a request stands for, as it may be shown."""
        shown = (f"{name}={slot.shown(slot.raw(seen, path))}" for name, slot in self.slots.items())
        return f"{self.operation}({', '.join(shown)})"

    def differences(self, seen: SeenRequest, wanted: Wanted) -> list[str]:
        """What keeps a request from being taken; empty if nothing does."""
        return self._compare(seen, wanted)[0]

    def distance(self, seen: SeenRequest, wanted: Wanted) -> float:
        """How far a request is from being taken, to find the nearest of several routes."""
        return self._compare(seen, wanted)[1]

    def _compare(self, seen: SeenRequest, wanted: Wanted) -> tuple[list[str], float]:
        found: list[str] = []
        distance = 0.0
        if seen.method != self.method.http_method:
            found.append(f"the method is {seen.method}, the rule's {self.method.http_method}")
            distance += _METHOD_WEIGHT
        path = self._values(seen)
        if path is None:
            template = self.method.template.text
            found.append(f"the path is {seen.path}, the rule's {template}")
            alike = SequenceMatcher(None, seen.path, template).ratio()
            return found, distance + _PATH_WEIGHT * (1 - alike) + 1
        for each in wanted.values():
            differences = each.differences(seen, path)
            found += differences
            distance += _ARGUMENT_WEIGHT if differences else 0
        return found, distance


def _pattern(method: MethodPlan) -> str:
    spanning = {
        p.wire_name for p in method.parameters if isinstance(p.marker, Path) and p.marker.segments
    }
    first, *rest = method.template.literals
    pieces: Iterable[str] = (
        ("(.+)" if name in spanning else "([^/]+)") + re.escape(literal)
        for name, literal in zip(method.template.placeholders, rest, strict=True)
    )
    return re.escape(first) + "".join(pieces)
