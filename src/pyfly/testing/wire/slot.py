"""Where the value of one parameter goes, and how it is read back from there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any
from urllib.parse import unquote

from pyfly.client._codec.typed import typed_json
from pyfly.client._compile.plan import MethodPlan, ParameterPlan
from pyfly.client.message import redacted
from pyfly.testing.wire.seen import SeenRequest

__all__ = ["Slot", "grouped", "model", "shown_fields"]

#: The texts of each name in a query or a form.
Grouped = dict[str, tuple[str, ...]]


class Slot(ABC):
    """Where the value of one parameter goes.

    Args:
        method: Whose parameter it is.
        parameter: The parameter.
    """

    def __init__(self, method: MethodPlan, parameter: ParameterPlan) -> None:
        self.method = method
        self.parameter = parameter
        self.name = parameter.name
        self.wire_name = parameter.wire_name
        self.annotation = parameter.annotation

    @abstractmethod
    def raw(self, seen: SeenRequest, path: dict[str, str]) -> Any:
        """What the request holds for it.

        Args:
            seen: The request.
            path: The path's values by placeholder, still encoded.
        """

    @abstractmethod
    def wire(self, value: Any) -> Any:
        """What a value becomes by the client's own binder, in the same form.

        Raises:
            ClientArgumentException: It cannot be sent.
        """

    @abstractmethod
    def value(self, raw: Any) -> Any:
        """The value that stands for what was found, of the annotated type where that is told."""

    def shown(self, raw: Any) -> str:
        """What was found, as it may be shown."""
        return redacted(self.wire_name, repr(self.value(raw)))

    def differences(self, raw: Any, wire: Any) -> list[str]:
        """How what was found differs from what a value becomes; empty if it does not."""
        if raw == wire:
            return []
        return [self.told(self.name, self.shown(wire), self.shown(raw))]

    @staticmethod
    def told(what: str, wanted: str, found: str) -> str:
        """One difference in words."""
        return f"{what}: the rule wants {wanted}, but {found} was sent"


def grouped(pairs: list[tuple[str, str]]) -> Grouped:
    """The texts of each name."""
    found: Grouped = {}
    for name, text in pairs:
        found[name] = (*found.get(name, ()), unquote(text))
    return found


def shown_fields(raw: Grouped) -> str:
    """Fields as they may be shown."""
    return repr({name: redacted(name, ", ".join(texts)) for name, texts in raw.items()})


def model(annotation: Any, raw: Grouped) -> Any:
    """The object that fields stand for; the fields themselves if it cannot be made of them."""
    plain = {name: texts[0] if len(texts) == 1 else list(texts) for name, texts in raw.items()}
    try:
        return typed_json(annotation).from_value(plain)
    except Exception:  # whatever the library raises: the record then shows what was sent
        return plain
