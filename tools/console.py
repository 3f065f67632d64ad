"""Progress lines on stderr, one kind of error, and children whose status is kept."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["DevError", "quiet", "run", "say"]


class DevError(Exception):
    """The work cannot go on: what is wrong and what to do, for a person to read.

    Attributes:
        status: The exit status of ``dev.py``.
    """

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


def say(text: str, colour: str = "36") -> None:
    """Print one progress line to stderr, in colour on a terminal unless NO_COLOR is set."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    if sys.stderr.isatty() and not plain:
        text = f"\x1b[{colour}m{text}\x1b[0m"
    print(text, file=sys.stderr, flush=True)


def run(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> int:
    """Run a child with our own streams and return its exit status as a shell would.

    Ctrl-C reaches the child as well as us: it ends by itself, so that its last words are
    printed, and we wait.
    """
    sys.stdout.flush()
    with subprocess.Popen(command, cwd=cwd, env=env) as child:
        while True:
            try:
                status = child.wait()
            except KeyboardInterrupt:
                continue
            return status if status >= 0 else 128 - status


def quiet(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> tuple[int, str]:
    """Run a child without a word; return its exit status and everything it said.

    A child that takes longer than ``timeout`` seconds is killed: status 124.
    """
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired as late:
        said = late.output or b""
        return 124, f"{said.decode('utf-8', 'replace')}\nstill running after {timeout:g} s"
    except OSError as error:
        return 127, f"{command[0]}: {error}"
    return done.returncode, done.stdout
