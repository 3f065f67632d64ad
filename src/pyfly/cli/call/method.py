"""The method that a target names: its plan, or what to write instead."""

from __future__ import annotations

from typing import Any

import click

from pyfly.cli.target import load_class, load_module, parse_target
from pyfly.client._declare.service import client_declaration_of
from pyfly.client._review import review
from pyfly.client.errors import ClientDeclarationException
from pyfly.client.plan import ClientPlan, MethodPlan
from pyfly.core.keys import nearest
from pyfly.kernel.record import Record


class Method(Record):
    """A method that can be called.

    Attributes:
        cls: Its class.
        client: What that says.
        plan: What the method says.
        target: As it was written.
    """

    cls: Any
    client: ClientPlan
    plan: MethodPlan
    target: str


def find_method(text: str) -> Method:
    """Find ``package.module:Class.method``.

    Raises:
        click.UsageError: There is no such method.
        click.ClickException: The module or the class is wrong.
    """
    target = parse_target(text)
    module = load_module(target.module)
    if target.cls is None:
        names = [
            name for name, value in vars(module).items()
            if isinstance(value, type) and client_declaration_of(value) is not None
        ]  # fmt: skip
        raise click.UsageError(_choose(text, ":", names, "client class"))
    cls = load_class(module, target)
    try:
        client, mistakes = review(cls)
        if mistakes:
            raise ClientDeclarationException(cls.__name__, mistakes)
    except ClientDeclarationException as error:
        raise click.ClickException(
            f"{error}\n(pyfly check {target.module} tells the lines)"
        ) from None
    if target.method is None:
        raise click.UsageError(_choose(text, ".", list(client.names), "method"))
    plan = client.names.get(target.method)
    if plan is None:
        close = nearest(target.method, client.names)
        known = ", ".join(client.names)
        hint = f"did you mean {target.module}:{target.cls}.{close}?" if close else f"it has {known}"
        raise click.UsageError(f"{target.cls} declares no method {target.method!r}: {hint}")
    return Method(cls, client, plan, text)


def _choose(text: str, separator: str, names: list[str], noun: str) -> str:
    if not names:
        return f"{text} has no {noun}"
    choices = "".join(f"\n  {text}{separator}{name}" for name in names)
    return f"{text!r} names no {noun}. There is:{choices}"
