"""Typed reading: what was set, where, and every mistake at once."""

from __future__ import annotations

import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pyfly.core import Config, ConfigException, ConfigWarning, Group, Named, Text, Values
from tests.core.support import SCHEMA


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(text: str = "", environ: dict[str, str] | None = None, **arguments: Any) -> Values:
    Path("pyfly.yaml").write_text(text)
    return Config.from_file(environ=environ or {}).read("pyfly.client", SCHEMA, **arguments)


def refusal(text: str = "", environ: dict[str, str] | None = None, **arguments: Any) -> list[str]:
    with pytest.raises(ConfigException) as caught:
        read(text, environ, **arguments)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return list(caught.value.problems)


GUIDE = """\
pyfly:
  client:
    default:
      timeout: 20s
      connect_timeout: 0
    circuit-breaker:
      failureThreshold: 7
    clients:
      my-shop:
        base-url: http://${SHOP:localhost}:8080
        trust-env: false
        total-timeout:
        retry: {max-attempts: 4}
        headers: {X-Trace: on}
        methods:
          get_product:
            timeout: 1m30s
"""


def test_values_are_converted_and_know_where_they_were_set() -> None:
    values = read(GUIDE)
    assert values.get("default.timeout") == timedelta(seconds=20)
    assert str(values.origin("default.timeout")) == "pyfly.yaml:4"
    assert values.get("circuit-breaker.failure-threshold") == 7
    assert values["clients.my-shop.base-url"] == "http://localhost:8080"
    assert values.get("clients.my-shop.headers.X-Trace") == "on"
    assert values.get("clients.my-shop.methods.get-product.timeout") == timedelta(seconds=90)


def test_set_and_not_set_differ_and_zero_false_and_null_are_set() -> None:
    values = read(GUIDE)
    assert values.is_set("default.connect-timeout")
    assert values.get("default.connect-timeout") == timedelta(0)
    assert values.is_set("clients.my-shop.trust-env")
    assert values.is_set("clients.my-shop.total-timeout")
    assert values.get("clients.my-shop.total-timeout") is None
    assert not values.is_set("clients.my-shop.timeout")
    assert values.get("clients.my-shop.timeout") == timedelta(seconds=30)
    assert values.origin("clients.my-shop.timeout") is None
    assert values.lookup("clients.my-shop.timeout") is None
    assert "retry.max-attempts" not in values
    assert "default.timeout" in values


def test_groups_are_views_with_relative_paths() -> None:
    client = read(GUIDE).group("clients.my_shop")
    assert list(client) == [
        "base-url",
        "trust-env",
        "total-timeout",
        "retry.max-attempts",
        "headers.X-Trace",
        "methods.get_product.timeout",
    ]
    assert len(client) == 6
    assert client.get("retry.max-attempts") == 4
    assert client.group("retry").get("max-attempts") == 4
    assert client.group("methods").group("getProduct").is_set("timeout")
    assert client.group("") is not client
    assert repr(client.group("retry")) == (
        "<Values of pyfly.client.clients.my-shop.retry: max-attempts>"
    )


def test_a_group_of_a_name_that_was_never_given_is_empty() -> None:
    nobody = read(GUIDE).group("clients.nobody.methods.any")
    assert not nobody
    assert nobody.get("timeout") == timedelta(seconds=30)
    assert nobody.key("timeout") == "pyfly.client.clients.nobody.methods.any.timeout"
    assert repr(nobody).endswith(": none>")


def test_names_are_told_as_they_were_spelled() -> None:
    values = read(GUIDE, {"PYFLY_CLIENT_CLIENTS_OTHER_ONE_BASE_URL": "http://o"})
    assert values.names("clients") == ("my-shop", "other-one")
    assert values.group("clients").names() == ("my-shop", "other-one")
    assert values.group("clients.my-shop").names("methods") == ("get_product",)
    assert values.names("clients.nobody.methods") == ()


def test_a_setting_tells_all_about_itself_but_a_secret() -> None:
    values = read("pyfly.client.default: {timeout: 1s, auth-token: hunter2}\n")
    timeout = values.lookup("default.timeout")
    token = values.lookup("default.auth-token")
    assert timeout is not None
    assert token is not None
    assert (timeout.value, timeout.key) == (timedelta(seconds=1), "pyfly.client.default.timeout")
    assert repr(token) == "Setting(pyfly.client.default.auth-token=***, pyfly.yaml:1)"
    assert repr(timeout).startswith("Setting(pyfly.client.default.timeout=datetime.timedelta")
    assert token.value == "hunter2"
    assert values.is_secret("default.auth-token")
    assert not values.is_secret("default.timeout")
    assert not values.is_secret("retry.max-attempts")
    assert values.is_secret("clients.x.auth-token")


