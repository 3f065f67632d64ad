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
)
from pyfly.client._codec.decode import decoder_for
from pyfly.client._codec.decompress import inflate
from pyfly.client._codec.multipart import guessed_type, require_file_name, require_media_type
from pyfly.client._compile.base_url import check_base_url
from pyfly.client._compile.media_type import MediaType
from pyfly.client._compile.template import parse_path
from pyfly.client._redirects import Redirects
from pyfly.client._stream.json_items import ArrayItems, JsonLines, JsonSequence, LinesOrArray
from pyfly.client._stream.lines import TextLines
from pyfly.client._stream.server_sent_events import EventParser
from pyfly.client.adapters._framing import Framing
from pyfly.client.adapters._target import TargetResolver
from pyfly.client.config import ClientConfig
from pyfly.client.link_header import next_link, parse_links
from pyfly.client.message import Headers, Request, Response, charset, media_type
from pyfly.client.pagination import Fetched, Page
from pyfly.client.problem import parse_problem
from pyfly.client.retry_after import parse_retry_after
from pyfly.core import Config, ConfigException, ConfigWarning
from pyfly.core.conversions import plain_value, to_flag, to_integer, to_number, to_size
from pyfly.core.duration import format_duration, parse_duration
from pyfly.resilience.deadline_header import parse_deadline

__all__ = ["TARGETS", "Target"]

LIMIT = 1 << 30
JSON_PIECES = (
    *('"', "\\", '\\"', "[", "]", "{", "}", ",", ":", " ", "\n", "\r", "\t", "\ufeff", "\x1e"),
    *("null", "true", "0", "-1.5e3", "NaN", "Infinity", "1e999", "[[", "{}", '"a":', '{"a":'),
    *("\\u0041", "\\ud800", "\ud800", "é", "\0", "[1]", "1,", "//", "9" * 99),
)


class Target(NamedTuple):
    """One thing that parses.

    Attributes:
        name: Shown as the test's parameter.
        run: Parses a text, and checks what comes out.
        pieces: What its grammar is made of, and what bites it.
        documented: What it may raise.
    """

    name: str
    run: Callable[[str], object]
    pieces: tuple[str, ...]
    documented: tuple[type[Exception], ...] = ()


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


def _outcome(framing: Any, pieces: Iterator[bytes]) -> tuple[list[Any], type[Exception] | None]:
    items: list[Any] = []
    try:
        for piece in pieces:
            items.extend(framing.feed(piece))
        items.extend(framing.end())
    except (ResponseDecodeException, ResponseTooLargeException) as error:
        return items, type(error)
    return items, None


def _pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def same_however_cut(make: Callable[[], Any], data: bytes) -> None:
    """Feed a framing whole, and byte by byte."""
    whole = _outcome(make(), _pieces(data, max(len(data), 1)))
    assert _outcome(make(), _pieces(data, 1)) == whole


def _cut(make: Callable[[], Any]) -> Callable[[str], None]:
    return lambda text: same_however_cut(make, _bytes(text))


def _http_framing(text: str) -> None:
    data = text.encode("latin-1", "replace")

    def outcome(size: int) -> tuple[bool, bool]:
        framing = Framing()
        framing.sent(b"GET / HTTP/1.1\r\n\r\n")
        for piece in _pieces(data, size):
            framing.received(piece)
        return framing.clean, framing.until_close

    assert outcome(1) == outcome(max(len(data), 1))


# URLs


