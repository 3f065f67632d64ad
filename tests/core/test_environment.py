"""Which setting an environment variable means."""

from __future__ import annotations

import warnings
from datetime import timedelta
from typing import Any

import pytest

from pyfly.core import Config, ConfigException, ConfigWarning, Group, Text, Values
from tests.core.support import SCHEMA

P = "PYFLY_CLIENT_"


def read(environ: dict[str, str], values: dict[str, Any] | None = None, **arguments: Any) -> Values:
    config = Config({"pyfly.client": values or {}}, environ=environ)
    return config.read("pyfly.client", SCHEMA, **arguments)


def refusal(
    environ: dict[str, str], values: dict[str, Any] | None = None, **arguments: Any
) -> list[str]:
    with pytest.raises(ConfigException) as caught:
        read(environ, values, **arguments)
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("DEFAULT_TIMEOUT", "default.timeout"),
        ("DEFAULT_CONNECT_TIMEOUT", "default.connect-timeout"),
        ("DEFAULT_CONNECTTIMEOUT", "default.connect-timeout"),
        ("CIRCUIT_BREAKER_RECOVERY_TIMEOUT", "circuit-breaker.recovery-timeout"),
        ("RETRY_BASE_DELAY", "retry.base-delay"),
        ("CLIENTS_INVENTORY_TIMEOUT", "clients.inventory.timeout"),
        ("CLIENTS_MY_SHOP_TIMEOUT", "clients.my-shop.timeout"),
        ("CLIENTS_A_RETRY_BASE_DELAY", "clients.a.retry.base-delay"),
    ],
)
def test_a_variable_sets_the_leaf_that_its_words_spell(name: str, path: str) -> None:
    values = read({P + name: "7s"})
    assert list(values) == [path]
    assert values.get(path) == timedelta(seconds=7)
    assert str(values.origin(path)) == f"environment variable {P}{name}"


def test_a_variable_beats_a_file_and_keeps_the_spelling_of_the_name() -> None:
    values = read({P + "CLIENTS_MYSHOP_TIMEOUT": "7s"}, {"clients": {"myShop": {"timeout": "1s"}}})
    assert values.names("clients") == ("myShop",)
    assert values.get("clients.my-shop.timeout") == timedelta(seconds=7)


def test_every_leaf_of_the_schema_has_its_variable() -> None:
    paths = ["default.max-response-size", "clients.a.headers.x", "clients.a.circuit-breaker"]
    environ = {
        P + "DEFAULT_MAX_RESPONSE_SIZE": "1MiB",
        P + "CLIENTS_A_HEADERS_X": "on",
        P + "CLIENTS_A_CIRCUIT_BREAKER_FAILURE_THRESHOLD": "9",
        P + "CLIENTS_A_METHODS_GET_PRODUCT_RETRY_MAX_ATTEMPTS": "2",
        P + "CLIENTS_A_BASE_URL": "http://a",
    }
    values = read(environ)
    assert [values.get(path) for path in paths[:2]] == [1024**2, "on"]
    assert values.group(paths[2]).get("failure-threshold") == 9
    assert values.get("clients.a.methods.get_product.retry.max-attempts") == 2


@pytest.mark.parametrize("known", ["file", "code", "variable"])
def test_a_known_name_decides_where_the_name_ends(known: str) -> None:
    environ = {P + "CLIENTS_A_CONNECT_TIMEOUT": "7s"}
    values: dict[str, Any] = {}
    names: dict[str, list[str]] = {}
    if known == "file":
        values = {"clients": {"a": {}}}
    elif known == "code":
        names = {"clients": ["a"]}
    else:
        environ[P + "CLIENTS_A_BASE_URL"] = "http://a"
    result = read(environ, values, names=names)
    assert result.get("clients.a.connect-timeout") == timedelta(seconds=7)
    assert result.names("clients") == ("a",)


def test_names_of_methods_may_be_known_to_code() -> None:
    names = {"clients": ["a"], "clients.a.methods": ["get_total"]}
    values = read({P + "CLIENTS_A_METHODS_GET_TOTAL_TIMEOUT": "7s"}, names=names)
    assert list(values) == ["clients.a.methods.get_total.timeout"]


def test_names_are_a_list_rather_than_one_text() -> None:
    with pytest.raises(ConfigException, match=r"names of clients: 'shop' is one text \(write a"):
        read({}, names={"clients": "shop"})


def test_a_value_that_is_no_text_is_no_variable() -> None:
    environ: Any = {"A": 5}
    with pytest.raises(
        ConfigException, match=r"environment variable A: is of type int \(give it as"
    ):
        Config(environ=environ)


def test_names_known_to_code_are_not_told_as_given() -> None:
    assert read({}, names={"clients": ["a"]}).names("clients") == ()


def test_a_variable_with_two_readings_is_refused_with_both() -> None:
    assert refusal({P + "CLIENTS_A_CONNECT_TIMEOUT": "7s"}) == [
        "environment variable PYFLY_CLIENT_CLIENTS_A_CONNECT_TIMEOUT: can be read as "
        "pyfly.client.clients.a.connect-timeout or as pyfly.client.clients.a-connect.timeout "
        "(set it in a file instead, or give the name there with an empty section, name: {})"
    ]


