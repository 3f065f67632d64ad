"""Each kind of leaf: what it takes, what it refuses, and what it says then."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pyfly.core import (
    Choice,
    ConfigException,
    Duration,
    Flag,
    Group,
    Integer,
    Leaf,
    Named,
    Number,
    OneOf,
    Secret,
    Size,
    Text,
)
from pyfly.core.conversions import plain_value, show


def read(leaf: Leaf, value: Any) -> Any:
    return leaf.read(value, show(value))


@pytest.mark.parametrize(
    ("leaf", "written", "value"),
    [
        (Integer(), "5", 5),
        (Integer(), "+5", 5),
        (Integer(), "-5", -5),
        (Integer(), " 5 ", 5),
        (Integer(), "0", 0),
        (Integer(), 5, 5),
        (Number(), "0.5", 0.5),
        (Number(), "-.5", -0.5),
        (Number(), "1e3", 1000.0),
        (Number(), "7", 7.0),
        (Number(), 7, 7.0),
        (Flag(), "true", True),
        (Flag(), "FALSE", False),
        (Flag(), False, False),
        (Size(), "1048576", 1048576),
        (Size(), 0, 0),
        (Size(), "10MiB", 10 * 1024**2),
        (Size(), "512KB", 512_000),
        (Size(), "512kb", 512_000),
        (Size(), "1.5KiB", 1536),
        (Size(), ".5KB", 500),
        (Size(), "1 GiB", 1024**3),
        (Size(), "2tb", 2 * 1000**4),
        (Size(), "12B", 12),
        (Text(), "", ""),
        (Text(), "5", "5"),
        (Choice("httpx2", "other-one"), "httpx2", "httpx2"),
        (Choice("httpx2", "other-one"), "OTHER_ONE", "other-one"),
        (OneOf(Flag(), Integer()), "true", True),
        (OneOf(Flag(), Integer()), "3", 3),
        (OneOf(Flag(), Integer(), nullable=True), None, None),
        (Duration(nullable=True), None, None),
    ],
)
def test_a_value_is_read(leaf: Leaf, written: Any, value: Any) -> None:
    result = read(leaf, written)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("leaf", "written", "message"),
    [
        (Integer(), "1_000", "'1_000' is not a whole number (write the digits without under"),
        (Integer(), "010", "'010' is not a whole number (a leading zero means octal"),
        (Integer(), "0o14", "(write it in decimal digits)"),
        (Integer(), "0x1F", "(write it in decimal digits)"),
        (Integer(), "1e3", "(write all the digits, without an exponent)"),
        (Integer(), "1,000", "(write the digits without a comma"),
        (Integer(), "1:30", "'1:30' is not a whole number (write for example 3)"),
        (Integer(), "on", "'on' is not a whole number"),
        (Integer(), "5.0", "'5.0' is not a whole number"),
        (Integer(), "9" * 65, "is not a whole number"),
        (Integer(), "", "'' is not a whole number"),
        (Integer(), "\u0663", "is not a whole number"),
        (Integer(), True, "true is not a whole number"),
        (Integer(), 5.0, "5.0 is not a whole number"),
        (Integer(minimum=1), "0", "'0' is too small (at least 1)"),
        (Integer(maximum=10), "11", "'11' is too large (at most 10)"),
        (Integer(), None, "has no value (give it one, or remove the line)"),
        (Number(), "nan", "'nan' is not a finite number (write for example 0.5)"),
        (Number(), ".inf", "is not a finite number"),
        (Number(), "1e999", "is not a finite number"),
        (Number(), "010", "a leading zero"),
        (Number(), float("inf"), "inf is not a finite number"),
        (Number(), 10**400, "a very large number is not a finite number"),
        (Number(), False, "false is not a finite number"),
        (Number(maximum=1), "1.5", "'1.5' is too large (at most 1)"),
        (Flag(), "on", "'on' is neither true nor false (write one of these two words)"),
        (Flag(), "1", "'1' is neither true nor false"),
        (Flag(), 1, "1 is neither true nor false"),
        (Size(), "10M", "(write MB for thousands or MiB for powers of 1024)"),
        (Size(), "10mi", "(write MB for thousands or MiB for powers of 1024)"),
        (Size(), "10Mb", "(a lower-case b may mean bits; write MB)"),
        (Size(), "1.5", "(it is not a whole number of bytes)"),
        (Size(), "-1", "(a size is not negative)"),
        (Size(), -1, "(a size is not negative)"),
        (Size(), "010", "(a leading zero"),
        (Size(), "1_000", "(write the digits without underscores)"),
        (Size(), "10 apples", "such as 10MiB)"),
        (Size(), "MiB", "such as 10MiB)"),
        (Size(), True, "true is not a size (write bytes"),
        (Size(), 1.5, "1.5 is not a size (write bytes"),
        (Size(minimum=1), "0", "'0' is too small (at least 1B)"),
        (Duration(minimum="1ms"), "0", "'0' is too small (at least 1ms)"),
        (Duration(maximum=timedelta(days=1)), "90000", "'90000' is too large (at most 1d)"),
        (Text(), 5, "5 is not a text (put it in quotes)"),
        (Choice("httpx2", "httpx"), "htpx", "did you mean httpx? write one of: httpx2, httpx"),
        (Choice("httpx2", "httpx"), "zzz", "'zzz' is not accepted (write one of: httpx2, httpx)"),
        (Choice("httpx2", "httpx"), 5, "5 is not accepted (write one of"),
        (
            OneOf(Flag(), Integer(minimum=0)),
            "-1",
            "'-1' is not accepted (write true or false, or a whole number of at least 0)",
        ),
    ],
)
def test_a_value_of_another_kind_is_refused_with_advice(
    leaf: Leaf, written: Any, message: str
) -> None:
    with pytest.raises(ConfigException) as caught:
        read(leaf, written)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [
        (Duration(minimum="1s", maximum="1m"), "a duration of at least 1s and at most 1m such as"),
        (Integer(maximum=3), "a whole number of at most 3"),
        (Number(), "a number"),
        (Size(), "a size such as 512KB or 10MiB"),
        (Text(), "a text"),
        (Secret(), "a text"),
        (Choice("a", "b"), "one of a, b"),
    ],
)
def test_a_leaf_says_what_it_expects(leaf: Leaf, expected: str) -> None:
    assert leaf.expected.startswith(expected)


def test_credentials_in_a_url_are_not_shown() -> None:
    leaf = Text(check=lambda _: "is not accepted")
    with pytest.raises(ConfigException) as caught:
        read(leaf, "http://ada:hunter2@shop:8080/?a=b@c")
    assert str(caught.value) == "'http://***@shop:8080/?a=b@c' is not accepted"


def test_a_check_of_ones_own_refuses_with_its_own_words() -> None:
    leaf = Text(check=lambda text: None if text.startswith("http") else "is no URL (write http…)")
    assert read(leaf, "http://a") == "http://a"
    with pytest.raises(ConfigException, match=r"^'ftp:' is no URL \(write http…\)$"):
        read(leaf, "ftp:")


def test_a_default_is_written_as_in_a_file() -> None:
    assert Duration(default="30s").default == timedelta(seconds=30)
    assert Size(default="1KiB").default == 1024
    assert Choice("a", "b", default="B").default == "b"
    assert OneOf(Flag(), Integer(), default=0).default == 0


def test_a_default_that_is_no_value_is_refused_where_the_schema_is_written() -> None:
    with pytest.raises(ConfigException, match="'30x' is not a duration"):
        Duration(default="30x")


def test_the_default_of_a_secret_is_not_shown() -> None:
    with pytest.raises(ConfigException) as caught:
        Secret(default=12345)
    assert str(caught.value) == "*** is not a text (put it in quotes)"


def test_a_union_with_a_secret_in_it_is_secret() -> None:
    assert OneOf(Flag(), Secret()).secret
    assert not OneOf(Flag(), Text()).secret


def test_a_group_refuses_keys_that_are_one_key() -> None:
    with pytest.raises(ConfigException, match="baseUrl and base-url are the same key"):
        Group({"base-url": Text(), "baseUrl": Text()})


@pytest.mark.parametrize("key", ["", "a.b"])
def test_a_group_refuses_keys_that_no_file_can_have(key: str) -> None:
    with pytest.raises(ConfigException, match=r"is no key of a schema \(nest groups instead\)"):
        Group({key: Named(Text())})


@pytest.mark.parametrize(
    ("leaf", "hidden"),
    [
        (Integer(), "1_0"),
        (Number(), "010"),
        (Duration(), "5M"),
        (Size(), "5Mb"),
        (Choice("hunter"), "hunter2"),
    ],
)
def test_advice_for_a_hidden_value_does_not_give_it_away(leaf: Leaf, hidden: str) -> None:
    with pytest.raises(ConfigException) as caught:
        leaf.read(hidden, "***")
    assert str(caught.value).startswith("*** is not")
    for telling in ("underscore", "octal", "lower", "bits", "mean"):
        assert telling not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("null", None),
        ("~", None),
        ("true", True),
        ("False", False),
        ("5", 5),
        ("-5", -5),
        ("0", 0),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1.5e+3", 1500.0),
        ("on", "on"),
        ("yes", "yes"),
        ("010", "010"),
        ("0o14", "0o14"),
        ("0x1F", "0x1F"),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("1e3", "1e3"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1.0e+999", "1.0e+999"),
        ("2024-01-01", "2024-01-01"),
        ("9" * 65, "9" * 65),
    ],
)
def test_without_a_schema_only_what_every_reader_agrees_on_is_more_than_text(
    text: str, value: Any
) -> None:
    assert plain_value(text) == value
    assert type(plain_value(text)) is type(value)