def _template(text: str) -> None:
    template, mistakes = parse_path(text)
    assert template.text == text
    if not mistakes:
        assert text.isascii()
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
URL_PIECES = (
    *("http://", "https://", "HTTP://", "//", "/", "\\", "?", "#", "@", ":", "%", "%2e", "%2F"),
    *(
        "..",
        ".",
        ";",
        "a",
        "shop.test",
        "evil",
        "[",
        "]",
        "::1",
        "80",
        "99999",
        "user:pass@",
        "xn--",
    ),
    *(
        " ",
        "\t",
        "\n",
        "\r",
        "\0",
        "é",
        "\u3002",
        "\ud800",
        "{",
        "}",
        "{a}",
        "javascript:",
        "&",
        "=",
        "+",
    ),
)
YAML_PIECES = (
    *(
        "pyfly:\n",
        "  client:\n",
        "    default:\n",
        "      timeout: ",
        "30s\n",
        "a: ",
        "\n",
        "  ",
        "- ",
    ),
    *(
        "{",
        "}",
        "[",
        "]",
        ", ",
        ": ",
        "? ",
        "&x ",
        "*x",
        "<<: ",
        "!!",
        "!",
        "|\n",
        ">\n",
        "'",
        '"',
        "\\",
    ),
    *(
        "${A}",
        "${",
        "}",
        "---\n",
        "...\n",
        "%YAML 1.1\n",
        "# c\n",
        "\t",
        "\0",
        "\ufeff",
        "é",
        "~",
        "1_0",
    ),
    *(
        "pyfly.profiles.active: a\n",
        "pyfly.client.retry.max-attempts: 3\n",
        "\x85",
        "\u2028",
        "\ud800",
    ),
)
DATE_PIECES = (
    *(
        "Wed, ",
        "21 ",
        "Oct ",
        "2015 ",
        "07:28:00 ",
        "GMT",
        "+0000",
        "-0000",
        "-9999",
        "EST",
        "0",
        "9",
    ),
    *(
        " ",
        ",",
        ":",
        "-",
        "+",
        ".",
        "\n",
        "120",
        "1e9",
        "Feb ",
        "30 ",
        "99999 ",
        "\t",
        "²",
        "(",
        ")",
        '"',
    ),
)
CONFIG_KEYS = (
    *(
        "default",
        "timeout",
        "retry",
        "max-attempts",
        "circuit-breaker",
        "clients",
        "inventory",
        ".",
    ),
    *(
        "base-url",
        "_",
        "-",
        "__",
        "\n",
        "30s",
        "true",
        "0",
        "-1",
        "${A:1}",
        "10MiB",
        "A",
        " ",
        "é",
        "[0]",
    ),
)