def test_a_value_from_a_secret_variable_is_secret() -> None:
    values = read("pyfly.client.default.timeout: ${MY_TOKEN}\n", {"MY_TOKEN": "5"})
    assert values.is_secret("default.timeout")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda v: v.get("default.timout"),
            "no pyfly.client.default.timout (did you mean timeout?)",
        ),
        (lambda v: v.get("default.zzz"), "the schema has no pyfly.client.default.zzz"),
        (lambda v: v.get("default.timeout.x"), "the schema has no pyfly.client.default.timeout.x"),
        (lambda v: v.get("default"), "pyfly.client.default is a section, not a value (use group)"),
        (
            lambda v: v.group("default.timeout"),
            "pyfly.client.default.timeout is a value, not a section (use get)",
        ),
        (lambda v: v.names("default"), "pyfly.client.default has fixed keys, not names"),
        (lambda v: v.is_set("a..b"), "is no key"),
    ],
)
def test_a_path_that_the_schema_does_not_have_is_an_error(call: Any, message: str) -> None:
    with pytest.raises(ConfigException) as caught:
        call(read())
    assert message in str(caught.value)


def test_nothing_configured_reads_as_defaults() -> None:
    values = Config(environ={}).read("pyfly.client", SCHEMA)
    assert not values
    assert values.get("retry.max-attempts") == 3
    assert repr(Config(environ={}).read("", SCHEMA)) == "<Values of everything: none>"


def test_all_mistakes_are_told_at_once_in_the_order_of_the_lines() -> None:
    environ = {"PYFLY_CLIENT_RETRY_MAX_ATTEMPTS": "lots"}
    assert refusal(
        """\
pyfly:
  client:
    default:
      timout: 1
      timeout: 30 parsecs
      connect-timeout:
      trust-env: on
      max-response-size: [1]
      adapter: {a: b}
      http2: ${NOPE}
    circuit-breaker: 5
    retry: [1, 2]
    timeout: 5
    zzz: 1
    clients:
      a: 7
      b: {methods: {m: {retry: {max-attempts: 0}}}}
""",
        environ,
    ) == [
        "pyfly.yaml:4: pyfly.client.default.timout: unknown key (did you mean timeout?)",
        "pyfly.yaml:5: pyfly.client.default.timeout: '30 parsecs' is not a duration (write a "
        "number with us, ms, s, m, h or d, such as 30s, 500ms or 1h30m)",
        "pyfly.yaml:6: pyfly.client.default.connect-timeout: has no value (give it one, or remove "
        "the line)",
        "pyfly.yaml:7: pyfly.client.default.trust-env: 'on' is neither true nor false (write one "
        "of these two words)",
        "pyfly.yaml:8: pyfly.client.default.max-response-size: is a list, but a size such as "
        "512KB or 10MiB is expected",
        "pyfly.yaml:9: pyfly.client.default.adapter: is a section, but one of httpx2, httpx, "
        "aiohttp is expected",
        "pyfly.yaml:10: pyfly.client.default.http2: ${NOPE} is neither a key of the configuration "
        "nor an environment variable (set it, or give a default: ${NOPE:default})",
        "pyfly.yaml:11: pyfly.client.circuit-breaker: is a value, but a section is expected, with "
        "failure-threshold, recovery-timeout",
        "pyfly.yaml:12: pyfly.client.retry: is a list, but a section is expected, with "
        "max-attempts, base-delay",
        "pyfly.yaml:13: pyfly.client.timeout: unknown key "
        "(did you mean pyfly.client.default.timeout?)",
        "pyfly.yaml:14: pyfly.client.zzz: unknown key "
        "(known here: default, circuit-breaker, retry, clients)",
        "pyfly.yaml:16: pyfly.client.clients.a: is a value, but a section is expected, with "
        "base-url, timeout, connect-timeout, total-timeout, max-response-size, adapter, "
        "trust-env, http2, …",
        "pyfly.yaml:17: pyfly.client.clients.b.methods.m.retry.max-attempts: '0' is too small (at "
        "least 1)",
        "environment variable PYFLY_CLIENT_RETRY_MAX_ATTEMPTS: pyfly.client.retry.max-attempts: "
        "'lots' is not a whole number (write for example 3)",
    ]


def test_a_key_that_stands_below_a_name_is_suggested_with_a_stand_in() -> None:
    assert refusal("pyfly.client.base-url: http://a\n") == [
        "pyfly.yaml:1: pyfly.client.base-url: unknown key "
        "(did you mean pyfly.client.clients.<name>.base-url?)"
    ]


@pytest.mark.parametrize("prefix", ["pyfly: 5\n", "pyfly: [client]\n"])
def test_a_prefix_that_is_no_section_is_told(prefix: str) -> None:
    assert refusal(prefix) == ["pyfly.yaml:1: pyfly: is no section, so client is lost"]


@pytest.mark.parametrize("text", ["pyfly:\n", "pyfly:\n  client:\n", "pyfly.client.default:\n"])
def test_a_section_with_everything_commented_out_is_empty(text: str) -> None:
    assert not read(text)


