"""Profiles: which files and documents count, in which order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pyfly.core import Config, ConfigException, ConfigFileException


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(**files: str) -> None:
    for name, text in files.items():
        Path(name.replace("__", "-").replace("_", ".")).write_text(text)


def refusal(**arguments: Any) -> str:
    with pytest.raises(ConfigException) as caught:
        Config.from_file(**{"environ": {}, **arguments})
    return str(caught.value)


def test_the_file_of_a_profile_beats_the_main_file_key_by_key() -> None:
    write(pyfly_yaml="a: {b: 1, c: 1}\n", pyfly__dev_yaml="a:\n  c: 2\n  d: 2\n")
    config = Config.from_file(profiles=["dev"], environ={})
    assert config.get("a") == {"b": 1, "c": 2, "d": 2}
    assert str(config.origin("a.c")) == "pyfly-dev.yaml:2"
    assert config.active_profiles == ("dev",)
    assert repr(config) == "<Config: pyfly.yaml; pyfly-dev.yaml; profiles dev>"


def test_the_last_profile_beats_the_others() -> None:
    write(pyfly_yaml="", pyfly__a_yaml="x: a\ny: a\n", pyfly__b_yml="x: b\n")
    assert Config.from_file(profiles=["a", "b"], environ={}).get("") == {"x": "b", "y": "a"}
    assert Config.from_file(profiles=["b", "a"], environ={}).get("") == {"x": "a", "y": "a"}


def test_a_profile_given_twice_counts_once() -> None:
    write(pyfly_yaml="", pyfly__a_yaml="x: a\n")
    assert Config.from_file(profiles=["a", "a"], environ={}).active_profiles == ("a",)


def test_profile_files_stand_beside_the_main_file_and_are_named_after_it(folder: Path) -> None:
    (folder / "conf").mkdir()
    (folder / "conf" / "app.yml").write_text("x: 1\n")
    (folder / "conf" / "app-dev.yaml").write_text("x: 2\n")
    config = Config.from_file(folder / "conf" / "app.yml", profiles=["dev"], environ={})
    assert config.get("x") == 2


def test_the_argument_beats_the_variable_and_the_variable_the_file() -> None:
    write(pyfly_yaml="pyfly.profiles.active: a\n")
    write(pyfly__a_yaml="x: a", pyfly__b_yaml="x: b", pyfly__c_yaml="x: c")
    environ = {"PYFLY_PROFILES_ACTIVE": "a, b"}
    assert Config.from_file(environ={}).active_profiles == ("a",)
    assert Config.from_file(environ=environ).active_profiles == ("a", "b")
    assert Config.from_file(environ=environ, profiles=["c"]).get("x") == "c"
    assert Config.from_file(environ=environ, profiles=[]).active_profiles == ()


def test_an_empty_variable_means_no_profile() -> None:
    write(pyfly_yaml="pyfly.profiles.active: a\n")
    config = Config.from_file(environ={"PYFLY_PROFILES_ACTIVE": ""})
    assert config.active_profiles == ()


def test_the_variable_of_this_process_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYFLY_PROFILES_ACTIVE", "a")
    write(pyfly_yaml="", pyfly__a_yaml="x: a")
    assert Config.from_file().get("x") == "a"


@pytest.mark.parametrize(
    ("active", "profiles"),
    [
        ("a", ("a",)),
        ("a, b", ("a", "b")),
        ("[a, b]", ("a", "b")),
        ("${OTHER:b}", ("b",)),
        ("${which}", ("a",)),
        ("", ()),
        ("[]", ()),
    ],
)
def test_the_file_may_name_the_active_profiles(active: str, profiles: tuple[str, ...]) -> None:
    write(pyfly_yaml=f"which: a\npyfly:\n  profiles:\n    active: {active}\n")
    write(pyfly__a_yaml="x: a", pyfly__b_yaml="x: b")
    assert Config.from_file(environ={}).active_profiles == profiles


def test_a_document_for_a_profile_counts_only_when_that_is_active() -> None:
    write(
        pyfly_yaml=(
            "x: 1\ny: 1\n---\npyfly.config.activate.on-profile: dev\nx: 2\n---\n"
            "pyfly:\n  config:\n    activate:\n      onProfile: [test, stage]\nx: 3\n---\n"
        )
    )
    values = {"x": 1, "y": 1}
    assert Config.from_file(environ={}).get("") == values
    assert Config.from_file(environ={}, profiles=["dev"]).get("") == values | {"x": 2}
    assert Config.from_file(environ={}, profiles=["stage"]).get("") == values | {"x": 3}


@pytest.mark.survives(
    "Starting and stopping",
    "two documents in `pyfly.yaml`, neither of them for a profile",
    "`ConfigException` with both lines",
)
@pytest.mark.parametrize("profile", [None, "dev"])
def test_a_second_document_without_a_profile_is_an_error(profile: str | None) -> None:
    twice = "x: 1\n---\npyfly.config.activate.on-profile: test\nx: 2\n---\n---\ny: 4\n"
    if profile is None:
        write(pyfly_yaml=twice)
    else:
        write(pyfly_yaml="z: 1\n", pyfly__dev_yaml=twice)
    file = "pyfly.yaml" if profile is None else "pyfly-dev.yaml"
    with pytest.raises(ConfigException) as caught:
        Config.from_file(environ={}, profiles=[] if profile is None else [profile])
    assert str(caught.value) == (
        f"{file}:7: a second document without a profile, after that of {file}:1 (remove the --- "
        "between them, or say for which profile it is: pyfly.config.activate.on-profile: name)"
    )


def test_a_document_for_a_profile_keeps_the_rest_of_its_section() -> None:
    write(pyfly_yaml="pyfly:\n  config: {activate: {on-profile: dev}, other: 1}\n  client: 2\n")
    config = Config.from_file(environ={}, profiles=["dev"])
    assert config.get("pyfly") == {"config": {"other": 1}, "client": 2}


def test_a_section_with_nothing_under_it_removes_nothing() -> None:
    write(pyfly_yaml="a: {b: 1}\nc: 1\n", pyfly__dev_yaml="a:\n  # b: 2\nc:\nd: {e: 1}\n")
    config = Config.from_file(environ={}, profiles=["dev"])
    assert config.get("") == {"a": {"b": 1}, "c": None, "d": {"e": 1}}


def test_a_list_or_a_value_is_replaced_as_a_whole() -> None:
    write(pyfly_yaml="a: [1, 2]\nb: {c: 1}\n", pyfly__dev_yaml="a: [3]\nb: 2\n")
    assert Config.from_file(environ={}, profiles=["dev"]).get("") == {"a": [3], "b": 2}


def test_a_missing_file_is_named_in_full_with_the_way_out(folder: Path) -> None:
    with pytest.raises(ConfigFileException) as caught:
        Config.from_file(environ={})
    assert caught.value.path == str(folder / "pyfly.yaml")
    assert str(caught.value) == (
        f"{folder}/pyfly.yaml: there is no such file (give the path of one, "
        "or use Config() for a configuration without a file)"
    )


def test_a_missing_file_with_another_ending_is_pointed_out() -> None:
    write(pyfly_yml="")
    assert "; pyfly.yml is there, or use Config()" in refusal()
    assert "is there" not in refusal(path="pyfly.json")


def test_a_profile_that_nothing_is_for_is_refused(folder: Path) -> None:
    write(pyfly_yaml="---\npyfly.config.activate.on-profile: staging\n")
    assert refusal(profiles=["stagin"]) == (
        f"{folder}/pyfly-stagin.yaml: the profile stagin is active, but there is no such file, and "
        "no document of pyfly.yaml is for it (add one, or do not activate the profile; "
        "did you mean staging?)"
    )
    assert "did you mean" not in refusal(profiles=["zzz"])


def test_two_files_for_one_profile_are_refused() -> None:
    write(pyfly_yaml="", pyfly__a_yaml="", pyfly__a_yml="")
    assert refusal(profiles=["a"]) == (
        "pyfly-a.yaml and pyfly-a.yml: both are there for the profile a (keep one of them)"
    )


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (
            "x: 1\npyfly.profiles.active: a/../b\n",
            "pyfly.yaml:2: pyfly.profiles.active: 'a/../b' is no name of a profile (letters,",
        ),
        (
            "pyfly:\n  config.activate.on-profile: '!prod'\n",
            "pyfly.yaml:2: pyfly.config.activate.on-profile: '!prod' is no name of a profile",
        ),
        (
            "pyfly.config.activate.on-profile:\n",
            "pyfly.yaml:1: pyfly.config.activate.on-profile: names no profile (name one)",
        ),
        (
            "pyfly.config.activate.on-profile: {a: 1}\n",
            "pyfly.yaml:1: names of profiles are expected (write [dev, test])",
        ),
        (
            "pyfly.config.activate.on-profile: [[a]]\n",
            "pyfly.yaml:1: names of profiles are expected (write [dev, test])",
        ),
        (
            "pyfly.config.activate.on-cloud: a\n",
            "pyfly.yaml:1: pyfly.config.activate: only on-profile may stand here",
        ),
        (
            "pyfly.config.activate: a\n",
            "pyfly.yaml:1: pyfly.config.activate: only on-profile may stand here",
        ),
        (
            "pyfly:\n  config.activate.on-profile: a\n  profiles.active: b\n",
            "pyfly.yaml:3: pyfly.profiles.active: cannot be set where it depends on a profile",
        ),
        (
            "pyfly.profiles.active: ${NOBODY}\n",
            "pyfly.yaml:1: pyfly.profiles.active: ${NOBODY} is neither a key",
        ),
    ],
)
def test_profiles_that_are_named_wrongly_are_refused(text: str, what: str) -> None:
    write(pyfly_yaml=text)
    assert refusal().startswith(what)


def test_the_file_of_a_profile_activates_no_others() -> None:
    write(pyfly_yaml="", pyfly__a_yaml="pyfly.profiles.active: b")
    assert refusal(profiles=["a"]).startswith(
        "pyfly-a.yaml:1: pyfly.profiles.active: cannot be set where it depends on a profile itself"
    )


def test_a_variable_with_a_wrong_name_in_it_is_named() -> None:
    write(pyfly_yaml="")
    assert refusal(environ={"PYFLY_PROFILES_ACTIVE": "a b"}).startswith(
        "environment variable PYFLY_PROFILES_ACTIVE: 'a b' is no name of a profile"
    )


def test_one_text_instead_of_a_list_is_refused() -> None:
    write(pyfly_yaml="")
    assert refusal(profiles="dev") == "profiles= 'dev' is one text (write a list: ['dev'])"
    assert "5 is no name of a profile" in refusal(profiles=[5])