def test_a_variable_about_the_clients_of_others_does_not_disturb_who_told_its_names() -> None:
    environ = {P + "CLIENTS_B_CONNECT_TIMEOUT": "7s", P + "CLIENTS_A_CONNECT_TIMEOUT": "8s"}
    assert list(read(environ, names={"clients": ["a"]})) == ["clients.a.connect-timeout"]
    assert list(read(environ, names={"clients": ["b"]})) == ["clients.b.connect-timeout"]


def test_a_variable_about_a_method_of_a_known_client_must_be_clear() -> None:
    environ = {P + "CLIENTS_A_METHODS_GET_TOTAL_TIMEOUT": "7s"}
    assert (
        "methods.get.total-timeout or as pyfly.client.clients.a.methods.get-total.timeout"
        in (refusal(environ, names={"clients": ["a"]})[0])
    )


@pytest.mark.parametrize("names", [None, {}])
def test_a_variable_that_spells_two_fixed_keys_is_refused(names: Any) -> None:
    schema = Group({"a": Group({"b-c": Text()}), "a-b": Group({"c": Text()})})
    with pytest.raises(ConfigException, match=r"X_A_B_C: can be read as x\.a\.b-c or as x\.a-b\.c"):
        Config(environ={"X_A_B_C": "1"}).read("x", schema, names=names)


def test_two_known_names_that_both_fit_are_refused() -> None:
    told = refusal({P + "CLIENTS_A_CONNECT_TIMEOUT": "7s"}, {"clients": {"a": {}, "a-connect": {}}})
    assert "clients.a.connect-timeout or as pyfly.client.clients.a-connect.timeout" in told[0]


def test_two_variables_for_one_setting_are_refused() -> None:
    told = refusal({P + "DEFAULT_CONNECT_TIMEOUT": "1s", P + "DEFAULT_CONNECTTIMEOUT": "1s"})
    assert told == [
        "environment variable PYFLY_CLIENT_DEFAULT_CONNECT_TIMEOUT: pyfly.client.default."
        "connect-timeout: already given by PYFLY_CLIENT_DEFAULT_CONNECTTIMEOUT (unset one of them)"
    ]


def test_a_bad_value_names_the_variable() -> None:
    assert refusal({P + "DEFAULT_TIMEOUT": "7 parsecs"}, {"default": {"timeout": "1s"}}) == [
        "environment variable PYFLY_CLIENT_DEFAULT_TIMEOUT: pyfly.client.default.timeout: "
        "'7 parsecs' is not a duration (write a number with us, ms, s, m, h or d, such as 30s, "
        "500ms or 1h30m)"
    ]


def test_a_bad_value_in_a_variable_with_a_secret_name_is_not_shown() -> None:
    told = refusal({P + "CLIENTS_KEY_VAULT_TIMEOUT": "hunter2"})
    assert "timeout: *** is not a duration" in told[0]
    assert "hunter2" not in told[0]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("DEFAULT_TIMOUT", "DEFAULT_TIMEOUT"),
        ("TIMEOUT_", None),
        ("default_timeout", "DEFAULT_TIMEOUT"),
        ("DEFAULT__TIMEOUT", "DEFAULT_TIMEOUT"),
        ("CLIENTS_MY_SHOP_TIMOUT", "CLIENTS_MY_SHOP_TIMEOUT"),
        ("CLIENTS_A_RETRY_MAX_ATEMPTS", "CLIENTS_A_RETRY_MAX_ATTEMPTS"),
        ("CLIENTS_A_RETRY_TIMEOUT", "CLIENTS_A_TIMEOUT"),
        ("DEFAULT", None),
        ("CLIENTS_A", None),
    ],
)
def test_a_variable_that_means_nothing_is_a_warning_with_the_nearest_name(
    name: str, meant: str | None
) -> None:
    with pytest.warns(ConfigWarning) as caught:
        values = read({P + name: "7s"}, {"clients": {"a": {}}})
    assert not values
    (warning,) = caught
    text = str(warning.message)
    assert text.startswith(
        f"environment variable {P}{name}: no setting under pyfly.client has this name, so it is "
        "ignored"
    )
    if meant is not None:
        assert text.endswith(f"(did you mean {P}{meant}?)")


def test_the_warning_is_given_once_for_a_config_and_points_at_the_reader() -> None:
    config = Config(environ={P + "ZZZ": "1"})
    with pytest.warns(ConfigWarning) as caught:
        config.read("pyfly.client", SCHEMA)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        config.read("pyfly.client", SCHEMA)
        config.section("pyfly").read("client", SCHEMA)
    with pytest.warns(ConfigWarning):
        Config(environ={P + "ZZZ": "1"}).read("pyfly.client", SCHEMA)


def test_a_variable_that_a_placeholder_uses_is_not_unknown() -> None:
    values = read({P + "MINE": "7s"}, {"default": {"timeout": "${PYFLY_CLIENT_MINE}"}})
    assert values.get("default.timeout") == timedelta(seconds=7)


def test_variables_of_others_are_let_alone() -> None:
    environ = {"PYFLY_CLIENTS_X": "1", "PYFLY_CLIENT": "1", "PATH": "/bin", "_": "x", "": "y"}
    assert not read(environ)
    assert not Config(environ=environ).read("", SCHEMA)


def test_a_long_variable_of_many_words_is_read_in_no_time() -> None:
    name = P + "CLIENTS_" + "A_" * 400 + "METHODS_" + "B_" * 400 + "TIMEOUT"
    assert "can be read as" in refusal({name: "7s"})[0]
