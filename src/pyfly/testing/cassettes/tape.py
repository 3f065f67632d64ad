"""What a cassette holds, and where it stands: recording or replaying. Nothing here waits."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, Literal

from pyfly.client.errors import CallException
from pyfly.client.message import Headers, Response
from pyfly.testing.cassettes.exchange import (
    asked,
    failure_entry,
    key_of,
    played,
    response_entry,
)
from pyfly.testing.cassettes.yaml_file import CassetteException, read, write
from pyfly.testing.fake_port.replies import Reply
from pyfly.testing.requests.received import SeenRequest, UnexpectedRequestException
from pyfly.testing.requests.route import Route
from pyfly.testing.requests.secrets import Redactor, alike

Mode = Literal["auto", "replay", "refresh"]

VARIABLE = "PYFLY_CASSETTES"
_MODES: tuple[Mode, ...] = ("auto", "replay", "refresh")
_VERSION = 1


def mode_of(given: str | None) -> Mode:
    """The mode that the test, else the environment, asks for.

    Raises:
        CassetteException: There is no such mode.
    """
    text = given or os.environ.get(VARIABLE) or "auto"
    for mode in _MODES:
        if mode == text:
            return mode
    where = "mode" if given else VARIABLE
    raise CassetteException(f"{where}={text!r} is no mode (write {', '.join(_MODES)})")


class TapeEntry:
    """One exchange under way; it is kept if it ends in a way that can be replayed.

    Attributes:
        request: What is recorded of the request.
        head: Status and header fields of the response; None before they are there.
        chunks: The body, as far as it has come.
        error: What the attempt failed with, or the body broke off with.
    """

    def __init__(self, request: dict[str, Any]) -> None:
        self.request = request
        self.head: tuple[int, Headers] | None = None
        self.chunks: list[bytes] = []
        self.error: BaseException | None = None

    def answered(self, response: Response[Any]) -> None:
        """Note a response that has come as a whole."""
        self.head = response.status_code, response.headers
        self.chunks[:] = [response.content]

    def exchange(self, secrets: Redactor) -> dict[str, Any] | None:
        """What is recorded; None if it cannot be replayed."""
        found = dict(self.request)
        if self.head is not None:
            status, headers = self.head
            found["response"] = response_entry(status, headers, b"".join(self.chunks), secrets)
        failure = None if self.error is None else failure_entry(self.error)
        if failure is not None:
            found["error"] = failure
        return found if self.head is not None or failure is not None else None


class Tape:
    """The exchanges of one cassette.

    Args:
        path: Its file.
        routes: Of the client, by which calls are told; the closest matches first.
        secrets: Takes secrets out.
    """

    def __init__(self, path: Path, routes: Iterable[Route], secrets: Redactor) -> None:
        self.path = path
        self.secrets = secrets
        self.base_url = ""
        self._routes = list(routes)
        self._recorded: list[TapeEntry] = []
        self._entries: list[dict[str, Any]] = []
        self._waiting: dict[str, list[int]] = {}
        self._lock = threading.RLock()

    # Recording

    def begin(self, seen: SeenRequest) -> TapeEntry:
        """Note an attempt in the order in which they begin."""
        with self._lock:
            entry = TapeEntry(asked(seen, self._routes, self.secrets))
            self._recorded.append(entry)
        return entry

    def save(self, base_url: str) -> None:
        """Write what was recorded."""
        found = [entry.exchange(self.secrets) for entry in self._recorded]
        exchanges = [exchange for exchange in found if exchange is not None]
        recorded = datetime.now(UTC).replace(microsecond=0).isoformat()
        head = {"version": _VERSION, "recorded": recorded, "base-url": base_url}
        write(self.path, {**head, "exchanges": exchanges})

    # Replaying

    def load(self, expires: timedelta | None) -> None:
        """Read what was recorded.

        Raises:
            CassetteException: It is no cassette, or too old.
        """
        content = read(self.path)
        try:
            if content["version"] != _VERSION:
                raise ValueError(f"its version is {content['version']!r}, not {_VERSION}")
            recorded = datetime.fromisoformat(str(content["recorded"]))
            self.base_url = str(content["base-url"])
            self._entries = list(content["exchanges"] or ())
            keys = [key_of(entry) for entry in self._entries]
        except (TypeError, KeyError, ValueError, AttributeError, RecursionError) as error:
            what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
            raise CassetteException(
                f"{self.path} is no cassette: {what} (run the test with {VARIABLE}=refresh)"
            ) from None
        self._require_fresh(recorded, expires)
        for index, key in enumerate(keys):
            self._waiting.setdefault(key, []).append(index)

    def _require_fresh(self, recorded: datetime, expires: timedelta | None) -> None:
        if recorded.tzinfo is None:
            recorded = recorded.replace(tzinfo=UTC)
        age = datetime.now(UTC) - recorded
        if expires is not None and age > expires:
            raise CassetteException(
                f"{self.path} was recorded {age.days} days ago, and expires after "
                f"{expires.days}: run the test with {VARIABLE}=refresh to record it anew"
            )

    def replay(self, seen: SeenRequest) -> Reply:
        """What came back when this was asked.

        Raises:
            UnexpectedRequestException: It was not recorded, or not so often.
            TransportException: It failed then.
            CassetteException: The recording cannot be read.
        """
        with self._lock:
            entry = asked(seen, self._routes, self.secrets)
            key = key_of(entry)
            waiting = self._waiting.get(key)
            if not waiting:
                raise UnexpectedRequestException(self._unrecorded(entry, key))
            index = waiting.pop(0)
        try:
            return played(self._entries[index])
        except CallException:  # the attempt failed then, and so it does again
            raise
        except (TypeError, KeyError, ValueError, AttributeError, RecursionError) as error:
            raise CassetteException(
                f"{self.path}: exchange {index + 1} cannot be read: {error} "
                f"(run the test with {VARIABLE}=refresh)"
            ) from error

    def _unrecorded(self, entry: dict[str, Any], key: str) -> str:
        lines = [f"{self.path} has no recording of {_title(entry)}"]
        times = sum(key_of(each) == key for each in self._entries)
        if times:
            lines[0] = f"{self.path} has no further recording of {_title(entry)}"
            lines.append(f"  it was asked {times} times when it was recorded")
        elif self._entries:
            keys = [key_of(each) for each in self._entries]
            ratios = [SequenceMatcher(None, key, each).ratio() for each in keys]
            nearest = ratios.index(max(ratios))
            lines.append(f"  the nearest is exchange {nearest + 1}, which differs:")
            lines += [f"    {each}" for each in _differences(self._entries[nearest], entry)]
        else:
            lines.append("  it is empty")
        lines.append(f"  to record it, run the test with {VARIABLE}=refresh, and give a port")
        return "\n".join(lines)


def _title(entry: dict[str, Any]) -> str:
    if "call" in entry:
        given = {**entry.get("arguments", {}), **entry.get("query", {})}
        return f"{entry['call']}({', '.join(f'{n}={v!r}' for n, v in given.items())})"
    return f"{entry['request'].get('method')} {entry['request'].get('url')}"


def _differences(recorded: dict[str, Any], entry: dict[str, Any]) -> list[str]:
    before, now = _flat(recorded), _flat(entry)
    return [
        f"{name}: {_or_nothing(before, name)} was recorded, {_or_nothing(now, name)} is asked"
        for name in dict.fromkeys((*before, *now))
        if alike(repr(before.get(name))) != alike(repr(now.get(name)))
    ]


def _flat(entry: dict[str, Any]) -> dict[str, Any]:
    if "call" in entry:
        return {
            "call": entry["call"],
            **(entry.get("arguments") or {}),
            **(entry.get("query") or {}),
        }
    return {name: value for name, value in entry["request"].items() if name != "headers"}


def _or_nothing(values: dict[str, Any], name: str) -> str:
    return repr(values[name]) if name in values else "nothing"
