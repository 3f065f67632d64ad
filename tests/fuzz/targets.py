"""All that reads what strangers write: how it is called, what bites it, and what it may raise.

A target takes a text. It raises nothing but what is documented, and checks on its way what
must hold besides: that nothing depends on where a stream was cut, for one.
"""

from __future__ import annotations

import contextlib
import math
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pyfly.client import (
    ClientArgumentException,
    PaginationException,
    RedirectException,
    ResponseDecodeException,
    ResponseTooLargeException,
    TransportException,
)
from pyfly.client._call.redirects import Redirects
from pyfly.client._codec.decode import decoder_for
from pyfly.client._codec.inflater import inflate
from pyfly.client._codec.multipart import guessed_type, require_file_name, require_media_type
from pyfly.client._compile.base_url import check_base_url
from pyfly.client._compile.media_type import MediaType
from pyfly.client._settings.config import ClientConfig
from pyfly.client._stream.json_items import ArrayItems, JsonLines, JsonSequence, LinesOrArray
from pyfly.client._stream.lines import TextLines
from pyfly.client._stream.server_sent_events import EventParser
from pyfly.client.adapters._outgoing import TargetResolver
from pyfly.client.message import Headers, Request, Response, charset, media_type
from pyfly.client.pagination import Fetched, Page, next_link, parse_links
from pyfly.client.problem import parse_problem
from pyfly.client.retry_after import parse_retry_after
from pyfly.client.template import parse_path
from pyfly.core import Config, ConfigException, ConfigWarning
from pyfly.core.conversions import plain_value, to_flag, to_integer, to_number, to_size
from pyfly.core.duration import format_duration, parse_duration
from pyfly.resilience.deadlines import parse_deadline
from pyfly.testing import UnexpectedRequestException
from pyfly.testing.cassettes.tape import Tape
from pyfly.testing.cassettes.yaml_file import CassetteException
from pyfly.testing.fault_server.script import read_script
from pyfly.testing.requests.received import SeenRequest
from pyfly.testing.requests.secrets import Redactor
from pyfly.transport.errors import RemoteProtocolError
from pyfly.transport.http11 import IncomingResponse
from tests.fuzz import pieces

__all__ = ["TARGETS", "Target"]

LIMIT = 1 << 30


class Target(NamedTuple):
    """One thing that parses.

    Attributes:
        name: Shown as the test's parameter.
        run: Parses a text, and checks what comes out.
        pieces: What its grammar is made of, and what bites it.
        documented: What it may raise.
        beginnings: What comes before pieces that are repeated, to get to another state.
        allowed: How many times longer eight times the input may take: thirty is noise, caches
            and memory; sixty-four is what an algorithm takes that is quadratic.
    """

    name: str
    run: Callable[[str], object]
    pieces: tuple[str, ...]
    documented: tuple[type[Exception], ...] = ()
    beginnings: tuple[str, ...] = ("",)
    allowed: float = 30.0


CHARSETS = ("", "utf-8\n", "utf-7\n", "utf-16\n", "idna\n", "punycode\n", "unicode_escape\n")
CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


# Header fields


def _retry_after(text: str) -> None:
    first, _, second = text.partition("\n")
    seconds = parse_retry_after(Headers({"Retry-After": first, "Date": second}))
    assert seconds is None or (seconds >= 0 and math.isfinite(seconds))


def _link(text: str) -> None:
    links = list(parse_links(text))
    assert all(isinstance(target, str) for target, _ in links)
    found = next_link(text.split("\n"))
    assert found is None or found in text


def _next_page(text: str) -> None:
    headers = Headers({"Link": text})
    Page.link().following(Fetched(0, 1, 0, lambda: headers, lambda: None))


def _location(text: str) -> None:
    response: Response[Any] = Response(307, Headers([("Location", text)]))
    trail = Redirects(base_url="http://shop.test/api").trail(Request("GET", "/a", {}))
    onward = trail.next(response)
    assert onward is not None
    assert onward.url.lower().startswith("http://shop.test")
    assert urlsplit(onward.url).hostname == "shop.test"
    assert urlsplit(onward.url).username is None


def _deadline(text: str) -> None:
    for form in ("ms", "seconds", "grpc"):
        seconds = parse_deadline(text, form)
        assert seconds is None or (seconds >= 0 and math.isfinite(seconds))


def _content_type(text: str) -> None:
    headers = Headers({"Content-Type": text})
    named, kind = charset(headers), media_type(headers)
    assert named is None or named == named.lower()
    assert kind == kind.strip()
    MediaType(text).with_charset()
    try:
        require_media_type(text)
    except ValueError:
        return
    assert text.isascii()
    assert "\n" not in text


