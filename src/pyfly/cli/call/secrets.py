"""Secrets in a request, by their names: never printed unless asked for."""

from __future__ import annotations

import json
import re
from typing import Any

from pyfly.kernel.secrets import HIDDEN, is_secret

__all__ = ["without_secrets", "without_secrets_in_query"]

_PART = re.compile(r'(name="([^"]*)"[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n)(.*?)(?=\r\n--)', re.DOTALL)


def without_secrets_in_query(target: str) -> str:
    """A request target whose secret query parameters are hidden."""
    path, mark, query = target.partition("?")
    return f"{path}{mark}{_pairs(query)}"


def without_secrets(text: str, media_type: str) -> str:
    """A body whose secret members, form fields or parts are hidden; others stay as they are."""
    kind = media_type.partition(";")[0].strip().lower()
    if kind.endswith("json"):
        return "\n".join(map(_json, text.split("\n")))
    if kind == "application/x-www-form-urlencoded":
        return _pairs(text)
    if kind == "multipart/form-data":
        return _PART.sub(lambda part: part[1] + (HIDDEN if is_secret(part[2]) else part[3]), text)
    return text


def _pairs(text: str) -> str:
    pairs = (pair.partition("=") for pair in text.split("&"))
    return "&".join(
        f"{name}{mark}{HIDDEN if is_secret(name) else value}" for name, mark, value in pairs
    )


def _json(text: str) -> str:
    """One JSON text; as it was, where it holds no secret."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    hidden = _hidden(value)
    return text if hidden == value else json.dumps(hidden, ensure_ascii=False)


def _hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: HIDDEN if is_secret(name) else _hidden(item) for name, item in value.items()}
    return [_hidden(item) for item in value] if isinstance(value, list) else value
