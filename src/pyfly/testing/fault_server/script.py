"""An outage in a file: what a server does, route by route and by the clock.

::

    seed: 7
    connections:
      repeat: true
      phases:
        - { state: open, for: 20s }
        - { state: refuse, for: 5s }
    routes:
      - route: GET /products/{id}
        answers:
          - { times: 50, body: '{"id": 1}', latency: { median: 30ms, sigma: 0.8 } }
          - { times: 20, do: reset, at: body }
          - { mix: [{ weight: 9 }, { weight: 1, do: drip, gap: 200ms }] }
"""

from __future__ import annotations

import os

from pyfly.core import ConfigException
from pyfly.core.schema import Choice, Duration, Flag, Integer, Text
from pyfly.core.yaml_source import read_documents
from pyfly.kernel.record import Record
from pyfly.testing.fault_server.acceptor import AcceptorState
from pyfly.testing.fault_server.exchange import Behaviour
from pyfly.testing.fault_server.fields import ScriptSection
from pyfly.testing.fault_server.kinds import behaviours_of
from pyfly.testing.fault_server.serving import route_mistake

_SEED = Integer(default=0)
_FLAG = Flag(default=False)
_ROUTE = Text()
_STATE = Choice("open", "refuse", "stall", default="open")
_FOR = Duration(default="1s")


class ScriptRoute(Record):
    """A route of a script.

    Attributes:
        route: Such as ``GET /products/{id}``.
        behaviours: In turn.
        repeat: Whether they begin again after the last one.
    """

    route: str
    behaviours: tuple[Behaviour, ...]
    repeat: bool


class Script(Record):
    """What a file says.

    Attributes:
        seed: What all chance begins with.
        routes: In the order of the file; of those that fit, a later one counts.
        phases: When connections are taken, and for how many seconds each.
        repeat: Whether the phases begin again after the last one.
    """

    seed: int
    routes: tuple[ScriptRoute, ...]
    phases: tuple[tuple[AcceptorState, float], ...]
    repeat: bool


def read_script(path: str | os.PathLike[str]) -> Script:
    """Read a script.

    Args:
        path: A YAML file.

    Raises:
        ConfigException: Something is wrong in it; one line for each mistake, with its line.
    """
    name = os.fsdecode(path)
    documents = read_documents(name)
    if len(documents) > 1:
        raise ConfigException(f"{name}: holds {len(documents)} documents (write one script)")
    problems: list[str] = []
    script = None
    if documents and documents[0].children:
        script = _script(ScriptSection(documents[0], (), problems))
    if script is None or not (script.routes or script.phases or problems):
        problems.append(f"{name}: says nothing (write routes: or connections: with phases:)")
    if problems:
        raise ConfigException.gather(problems)
    assert script is not None  # else there were problems
    return script


def _script(fields: ScriptSection) -> Script:
    seed = fields.value("seed", _SEED)
    phases, repeat = _connections(fields.section("connections"))
    routes = [route for each in fields.items("routes") if (route := _route(each)) is not None]
    fields.finish(("seed", "connections", "routes"))
    return Script(seed, tuple(routes), phases, repeat)


def _route(fields: ScriptSection) -> ScriptRoute | None:
    name = fields.value("route", _ROUTE)
    repeat = fields.value("repeat", _FLAG)
    behaviours = behaviours_of(fields.items("answers"))
    fields.finish(("route", "repeat", "answers"))
    if not behaviours:
        fields.wrong("has no answers (write answers: and a list under it)")
    if name is None:
        fields.wrong("is missing (write route: GET /path)", "route")
        return None
    mistake = route_mistake(name)
    if mistake is not None:
        fields.wrong(f"{name!r} is no route: {mistake}", "route")
    if not behaviours or mistake is not None:
        return None
    return ScriptRoute(name, tuple(behaviours), repeat)


def _connections(
    fields: ScriptSection | None,
) -> tuple[tuple[tuple[AcceptorState, float], ...], bool]:
    if fields is None:
        return (), False
    repeat = fields.value("repeat", _FLAG)
    phases: list[tuple[AcceptorState, float]] = []
    for each in fields.items("phases"):
        phases.append((each.value("state", _STATE), each.value("for", _FOR).total_seconds()))
        each.finish(("state", "for"))
    fields.finish(("repeat", "phases"))
    if not phases:
        fields.wrong("has no phases (write phases: and a list such as - {state: refuse, for: 5s})")
    elif repeat and not sum(seconds for _, seconds in phases) > 0:
        fields.wrong("the phases last no time at all (give one of them more)")
    return tuple(phases), repeat
