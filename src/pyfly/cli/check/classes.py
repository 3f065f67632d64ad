"""The client classes that a target names."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import click

from pyfly.cli.check.finding import WARNING, Finding
from pyfly.cli.target import CommandTarget, load_class, source_line
from pyfly.client._declare.service import client_declaration_of
from pyfly.client._declare.verbs import declaration_of

__all__ = ["client_classes", "undeclared"]


def client_classes(module: ModuleType, target: CommandTarget) -> list[type]:
    """The class that is named, else every client class that the module defines.

    Raises:
        click.UsageError: There is none, or none of that name.
    """
    if target.cls is not None:
        return [load_class(module, target)]
    found = [cls for cls in _classes(module) if client_declaration_of(cls) is not None]
    own = [cls for cls in found if cls.__module__ == module.__name__]
    if own:
        return own
    if found:
        elsewhere = " ".join(sorted({cls.__module__ for cls in found}))
        raise click.UsageError(
            f"{target.module} defines no client class, it only imports some (check {elsewhere})"
        )
    if any(True for _ in undeclared(module)):
        return []
    raise click.UsageError(
        f"{target.module} has no client class: none has @service_client(…) or @http_client(…)"
    )


def undeclared(module: ModuleType) -> list[Finding]:
    """Classes that declare requests and are no clients, nor bases of any."""
    findings: list[Finding] = []
    for cls in _classes(module):
        if cls.__module__ != module.__name__ or client_declaration_of(cls) is not None:
            continue
        stubs = any(declaration_of(value) is not None for value in vars(cls).values())
        if stubs and not _is_base(cls):
            file, line = source_line(cls)
            message = (
                f"{cls.__name__}: declares requests, but is no client (put "
                "@service_client(base_url=…) above it)"
            )
            findings.append(Finding(WARNING, message, file, line))
    return findings


def _classes(module: ModuleType) -> list[type]:
    distinct = dict.fromkeys(value for value in vars(module).values() if isinstance(value, type))
    return list(distinct)


def _is_base(cls: Any) -> bool:
    """Whether others may build on it: it has subclasses, or types to be filled in."""
    return bool(cls.__subclasses__()) or bool(getattr(cls, "__parameters__", ()))
