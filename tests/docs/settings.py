"""The page ``docs/settings.md``: every setting of a client, from the table that they are made of.

``python3 dev.py docs`` writes it anew. What is said of a setting is the row of
``pyfly.client._settings.table``, so that there is one place to change.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path

from pyfly.client._settings.rows import PolicyTable, SettingRow
from pyfly.client._settings.table import BASE_URL, CONNECTIONS, PARAMETERS, POLICIES, TIMEOUTS
from pyfly.core import Flag, Leaf, Size
from pyfly.core.keys import variable
from pyfly.core.schema import Bounded

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"
_HEAD = (
    "| Key | Meaning | Value | Default | Environment variable | In code | Since |",
    "|---|---|---|---|---|---|---|",
)
_INTRODUCTION = """\
# All settings of a client

<!-- `python3 dev.py docs` writes this page, from the table of settings. -->

A setting can stand at several levels. The nearest level that says something is heard, and at each
of them the configuration beats the code:

| | In `pyfly.yaml` | In code |
|---|---|---|
| one method | `pyfly.client.clients.<name>.methods.<method>.<key>` | `@resilience(…)` |
| one client | `pyfly.client.clients.<name>.<key>` | `@service_client(…)` |
| all clients | `pyfly.client.default.<key>`; of a policy `pyfly.client.<key>` | `default_retry=…` |

The last one is an argument of `HttpClientBeanPostProcessor`, as `default_circuit_breaker=…` is.

The environment variables below are those for all clients. With `PYFLY_CLIENT_CLIENTS_<NAME>_` in
the place of `PYFLY_CLIENT_` or `PYFLY_CLIENT_DEFAULT_` they are for one client, with
`PYFLY_CLIENT_CLIENTS_<NAME>_METHODS_<METHOD>_` for one method. A variable beats every file.

A duration is written `500ms`, `30s`, `2m`, `1h30m` or in seconds, a size in bytes, `512KB` or
`10MiB`. `explain(client.method)` tells the effective value of each setting and its origin.
"""


def page() -> str:
    """The whole page."""
    lines = [_INTRODUCTION]
    lines += ["## The client", "", *_HEAD, *_rows(BASE_URL, "clients.<name>.", "`base_url=`"), ""]
    lines += [
        "## Timeouts",
        "",
        "For clients and methods.",
        "",
        *_HEAD,
        *_rows(TIMEOUTS, "default."),
    ]
    lines += ["", "## Connections", "", "For clients.", "", *_HEAD, *_rows(CONNECTIONS, "default.")]
    for table in POLICIES.values():
        lines += ["", f"## `{table.section}`", "", *_policy(table)]
    return "\n".join(lines) + "\n"


def _policy(table: PolicyTable) -> Iterator[str]:
    if table.switch[1].kind.default is None:
        yield "Off until it is switched on, or any setting of it is given somewhere."
        yield ""
    yield from _HEAD
    key, row = table.switch
    switches = [f"`{each.name}=`" for each in table.parameters if each.switches]
    yield _row(key, row, key, ", ".join(switches))
    for key, row in table.rows.items():
        sets = [f"`{each.name}=`" for each in table.parameters if each.sets == key]
        whole = [
            f"in `{each.name}={kind.__name__}(…)`"
            for each in table.parameters
            for kind in each.takes[-1:]
            if each.name != "breaker" and _holds(kind, table, key)
        ]
        full = f"{table.section}.{key}"
        yield _row(full, row, full, ", ".join(sets or whole))


def _holds(kind: type, table: PolicyTable, key: str) -> bool:
    """Whether a policy that code gives says this setting."""
    in_form = table.form is not None and key in table.form.keys
    return in_form or key.replace("-", "_") in inspect.signature(kind).parameters


def _rows(rows: Mapping[str, SettingRow], below: str, in_code: str = "") -> Iterator[str]:
    for key, row in rows.items():
        names = [f"`{name}=`" for name, (each, _) in PARAMETERS.items() if each.sets == key]
        yield _row(key, row, below + key, ", ".join(names) or in_code)


def _row(key: str, row: SettingRow, path: str, in_code: str) -> str:
    name = variable(("pyfly", "client", *path.split(".")))
    cells = (
        f"`{key}`",
        row.meaning,
        _kind(row.kind),
        _default(row.kind),
        f"`{name}`",
        in_code or "–",
        row.since,
    )
    return f"| {' | '.join(cells)} |"


def _kind(leaf: Leaf) -> str:
    kind = leaf.expected.partition(" such as ")[0].replace("one of ", "").removeprefix("a ")
    return kind + (", or null" if leaf.nullable else "")


def _default(leaf: Leaf) -> str:
    value = leaf.default
    if value is None:
        return "off" if isinstance(leaf, Flag) else "–"
    if isinstance(leaf, Size):
        return f"`{value // 2**20}MiB`"
    if isinstance(leaf, Flag):
        return f"`{str(value).lower()}`"
    return f"`{leaf.written(value) if isinstance(leaf, Bounded) else value}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"docs/{PAGE.name}")
