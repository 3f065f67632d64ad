"""What is typed becomes what the annotation says, or a complaint that says what to type."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlsplit

import pytest

from pyfly.cli.annotations import type_text
from tests.cli.call.conftest import Call
from tests.cli.shell import Shell


def echoed(printed: str) -> dict[str, object]:
    told: dict[str, object] = json.loads(printed)
    return told


def query(printed: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(str(echoed(printed)["target"])).query))


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ("--i -5", "i=-5"),
        ("--f 1.5e3", "f=1500.0"),
        ("--b true", "b=true"),
        ("--b No", "b=false"),
        ("--b", "b=true"),
        ("--d 1.10", "d=1.10"),
        ("--u 12345678123456781234567812345678", "u=12345678-1234-5678-1234-567812345678"),
        ("--day 2026-01-02", "day=2026-01-02"),
        ("--at 2026-01-02T03:04:05Z", "at=2026-01-02T03%3A04%3A05Z"),
        ("--colour r", "colour=r"),
        ("--colour BLUE", "colour=b"),
        ("--size 2", "size=2"),
        ("--size LARGE", "size=2"),
        ("--kind a", "kind=a"),
        ("--kind 3", "kind=3"),
        ("--many 1 --many 2", "many=1&many=2"),
        ("--csv a,b --csv c", "c=a%2Cb,c"),
        ("--either 07", "either=7"),
        ("--either x7", "either=x7"),
        ("--anything @x", "anything=%40x"),
        ("--bare a --bare b", "bare=a&bare=b"),
        ('--spread {"shade":"r","limit":3}', "shade=r&limit=3"),
        ("--marked r", "marked=r"),
        ("--names Ann", "names=Ann"),
        ("--patience 500ms", ""),
        ("--trace x", ""),
    ],
)
def test_an_argument_is_converted_by_its_annotation(arguments: str, sent: str, call: Call) -> None:
    ran = call("convert", *arguments.split(" "))
    assert (ran.status, ran.complained) == (0, "")
    target = str(echoed(ran.printed)["target"])
    pairs = [pair for pair in target.partition("?")[2].split("&") if pair != "size=1"]
    assert "&".join(pairs) == sent.replace("size=1", "")


def test_headers_and_cookies_are_sent_as_such(call: Call) -> None:
    ran = call(
        "convert", "--trace", "a b", "--sid", "7", "--headers", "X-One:  1 ",
        "--headers", '{"X-Two": "2", "X-Three": "3"}',
    )  # fmt: skip
    found = {name.lower(): value for name, value in json.loads(ran.printed)["headers"]}
    assert [found[name] for name in ("x-trace", "cookie", "x-one", "x-two", "x-three")] == [
        "a b", "sid=7", "1", "2", "3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--i x", "'--i': 'x' is no int"),
        ("--i ٣", "'٣' is no int"),
        ("--f x", "'x' is no float"),
        ("--b 3", "'3' is no bool"),
        ("--d x", "'x' is no Decimal"),
        ("--u x", "'x' is no UUID"),
        ("--day tomorrow", "'tomorrow' is no date"),
        ("--colour green", "'green' is none of r, b, RED, BLUE"),
        ("--kind c", "'c' is none of a, b, 3"),
        ("--many 1 --many x", "'x' is no int"),
        ("--spread x", "Expecting value"),
        ("--spread {}", "it is no Filter | None at shade: Field required"),
        ("--headers x", "'x' is no header (write 'Name: value')"),
        ("--patience x", "'x' is no timedelta"),
        ("--manny 1", "No such option '--manny'. (Did you mean one of: '--day', '--many'?)"),
        ("--i", "requires an argument"),
        ("stray", "unexpected extra argument"),
    ],
)
def test_an_argument_that_does_not_fit_is_a_usage_error(
    arguments: str, said: str, call: Call
) -> None:
    ran = call("convert", *arguments.split(" "))
    assert said in ran.complained
    assert "Traceback" not in ran.complained
    assert (ran.status, ran.printed) == (2, "")


def test_a_missing_argument_is_named(call: Call) -> None:
    ran = call("product")
    assert "Missing option '--product-id'" in ran.complained
    assert ran.status == 2


def test_a_value_that_is_given_twice_where_one_is_meant_is_named(call: Call) -> None:
    ran = call("product", "--product-id", "42", "--product-id", "43")
    assert "--product-id takes one value, and is given 2 times" in ran.complained
    assert (ran.status, ran.printed) == (2, "")


def test_both_spellings_of_a_name_are_understood(call: Call) -> None:
    for flag in ("--product-id", "--product_id"):
        assert json.loads(call("product", flag, "42").printed)["id"] == "42"


class TestBodies:
    @pytest.mark.parametrize(
        ("method", "typed", "sent", "media_type"),
        [
            ("json", '{"a": [1]}', '{"a":[1]}', "application/json"),
            ("json", '"text"', '"text"', "application/json"),
            ("untyped", "[1, 2]", "[1,2]", "application/json"),
            ("models", '[{"id": "1"}]', '[{"id":"1","name":"none"}]', "application/json"),
            ("text", "plain", "plain", "text/plain; charset=utf-8"),
            ("text", "@@at", "@at", "text/plain; charset=utf-8"),
            ("raw", "bytes", "bytes", "application/octet-stream"),
            ("raw_or_json", '{"a": 1}', '{"a":1}', "application/json"),
            ("lines", '{"a": 1}\n\n[2]', '{"a":1}\n[2]\n', "application/x-ndjson"),
        ],
    )
    def test_a_body_is_read_as_its_media_type_and_annotation_say(
        self,
        method: str,
        typed: str,
        sent: str,
        media_type: str,
        call: Call,
        shell: Shell,
    ) -> None:
        ran = call(method, "--body", typed)
        assert ran.complained == ""
        told = echoed(ran.printed)
        assert told["body"] == sent
        headers = {name.lower(): value for name, value in told["headers"]}  # type: ignore[attr-defined]  # pairs
        assert headers["content-type"] == media_type
        if not typed.startswith("@"):
            shell.file("body", typed.encode())
            assert echoed(call(method, "--body", "@body").printed)["body"] in (sent, typed)

    @pytest.mark.parametrize("method", ["json", "raw", "text", "raw_or_json"])
    def test_standard_input_is_a_body_too(
        self, method: str, call: Call, typed: Callable[[bytes], None]
    ) -> None:
        typed(b'{"a":1}')
        assert echoed(call(method, "--body", "-").printed)["body"] == '{"a":1}'

    @pytest.mark.parametrize(
        ("method", "typed", "said"),
        [
            ("json", "text", "(texts have quotes in JSON)"),
            ("json", "{", "Expecting property name"),
            ("json", "NaN", "NaN"),
            ("json", "@nowhere", "there is no file 'nowhere'"),
            ("raw", "@nowhere", "there is no file 'nowhere'"),
            ("create", '{"id": 1}', "it is no Product at id: Input should be a valid string"),
            ("models", '[{"id": "1"}, {}]', "it is no list["),
        ],
    )
    def test_a_body_that_does_not_fit_is_a_usage_error(
        self, method: str, typed: str, said: str, call: Call
    ) -> None:
        ran = call(method, "--body", typed)
        assert said in ran.complained
        assert ran.status == 2

    def test_without_pydantic_a_dataclass_is_sent_as_it_was_typed(
        self, call: Call, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def absent(annotation: object) -> object:
            raise ImportError

        monkeypatch.setattr("pyfly.cli.call.texts.typed_json", absent)
        assert json.loads(call("create", "--body", '{"id": "7"}').printed)["id"] == "7"

    def test_a_form_and_its_fields(self, call: Call) -> None:
        ran = call("form", "--user", "a b", "--password", "&")
        assert echoed(ran.printed)["body"] == "user=a+b&password=%26"
        ran = call("fields", "--body", '{"shade": "r"}')
        assert echoed(ran.printed)["body"] == "shade=r"

    def test_what_is_nested_is_given_as_json(self, call: Call) -> None:
        given = ("--items", '{"shade": "r"}', "--items", '{"shade": "g"}', "--meta", '{"a": [1]}')
        body = "items%5B0%5D%5Bshade%5D=r&items%5B1%5D%5Bshade%5D=g&m%5Ba%5D%5B0%5D=1"
        assert echoed(call("nested", *given).printed)["body"] == body

    def test_files_are_named_with_an_at(
        self, call: Call, shell: Shell, typed: Callable[[bytes], None]
    ) -> None:
        shell.file("cat.png", b"cat")
        shell.file("dog.txt", b"dog")
        typed(b"from stdin")
        ran = call(
            "files", "--token", "t", "--photo", "-", "--more", "@dog.txt", "--more", "@cat.png"
        )
        body = str(echoed(ran.printed)["body"])
        assert 'name="photo"' in body
        assert "\r\n\r\nfrom stdin\r\n" in body
        assert 'filename="dog.txt"' in body
        assert "\r\n\r\ncat\r\n" in body
        ran = call("files", "--token", "t", "--photo", "cat.png")
        assert "write @cat.png for the file of that name, or - for standard" in ran.complained
        assert ran.status == 2


class TestClashes:
    def test_a_parameter_beats_an_option_after_the_method(self, call: Call) -> None:
        ran = call("clash", "--config", "x", "--help", "y", "--timeout", "z", "--dry-run", "true")
        assert query(ran.printed) == {"config": "x", "help": "y", "timeout": "z", "dry_run": "true"}

    def test_an_option_stands_before_the_method(self, shell: Shell, shop: str) -> None:
        ran = shell.run("call", "--dry-run", f"{shop}:Convert.clash", "--config", "x", "-v")
        assert ran.printed.startswith("GET /echo/clash?config=x")
        assert ran.status == 0


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (dict[str, int] | None, "dict[str, int] | None"),
        (tuple[int, ...], "tuple[int, ...]"),
        (list, "list"),
        (Annotated[int, "marked"] | None, "int | None"),
        (Literal["a", 1], "'a' | 1"),
        (None, "None"),
    ],
)
def test_annotations_are_told_without_modules(annotation: object, text: str) -> None:
    assert type_text(annotation) == text
