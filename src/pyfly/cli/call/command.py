"""``pyfly call``: a group whose commands are the methods that the user has declared."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import click

from pyfly.cli.annotations import type_text
from pyfly.cli.call.arguments import options_of, values_of
from pyfly.cli.call.method import Method, find_method
from pyfly.cli.call.output import Output, error_data
from pyfly.cli.call.run import Choices, make_call, show_request
from pyfly.cli.colour import no_color_option
from pyfly.client import ClientDeclarationException
from pyfly.core import Config, ConfigException, parse_duration

_FAILED = 1

_EXAMPLES = """\b
Examples:
  pyfly call shop.clients:Users.user --help             its arguments
  pyfly call shop.clients:Users.user --id 42
  pyfly call shop.clients:Users.create --body @new.json --dry-run
  pyfly call shop.clients:Users.all --verbose | jq .name
"""


def _span(text: str) -> float:
    try:
        seconds = parse_duration(text).total_seconds()
    except ConfigException as error:
        raise click.BadParameter(str(error)) from None
    if seconds <= 0:
        raise click.BadParameter("write more than 0 seconds")
    return seconds


def _common() -> list[click.Option]:
    """What every call takes, before the method or after it."""
    file = click.Path(exists=True, dir_okay=False, path_type=Path)
    return [
        click.Option(["--base-url"], metavar="URL", help="Instead of the declared one."),
        click.Option(["--config"], type=file, metavar="FILE", help="A pyfly.yaml with settings."),
        click.Option(
            ["--timeout"], type=_span, metavar="SECONDS", help="For the whole call: 2.5, 500ms, 1m."
        ),
        click.Option(["--dry-run"], is_flag=True, help="Send nothing: print the request."),
        click.Option(["-v", "--verbose"], is_flag=True, help="Attempts and times, on stderr."),
        click.Option(["--raw"], is_flag=True, help="Text as it is, not as JSON."),
        click.Option(["--json"], is_flag=True, help="Errors as JSON too, on stderr."),
        click.Option(["--show-secrets"], is_flag=True, help="Do not hide secrets with ***."),
    ]


class _Calls(click.Group):
    """Finds the method when it is named."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """The command for ``package.module:Class.method``."""
        return _command(find_method(cmd_name))

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Nothing can be listed: the methods are in modules of the user's."""
        return []


def _command(method: Method) -> click.Command:
    own = options_of(method.plan)
    taken = {flag for option in own for flag in option.opts}
    common = [option for option in _common() if not taken.intersection(option.opts)]
    plan = method.plan

    @click.pass_context
    def perform(context: click.Context, /, **given: Any) -> int:
        values = {
            **(context.obj or {}),
            **{o.name: given[o.name] for o in common if _said(o, given)},
        }
        return _perform(method, values_of(plan, given), values)

    names = [] if "--help" in taken else ["-h", "--help"]
    doc = inspect.getdoc(plan.declaration.function)
    head = f"{plan.http_method} {plan.template.text} -> {type_text(plan.returns)}"
    command = click.Command(
        method.target,
        params=[*own, *common],
        callback=perform,
        help=f"{head}\n\n{doc}" if doc else head,
        context_settings={
            "help_option_names": names,
            "token_normalize_func": lambda name: name.replace("_", "-"),
        },
    )
    return no_color_option(command)


def _said(option: click.Option, given: dict[str, Any]) -> bool:
    """Whether an option stands after the method; then it beats the one before."""
    assert option.name is not None  # by click
    return given[option.name] not in (None, False)


def _perform(method: Method, arguments: dict[str, Any], values: dict[str, Any]) -> int:
    output = Output(raw=values["raw"], show_secrets=values["show_secrets"])
    try:
        path = values["config"]
        config = Config() if path is None else Config.from_file(path)
        choices = Choices(values["base_url"], config, values["timeout"], values["verbose"])
        act = show_request if values["dry_run"] else make_call
        act(method, arguments, choices, output)
    except (click.ClickException, click.Abort, BrokenPipeError):
        raise  # the last one: nobody reads on, as with "| head"
    except Exception as error:  # a call can raise what interceptors, auth and models raise
        _complain(error, values["json"])
        return _FAILED
    return 0


def _complain(error: Exception, as_data: bool) -> None:
    if as_data:
        click.echo(json.dumps(error_data(error), ensure_ascii=False), err=True)
    elif isinstance(error, (ClientDeclarationException, ConfigException)):
        click.echo(f"Error: {error}", err=True)
    else:
        click.echo(f"Error: {type(error).__name__}: {error}", err=True)


@click.pass_context
def _note(context: click.Context, /, **given: Any) -> None:
    context.obj = given


call = _Calls(
    "call",
    params=_common(),
    callback=_note,
    help="""Call a method of a client class, and print its result as JSON.

    METHOD is package.module:Class.method. Its parameters are options: --name value. A stream
    prints a line for each item, and bytes are printed as they are. The status is 0 for a
    result, 1 if the call failed, and 2 if the command line makes no sense.

    Options may stand before METHOD or after it. If a parameter has the name of one, it is the
    parameter's after it, and the option's before it.
    """,
    short_help="Call a declared method from the shell.",
    epilog=_EXAMPLES,
    subcommand_metavar="METHOD [--NAME VALUE]...",
    context_settings={"help_option_names": ["-h", "--help"]},
)