def test_names_that_should_be_a_section_are_told_so() -> None:
    assert refusal("pyfly.client.clients: 1\n") == [
        "pyfly.yaml:1: pyfly.client.clients: is a value, but a section is expected, with names "
        "of your own"
    ]


def test_values_of_code_are_checked_like_those_of_files() -> None:
    config = Config({"pyfly.client": {"default": {"timeout": True, "http2": 3}}}, environ={})
    with pytest.raises(ConfigException) as caught:
        config.read("pyfly.client", SCHEMA)
    assert str(caught.value).startswith("code: pyfly.client.default.timeout: true is not a durat")


def test_numbers_and_timedeltas_of_code_are_taken() -> None:
    values = {"timeout": 1.5, "connect-timeout": timedelta(minutes=1), "total-timeout": None}
    read = Config({"a.default": values}, environ={}).read("a", SCHEMA)
    assert read.get("default.timeout") == timedelta(seconds=1.5)
    assert read.get("default.connect-timeout") == timedelta(minutes=1)
    assert read.is_set("default.total-timeout")


def test_a_secret_is_never_shown() -> None:
    text = "pyfly.client.default.auth-token: [hunter2]\n"
    environ = {"PYFLY_CLIENT_CLIENTS_A_AUTH_TOKEN": "hunter2"}
    assert "hunter2" not in refusal(text)[0]
    assert "hunter2" not in repr(read("", environ))


def test_a_number_of_code_for_a_secret_is_not_shown() -> None:
    config = Config({"a.default.auth-token": 12345}, environ={})
    with pytest.raises(ConfigException) as caught:
        config.read("a", SCHEMA)
    assert str(caught.value) == ("code: a.default.auth-token: *** is not a text (put it in quotes)")


@pytest.mark.parametrize("text", ["null", "~", "${NOPE:null}"])
def test_null_by_a_variable_or_a_placeholder_is_null_where_it_may_be(text: str) -> None:
    if text[0] == "$":
        values = read(f"pyfly.client.default.total-timeout: {text}\n")
    else:
        values = read("", {"PYFLY_CLIENT_DEFAULT_TOTAL_TIMEOUT": text})
    assert values.is_set("default.total-timeout")
    assert values.get("default.total-timeout") is None


def test_a_quoted_null_is_text() -> None:
    assert "'null' is not a duration" in refusal("pyfly.client.default.total-timeout: 'null'\n")[0]


def test_an_empty_variable_is_an_empty_text_and_no_duration() -> None:
    assert refusal("", {"PYFLY_CLIENT_DEFAULT_TIMEOUT": ""}) == [
        "environment variable PYFLY_CLIENT_DEFAULT_TIMEOUT: pyfly.client.default.timeout: '' is "
        "not a duration (it is empty; write a number with us, ms, s, m, h or d, such as 30s, "
        "500ms or 1h30m)"
    ]
    assert read("", {"PYFLY_CLIENT_CLIENTS_A_BASE_URL": ""}).get("clients.a.base-url") == ""


def test_a_value_that_a_variable_replaces_is_not_looked_at() -> None:
    values = read("pyfly.client.default.timeout: ${NOPE}\n", {"PYFLY_CLIENT_DEFAULT_TIMEOUT": "1s"})
    assert str(values.origin("default.timeout")) == (
        "environment variable PYFLY_CLIENT_DEFAULT_TIMEOUT"
    )


def test_a_section_view_reads_its_part() -> None:
    view = Config({"app.pyfly.client.default.timeout": 1}, environ={}).section("app")
    assert view.read("pyfly.client", SCHEMA).get("default.timeout") == timedelta(seconds=1)
    assert view.read("pyfly.client", SCHEMA).key("default.timeout").startswith("app.pyfly.")


def test_leaves_may_stand_right_under_names() -> None:
    schema = Group({"headers": Named(Text(default="none"))})
    values = Config({"a.headers": {"X-One": "1"}}, environ={"A_HEADERS_X_TWO": "2"}).read(
        "a", schema
    )
    assert values.names("headers") == ("X-One", "x-two")
    assert values.get("headers.x_one") == "1"
    assert values.get("headers.x-three") == "none"


def test_a_section_almost_named_as_the_one_that_is_read_is_a_warning() -> None:
    config = Config({"pyfly.cleint.default.timeout": 1}, environ={})
    with pytest.warns(ConfigWarning) as caught:
        config.read("pyfly.client", SCHEMA)
    assert str(caught[0].message) == "code: pyfly.cleint: did you mean pyfly.client?"
    assert caught[0].filename == __file__


def test_other_sections_beside_the_one_that_is_read_are_no_ones_business() -> None:
    config = Config({"pyfly.clients": 1, "pyfly.client": {}, "pyflix": 1}, environ={})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        config.read("pyfly.client", SCHEMA)
        config.read("pyfly.server", SCHEMA)
