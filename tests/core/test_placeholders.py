"""``${...}`` in files and in texts given in code."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pyfly.core import Config, ConfigException, Group, Integer, PlaceholderException, Text

ENVIRON = {"NAME": "ada", "EMPTY": "", "lower": "yes", "DB_TOKEN": "hunter2", "RAW": "a${b}c"}


def config(values: dict[str, Any] | None = None) -> Config:
    return Config(values, environ=ENVIRON)


def refusal(text: str, values: dict[str, Any] | None = None) -> PlaceholderException:
    with pytest.raises(PlaceholderException) as caught:
        config(values).resolve(text, where="Users.base_url")
    return caught.value


@pytest.mark.parametrize(
    ("text", "resolved"),
    [
        ("plain $ {text} $$", "plain $ {text} $$"),
        ("${NAME}", "ada"),
        ("<${NAME}|${ NAME }>", "<ada|ada>"),
        ("${inventory.host}:${inventory.port}", "shop:8080"),
        ("${INVENTORY_HOST:x}", "x"),
        ("${inventory.HOST}", "shop"),
        ("${lower}", "yes"),
        ("${EMPTY}", ""),
        ("${EMPTY:default}", ""),
        ("${MISSING:}", ""),
        ("${MISSING:http://a:1/b}", "http://a:1/b"),
        ("${MISSING:${ALSO:${NAME}}}", "ada"),
        ("${MISSING:${NAME}-${lower}}", "ada-yes"),
        ('${MISSING:{"a": {"b": 1}}}', '{"a": {"b": 1}}'),
        ("${${which}}", "ada"),
        ("${inventory.${part:host}}", "shop"),
        ("$${NAME}", "${NAME}"),
        ("${NAME}$${NAME}", "ada${NAME}"),
        ("${chain.a}", "<<ada>>"),
        ("${flag} ${ratio} ${wait}", "true 0.5 1m30s"),
        ("${not a key:x}", "x"),
        ("${a..b:x}", "x"),
        ("${RAW}", "a${b}c"),
        ("/users/{id}", "/users/{id}"),
    ],
)
def test_a_text_is_resolved(text: str, resolved: str) -> None:
    values = {
        "inventory": {"host": "shop", "port": 8080},
        "which": "NAME",
        "chain": {"a": "<${chain.b}>", "b": "<${NAME}>"},
        "flag": True,
        "ratio": 0.5,
        "wait": timedelta(seconds=90),
    }
    assert config(values).resolve(text) == resolved


def test_a_key_comes_before_a_variable_and_a_variable_before_a_default() -> None:
    assert Config({"who.am": "key"}, environ={"who.am": "var"}).resolve("${who.am:x}") == "key"
    assert Config(environ={"who.am": "var"}).resolve("${who.am:x}") == "var"
    assert Config(environ={}).resolve("${who.am:x}") == "x"


def test_the_variable_of_a_key_beats_what_the_file_says_here_too() -> None:
    assert Config({"a.b": "file"}, environ={"A_B": "var"}).resolve("${a.b}") == "var"


def test_a_name_that_leads_nowhere_is_named_with_the_place() -> None:
    error = refusal("http://${inventory.host}:8080")
    assert str(error) == (
        "Users.base_url: ${inventory.host} is neither a key of the configuration nor an "
        "environment variable (set it, or give a default: ${inventory.host:default})"
    )
    assert error.placeholder == "inventory.host"


def test_the_place_is_that_of_the_placeholder_not_of_who_asked() -> None:
    error = refusal("${a}", {"a": "${b}", "b": "x ${MISSING}"})
    assert str(error).startswith("code: b: ${MISSING} is neither")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("${", "Users.base_url: a placeholder is not closed (write ${NAME} or ${NAME:default}"),
        ("${A:${B}", "a placeholder is not closed"),
        ("${}", "a placeholder has no name (write ${NAME} or ${NAME:default})"),
        ("${ }", "a placeholder has no name"),
        ("${section}", "${section} is a section (name a key with a value)"),
        ("${list}", "${list} is a list"),
        ("${nothing:x}", "${nothing} has no value"),
        ("${object}", "${object} is no text"),
        ("${two\nlines}", r"${two\nlines} is neither"),
        ("${" * 50 + "}" * 50, "the placeholders are nested too deeply"),
        ("${big}", "the placeholders unfold to more than 1,000,000 characters"),
        ("${b1}", "the placeholders are nested too deeply"),
    ],
)
def test_what_cannot_be_resolved_is_refused(text: str, what: str) -> None:
    values: dict[str, Any] = {
        "section": {"a": 1},
        "list": [1],
        "nothing": None,
        "object": object(),
        "huge": "x" * 300_000,
        "big": "${huge}" * 4,
    }
    values |= {f"b{n}": f"${{b{n + 1}}}" * 3 for n in range(1, 10)} | {"b10": "x"}
    told = str(refusal(text, values))
    assert what in told
    assert "\n" not in told


def test_a_section_gives_way_to_a_variable_of_this_very_name() -> None:
    assert Config({"home": {"x": 1}}, environ={"HOME": "/root"}).resolve("${HOME}") == "/root"


@pytest.mark.parametrize(
    ("values", "circle"),
    [
        ({"a": "${a}"}, "code: a: the placeholders go in a circle: a -> a"),
        (
            {"a": "${b-c}", "bC": "<${a}>"},
            "code: bC: the placeholders go in a circle: a -> bC -> a",
        ),
        ({"a": "${X:${b}}", "b": "${a}"}, "code: b: the placeholders go in a circle: a -> b -> a"),
    ],
)
def test_a_circle_is_told_with_its_path(values: dict[str, Any], circle: str) -> None:
    with pytest.raises(PlaceholderException) as caught:
        config(values).get("a")
    assert str(caught.value) == circle
    assert str(refusal("${a}", values)) == circle


def test_a_key_may_be_named_like_the_variable_that_it_takes() -> None:
    values = {"port": "${PORT:8080}"}
    assert Config(values, environ={}).get("port") == "8080"
    assert Config(values, environ={"PORT": "1"}).get("port") == 1


def test_what_a_placeholder_gives_is_converted_as_if_it_stood_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "pyfly.yaml"
    path.write_text(
        "a: ${N}\nb: '${N}'\nc: ${N}0\nd: ${T:true}\ne: ${E:}\n"
        "f: ${Z:null}\ng:\n- '${N}'\n- x${N}\n- h: ${N}\n"
    )
    read = Config.from_file(path, environ={"N": "5"})
    assert read.get("") == {
        "a": 5,
        "b": "5",
        "c": 50,
        "d": True,
        "e": "",
        "f": None,
        "g": ["5", "x5", {"h": 5}],
    }


def test_the_text_of_another_key_is_taken_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "pyfly.yaml"
    path.write_text("version: 1.10\nurl: /v${version}\n")
    assert Config.from_file(path, environ={}).get("url") == "/v1.10"


def test_placeholders_in_a_variable_are_text() -> None:
    assert Config({"a": "x"}, environ={"A": "${NAME}"}).get("a") == "${NAME}"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("${NAME}", "'ada'"),
        ("${DB_TOKEN}", "***"),
        ("${MY_PASSWORD:hunter2}", "***"),
        ("${other.api-key}", "***"),
        ("${indirect}", "***"),
        ("${NAME}${DB_TOKEN}", "***"),
        ("${DB_TOKEN}${NAME}", "***"),
    ],
)
def test_a_value_into_which_a_secret_went_is_not_shown(value: str, shown: str) -> None:
    values = {"limit": value, "other": {"api-key": "hunter2"}, "indirect": "${DB_TOKEN}"}
    with pytest.raises(ConfigException) as caught:
        Config({"app": values, **values}, environ=ENVIRON).read(
            "app",
            Group({"limit": Integer(), "other": Group({"api-key": Text()}), "indirect": Text()}),
        )
    assert str(caught.value) == (
        f"code: app.limit: {shown} is not a whole number (write for example 3)"
    )


def test_a_name_made_of_a_secret_is_not_shown() -> None:
    assert "hunter2" not in str(refusal("${x.${DB_TOKEN}}"))
    assert refusal("${x.${DB_TOKEN}}").placeholder == "***"
