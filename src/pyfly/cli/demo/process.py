"""The service's process, as the demo sees it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from types import TracebackType
from typing import IO, Any

import click

__all__ = ["ServiceProcess"]

_MODULE = "pyfly.cli.demo.service"
_START_SECONDS, _END_SECONDS = 15.0, 2.0


class ServiceProcess:
    """Starts the service for a ``with`` block, and ends it whatever happens.

    Attributes:
        url: Where it is.

    Raises:
        click.ClickException: It does not start, or has died; the message holds what it said.
    """

    url: str

    def __init__(self) -> None:
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - until __exit__
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", _MODULE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                **_apart(),
            )
        except BaseException:
            self._log.close()
            raise

    def __enter__(self) -> ServiceProcess:
        try:
            self.url = f"http://127.0.0.1:{self._port()}"
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def enter(self, phase: str) -> None:
        """Tell the service to behave as a phase of the script says."""
        assert self._process.stdin is not None  # a pipe
        try:
            self._process.stdin.write(f"{phase}\n".encode())
            self._process.stdin.flush()
        except OSError:
            raise self._broken("ended on its own") from None

    def _port(self) -> int:
        """Its first line. Read in a thread: a pipe has no timeout on every system."""
        stdout = self._process.stdout
        assert stdout is not None  # a pipe
        lines: list[bytes] = []
        reader = threading.Thread(target=lambda: lines.append(stdout.readline()), daemon=True)
        reader.start()
        reader.join(_START_SECONDS)
        text = lines[0].decode().strip() if lines else ""
        if not text.isdigit():
            self._process.kill()
            reader.join()
            raise self._broken("did not start")
        return int(text)

    def _broken(self, what: str) -> click.ClickException:
        self._process.wait(_END_SECONDS)
        self._log.seek(0)
        said = self._log.read().decode("utf-8", "replace").strip()
        return click.ClickException(f"the demo's service {what}\n{said}".rstrip())

    def _end(self) -> None:
        process = self._process
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # unwritten commands for one that has gone
                    pipe.close()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            self._log.close()


def _apart() -> dict[str, Any]:
    """Out of the terminal's reach: Ctrl-C is for the demo, which ends the service."""
    if os.name == "nt":
        return {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    return {"start_new_session": True}
