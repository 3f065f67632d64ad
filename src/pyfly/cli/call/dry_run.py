"""A request as HTTP text, and as a command for curl; secrets are hidden unless asked for."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

from pyfly.client import Request
from pyfly.client.adapters._outgoing import RequestFields, TargetResolver
from pyfly.kernel.secrets import HIDDEN, is_secret, redacted

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


#: A longer body, or one that is no text, is not printed.
_LONGEST = 64 * 1024
_LATIN = "latin-1"
#: Name, file name and type in the head of a part.
_HEAD = (r' name="([^"]*)"', r'filename="([^"]*)"', r"Content-Type: (\S+)")


class Shown:
    """What of a request is shown.

    Args:
        request: The request.
        base_url: Where it would go.
        secrets: Whether secrets are shown too.

    Attributes:
        method: ``GET``, …
        url: The whole URL.
        target: What stands in the request line.
        own: The header fields of the client.
        fields: Those and the adapter's, as they are sent.
        body: The body as text; None if there is none.
        unprintable: How the body is described instead, if it is not printed.
        parts: The head and the text of each part of a multipart body.
        secrets: Whether secrets are shown.
    """

    def __init__(self, request: Request, base_url: str, secrets: bool) -> None:
        self.secrets = secrets
        target = TargetResolver(base_url).resolve(request.url)
        raw = target.raw.decode("ascii")
        self.method = request.method
        self.target = raw if secrets else without_secrets_in_query(raw)
        scheme = base_url.partition("://")[0]
        self.url = f"{scheme}://{target.origin.authority}{self.target}"
        sent = RequestFields(None).lines(request, target.host_line, home=True).decode(_LATIN)
        every = [(name, value) for name, _, value in _parted(sent)]
        self.fields = [(name, value if secrets else redacted(name, value)) for name, value in every]
        names = {name.lower() for name in request.headers}
        self.own = [field for field in self.fields if field[0].lower() in names]
        content = _content(request)
        self.parts = _parts(content or b"", request.headers)
        self.body, self.unprintable = _printable(content)
        if self.body is not None and not secrets:
            headers = {name.lower(): value for name, value in request.headers.items()}
            self.body = without_secrets(self.body, headers.get("content-type", ""))


def _parted(lines: str) -> list[tuple[str, str, str]]:
    return [line.partition(": ") for line in lines.split("\r\n")[:-1]]


def _content(request: Request) -> bytes | None:
    content = request.content
    if content is None or isinstance(content, bytes):
        return content
    try:
        return b"".join(content)
    finally:
        content.close()


def _printable(content: bytes | None) -> tuple[str | None, str | None]:
    if content is None:
        return None, None
    if len(content) > _LONGEST:
        return None, f"{len(content)} bytes"
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None, f"{len(content)} bytes that are no text"
    if not all(character.isprintable() or character in "\r\n\t" for character in text):
        return None, f"{len(content)} bytes that are no text"
    return text, None


def as_http(shown: Shown) -> str:
    """The request as it would be on the wire, with line feeds alone."""
    lines = [f"{shown.method} {shown.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in shown.fields]
    if shown.body is not None:
        lines += ["", shown.body.replace("\r\n", "\n")]
    elif shown.unprintable is not None:
        lines += ["", f"({shown.unprintable})"]
    return "\n".join(lines)


def as_curl(shown: Shown) -> str:
    """The same for curl; every word is quoted for a POSIX shell."""
    command = ["curl"]
    if "[" in shown.url:
        command.append("--globoff")
    if shown.method == "HEAD":
        command.append("--head")
    elif shown.method != "GET" or shown.body is not None or shown.unprintable is not None:
        command += ["--request", shown.method]
    words = [shlex.join([*command, shown.url])]
    multipart = _forms(shown)
    for name, value in shown.own:
        if multipart and name.lower() == "content-type":
            continue  # curl makes a boundary of its own
        words.append(f"--header {shlex.quote(f'{name}: {value}' if value else f'{name};')}")
    if multipart:
        words += multipart
    elif shown.body is not None:
        words.append(f"--data-raw {shlex.quote(shown.body)}")
    elif shown.unprintable is not None:
        words.append(f"--data-binary @body  # {shown.unprintable}, which you have to put there")
    return " \\\n  ".join(words)


def _parts(content: bytes, headers: Mapping[str, str]) -> list[tuple[str, str]]:
    media_type = next((v for name, v in headers.items() if name.lower() == "content-type"), "")
    kind, _, boundary = media_type.partition("boundary=")
    if not kind.lower().startswith("multipart/form-data"):
        return []
    between = b"--" + boundary.encode()
    pieces = (piece.partition(b"\r\n\r\n") for piece in content.split(between)[1:-1])
    return [(head.decode(), body[:-2].decode("utf-8", "replace")) for head, _, body in pieces]


def _forms(shown: Shown) -> list[str]:
    """A multipart body as curl's own options; a file by its name, as if it were here."""
    words: list[str] = []
    for head, text in shown.parts:
        name, filename, kind = (_found(pattern, head) for pattern in _HEAD)
        if filename:
            suffix = f";type={kind}" if kind else ""
            words.append(f"--form {shlex.quote(f'{name}=@{filename}{suffix}')}")
        else:
            shown_text = text if shown.secrets else redacted(name, text)
            words.append(f"--form-string {shlex.quote(f'{name}={shown_text}')}")
    return words


def _found(pattern: str, head: str) -> str:
    found = re.search(pattern, head)
    return found[1] if found else ""
