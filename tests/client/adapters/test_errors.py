"""Every exception of both libraries and their cores becomes one of ours."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import ssl
import time
from collections.abc import Iterator
from typing import Any

import pytest

from pyfly.client.adapters._errors import AttemptFacts, translate
from pyfly.client.adapters._outgoing import HttpOrigin
from pyfly.client.adapters.settings import ConnectionSettings
from pyfly.client.errors import (
    ClientArgumentException,
    ConnectException,
    ConnectTimeoutException,
    PoolExhaustedException,
    ProtocolException,
    ProxyException,
    ReadException,
    ReadTimeoutException,
    ResponseDecodeException,
    TlsException,
    TransportException,
    WriteException,
    WriteTimeoutException,
)
from pyfly.kernel.exceptions import (
    AttemptTimeoutException,
    RefusedException,
    ServiceClientException,
)

EXCHANGE = AttemptFacts(HttpOrigin("https", "api.example", 443), ConnectionSettings(), 30.0)


def exceptions_of(package: str) -> Iterator[type[Exception]]:
    """All exception classes that a library defines, public or not, but for its command line,
    its test transports and its WebSockets, which no adapter uses."""
    found = set()
    root = importlib.import_module(package)
    for info in pkgutil.walk_packages(root.__path__, f"{package}."):
        if any(part in info.name for part in ("_main", "websockets", "trio")):
            continue
        try:
            module = importlib.import_module(info.name)
        except ImportError:  # of something optional
            continue
        for value in vars(module).values():
            if (
                inspect.isclass(value)
                and issubclass(value, Exception)
                and not issubclass(value, Warning)
                and value.__module__.partition(".")[0] == package
            ):
                found.add(value)
    yield from sorted(found, key=lambda kind: kind.__name__)


def made(kind: type[Exception], text: str = "s3cret text") -> Exception:
    """An instance, whatever its constructor asks for."""
    if kind.__init__ is Exception.__init__:
        return kind(text)
    parameters = inspect.signature(kind).parameters
    if "response" in parameters:
        response = importlib.import_module(kind.__module__.partition(".")[0]).Response(404)
        return kind(text, request=None, response=response)  # type: ignore[call-arg]
    return kind() if not parameters else kind(text)


PACKAGES = ("httpx2", "httpx", "httpcore2", "httpcore")
KINDS = [kind for package in PACKAGES for kind in exceptions_of(package)]


def test_the_exceptions_of_the_libraries_were_found() -> None:
    assert len(KINDS) > 70


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_no_exception_of_a_library_is_unknown(kind: type[Exception]) -> None:
    exc = made(kind)
    error = translate(exc, EXCHANGE)
    assert isinstance(error, ServiceClientException)
    assert error.__cause__ is exc
    assert str(error)
    assert "s3cret" not in str(error)
    if issubclass(kind, importlib.import_module("httpx2").TimeoutException):
        assert isinstance(error, TimeoutError | RefusedException)


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ConnectError", ConnectException),
        ("ConnectTimeout", ConnectTimeoutException),
        ("ReadTimeout", ReadTimeoutException),
        ("WriteTimeout", WriteTimeoutException),
        ("PoolTimeout", PoolExhaustedException),
        ("ReadError", ReadException),
        ("WriteError", WriteException),
        ("ProxyError", ProxyException),
        ("RemoteProtocolError", ProtocolException),
        ("LocalProtocolError", ClientArgumentException),
        ("UnsupportedProtocol", ClientArgumentException),
        ("CloseError", ReadException),
        ("InvalidURL", ClientArgumentException),
        ("DecodingError", ResponseDecodeException),
        ("TooManyRedirects", ProtocolException),
        ("StreamConsumed", TransportException),
    ],
)
def test_each_has_its_own_meaning(package: str, name: str, expected: type[Exception]) -> None:
    kind = getattr(importlib.import_module(package), name, None)
    if kind is None:
        pytest.skip(f"{package} has no {name}")
    assert type(translate(made(kind), EXCHANGE)) is expected


@pytest.mark.parametrize("exc", [ValueError("x"), OSError("x"), TimeoutError()])
def test_what_is_not_the_libraries_is_left_alone(exc: Exception) -> None:
    assert translate(exc, EXCHANGE) is None


def test_a_subclass_that_is_not_known_counts_as_its_base() -> None:
    httpx2 = importlib.import_module("httpx2")
    strange = type("Strange", (httpx2.ReadError,), {"__module__": "elsewhere"})
    assert type(translate(strange("x"), EXCHANGE)) is ReadException


def caused(kind: str, cause: BaseException) -> Exception:
    exc: Exception = getattr(importlib.import_module("httpcore2"), kind)("x")
    exc.__cause__ = cause
    return exc


def tls(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("kind", "cause", "expected", "text"),
    [
        ("ConnectError", tls("WRONG_VERSION_NUMBER"), TlsException, "is it http:// rather than"),
        ("ConnectError", tls("NO_SHARED_CIPHER"), TlsException, "no shared cipher"),
        ("ConnectError", ssl.SSLEOFError(), TlsException, "the handshake was cut off"),
        ("ConnectError", ssl.SSLCertVerificationError(), TlsException, "Name the authority with"),
        ("ReadError", tls("TLSV13_ALERT_CERTIFICATE_REQUIRED"), TlsException, "set cert to one"),
        ("WriteError", tls("TLSV1_ALERT_UNKNOWN_CA"), TlsException, "set cert to one"),
        ("ReadError", tls("DECRYPTION_FAILED"), ReadException, "broke before the whole"),
        ("ConnectError", OSError(101, "s3cret"), ConnectException, ": network is unreachable."),
        ("ConnectError", OSError("s3cret"), ConnectException, "cannot connect to api.example:443."),
    ],
)
def test_the_cause_makes_the_error_exact(
    kind: str, cause: BaseException, expected: type[Exception], text: str
) -> None:
    error = translate(caused(kind, cause), EXCHANGE)
    assert type(error) is expected
    assert text in str(error)
    assert "s3cret" not in str(error)


def test_a_cause_that_goes_in_circles_is_survived() -> None:
    exc = caused("ConnectError", ValueError())
    assert exc.__cause__ is not None
    exc.__cause__.__cause__ = exc
    assert type(translate(exc, EXCHANGE)) is ConnectException


def test_a_status_raised_by_a_hook_that_is_no_error_status_is_no_status_error() -> None:
    httpx2: Any = importlib.import_module("httpx2")
    exc = httpx2.HTTPStatusError("x", request=None, response=httpx2.Response(200))
    assert type(translate(exc, EXCHANGE)) is ProtocolException


def test_a_timeout_after_the_deadline_is_that_of_the_attempt() -> None:
    httpcore2 = importlib.import_module("httpcore2")
    now = time.monotonic()
    past = AttemptFacts(EXCHANGE.origin, EXCHANGE.settings, 30.0, now - 1, now - 3.5)
    for name in ("ConnectTimeout", "ReadTimeout", "WriteTimeout", "PoolTimeout"):
        error = translate(getattr(httpcore2, name)("x"), past)
        assert isinstance(error, AttemptTimeoutException)
        assert error.timeout == pytest.approx(2.5)
        assert str(error) == "the attempt at api.example:443 took longer than 2.5 s"
    assert type(translate(httpcore2.ReadError("x"), past)) is ReadException
    ahead = AttemptFacts(EXCHANGE.origin, EXCHANGE.settings, 30.0, now + 60, now)
    assert type(translate(httpcore2.ReadTimeout("x"), ahead)) is ReadTimeoutException


def test_without_an_origin_the_peer_is_the_service() -> None:
    httpcore2 = importlib.import_module("httpcore2")
    error = translate(httpcore2.ConnectError("x"), AttemptFacts(None, ConnectionSettings(), 30.0))
    assert str(error).startswith("cannot connect to the service.")


def test_a_proxy_in_use_is_not_called_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    httpcore2 = importlib.import_module("httpcore2")
    monkeypatch.setenv("HTTPS_PROXY", "http://p:1")
    for settings in (ConnectionSettings(trust_env=True), ConnectionSettings(proxy="http://q:1")):
        exchange = AttemptFacts(EXCHANGE.origin, settings, 30.0)
        assert "ignored" not in str(translate(httpcore2.ConnectError("x"), exchange))
    assert "HTTPS_PROXY is set but ignored" in str(
        translate(httpcore2.ConnectTimeout("x"), EXCHANGE)
    )