TARGETS = [
    Target("Retry-After", _retry_after, DATE_PIECES),
    Target(
        "Link",
        _link,
        (
            *"<>;,=\"\\ \t'\n",
            "rel",
            "next",
            'rel="next"',
            "<a>",
            "; ",
            "anchor",
            "title*=",
            "é",
            "http://a",
        ),
    ),
    Target(
        "the next page", _next_page, (*URL_PIECES, "<", ">", '; rel="next"'), (PaginationException,)
    ),
    Target("Location", _location, URL_PIECES, (RedirectException,)),
    Target(
        "the deadline header",
        _deadline,
        ("0", "9", ".", "-", "+", "e", "m", "S", "H", "n", " ", "٣"),
    ),
    Target(
        "Content-Type",
        _content_type,
        (
            "text",
            "/",
            "plain",
            ";",
            "=",
            '"',
            "\\",
            " ",
            "\t",
            "charset",
            "utf-8",
            "+json",
            "é",
            "\n",
        ),
    ),
    Target(
        "charset",
        _charset,
        (
            *(
                "utf-8",
                "utf-16",
                "utf-7",
                "hex",
                "idna",
                "punycode",
                "unicode_escape",
                "mbcs",
                "zip",
            ),
            *(
                "rot13",
                "undefined",
                "base64",
                "\n",
                "\0",
                "é",
                "a",
                "\\",
                "-",
                "_",
                '"',
                "\ud800",
                "xn--",
            ),
            *(
                "raw_unicode_escape",
                "iso2022_jp",
                "\x1b$B",
                "+",
                "cp1252",
                ".",
                "hz",
                "~{",
                "x" * 99,
            ),
        ),
        (ResponseDecodeException,),
    ),
    Target(
        "lines of text",
        _text_lines,
        (
            "utf-8",
            "utf-16",
            "idna",
            "hex",
            "\n",
            "\r",
            "\r\n",
            "\x85",
            "\u2028",
            "é",
            "a",
            "\0",
            "\ufeff",
        ),
        TOO_LARGE,
    ),
    Target(
        "file names",
        _file_names,
        ("/", "\\", ".", "..", "a", ".png", ".tar.gz", "data:", ":", "\0", '"'),
        (ValueError,),
    ),
    Target("problem details", _problem, (*JSON_PIECES, '"type":', '"status":', '"title":')),
    Target("JSON", _json, JSON_PIECES),
    Target(
        "Content-Encoding",
        _compressed,
        (
            "gzip",
            "deflate",
            "br",
            "zstd",
            "identity",
            ",",
            " ",
            "\n",
            "x-gzip",
            "\x1f\x8b\x08\0",
            "x\x9c",
            "\0",
            "\xff",
            "é",
        ),
        TOO_LARGE,
    ),
    Target(
        "server-sent events",
        _cut(lambda: EventParser(LIMIT)),
        (
            "data",
            ":",
            " ",
            "\n",
            "\r",
            "\r\n",
            "id",
            "event",
            "retry",
            "data: a\n",
            "\ufeff",
            "\0",
            "9",
            "é",
            "²",
        ),
        TOO_LARGE,
    ),
    Target("NDJSON", _cut(lambda: JsonLines(LIMIT)), JSON_PIECES, TOO_LARGE),
    Target("JSON text sequences", _cut(lambda: JsonSequence(LIMIT)), JSON_PIECES, TOO_LARGE),
    Target("arrays item by item", _cut(lambda: ArrayItems(LIMIT)), JSON_PIECES, TOO_LARGE),
    Target("lines or an array", _cut(lambda: LinesOrArray(LIMIT, True)), JSON_PIECES, TOO_LARGE),
    Target(
        "HTTP framing",
        _http_framing,
        (
            *(
                "HTTP/1.1 200 OK\r\n",
                "HTTP/1.1 100 \r\n\r\n",
                "Content-Length: 2\r\n",
                "\r\n",
                "\n",
                "\r",
                ":",
            ),
            *(
                "Transfer-Encoding: chunked\r\n",
                "0\r\n",
                "2\r\nab\r\n",
                "ffffff",
                "; x=y",
                "ab",
                "a: b\r\n",
                "204 ",
            ),
        ),
    ),
    Target("URL templates", _template, URL_PIECES),
    Target("base URLs", _base_url, URL_PIECES),
    Target("request targets", _target, URL_PIECES, (ClientArgumentException,)),
    Target(
        "durations",
        _duration,
        (
            *(
                "1",
                "0",
                "30",
                ".",
                "s",
                "ms",
                "us",
                "m",
                "h",
                "d",
                "PT",
                "P",
                "T",
                "W",
                "-",
                "+",
                "e",
                "_",
                " ",
                "µ",
                ":",
                "٣",
            ),
        ),
        (ConfigException,),
    ),
    Target(
        "sizes and numbers",
        _number,
        (
            "1",
            "0",
            ".",
            "e",
            "-",
            "+",
            "_",
            ",",
            "x",
            "KiB",
            "MB",
            "true",
            "on",
            "~",
            " ",
            "٣",
            "inf",
        ),
    ),
    Target("pyfly.yaml", _yaml, YAML_PIECES, (ConfigException,)),
    Target("settings", _setting, CONFIG_KEYS, (ConfigException,)),
    Target("environment variables", _environment, CONFIG_KEYS, (ConfigException,)),
    Target(
        "placeholders",
        _placeholder,
        (
            "${",
            "}",
            "$",
            "{",
            ":",
            "a",
            "b.c",
            "d",
            "e",
            "f",
            "$${",
            "${a}",
            "${a:",
            "${b.c}",
            "x",
            "\n",
            "é",
        ),
        (ConfigException,),
    ),
]
