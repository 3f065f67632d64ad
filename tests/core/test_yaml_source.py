"""Reading a YAML file: origins, refusals, and nothing that runs away."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from pyfly.core import Config, ConfigException, ConfigFileException


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(text: str | bytes) -> Config:
    data = text if isinstance(text, bytes) else text.encode()
    Path("pyfly.yaml").write_bytes(data)
    return Config.from_file(environ={})


def refusal(text: str | bytes) -> str:
    with pytest.raises(ConfigException) as caught:
        load(text)
    return str(caught.value)


pytestmark = pytest.mark.usefixtures("folder")


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n", "---\n---\n", "null\n", "~"])
def test_an_empty_file_is_an_empty_configuration(text: str) -> None:
    assert load(text).get("") == {}


def test_each_value_knows_its_line() -> None:
    config = load("a:\n  b: 1\n\n  c:\n    - x\nd: {e: 2,\n  f: 3}\ng:\n  long text\n")
    lines = {key: str(config.origin(key)) for key in ("a", "a.b", "a.c", "d.e", "d.f", "g")}
    assert lines == {
        "a": "pyfly.yaml:1",
        "a.b": "pyfly.yaml:2",
        "a.c": "pyfly.yaml:4",
        "d.e": "pyfly.yaml:6",
        "d.f": "pyfly.yaml:7",
        "g": "pyfly.yaml:8",
    }


def test_values_are_what_every_version_of_yaml_takes_them_for() -> None:
    config = load(
        "a: 1\nb: 0.5\nc: true\nd: null\ne: on\nf: '5'\ng: 1:30\nh: |\n  two\n  lines\n"
        "i: [1, x, {y: 2}]\nj: !!str 5\nk: ! 6\nl: !!map {m: 1}\nn: !!seq [1]\n"
    )
    assert config.get("") == {
        "a": 1,
        "b": 0.5,
        "c": True,
        "d": None,
        "e": "on",
        "f": "5",
        "g": "1:30",
        "h": "two\nlines\n",
        "i": [1, "x", {"y": 2}],
        "j": "5",
        "k": "6",
        "l": {"m": 1},
        "n": [1],
    }


def test_keys_are_text_even_where_they_look_like_something_else() -> None:
    assert load("on: 1\n8080: 2\nnull: 3\n'quoted key': 4").get("") == {
        "on": 1,
        "8080": 2,
        "null": 3,
        "quoted key": 4,
    }


def test_dotted_keys_unfold_and_join_what_is_nested() -> None:
    config = load("a:\n  b: 1\na.c: 2\na.d.e: 3\na.d.f: 4\nx.y: 5\n")
    assert config.get("") == {"a": {"b": 1, "c": 2, "d": {"e": 3, "f": 4}}, "x": {"y": 5}}
    assert str(config.origin("a.d.f")) == "pyfly.yaml:5"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a: 1\na: 2\n", ["pyfly.yaml:2: a: already given at pyfly.yaml:1 (keep one of them)"]),
        (
            "p:\n  connect-timeout: 1\n  connectTimeout: 2\n  CONNECT_TIMEOUT: 3\n",
            [
                "pyfly.yaml:3: p.connectTimeout: already given as connect-timeout at pyfly.yaml:2"
                " (keep one of them)",
                "pyfly.yaml:4: p.CONNECT_TIMEOUT: already given as connect-timeout at pyfly.yaml:2"
                " (keep one of them)",
            ],
        ),
        ("a: {b: 1}\na: {c: 2}\n", ["pyfly.yaml:2: a: already given at pyfly.yaml:1"]),
        ("a: {b: 1}\na.b: 2\n", ["pyfly.yaml:2: a.b: already given at pyfly.yaml:1"]),
        ("a.b.c: 1\na.b.c: 2\n", ["pyfly.yaml:2: a.b.c: already given at pyfly.yaml:1"]),
        ("a: 1\na.b: 2\n", ["pyfly.yaml:2: a: already given at pyfly.yaml:1"]),
        ("x: [{a: 1, a: 2}]\n", ["pyfly.yaml:1: x.[].a: already given"]),
        ("a..b: 1\n", ["pyfly.yaml:1: 'a..b' is no key: a part of it is empty"]),
        ("'': 1\n", ["pyfly.yaml:1: a key under the top level is empty (write key: value)"]),
        ("? [a]\n: 1\n", ["pyfly.yaml:1: a key under the top level is no text"]),
        ("b: {? {c: 1} : 1}\n", ["pyfly.yaml:1: a key under b is no text (write key: value)"]),
        (
            "- a\n- b\n",
            ["pyfly.yaml:1: the file holds a list, but keys are expected (write key: value lines)"],
        ),
        ("just text", ["pyfly.yaml:1: the file holds a single value"]),
        (
            "a: !!python/object/apply:os.system ['true']\n",
            ["pyfly.yaml:1: the tag !!python/object/apply is not accepted (remove it; put a text"],
        ),
        ("a: !!int '5'\n", ["pyfly.yaml:1: the tag is not accepted"]),
        ("a: !!set {b}\n", ["pyfly.yaml:1: the tag is not accepted"]),
        ("a: !hunter2\n", ["pyfly.yaml:1: the tag is not accepted"]),
        ("a:\n  !!binary aGk=\n", ["pyfly.yaml:2: the tag is not accepted"]),
        ("a: *hunter2\n", ["pyfly.yaml:1: an alias has no anchor above it (put a text that"]),
        ("a: &b [*b]\n", ["pyfly.yaml:1: an alias contains itself"]),
        ("a: &b {c: *b}\n", ["pyfly.yaml:1: an alias contains itself"]),
        ("<<: 5\n", ["pyfly.yaml:1: << takes over sections, nothing else (write <<: *name)"]),
        (
            "a: &a {b: 1}\nc:\n  <<: *a\n  <<: *a\n",
            ["pyfly.yaml:4: << is given twice (write <<: [*first, *second])"],
        ),
        ('a: "\\uD800"\n', ["pyfly.yaml:1: half of a surrogate pair is no character"]),
        ('"\\uD800": 1\n', ["pyfly.yaml:1: half of a surrogate", "pyfly.yaml:1: a key under"]),
        ('"a\\nb": 1\n"a\\nb": 2\n', ["pyfly.yaml:2: a\\nb: already given"]),
    ],
)
def test_mistakes_are_told_with_their_lines(text: str, lines: list[str]) -> None:
    told = refusal(text).splitlines()
    assert len(told) == len(lines)
    for line, start in zip(told, lines, strict=True):
        assert line.startswith(start)
        assert "hunter2" not in line


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("a:\n\t- b\n", "2:1", "found character '\\t' that cannot start any token (a tab does"),
        ("a: [1\n", "2:1", "(check the indentation, the brackets and the quotes just above)"),
        ("a: b: c\n", "1:5", "(check the indentation, and put a text that has ': ' in it"),
        ("a: %x\n", "1:4", "(put a text that begins with a special character in quotes)"),
        ("a: ${X: y}\n", "1:7", "(put a text with a placeholder in quotes)"),
        ("a: [x${N}]\n", "1:7", "is not YAML: expected ',' or ']', but got '{' (put a text with"),
        ("a: 'open\n", "2:1", "found unexpected end of stream"),
        ("a: !hunter2!x y\n", "1:4", "found undefined tag handle …"),
        ("%YAML 2.0\n---\na: 1\n", "1:1", "found incompatible YAML document"),
        ("a: 1\nb: \x01\n", "2:4", "the character 0x0001 is not allowed in YAML"),
        ("a: 1\nb: \x00\n", "2:4", "the character 0x0000 is not allowed in YAML"),
        (b"a: 1\nbc: \xff\n", "2:5", "is not UTF-8 (save the file in that encoding)"),
        ("a: 1\n".encode("utf-16"), "1:1", "is not UTF-8"),
    ],
)
def test_what_is_no_yaml_is_told_with_line_and_column(
    text: str | bytes, place: str, what: str
) -> None:
    told = refusal(text)
    assert told.startswith(f"pyfly.yaml:{place}: ")
    assert what in told
    assert "\n" not in told
    assert "hunter2" not in told


@pytest.mark.parametrize("text", ['a: "\\UFFFFFFFF"\n', f"%YAML {'9' * 5000}.1\n---\na: 1\n"])
def test_numbers_that_the_parser_chokes_on_are_no_yaml_either(text: str) -> None:
    assert refusal(text) == "pyfly.yaml: is not YAML: a number in it is out of range"


def test_the_exception_names_the_file_and_survives_pickling(folder: Path) -> None:
    with pytest.raises(ConfigFileException) as caught:
        load("a: 1\nb: [")
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.path, error.line, error.column) == (str(folder / "pyfly.yaml"), 2, 5)
    assert error.problems == caught.value.problems
    assert "yaml" not in type(error.__cause__).__module__


def test_a_byte_order_mark_is_skipped() -> None:
    assert load(b"\xef\xbb\xbfa: 1\n").get("a") == 1


def test_anchors_aliases_and_merge_keys_work() -> None:
    config = load(
        "base: &base\n  timeout: 1s\n  retry: 3\nmore: &more {retry: 4, extra: &x yes}\n"
        "a:\n  <<: *base\n  retry: 5\nb:\n  <<: [*more, *base]\nc: *x\n*x : key\n"
    )
    assert config.get("a") == {"timeout": "1s", "retry": 5}
    assert config.get("b") == {"retry": 4, "extra": "yes", "timeout": "1s"}
    assert (config.get("c"), config.get("yes")) == ("yes", "key")
    # An inherited value was written at its anchor, an alias where it stands.
    assert str(config.origin("a.timeout")) == "pyfly.yaml:2"
    assert str(config.origin("c")) == "pyfly.yaml:10"


def test_a_merge_key_is_plain_and_a_quoted_one_is_a_key() -> None:
    assert load('"<<": 1\n').get("<<") == 1


def test_anchors_end_with_their_document() -> None:
    assert "no anchor above it" in refusal("a: &x 1\n---\nb: *x\n")


def test_aliases_that_multiply_are_bounded() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "more than 20,000 values, aliases counted each time" in refusal("\n".join(lines))


def test_sections_that_multiply_by_merge_keys_are_bounded() -> None:
    lines = ["a0: &a0 {b: 1}"]
    lines += [f"a{n}: &a{n} {{x: *a{n - 1}, y: *a{n - 1}}}" for n in range(1, 40)]
    assert "more than 20,000 values" in refusal("\n".join(lines))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 500,
        "a: " + "{b: " * 500,
        ".".join("a" * 500) + ": 1",
        "? " * 500,
        "\n".join(["a0: &a0 [1]"] + [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 200)]),
    ],
)
def test_depth_is_bounded(text: str) -> None:
    assert "nested more than 64 levels deep" in refusal(text)


def test_a_huge_file_is_not_read() -> None:
    assert refusal(b"a" * 1_000_001) == (
        "pyfly.yaml: is larger than 1,000,000 bytes, so it is not read"
    )


def test_a_folder_is_no_file(folder: Path) -> None:
    with pytest.raises(ConfigFileException) as caught:
        Config.from_file(folder, environ={})
    assert str(caught.value) == f"{folder}: cannot be read: Is a directory"


@pytest.mark.survives(
    "Starting and stopping",
    "`pyfly.yaml`, or the file of a profile, is a pipe or a device",
    "`ConfigFileException` at once, where opening it would wait for ever",
)
@pytest.mark.timeout(10)
def test_a_pipe_or_a_device_is_not_read(folder: Path) -> None:
    os.mkfifo("pyfly.yaml")
    with pytest.raises(ConfigFileException) as caught:
        Config.from_file(environ={})
    assert str(caught.value) == "pyfly.yaml: is a pipe or a device, so it is not read"
    with pytest.raises(ConfigFileException, match=r"^/dev/zero: is a pipe or a device"):
        Config.from_file("/dev/zero", environ={})
    Path("main.yaml").write_text("x: 1\n")
    os.mkfifo("main-dev.yaml")
    with pytest.raises(ConfigFileException, match=r"^main-dev\.yaml: is a pipe"):
        Config.from_file("main.yaml", environ={}, profiles=["dev"])


def test_a_line_of_a_profile_in_windows_style_is_counted_once() -> None:
    config = load("a: 1\r\nb: 2\r\n")
    assert str(config.origin("b")) == "pyfly.yaml:2"


def test_nothing_of_a_file_is_executed() -> None:
    told: Any = refusal("a: !!python/object/new:os.system [touch executed]\n")
    assert "!!python/object/new" in told
    assert not Path("executed").exists()
