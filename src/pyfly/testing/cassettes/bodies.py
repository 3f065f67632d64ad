"""Bodies as they stand in a cassette: JSON as values, text as text, anything else as base64."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from pyfly.client._codec.encode import to_json
from pyfly.client._codec.json_text import from_json
from pyfly.client.message import Headers, charset, media_type
from pyfly.testing.cassettes.yaml_file import survives
from pyfly.testing.requests.received import SeenRequest
from pyfly.testing.requests.secrets import Redactor


def packed(content: bytes, headers: Headers, secrets: Redactor) -> dict[str, Any]:
    """One entry, ``json``, ``text`` or ``base64``; none for an empty body."""
    if not content:
        return {}
    if _may_be_json(media_type(headers)):
        try:
            value = secrets.json(from_json(content))
        except ValueError:  # whatever it says that it is
            pass
        else:
            if survives(value):
                return {"json": value}
    try:
        text = secrets.text(content.decode(charset(headers) or "utf-8"))
    except (UnicodeError, LookupError):
        return {"base64": base64.b64encode(content).decode()}
    if "\0" in text or not survives(text):
        return {"base64": base64.b64encode(content).decode()}
    return {"text": text}


def _may_be_json(kind: str) -> bool:
    return kind in ("", "application/json") or kind.endswith("+json")


def unpacked(entry: dict[str, Any], headers: Headers) -> bytes:
    """The bytes of such an entry.

    Raises:
        ValueError: It is none.
    """
    if "json" in entry:
        return to_json(entry["json"])
    if "text" in entry:
        return str(entry["text"]).encode(charset(headers) or "utf-8")
    return base64.b64decode(entry.get("base64", ""), validate=True)


def request_body(seen: SeenRequest, secrets: Redactor) -> dict[str, Any]:
    """The body of a request as it is recorded and compared; files by their digests alone."""
    parts = seen.parts()
    if parts:
        return {
            "parts": [
                {"name": part.name, "filename": part.filename, "content": digest(part.content)}
                if part.filename is not None
                else {"name": part.name, "text": secrets.field(part.name, part.text)}
                for part in parts
            ]
        }
    form = seen.form()
    if form:
        return {"form": [f"{name}={secrets.field(name, text)}" for name, text in form]}
    return packed(seen.content or b"", seen.headers, secrets)


def digest(content: bytes) -> str:
    """What tells one file from another."""
    return f"{len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()[:16]}"
