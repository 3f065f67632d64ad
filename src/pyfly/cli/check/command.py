"""``pyfly check``."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from pyfly.cli.check.configured import Configured
from pyfly.cli.check.finding import ERROR, WARNING, Finding
from pyfly.cli.check.report import as_json, as_text, finding_text, tally
from pyfly.cli.check.review import Review, review_class
from pyfly.cli.colour import no_color_option
from pyfly.cli.target import (
    CommandTarget,
    ImportFailure,
    load_class,
    load_module,
    parse_target,
    source_line,
)
from pyfly.client._declare.service import client_declaration_of
from pyfly.client._declare.verbs import declaration_of


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


_FAILED = 1

_EXAMPLES = """\b
Examples:
  pyfly check shop.clients                        every client class of a module
  pyfly check shop.clients:Inventory              one class
  pyfly check shop.clients --config pyfly.yaml    and the settings
  pyfly check shop.clients --strict --json        for CI
"""


@click.command(epilog=_EXAMPLES)
@click.argument("targets", nargs=-1, required=True, metavar="MODULE[:CLASS]...")
@click.option(
    "--config",
    "config_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Check the settings in this pyfly.yaml too.",
)
@click.option("--strict", is_flag=True, help="Warnings are errors.")
@click.option("--json", "as_data", is_flag=True, help="Print everything as JSON.")
@no_color_option
def check(targets: tuple[str, ...], config_file: Path | None, strict: bool, as_data: bool) -> int:
    """Find everything that is wrong with client classes, and print the requests they make.

    Nothing is sent. The status is 0 if all is right, 1 for errors, and 2 if a TARGET or an
    option makes no sense.
    """
    configured = Configured(config_file)
    reviews, apart = _reviews(targets, configured)
    declared: dict[str, list[str]] = {}
    for review in reviews:
        if review.name is not None:
            declared.setdefault(review.name, []).extend(review.methods)
    apart = [
        *configured.findings,
        *configured.strangers(declared),
        *configured.impossible(),
        *apart,
    ]
    findings = [*apart, *(finding for review in reviews for finding in review.findings)]
    ok = not any(strict or finding.severity == ERROR for finding in findings)
    if as_data:
        click.echo(json.dumps(as_json(reviews, apart, findings, ok), indent=2, ensure_ascii=False))
    else:
        for review in reviews:
            click.echo("\n".join([*as_text(review), ""]))
        for finding in findings:
            click.echo(finding_text(finding))
        click.echo(tally(findings, len(reviews)))
    return 0 if ok else _FAILED


def _reviews(
    targets: tuple[str, ...], configured: Configured
) -> tuple[list[Review], list[Finding]]:
    """A review of each class, once, and what is wrong apart from them."""
    classes: dict[type, None] = {}
    apart: list[Finding] = []
    for target in map(parse_target, targets):
        if target.method is not None:
            raise click.UsageError(
                f"{target.text!r} names a method (check {target.module}:{target.cls})"
            )
        try:
            module = load_module(target.module)
        except ImportFailure as failure:
            apart.append(Finding(ERROR, failure.message, failure.file, failure.line))
            continue
        classes.update(dict.fromkeys(client_classes(module, target)))
        if target.cls is None:
            apart += undeclared(module)
    return [review_class(cls, configured) for cls in classes], apart
