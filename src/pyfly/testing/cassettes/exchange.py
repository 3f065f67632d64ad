"""One recorded attempt: what was asked, and what came back."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, unquote

from pyfly.client import errors
from pyfly.client._codec.encode import to_json, to_plain
from pyfly.client._codec.inflater import inflate
from pyfly.client._codec.json_text import from_json
from pyfly.client.errors import CallException, HttpStatusException
from pyfly.client.message import Headers, charset, media_type
from pyfly.client.plan import ParameterKind
from pyfly.kernel.exceptions import AttemptTimeoutException
from pyfly.testing.cassettes.yaml_file import survives
from pyfly.testing.fake_port.replies import Reply
from pyfly.testing.requests.parameter import Slot
from pyfly.testing.requests.received import SeenRequest
from pyfly.testing.requests.route import Route
from pyfly.testing.requests.secrets import Redactor, alike


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


#: Fields that tell of one connection, or of an encoding that is undone.
_DROPPED = frozenset(
    {"content-length", "transfer-encoding", "connection", "keep-alive", "content-encoding"}
)
#: The largest body that is decompressed for a recording.
_LIMIT = 1 << 30


def asked(seen: SeenRequest, routes: Iterable[Route], secrets: Redactor) -> dict[str, Any]:
    """What a recording says of a request: the call, if it can be told, and the request."""
    for route in routes:
        path = route.takes(seen)
        if path is not None:
            return _call(route, seen, path, secrets)
    request = {
        "method": seen.method,
        "url": _url(seen.origin + seen.path, seen.pairs, secrets),
        **_headers(seen.headers, secrets),
        **request_body(seen, secrets),
    }
    return {"request": request}


def _call(
    route: Route, seen: SeenRequest, path: dict[str, str], secrets: Redactor
) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    for name, slot in route.slots.items():
        if slot.parameter.kind is ParameterKind.HEADERS:
            continue  # they cannot be told from those of interceptors, which differ each time
        value = _plain(slot, seen, path)
        if value is not None:
            arguments[name] = _shown(slot, value, secrets)
    url = route.method.template.text
    for name, text in path.items():
        safe = secrets.field(name, text)
        url = url.replace(f"{{{name}}}", safe)
    others = _undeclared(route, seen)
    return {
        "call": route.operation,
        **({"arguments": arguments} if arguments else {}),
        **({"query": {n: secrets.field(n, text) for n, text in others}} if others else {}),
        "request": {
            "method": seen.method,
            "url": _url(url, seen.pairs, secrets),
            **_headers(seen.headers, secrets),
        },
    }


def _plain(slot: Slot, seen: SeenRequest, path: dict[str, str]) -> Any:
    raw = slot.raw(seen, path)
    kind = slot.parameter.kind
    if kind is ParameterKind.FILE:
        return [f"{filename}, {digest(content)}" for filename, _, content in raw] or None
    if kind is ParameterKind.BODY and isinstance(raw, str):
        return json.loads(raw)
    if isinstance(raw, bytes):
        return digest(raw)
    return to_plain(slot.value(raw))


def _shown(slot: Slot, value: Any, secrets: Redactor) -> Any:
    if slot.parameter.kind is ParameterKind.COOKIE:
        return secrets.hidden(str(value))
    name = slot.name if secrets.hides(slot.name) else slot.wire_name
    return secrets.json(value, name)


def _undeclared(route: Route, seen: SeenRequest) -> list[tuple[str, str]]:
    """Query parameters that no argument stands for: of interceptors, or of a next page."""
    if route.method.of_kind(ParameterKind.QUERY_FIELDS):
        return []
    declared = {p.wire_name for p in route.method.of_kind(ParameterKind.QUERY)}
    declared.update(route.method.params)
    return [(name, unquote(text)) for name, text in seen.pairs if name not in declared]


def _url(path: str, pairs: list[tuple[str, str]], secrets: Redactor) -> str:
    query = "&".join(f"{quote(name)}={secrets.field(name, text)}" for name, text in pairs)
    return f"{path}?{query}" if query else path


def _headers(headers: Headers, secrets: Redactor) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in headers.fields:
        if name.lower() in _DROPPED:
            continue
        shown = secrets.field(name, value)
        if name in fields:
            earlier = fields[name]
            fields[name] = [*(earlier if isinstance(earlier, list) else [earlier]), shown]
        else:
            fields[name] = shown
    return {"headers": fields} if fields else {}


def key_of(entry: dict[str, Any]) -> str:
    """What a recording is found by: the call with its arguments, else the request."""
    if "call" in entry:
        found = [entry["call"], entry.get("arguments"), entry.get("query")]
    else:
        request = {name: v for name, v in entry["request"].items() if name != "headers"}
        found = [request]
    return alike(json.dumps(found, sort_keys=True, ensure_ascii=False, default=str))


def response_entry(
    status: int, headers: Headers, content: bytes, secrets: Redactor
) -> dict[str, Any]:
    """What a recording says of a response."""
    encoding = headers.get("content-encoding")
    kept: dict[str, Any] = {}
    if encoding and content:
        try:
            content = inflate(content, encoding, _LIMIT)
        except CallException:  # broken, which is for the client to find out when it is replayed
            kept = {"content-encoding": encoding}
    fields = _headers(headers, secrets).get("headers", {})
    fields.update(kept)
    return {
        "status": status,
        **({"headers": fields} if fields else {}),
        **packed(content, headers, secrets),
    }


def failure_entry(error: BaseException) -> dict[str, Any] | None:
    """What a recording says of an attempt that failed; None if it cannot be raised again."""
    name = type(error).__name__
    if _FAILURES.get(name) is not type(error):
        return None
    message = str(error.args[0]) if error.args else ""
    return {"type": name, "message": message}


def _failures() -> dict[str, type[Exception]]:
    named = [getattr(errors, name) for name in errors.__all__]
    kinds: list[type[Exception]] = [
        kind
        for kind in named
        if isinstance(kind, type)
        and issubclass(kind, CallException)
        and not issubclass(kind, HttpStatusException)
    ]
    return {kind.__name__: kind for kind in (*kinds, AttemptTimeoutException)}


_FAILURES = _failures()


def played(entry: dict[str, Any]) -> Reply:
    """The reply that a recording stands for.

    Raises:
        TransportException: An attempt that failed, and so it does again.
        ValueError: The recording cannot be read.
    """
    failure = _failure(entry.get("error"))
    response = entry.get("response")
    if response is None:
        if failure is None:
            raise ValueError("it has neither a response nor an error")
        raise failure
    pairs = [
        (str(name), str(value))
        for name, values in (response.get("headers") or {}).items()
        for value in (values if isinstance(values, list) else [values])
    ]
    headers = Headers(pairs)
    content = unpacked(response, headers)
    return Reply(int(response["status"]), headers, (content,), failure)


def _failure(entry: dict[str, Any] | None) -> Exception | None:
    if entry is None:
        return None
    kind = _FAILURES.get(str(entry.get("type")))
    if kind is None:
        raise ValueError(f"its error {entry.get('type')!r} is none that a port raises")
    return kind(str(entry.get("message", "")))
