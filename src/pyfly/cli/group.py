"""A group of commands that are imported when they are run, not when they are listed."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping

import click

from pyfly.kernel.record import Record

__all__ = ["CommandEntry", "LazyGroup"]


class CommandEntry(Record):
    """A command that is not imported yet.

    Attributes:
        target: Where it is: ``module:attribute``.
        help: What it is for, in one line.
    """

    target: str
    help: str


class LazyGroup(click.Group):
    """Lists its commands from a table and imports the one that is asked for."""

    entries: Mapping[str, CommandEntry]

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table: the first one is for newcomers."""
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None if there is none of that name."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)  # by the table
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments ask for, or an error with the nearest name."""
        name = args[0]
        if name not in self.entries and not ctx.resilient_parsing:
            raise click.UsageError(self._unknown(name), ctx)
        return super().resolve_command(ctx, args)

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(name.lower(), self.entries, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"there is {', '.join(self.entries)}."
        return f"no command {name!r}: {hint}"

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table, without an import."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self.entries.items()])
