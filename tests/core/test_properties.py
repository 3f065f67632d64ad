"""Whatever stands in a file, the outcome is a configuration or a ``ConfigException``."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfly.core import Config, ConfigException, ConfigWarning
from pyfly.core.keys import common
from tests.core.support import SCHEMA

# Pieces of YAML that bite, so that random texts get somewhere.
PIECES = st.sampled_from(
    [
        *("a", "b-c", "bC", "a.b", "pyfly", "pyfly.client", "default", "timeout", "30s", "010"),
        *(": ", ":\n", "\n", "\n  ", "\n    ", "- ", "? ", ", ", "[", "]", "{", "}", "\t"),
        *("&x ", "*x", "<<: ", "!!str ", "!!python/object:a ", "!", "|\n ", ">\n ", "'", '"'),
        *("${A}", "${a.b:", "}", "$${", "---\n", "...\n", "%YAML 1.1\n", "# c\n", "\\uD800", "\\x"),
        *("~", "null", "pyfly.profiles.active: a\n", "pyfly.config.activate.on-profile: a\n", "\0"),
    ]
)
YAMLISH = st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=30).map("".join)


@pytest.fixture(scope="module")
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder, "pyfly.yaml")


def outcome(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    try:
        config = Config.from_file(path, environ={"A": "1", "PYFLY_CLIENT_DEFAULT_TIMEOUT": "1s"})
        for key in config.keys():  # noqa: SIM118 - a Config is no dictionary
            config.get(key)
        config.get("")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConfigWarning)
            config.read("pyfly.client", SCHEMA)
    except ConfigException as error:
        told = str(error).splitlines()
    else:
        told = []
    assert all(line.isprintable() for line in told), told
    assert all(len(line) < 1_000 + 2 * len(os.fspath(path)) for line in told)


@given(text=st.text())
def test_any_text_is_a_configuration_or_a_config_exception(path: Path, text: str) -> None:
    outcome(path, text.encode())


@given(text=YAMLISH)
def test_any_text_like_yaml_is_a_configuration_or_a_config_exception(path: Path, text: str) -> None:
    outcome(path, text.encode())


@given(data=st.binary())
def test_any_bytes_are_a_configuration_or_a_config_exception(path: Path, data: bytes) -> None:
    outcome(path, data)


@given(name=st.from_regex(r"PYFLY_CLIENT_[A-Z_]{0,40}", fullmatch=True), value=st.text())
def test_any_variable_is_a_setting_a_warning_or_a_config_exception(name: str, value: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            values = Config(environ={name: value}).read("pyfly.client", SCHEMA)
        except ConfigException as error:
            told = str(error)
            size = 1
        else:
            told, size = name, len(values) + len(caught)
    assert name in told
    assert size == 1


@given(text=st.text())
def test_any_text_of_code_is_resolved_or_refused(text: str) -> None:
    config = Config({"a": "${b}", "b": "x"}, environ={"A": "1"})
    try:
        resolved = config.resolve(text)
    except ConfigException as error:
        resolved = str(error)
    assert ("${" in text) or resolved == text


@given(st.text())
def test_the_common_form_of_a_key_is_its_own_common_form(part: str) -> None:
    assert common(common(part)) == common(part)
