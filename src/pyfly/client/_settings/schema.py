"""What may stand below ``pyfly.client``, made from the table of settings."""

from __future__ import annotations

from collections.abc import Mapping

from pyfly.client._settings.rows import SettingRow
from pyfly.client._settings.table import BASE_URL, CONNECTIONS, POLICIES, TIMEOUTS
from pyfly.core import Group, Leaf, Named


def schema_of(rows: Mapping[str, SettingRow]) -> Group:
    """Returns the schema of settings by their dotted keys."""
    leaves: dict[str, Leaf] = {}
    below: dict[str, dict[str, SettingRow]] = {}
    for key, row in rows.items():
        section, _, rest = key.partition(".")
        if rest:
            below.setdefault(section, {})[rest] = row
        else:
            leaves[key] = row.kind
    return Group({**leaves, **{section: schema_of(inner) for section, inner in below.items()}})


def _of_policies() -> dict[str, SettingRow]:
    return {
        key: row
        for table in POLICIES.values()
        for key, row in (
            table.switch,
            *((f"{table.section}.{key}", row) for key, row in table.rows.items()),
        )
    }


_POLICIES = _of_policies()
_COMMON = {**TIMEOUTS, **CONNECTIONS}
#: Every setting of a client by its key.
ROWS: dict[str, SettingRow] = {**BASE_URL, **_COMMON, **_POLICIES}
#: The settings that a method can have for itself.
CALL_SETTINGS = {key: row.kind for key, row in ROWS.items() if row.per_method}
#: The settings of a client, which all its methods share.
CLIENT_SETTINGS = {
    key: row.kind for key, row in {**_POLICIES, **CONNECTIONS}.items() if not row.per_method
}
_METHOD = {key: row for key, row in ROWS.items() if row.per_method}
SCHEMA = Group(
    {
        "default": schema_of(_COMMON),
        **schema_of(_POLICIES).children,
        "clients": Named(Group({**schema_of(ROWS).children, "methods": Named(schema_of(_METHOD))})),
    }
)
