"""Asking a configuration without a schema."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pyfly.core import Config, ConfigException, Group, Origin, Text


def test_values_may_be_nested_dotted_or_both() -> None:
    config = Config({"a": {"b": 1}, "a.c": 2, "d.e.f": [1, {"g": 2}, (3,)]}, environ={})
    assert config.get("a.b") == 1
    assert config.get("a") == {"b": 1, "c": 2}
    assert config.get("d.e.f") == [1, {"g": 2}, [3]]
    assert config.keys() == ("a.b", "a.c", "d.e.f")


@pytest.mark.parametrize(
    "key",
    ["my.connect-timeout", "my.connect_timeout", "MY.connectTimeout", "My.CONNECT_TIMEOUT"],
)
def test_hyphens_underscores_and_case_do_not_matter(key: str) -> None:
    for spelled in ("connect-timeout", "connect_timeout", "connectTimeout", "CONNECT_TIMEOUT"):
        assert Config({"my": {spelled: 1}}, environ={}).get(key) == 1


def test_a_key_that_is_not_there_gives_the_default() -> None:
    config = Config({"a": {"b": None}}, environ={})
    assert config.get("a.c") is None
    assert config.get("a.c", 5) == 5
    assert config.get("a.b.c", 5) == 5
    assert config.get("a.b", 5) is None
    assert config.contains("a.b")
    assert "a" in config
    assert "a.c" not in config
    assert config.origin("a.c") is None


def test_without_anything_a_configuration_is_empty() -> None:
    config = Config(environ={})
    assert config.get("") == {}
    assert config.keys() == ()
    assert config.active_profiles == ()


def test_what_comes_out_is_a_copy() -> None:
    config = Config({"a": {"b": [1]}}, environ={})
    config.get("a")["b"].append(2)
    assert config.get("a") == {"b": [1]}


def test_a_variable_is_the_key_that_it_spells() -> None:
    environ = {"A_B": "5", "A_CONNECT_TIMEOUT": "1s", "A_FLAG": "true", "A_E": "", "A_N": "null"}
    config = Config({"a": {"b": 1, "connectTimeout": 2}}, environ=environ)
    assert config.get("a.b") == 5
    assert config.get("a") == {"b": 5, "connectTimeout": "1s"}
    assert config.get("a.flag") is True
    assert config.get("a.e", "default") == ""
    assert config.get("a.n", "default") is None
    assert config.contains("a.flag")
    assert config.origin("a.b") == Origin("environment", "A_B")
    assert str(config.origin("a.b")) == "environment variable A_B"
    assert not Config(environ={"a_b": "5"}).contains("a.b")


def test_the_variables_are_those_at_the_time_of_building(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY_OF_OURS", "before")
    config = Config()
    monkeypatch.setenv("SOME_KEY_OF_OURS", "after")
    assert config.get("some.key.of.ours") == "before"


def test_a_variable_does_not_hide_a_section() -> None:
    config = Config({"home": {"x": 1}}, environ={"HOME": "/root"})
    assert config.get("home") == {"x": 1}


def test_variables_do_not_reach_into_lists() -> None:
    config = Config({"a": [{"b": 1}]}, environ={"A_B": "5"})
    assert config.get("a") == [{"b": 1}]


def test_two_variables_for_one_key_are_refused() -> None:
    config = Config(environ={"A_BC": "1", "A_B_C": "2"})
    with pytest.raises(ConfigException) as caught:
        config.get("a.b-c")
    assert str(caught.value) == (
        "environment variables A_BC and A_B_C: both are the key a.b-c (unset one of them)"
    )


def test_a_variable_for_two_keys_is_refused() -> None:
    config = Config({"a.b-c": 1, "a-b.c": 2}, environ={"A_B_C": "2"})
    with pytest.raises(ConfigException) as caught:
        config.get("a.b-c")
    assert str(caught.value) == (
        "environment variable A_B_C: it is the key a-b.c as well as a.b-c (set the one that is "
        "meant in the file instead)"
    )


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"a-b": 1, "aB": 2}, "code: aB: already given as a-b at code (keep one of them)"),
        ({"x": {"a.b": 1, "a": {"b": 2}}}, "code: x.a.b: already given at code"),
        ({"x": {5: 1}}, "code: x: the key 5 is no text (write it in quotes)"),
        ({None: 1}, "code: the top level: the key None is no text (write it in quotes)"),
        ({"a..b": 1}, "code: 'a..b' is no key: a part of it is empty (write a.b.c)"),
        ({"": 1}, "code: a key under the top level is empty"),
        ("pyfly.yaml", "Config takes a mapping, not str (to read a file, use Config.from_file"),
        (5, "Config takes a mapping, not int"),
    ],
)
def test_values_that_are_no_configuration_are_refused(values: Any, what: str) -> None:
    with pytest.raises(ConfigException) as caught:
        Config(values, environ={})
    assert str(caught.value).startswith(what)


def test_a_mapping_that_contains_itself_is_refused() -> None:
    values: dict[str, Any] = {}
    values["a"] = [values]
    with pytest.raises(ConfigException, match="code: nested more than 64 levels deep"):
        Config(values, environ={})


@pytest.mark.parametrize("key", [".", "a.", ".a", "a..b", "a. ", 5, None])
def test_a_key_that_is_none_is_refused(key: Any) -> None:
    with pytest.raises(ConfigException, match=r"is no key|a key is a text"):
        Config(environ={}).get(key)


def test_the_values_of_code_are_given_back_as_they_are() -> None:
    marker = object()
    config = Config({"a": marker, "b": timedelta(1), "c": "010", "d": "5"}, environ={})
    assert config.get("a") is marker
    assert [config.get(key) for key in "bcd"] == [timedelta(1), "010", "5"]
    assert str(config.origin("a")) == "code"


def test_a_section_is_a_view_with_relative_keys() -> None:
    config = Config(
        {"host": "h", "a.b": {"c": 1, "url": "http://${host}"}},
        environ={"A_B_E": "env"},
        profiles=["dev"],
    )
    section = config.section("a").section("B")
    assert section.get("c") == 1
    assert section.get("url") == "http://h"
    assert section.get("e") == "env"
    assert section.get("") == {"c": 1, "url": "http://h"}
    assert section.keys() == ("c", "url")
    assert section.resolve("${a.b.c}") == "1"
    assert section.active_profiles == ("dev",)
    assert repr(section) == "<Config: no file; section a.B; profiles dev>"


def test_a_section_that_is_not_there_is_empty_and_a_value_is_none() -> None:
    config = Config({"a": 1, "b": None}, environ={})
    assert config.section("x.y").get("z", 5) == 5
    assert config.section("x").keys() == ()
    assert config.section("b").get("z") is None
    with pytest.raises(ConfigException, match=r"code: a: is no section \(use get\)"):
        config.section("a")


def test_a_configuration_does_not_change() -> None:
    config = Config({"a": 1}, environ={})
    with pytest.raises(AttributeError, match="a Config does not change"):
        config.a = 2
    with pytest.raises(AttributeError, match="a Config does not change"):
        del config._store


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda c: _pickled(c)])
def test_a_configuration_can_be_copied_and_pickled(duplicate: Any) -> None:
    config = Config({"a": {"b": "${X}"}}, environ={"X": "1"}, profiles=["p"]).section("a")
    twin = duplicate(config)
    assert twin.get("b") == "1"
    assert twin.active_profiles == ("p",)
    assert twin.read("", Group({"b": Text()})).get("b") == "1"


def _pickled(config: Config) -> Any:
    return pickle.loads(pickle.dumps(config))


def test_no_value_is_shown_by_the_configuration_itself() -> None:
    config = Config({"password": "hunter2"}, environ={"TOKEN": "hunter2"})
    assert "hunter2" not in repr(config)


def test_a_configuration_is_shared_between_threads() -> None:
    config = Config({f"k{n}": {"v": f"${{k{n + 1}.v:{n}}}"} for n in range(10)}, environ={})

    def ask(_: int) -> list[Any]:
        return [config.get(f"k{n}.v") for n in range(10)]

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(ask, range(200)))
    assert results == [["9"] * 10] * 200


def test_the_path_of_a_file_may_be_a_path(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\n")
    assert Config.from_file(path, environ={}).get("a") == 1
    assert Config.from_file(str(path), environ={}).keys() == ("a",)


def test_reading_yaml_is_not_paid_for_by_who_reads_none() -> None:
    code = "import sys, pyfly.core as c; c.Config({'a': 1}).get('a'); print('yaml' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
