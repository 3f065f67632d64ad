"""``pyfly fault-server``."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import click

from pyfly.cli.colour import no_color_option
from pyfly.core import ConfigException
from pyfly.testing.fault_server.received import ReceivedRequest
from pyfly.testing.fault_server.server import FaultServer

_EXAMPLES = """\b
Examples:
  pyfly fault-server --example > outage.yaml     a script to begin with
  pyfly fault-server --script outage.yaml        serve it on a free port
  pyfly fault-server -s outage.yaml --port 8080  on this one
  pyfly fault-server -s outage.yaml --json -     a JSON line for each request
  pyfly fault-server -s outage.yaml --for 60     stop after a minute
"""

EXAMPLE = """\
# An outage for `pyfly fault-server`. All chance in it begins with the seed.
seed: 7

# When connections are taken: open, refuse (nothing runs here) or stall (no answer at all).
connections:
  repeat: true
  phases:
    - { state: open, for: 20s }
    - { state: refuse, for: 5s }

# Each request of a route gets the next answer of its list; the last one goes on.
routes:
  - route: GET /products/{id}
    answers:
      - times: 50
        body: '{"id": 1, "name": "lamp"}'
        latency: { distribution: lognormal, median: 30ms, sigma: 0.8 }
      - { times: 20, status: 503, headers: { Retry-After: "2" } }
      - { times: 5, do: reset, at: body }
      - mix:
          - { weight: 8, body: '{"id": 1, "name": "lamp"}' }
          - { weight: 1, do: drip, gap: 200ms }
          - { weight: 1, do: bad-chunks, kind: truncated }

  - route: GET /products
    answers:
      - body: '[{"id": 1, "name": "lamp"}]'

  - route: POST /products
    answers:
      - { status: 201, body: '{"id": 2, "name": "new"}' }

  - route: /search
    answers:
      - do: flapping
        up: 10s
        down: 3s
        good: { body: "[]" }
        bad: { do: silence }

  - route: /report
    repeat: true
    answers:
      - { do: bomb, size: 100MiB }
      - { do: wrong-length, by: 100 }
      - { do: left-over }
      - { do: interim, count: 1000 }
      - { do: truncated-gzip }
      - { do: raw, bytes: "HTTP/1.1 200 OK\\r\\nContent-Length: -1\\r\\n\\r\\n" }
"""


class _Log:
    """What was served: counted, and written down line by line where that is asked for."""

    def __init__(self, target: str | None) -> None:
        self.behaviours: Counter[str] = Counter()
        self._file: Any = None
        if target == "-":
            self._file = sys.stdout
        elif target is not None:
            self._file = Path(target).open("w", encoding="utf-8")  # noqa: SIM115 - until close()

    def __call__(self, request: ReceivedRequest) -> None:
        self.behaviours[request.behaviour or "nothing"] += 1
        if self._file is not None:
            self._file.write(json.dumps(_record(request)) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Let go of the file."""
        if self._file not in (None, sys.stdout):
            self._file.close()


@click.command("fault-server", epilog=_EXAMPLES)
@click.option(
    "-s",
    "--script",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What to do, as YAML.",
)
@click.option("--example", is_flag=True, help="Print a script to begin with, and stop.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Where to listen, on this machine only; default: a free port.",
)
@click.option(
    "--seed", type=int, help="What all chance begins with, instead of the script's own seed."
)
@click.option(
    "--json",
    "json_target",
    type=click.Path(dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Write a line of JSON for each request; with -, to standard output.",
)
@click.option("--for", "seconds", type=click.FloatRange(0), help="Stop after so many seconds.")
@no_color_option
def fault_server(
    script: Path | None,
    example: bool,
    port: int,
    seed: int | None,
    json_target: str | None,
    seconds: float | None,
) -> int:
    """Serve an outage that a file describes.

    A real server on 127.0.0.1 answers as the script says: late, with errors, with resets,
    with answers that lie about their length. Point any client at its URL. Ctrl-C stops it and
    prints what it has served. The page on faults tells what a script may say.
    """
    if example:
        click.echo(EXAMPLE, nl=False)
        return 0
    if script is None:
        raise click.UsageError("name a script: --script outage.yaml (--example prints one)")
    try:
        log = _Log(json_target)
    except OSError as error:
        raise click.ClickException(f"{json_target}: cannot be written: {error.strerror}") from error
    try:
        server = FaultServer.from_script(script, seed=seed, port=port, on_exchange=log)
        _serve(server, seconds)
    except ConfigException as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"port {port}: {error.strerror}; try another --port") from error
    finally:
        log.close()
    _summary(server, log)
    return 0


def _serve(server: FaultServer, seconds: float | None) -> None:
    over = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        over.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with server:
            click.echo(f"{server.url}  (Ctrl-C stops it)", err=True)
            over.wait(seconds)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _summary(server: FaultServer, log: _Log) -> None:
    """What was served; on standard error, as standard output may hold the log."""
    total = sum(log.behaviours.values())
    lines = [f"{total} requests on {server.connections} connections"]
    lines += [f"  {count:>7}  {route}" for route, count in server.counts().items()]
    if log.behaviours:
        lines.append("answered by")
        lines += [f"  {count:>7}  {name}" for name, count in log.behaviours.most_common()]
    click.echo("\n".join(lines), err=True)


def _record(request: ReceivedRequest) -> dict[str, Any]:
    return {
        "at": round(request.at, 6),
        "connection": request.connection,
        "method": request.method,
        "target": request.target,
        "route": request.route,
        "number": request.number,
        "received": len(request.raw),
        "behaviour": request.behaviour,
        "sent": request.sent,
        "seconds": round(request.seconds, 6),
    }
