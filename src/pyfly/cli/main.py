"""The entry point of ``pyfly``: its commands, its exit status, its way with interrupts.

To add a command, write a module with a click command and give it a line in :data:`COMMANDS`.
A command returns its exit status or None for 0, and raises a ``click.ClickException`` for
what a user has to read.
"""

from __future__ import annotations

import difflib
import importlib
import io
import sys
from collections.abc import Mapping, Sequence

import click

from pyfly import __version__
from pyfly.cli.colour import colour_refused, no_color_option
from pyfly.kernel.record import Record


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


FAILED, INTERRUPTED = 1, 130

COMMANDS = {
    "demo": CommandEntry(
        "pyfly.cli.demo.command:demo", "Watch a client cope with a failing service."
    ),
    "drill": CommandEntry(
        "pyfly.cli.drill.command:drill", "See what the policies do in an outage."
    ),
    "fault-server": CommandEntry(
        "pyfly.cli.fault_server:fault_server", "Serve an outage that a file describes."
    ),
    "check": CommandEntry(
        "pyfly.cli.check.command:check", "Find what is wrong with client classes."
    ),
    "call": CommandEntry("pyfly.cli.call.command:call", "Call a declared method from the shell."),
    "completion": CommandEntry("pyfly.cli.completion:completion", "Print a script for your shell."),
}

_EXAMPLES = """\b
Examples:
  pyfly demo                   half a minute with a service that fails
  pyfly demo --json demo.json  and everything that was counted
  pyfly check shop.clients     what is wrong with the clients of a module
  pyfly call shop.clients:Users.user --id 42
  pyfly COMMAND --help         what a command does, with examples
"""


@click.group(
    cls=LazyGroup,
    epilog=_EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, "-V", "--version", message="pyfly-client %(version)s")
@no_color_option
def program() -> None:
    """Resilient, declarative HTTP clients: the tools of pyfly-client."""


program.entries = COMMANDS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        arguments: Without the program's name; default: those of the process.

    Returns:
        The exit status: 0, 1 for a failure, 2 for a command line that makes no sense, 130
        after Ctrl-C, 143 after SIGTERM.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that lacks “…” shows a “?”
            stream.reconfigure(errors="replace")
    try:
        color = False if colour_refused() else None
        status = program.main(arguments, "pyfly", standalone_mode=False, color=color)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        click.echo("pyfly: interrupted", err=True)
        return INTERRUPTED
    return status if isinstance(status, int) else 0