def _charset(text: str) -> None:
    name, _, body = text.partition("\n")
    headers = Headers({"Content-Type": f'text/plain; charset="{name}"'})
    assert isinstance(decoder_for(str)(Response(200, headers, _bytes(body))), str)


def _text_lines(text: str) -> None:
    name, _, body = text.partition("\n")
    same_however_cut(lambda: TextLines(name or "utf-8", LIMIT), _bytes(body))


def _file_names(text: str) -> None:
    assert "/" in guessed_type(text)
    require_file_name(text)
    text.encode()


# Bodies


def _problem(text: str) -> None:
    headers = Headers({"Content-Type": "application/problem+json"})
    found = parse_problem(headers, _bytes(text))
    assert found is None or isinstance(found.type, str)


def _json(text: str) -> None:
    for annotation in (Any, dict[str, Any], list[int], list[dict[str, Any]], int | None):
        response: Response[Any] = Response(200, Headers({}), _bytes(text))
        try:
            decoder_for(annotation)(response)
        except ResponseDecodeException:
            continue


def _compressed(text: str) -> None:
    encodings, _, body = text.partition("\n")
    inflate(body.encode("latin-1", "replace"), encodings, 1 << 20)


# Streams: nothing may depend on where they are cut


def _outcome(framing: Any, chunks: Iterator[bytes]) -> tuple[list[Any], type[Exception] | None]:
    items: list[Any] = []
    try:
        for chunk in chunks:
            items.extend(framing.feed(chunk))
        items.extend(framing.end())
    except (ResponseDecodeException, ResponseTooLargeException) as error:
        return items, type(error)
    return items, None


def _pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def same_however_cut(make: Callable[[], Any], data: bytes) -> None:
    """Feed a framing whole, and byte by byte."""
    whole, error = _outcome(make(), _pieces(data, max(len(data), 1)))
    cut, same_error = _outcome(make(), _pieces(data, 1))
    assert same_error == error
    # What cannot be read takes with it what came in one piece with it.
    assert cut[: len(whole)] == whole
    assert error is not None or len(cut) == len(whole)


def _cut(make: Callable[[], Any]) -> Callable[[str], None]:
    return lambda text: same_however_cut(make, _bytes(text))


def _http_framing(text: str) -> None:
    data = text.encode("latin-1", "replace")

    def outcome(size: int) -> tuple[Any, ...]:
        response = IncomingResponse("GET")
        try:
            for piece in _pieces(data, size):
                response.feed(piece)
                if response.fault is not None:
                    raise response.fault
        except RemoteProtocolError as error:
            return (type(error),)
        return response.ended, response.reusable, response.until_close, response.take()

    assert outcome(1) == outcome(max(len(data), 1))


# URLs


def _template(text: str) -> None:
    template, mistakes = parse_path(text)
    assert template.text == text
    if not mistakes:
        assert all(literal.isascii() for literal in template.literals)
        assert text.startswith("/")
        assert not text.startswith("//")


def _base_url(text: str) -> None:
    url, wrong = check_base_url(text)
    if wrong is not None:
        return
    parts = urlsplit(url)
    target = TargetResolver(url).resolve("/x")  # what is let pass can be used
    assert target.origin.host == (parts.hostname or "").lower()
    assert target.raw == f"{parts.path}/x".encode()


def _target(text: str) -> None:
    target = TargetResolver("http://shop.test/api").resolve(text)
    assert target.raw.startswith(b"/")
    assert target.raw.isascii()
    assert b" " not in target.raw


# Configuration


def _duration(text: str) -> None:
    span = parse_duration(text)
    assert parse_duration(format_duration(span)) == span


def _number(text: str) -> None:
    plain_value(text)
    for read in (to_size, to_integer, to_number, to_flag):
        with contextlib.suppress(ConfigException):
            read(text, "x")


_FOLDER = tempfile.TemporaryDirectory(prefix="pyfly-fuzz-")


def _yaml(text: str) -> None:
    path = Path(_FOLDER.name, "pyfly.yaml")
    path.write_bytes(_bytes(text))
    _read(Config.from_file(path, environ={"A": "1"}))


def _read(config: Config) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConfigWarning)
        for key in config.keys():  # noqa: SIM118  # a Config is no dictionary
            config.get(key)
        ClientConfig(config).settings("inventory", {}, {})


