"""The exceptions of the configuration."""

from __future__ import annotations

import pickle

import pytest

from pyfly.core import ConfigException, ConfigFileException, ConfigWarning, PlaceholderException
from pyfly.kernel.exceptions import PyFlyException


def test_gathered_mistakes_are_one_line_each_and_each_once() -> None:
    error = ConfigException.gather(["a:1: x", "b:2: y", "a:1: x"])
    assert str(error) == "a:1: x\nb:2: y"
    assert error.problems == ("a:1: x", "b:2: y")


@pytest.mark.parametrize(
    "error",
    [
        ConfigException("one", "code", {"a": 1}),
        ConfigFileException("two", path="/a", line=3, column=4),
        PlaceholderException("three", placeholder="NAME"),
    ],
)
def test_an_exception_survives_pickling_with_all_it_knows(error: ConfigException) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (str(copy), vars(copy)) == (str(error), vars(error))


def test_one_except_clause_catches_them_all() -> None:
    assert issubclass(ConfigException, PyFlyException)
    assert issubclass(ConfigFileException, ConfigException)
    assert issubclass(PlaceholderException, ConfigException)
    assert issubclass(ConfigWarning, UserWarning)
