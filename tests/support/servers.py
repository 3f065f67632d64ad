"""Servers in another process, so that a test's client has its own event loop and its own GIL."""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"


class ServerHandle:
    """A running server: where it is, what it said, and how to stop it."""

    def __init__(
        self, process: subprocess.Popen[bytes], log: IO[bytes], port: int, grace: float
    ) -> None:
        self.host = HOST
        self.port = port
        self.url = f"http://{HOST}:{port}"
        self.pid = process.pid
        self._process = process
        self._log = log
        self._grace = grace

    def log(self) -> str:
        """Everything the server has written to stderr, and to stdout after its first line."""
        return _read(self._log)

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End the process and wait for it. Stopping twice is harmless."""
        _end(self._process, self._grace)


@contextmanager
def server_process(
    target: str | Path,
    *args: str,
    env: Mapping[str, str] | None = None,
    timeout: float = 20,
    grace: float = 2,
) -> Iterator[ServerHandle]:
    """Start a server script in another Python and stop it at the end.

    Args:
        target: A script (a path) or a module (its dotted name). It prints its port as the
            first line and leaves when its stdin ends: ``tests.support.child.announce``.
        *args: Its arguments.
        env: Variables beside those of this process.
        timeout: How many seconds it may take to print the port.
        grace: How many seconds it may take to leave before it is killed.

    Raises:
        RuntimeError: It ended or stayed silent instead; the message holds its log.
    """
    where = [str(target)] if isinstance(target, Path) else ["-m", target]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, *where, *args],
            cwd=ROOT,
            env=_environment(env or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        try:
            port = _port(process, timeout)
            if port is None:
                _end(process, grace)
                raise RuntimeError(f"{target} did not start:\n{_read(log)}")
            yield ServerHandle(process, log, port, grace)
        finally:
            _end(process, grace)


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    """This process's variables without coverage's: a server is no code under test."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    return {**ours, **extra}


def _port(process: subprocess.Popen[bytes], timeout: float) -> int | None:
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], timeout)
    line = process.stdout.readline() if readable else b""
    return int(line) if line.strip().isdigit() else None


def _end(process: subprocess.Popen[bytes], grace: float) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    try:
        process.wait(grace)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _read(log: IO[bytes]) -> str:
    # The child writes at this file's one shared offset: leave it where it is.
    size = os.fstat(log.fileno()).st_size
    return os.pread(log.fileno(), size, 0).decode("utf-8", "replace")


class Recorded(NamedTuple):
    """A request as the server received it."""

    raw: bytes
    connection: int

    @property
    def method(self) -> str:
        return self._line(0)

    @property
    def target(self) -> str:
        return self._line(1)

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Names in lower case and values, in the order of the wire."""
        pairs = (line.split(":", 1) for line in self._head().split("\r\n")[1:])
        return [(name.lower(), value.strip(" \t")) for name, value in pairs]

    def header(self, name: str) -> str | None:
        """The only value of a header; None without one."""
        values = [value for found, value in self.headers if found == name.lower()]
        assert len(values) < 2, f"{name} was sent {len(values)} times: {values}"
        return values[0] if values else None

    @property
    def body(self) -> bytes:
        """What follows the head, as on the wire (chunked framing included)."""
        return self.raw.partition(b"\r\n\r\n")[2]

    def _head(self) -> str:
        return self.raw.partition(b"\r\n\r\n")[0].decode("latin-1")

    def _line(self, part: int) -> str:
        return self._head().split("\r\n")[0].split(" ")[part]


class Connections(NamedTuple):
    """How many connections there were: all, now open, and the most open at once."""

    opened: int
    open: int
    peak: int


class ServerClient:
    """The test's hand on a guide server: its records and its script.

    Synchronous and independent of everything under test; proxies of the environment are not
    used. Neither its requests nor its connections are recorded.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def requests(self) -> list[Recorded]:
        """The requests since the last reset, in the order in which they were complete."""
        return [
            Recorded(one["raw"].encode("latin-1"), one["connection"])
            for one in self._call("GET", "/__requests__")["requests"]
        ]

    def request(self) -> Recorded:
        """The only request since the last reset."""
        found = self.requests()
        assert len(found) == 1, f"one request expected, the server has {len(found)}: {found}"
        return found[0]

    def connections(self) -> Connections:
        """The connections since the last reset; one that was open before counts when used."""
        return Connections(**self._call("GET", "/__requests__")["connections"])

    def wait_for_requests(self, count: int, timeout: float = 5) -> list[Recorded]:
        """Wait until the server has so many requests; for a client that does not wait itself."""
        return self._wait(self.requests, lambda found: len(found) >= count, timeout)

    def wait_for_open(self, count: int, timeout: float = 5) -> Connections:
        """Wait until the server has exactly so many open connections."""
        return self._wait(self.connections, lambda found: found.open == count, timeout)

    def script(self, path: str, *answers: Mapping[str, Any], method: str | None = None) -> None:
        """Set the next answers for a path (any, if it is ``*``), see ``guide_server``.

        A body given as ``bytes`` is sent as it is; anything else as JSON.
        """
        encoded = [_portable(answer) for answer in answers]
        self._call("POST", "/__script__", {"path": path, "method": method, "answers": encoded})

    def fail(self, path: str, *statuses: int) -> None:
        """Script answers that are nothing but a status, such as ``fail("/users/1", 503, 503)``."""
        self.script(path, *({"status": status} for status in statuses))

    def reset(self) -> None:
        """Forget requests and script; close nothing."""
        self._call("POST", "/__reset__")

    def _call(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        with self._open(request, timeout=10) as response:
            return json.load(response)

    @staticmethod
    def _wait(read: Any, enough: Any, timeout: float) -> Any:
        end = time.monotonic() + timeout
        while not enough(found := read()):
            assert time.monotonic() < end, f"not reached within {timeout} s: {found}"
            time.sleep(0.01)
        return found


def _portable(answer: Mapping[str, Any]) -> dict[str, Any]:
    """An answer that JSON can hold: bytes become base64 under another key."""
    moved = dict(answer)
    for name in ("body", "raw"):
        if isinstance(moved.get(name), bytes):
            moved[f"{name}_base64"] = base64.b64encode(moved.pop(name)).decode()
    if isinstance(moved.get("chunks"), Sequence):
        moved["chunks"] = [
            base64.b64encode(chunk if isinstance(chunk, bytes) else chunk.encode()).decode()
            for chunk in moved["chunks"]
        ]
    return moved
