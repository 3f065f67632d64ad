"""Connection settings: what is equal may be shared, what cannot be used is named."""

from __future__ import annotations

import importlib
from datetime import timedelta
from typing import Any

import pytest

from pyfly.client.adapters._library import MissingLibraryException, load
from pyfly.client.adapters._outgoing import HttpOrigin, TargetResolver, parse_origin
from pyfly.client.adapters.httpx import HttpxClientAdapter
from pyfly.client.adapters.httpx_sync import HttpxSyncClientAdapter
from pyfly.client.adapters.settings import (
    ConnectionSettings,
    ConnectionSettingsException,
    checked,
)
from pyfly.client.adapters.stock import StockHttpxSyncClientAdapter
from pyfly.client.errors import ClientArgumentException


def test_the_defaults_are_those_of_the_documentation() -> None:
    settings = checked(ConnectionSettings())
    assert settings.library == "httpx2"
    assert settings.connect_timeout == timedelta(seconds=5)
    assert settings.max_connections == 100
    assert settings.keepalive_expiry == timedelta(seconds=5)
    assert settings.max_response_size == 10 * 1024 * 1024
    assert settings.verify is True
    assert settings.trust_env is False
    assert settings == ConnectionSettings()
    assert hash(settings) == hash(ConnectionSettings())


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"library": "requests"}, "library is 'requests'; it can be 'httpx2' or 'httpx'"),
        ({"connect_timeout": 5}, "connect_timeout is 5; write a timedelta"),
        ({"connect_timeout": timedelta()}, "connect_timeout is .*; it must be above 0"),
        ({"pool_timeout": timedelta(-1)}, "pool_timeout is .*; it must be above 0"),
        ({"keepalive_expiry": timedelta(-1)}, "keepalive_expiry is .*; it must be 0 or more"),
        ({"max_connections": 0}, "max_connections is 0; write a whole number above 0"),
        ({"max_connections": True}, "max_connections is True"),
        ({"max_response_size": "10MiB"}, "max_response_size is '10MiB'"),
        ({"proxy": "proxy.example:3128"}, "write a URL such as 'http://proxy.example:3128'"),
        ({"proxy": "ftp://proxy"}, "proxy is 'ftp://proxy'"),
        ({"proxy": "http://"}, "proxy is 'http://'"),
        ({"proxy": "http://[::1"}, "proxy is"),
        ({"proxy": "http://u:s3cret@h:x"}, r"proxy is 'http://\*\*\*@h:x'"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(change: dict[str, Any], text: str) -> None:
    with pytest.raises(ConnectionSettingsException, match=text) as caught:
        HttpxClientAdapter("http://h", settings=ConnectionSettings(**change))
    assert isinstance(caught.value, ValueError)
    assert "s3cret" not in str(caught.value)


def test_an_idle_connection_may_expire_at_once() -> None:
    settings = ConnectionSettings(keepalive_expiry=timedelta(0))
    assert checked(settings) is settings


def test_no_credentials_of_a_proxy_are_shown() -> None:
    settings = ConnectionSettings(proxy="http://user:s3cret@proxy:3128/")
    assert "s3cret" not in repr(settings)
    assert "proxy='http://***@proxy:3128/'" in repr(settings)
    assert "proxy=None" in repr(ConnectionSettings())


@pytest.mark.parametrize("kind", [HttpxClientAdapter, HttpxSyncClientAdapter])
def test_an_adapter_shows_its_origin_alone(kind: Any) -> None:
    assert repr(kind("http://h:80/path")) == f"<{kind.__name__} http://h>"
    assert repr(kind()) == f"<{kind.__name__} of absolute URLs>"
    assert kind("http://h/path").base_url == "http://h/path"


@pytest.mark.parametrize(
    ("library", "lacking", "command"),
    [
        ("httpx2", "httpx2", "pip install 'pyfly-client[httpx2]'"),
        ("httpx", "httpx", "pip install 'pyfly-client[httpx]'"),
        ("httpx", "sniffio", "pip install 'pyfly-client[httpx]'"),
    ],
)
def test_a_missing_library_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, library: Any, lacking: str, command: str
) -> None:
    real = importlib.import_module

    def without(name: str, *args: Any) -> Any:
        if name == lacking:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *args)

    monkeypatch.setattr("pyfly.client.adapters._library.import_module", without)
    load.cache_clear()
    try:
        settings = ConnectionSettings(library=library)
        adapter = StockHttpxSyncClientAdapter("http://h", settings=settings)
        with pytest.raises(MissingLibraryException) as caught:
            adapter.start()
    finally:
        load.cache_clear()
    assert command in str(caught.value)
    assert f"{lacking} is not installed" in str(caught.value)
    assert isinstance(caught.value, ImportError)


@pytest.mark.parametrize(
    ("url", "origin", "authority"),
    [
        ("http://h", HttpOrigin("http", "h", 80), "h"),
        ("HTTPS://H.Example:443/x", HttpOrigin("https", "h.example", 443), "h.example"),
        ("http://h:443", HttpOrigin("http", "h", 443), "h:443"),
        ("http://h:", HttpOrigin("http", "h", 80), "h"),
        ("http://[::1]:80/", HttpOrigin("http", "::1", 80), "[::1]"),
        ("http://[FE80::1]:8080", HttpOrigin("http", "fe80::1", 8080), "[fe80::1]:8080"),
        ("http://under_score.internal", HttpOrigin("http", "under_score.internal", 80), None),
    ],
)
def test_an_origin_is_read_from_a_url(url: str, origin: HttpOrigin, authority: str | None) -> None:
    found = parse_origin(url, "url")
    assert found == origin
    assert found.authority == (authority or origin.host)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://h", "it must start with http:// or https://"),
        ("//h/x", "it must start with"),
        ("http:///x", "host and port are malformed"),
        ("http://h:x", "host and port are malformed"),
        ("http://h:-1", "host and port are malformed"),
        ("http://h:0", "its port is 0"),
        ("http://h:65536", "its port is 65536"),
        ("http://::1/", "host and port are malformed"),
        ("http://[::1", "host and port are malformed"),
        ("http://h%00x", "host and port are malformed"),
        ("http://h h", "host and port are malformed"),
        ("http://münchen.example", "in their ASCII form"),
        ("http://u:s3cret@h", "it holds credentials"),
        ("http://h?x", "a query or a fragment"),
        ("http://h/p#x", "a query or a fragment"),
    ],
)
def test_a_base_url_that_cannot_be_used_is_refused(url: str, why: str) -> None:
    with pytest.raises(ClientArgumentException, match=f"^base_url cannot be used: .*{why}") as c:
        TargetResolver(url)
    assert c.value.parameter == "base_url"
    assert "s3cret" not in str(c.value)