def _cassette(text: str) -> None:
    path = Path(_FOLDER.name, "cassette.yaml")
    path.write_bytes(_bytes(text))
    tape = Tape(path, [], Redactor())
    tape.load(None)
    seen = SeenRequest(Request("GET", "/a", {}), None, "http://shop.test")
    with contextlib.suppress(UnexpectedRequestException, TransportException):
        tape.replay(seen)


def _fault_script(text: str) -> None:
    path = Path(_FOLDER.name, "outage.yaml")
    path.write_bytes(_bytes(text))
    read_script(path)


def _setting(text: str) -> None:
    key, _, value = text.partition("\n")
    _read(Config({f"pyfly.client.{key}": value}, environ={}))


def _environment(text: str) -> None:
    name, _, value = text.partition("\n")
    _read(Config(environ={f"PYFLY_CLIENT_{name}": value}))


def _placeholder(text: str) -> None:
    config = Config(
        {"a": "x", "b.c": "${a}${a}", "d": "${d:1}", "e": "${f}", "f": "${e}"}, environ={}
    )
    config.resolve(text, where="here")


TOO_LARGE = (ResponseDecodeException, ResponseTooLargeException)
CONFIG = (ConfigException,)

TARGETS = [
    Target("Retry-After", _retry_after, pieces.DATE),
    Target("Link", _link, pieces.LINK, (), ("", "<a>", '<a>;a="')),
    Target(
        "the next page", _next_page, (*pieces.URL, "<", ">", *pieces.LINK), (PaginationException,)
    ),
    Target("Location", _location, pieces.URL, (RedirectException,)),
    Target("the deadline header", _deadline, pieces.DEADLINE),
    Target("Content-Type", _content_type, pieces.CONTENT_TYPE, (), ("", "a/b", 'a/b;c="')),
    Target("charset", _charset, pieces.CHARSET, (ResponseDecodeException,), CHARSETS),
    Target("lines of text", _text_lines, pieces.TEXT_LINES, TOO_LARGE, CHARSETS),
    Target("file names", _file_names, pieces.FILE_NAMES, (ValueError,)),
    Target("problem details", _problem, (*pieces.JSON, '"type":', '"status":', '"title":')),
    Target("JSON", _json, pieces.JSON, (), ("", '"')),
    Target("Content-Encoding", _compressed, pieces.CONTENT_ENCODING, TOO_LARGE, ("", "gzip\n")),
    Target("server-sent events", _cut(lambda: EventParser(LIMIT)), pieces.EVENTS, TOO_LARGE),
    Target("NDJSON", _cut(lambda: JsonLines(LIMIT)), pieces.JSON, TOO_LARGE),
    Target("JSON text sequences", _cut(lambda: JsonSequence(LIMIT)), pieces.JSON, TOO_LARGE),
    Target("arrays item by item", _cut(lambda: ArrayItems(LIMIT)), pieces.JSON, TOO_LARGE, ("[",)),
    Target("lines or an array", _cut(lambda: LinesOrArray(LIMIT, True)), pieces.JSON, TOO_LARGE),
    Target(
        "HTTP framing", _http_framing, pieces.HTTP_FRAMING, (), ("", CHUNKED, f"{CHUNKED}0\r\n")
    ),
    Target("URL templates", _template, pieces.URL, (), ("", "/")),
    Target("base URLs", _base_url, pieces.URL, (), ("", "http://a/")),
    Target("request targets", _target, pieces.URL, (ClientArgumentException,)),
    Target("durations", _duration, pieces.DURATIONS, CONFIG),
    Target("sizes and numbers", _number, pieces.NUMBERS),
    Target("pyfly.yaml", _yaml, pieces.YAML, CONFIG),
    Target(
        "cassettes",
        _cassette,
        pieces.CASSETTE,
        (CassetteException,),
        ("", pieces.CASSETTE_HEAD),
        allowed=240.0,  # what may be deep has another reader, which is eight times as slow
    ),
    Target(
        "fault scripts", _fault_script, pieces.FAULTS, CONFIG, ("", "routes:\n  - route: GET /a\n")
    ),
    Target("settings", _setting, pieces.CONFIG, CONFIG, ("", "default.timeout\n")),
    Target(
        "environment variables",
        _environment,
        (*pieces.NAMES, *pieces.CONFIG),
        CONFIG,
        ("", "DEFAULT_TIMEOUT\n"),
    ),
    Target("placeholders", _placeholder, pieces.PLACEHOLDERS, CONFIG, ("", "${")),
]
