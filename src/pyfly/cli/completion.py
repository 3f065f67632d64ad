"""``pyfly completion``: scripts that teach a shell to complete the command."""

from __future__ import annotations

import click

_INSTALL = {
    "bash": ('Add to ~/.bashrc (bash 4.4 or newer):\n#     eval "$(pyfly completion bash)"'),
    "zsh": 'Add to ~/.zshrc, after compinit:\n#     eval "$(pyfly completion zsh)"',
    "fish": (
        "Save it where fish looks:\n"
        "#     pyfly completion fish > ~/.config/fish/completions/pyfly.fish"
    ),
}


@click.command(
    short_help="Print a script that completes pyfly in your shell.",
    epilog='Example:  eval "$(pyfly completion bash)"',
)
@click.argument("shell", type=click.Choice(list(_INSTALL)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script that lets SHELL complete commands and options of pyfly.

    The script begins with how to install it.
    """
    from click import shell_completion

    kind = shell_completion.get_completion_class(shell)
    assert kind is not None  # click has had the three since 8.0
    program = context.find_root()
    script = kind(program.command, {}, "pyfly", "_PYFLY_COMPLETE").source()
    click.echo(f"# Completion of pyfly for {shell}. {_INSTALL[shell]}\n{script}")
