"""Sections of clients and methods that nobody has declared: most likely a typing error."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pyfly.client._settings.config import ClientConfig
from pyfly.core import ConfigWarning
from pyfly.core.keys import common, nearest

_CLIENTS = "pyfly.client.clients"


class Stranger(NamedTuple):
    """A section that nobody reads: where it stands, its name, and what may be meant."""

    place: str
    name: str
    nearest: str | None


def unknown_clients(config: ClientConfig, declared: Iterable[str]) -> Iterator[Stranger]:
    """Yields the sections of clients that none of the declared ones has."""
    return _unknown(config, "clients", declared)


def unknown_methods(
    config: ClientConfig, client: str, methods: Iterable[str]
) -> Iterator[Stranger]:
    """Yields the sections of methods that a client does not have."""
    return _unknown(config, f"clients.{client}.methods", methods)


def _unknown(config: ClientConfig, path: str, known: Iterable[str]) -> Iterator[Stranger]:
    forms = {common(name): name for name in known}
    values = config.values
    for name in values.names(path):
        if common(name) not in forms:
            key = f"{values.key(path)}.{name}"
            origin = config.config.origin(key)
            if origin is None:  # it is known by a variable alone
                below = (each for each in values if each.startswith(f"{path}.{name}."))
                origin = next(map(values.origin, below), None)
            place = f"{origin}: {key}" if origin is not None else key
            yield Stranger(place, name, nearest(name, forms.values()))


def warn_of(problem: str, strangers: Iterable[Stranger]) -> None:
    """Warn of each section.

    Args:
        problem: What is wrong, as a text that its name ends.
        strangers: The sections.
    """
    for place, name, close in strangers:
        hint = f"did you mean {close}?" if close else "it is ignored"
        warnings.warn(f"{place}: {problem} {name!r} ({hint})", ConfigWarning, stacklevel=2)


def warn_of_methods(config: ClientConfig, client: str | None, methods: Iterable[str]) -> None:
    """Warn of the sections of methods that a client does not have."""
    if client is not None:
        unknown = unknown_methods(config, client, methods)
        warn_of(f"the client {client!r} has no method", unknown)
