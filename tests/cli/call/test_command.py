"""Results, errors, the dry run, and what is said on the way."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys

import pytest

from tests.cli.call.conftest import Call
from tests.cli.shell import Shell
from tests.support.servers import ServerClient

NDJSON = {"Content-Type": "application/x-ndjson"}
ROWS = b'{"id": "1"}\n{"id": "2", "name": "b"}\n'


class TestResults:
    @pytest.mark.parametrize("method", ["Shop.product", "SyncShop.product"])
    def test_a_model_is_printed_as_json(self, method: str, call: Call) -> None:
        ran = call(method, "--product-id", "42")
        assert ran.printed == '{\n  "id": "42",\n  "name": "Product 42"\n}\n'
        assert (ran.status, ran.complained) == (0, "")

    def test_none_is_null(self, call: Call) -> None:
        assert call("product", "--product-id", "missing").printed == "null\n"
        assert call("there").printed == "null\n"

    def test_a_response_is_printed_with_status_and_headers(
        self, call: Call, guide: ServerClient
    ) -> None:
        whole = json.loads(call("whole").printed)
        assert whole["status"] == 200
        assert whole["value"] == {"id": "1", "name": "Product 1"}
        guide.script("/anything", {"status": 500, "headers": {"Set-Cookie": "geheim"}, "body": [1]})
        bare = json.loads(call("bare_response").printed)
        assert (bare["status"], bare["value"]) == (500, [1])
        assert bare["headers"]["set-cookie"] == "***"
        guide.script("/anything", {"headers": {"Set-Cookie": "geheim"}, "body_base64": "aGk="})
        ran = call("bare_response", "--show-secrets")
        assert "geheim" in ran.printed

    def test_a_response_that_is_no_json_is_text(self, call: Call, guide: ServerClient) -> None:
        guide.script("/anything", {"headers": {"X": "y"}, "body_base64": "aGk="})
        assert json.loads(call("bare_response").printed)["value"] == "hi"

    def test_bytes_are_printed_as_they_are(self, call: Call, guide: ServerClient) -> None:
        guide.script("/anything", {"body_base64": "aGk="})
        assert call("as_bytes").printed == "hi"
        guide.script("/anything", {"chunks": [b"hi", b"ho"]})
        assert call("chunks").printed == "hiho"

    def test_text_is_json_unless_it_is_asked_for_raw(self, call: Call, guide: ServerClient) -> None:
        for _ in range(2):
            guide.script("/anything", {"body_base64": "w6Qi"})
        assert call("as_text").printed == '"ä\\""\n'
        assert call("as_text", "--raw").printed == 'ä"\n'
        guide.script("/anything", {"body_base64": "YQpi"})
        assert call("text_lines", "--raw").printed == "a\nb\n"

    @pytest.mark.parametrize("method", ["Results.rows", "SyncShop.rows"])
    def test_a_stream_is_a_line_for_each_item(
        self, method: str, call: Call, guide: ServerClient
    ) -> None:
        guide.script("/anything", {"headers": NDJSON, "body_base64": base64(ROWS)})
        ran = call(method)
        assert ran.printed == '{"id": "1", "name": "none"}\n{"id": "2", "name": "b"}\n'

    def test_events_are_lines_too(self, call: Call, guide: ServerClient) -> None:
        body = base64(b"event: a\nid: 7\ndata: x\n\n")
        guide.script(
            "/anything", {"headers": {"Content-Type": "text/event-stream"}, "body_base64": body}
        )
        ran = call("events")
        assert json.loads(ran.printed) == {"event": "a", "data": "x", "id": "7", "retry": None}

    def test_items_that_came_before_an_error_are_printed(
        self, call: Call, guide: ServerClient
    ) -> None:
        body = base64(b'{"id": "1"}\n{"id": 2}\n')
        guide.script("/anything", {"headers": NDJSON, "body_base64": body})
        ran = call("rows")
        assert ran.printed == '{"id": "1", "name": "none"}\n'
        assert "ResponseDecodeException" in ran.complained
        assert ran.status == 1


class TestErrors:
    def test_a_failed_call_is_told_with_status_1(self, call: Call, guide: ServerClient) -> None:
        guide.fail("/products", 400)
        ran = call("search", "--category", "x")
        assert ran.complained.startswith(
            "Error: BadRequestException: Shop.search: GET /products: answered 400 Bad Request"
        )
        assert (ran.status, ran.printed) == (1, "")

    def test_a_failed_call_is_json_where_that_is_asked_for(
        self, call: Call, guide: ServerClient
    ) -> None:
        problem = {"type": "about:x", "title": "No", "detail": "really", "extra": 1}
        guide.script(
            "/products",
            {
                "status": 422,
                "headers": {"Content-Type": "application/problem+json", "Retry-After": "3"},
                "body": problem,
            },
        )
        ran = call("search", "--category", "x", "--json")
        error = json.loads(ran.complained)["error"]
        assert error["type"] == "UnprocessableContentException"
        assert (error["operation"], error["method"], error["url_template"]) == (
            "Shop.search", "GET", "/products",
        )  # fmt: skip
        assert (error["status"], error["attempts"], error["retry_after"]) == (422, 1, 3)
        assert ": No: really (after 1 attempt)" in error["message"]
        assert error["problem"]["detail"] == "really"
        assert error["problem"]["extensions"] == {"extra": 1}
        assert (ran.status, ran.printed) == (1, "")

    def test_an_error_that_is_none_of_ours_is_told_too(
        self, shell: Shell, guide: ServerClient
    ) -> None:
        module = shell.module(
            """
            class Broken:
                def before_request(self, exchange):
                    raise LookupError("in the interceptor")

            @http_client("http://x", interceptors=[Broken()])
            class Client(Protocol):
                @get("/a")
                async def read(self) -> dict: ...
            """
        )
        ran = shell.run("call", f"{module}:Client.read", "--base-url", guide.url)
        assert ran.complained == "Error: LookupError: in the interceptor\n"
        ran = shell.run("call", f"{module}:Client.read", "--base-url", guide.url, "--json")
        assert json.loads(ran.complained) == {
            "error": {"type": "LookupError", "message": "in the interceptor"}
        }
        assert ran.status == 1

    def test_a_value_that_must_not_be_sent_is_refused(self, call: Call) -> None:
        ran = call("product", "--product-id", "..")
        assert "ClientArgumentException" in ran.complained
        assert ran.status == 1

    @pytest.mark.parametrize("span", ["150ms", "0.15"])
    def test_a_call_has_no_more_time_than_it_was_given(self, span: str, call: Call) -> None:
        ran = call("slow", "--ms", "5000", "--timeout", span)
        assert "DeadlineExceededException" in ran.complained
        assert ran.status == 1

    @pytest.mark.parametrize("span", ["x", "0", "-1"])
    def test_a_timeout_that_is_none_is_a_usage_error(self, span: str, call: Call) -> None:
        ran = call("slow", "--ms", "1", "--timeout", span)
        assert "'--timeout'" in ran.complained
        assert ran.status == 2

    def test_a_wrong_class_is_told_whole(self, call: Call) -> None:
        ran = call("Wrong.call")
        assert "Wrong.call: the path 'x' must start with a slash" in ran.complained
        assert "(pyfly check clients_" in ran.complained
        assert ran.status == 1

    def test_a_base_url_that_is_none_is_told(self, shell: Shell, shop: str) -> None:
        ran = shell.run("call", f"{shop}:Shop.search", "--category", "x", "--base-url", "x")
        assert "Error: Shop cannot become a client: 1 mistake" in ran.complained
        assert "base_url 'x' must start with http://" in ran.complained
        assert ran.status == 1


class TestTargets:
    @pytest.mark.parametrize(
        ("target", "said"),
        [
            ("{shop}", "'{shop}' names no client class. There is:\n  {shop}:Shop\n"),
            ("{shop}:Shop", "'{shop}:Shop' names no method. There is:\n  {shop}:Shop.product\n"),
            ("{shop}:Shop.prodct", "did you mean {shop}:Shop.product?"),
            ("{shop}:Shop.zzz", "Shop declares no method 'zzz': it has product, search"),
            ("{shop}:Shopp.product", "has no class 'Shopp': did you mean {shop}:Shop?"),
            ("{shop}:Product.id", "Product: is no client class"),
            ("{shop}x:Shop.product", "did you mean {shop}?"),
            ("json:JSONDecoder", "JSONDecoder: is no client class"),
            ("json", "json has no client class"),
        ],
    )
    def test_a_target_that_is_none_says_what_there_is(
        self, target: str, said: str, shell: Shell, shop: str
    ) -> None:
        ran = shell.run("call", target.format(shop=shop))
        assert said.format(shop=shop) in ran.complained
        assert "Traceback" not in ran.complained
        assert ran.status == (1 if "is no client class" in said else 2)

    def test_a_module_that_fails_is_told_with_its_place(self, shell: Shell) -> None:
        module = shell.module("1 / 0\n", head="")
        ran = shell.run("call", f"{module}:Client.read")
        assert f"Error: {module}.py:1: {module} cannot be imported: ZeroDivisionError" in (
            ran.complained
        )
        assert ran.status == 1

    def test_the_help_of_a_method_tells_its_parameters(self, shell: Shell, shop: str) -> None:
        ran = shell.run("call", f"{shop}:Shop.search", "--help")
        text = re.sub(r"\s+", " ", ran.printed)
        assert "GET /products -> list[Any]" in text
        assert "--category str query parameter category [required]" in text
        assert "--page int query parameter page [default: 1]" in text
        assert "[default: true]" in text
        assert ran.status == 0
        assert "One product." in shell.run("call", f"{shop}:Shop.product", "--help").printed
        convert = shell.run("call", f"{shop}:Convert.convert", "--help").printed
        text = re.sub(r"\s+", " ", convert)
        assert "--colour [r|b|RED|BLUE]" in text
        assert "--i int query parameter i" in text
        assert "[default: 1]" in text
        assert "--many int query parameter many; may be repeated" in text
        body = shell.run("call", f"{shop}:Bodies.text", "--help").printed
        assert "the body (text/plain): @file, or - for" in re.sub(r"\s+", " ", body)


class TestDryRun:
    def test_nothing_is_sent_and_the_request_is_printed(
        self, call: Call, guide: ServerClient
    ) -> None:
        ran = call("create", "--body", '{"id": "it\'s"}', "--dry-run")
        http, curl = ran.printed.split("\n\ncurl ")
        host = guide.url.removeprefix("http://")
        assert http.startswith(f"POST /products HTTP/1.1\nHost: {host}\n")
        assert http.endswith('Content-Length: 27\n\n{"id":"it\'s","name":"none"}')
        words = shlex.split(curl.replace("\\\n", ""))
        assert words[:3] == ["--request", "POST", f"{guide.url}/products"]
        assert words[3:] == [
            "--header", "content-type: application/json",
            "--header", "accept: application/json",
            "--data-raw", '{"id":"it\'s","name":"none"}',
        ]  # fmt: skip
        assert guide.requests() == []
        assert (ran.status, ran.complained) == (0, "")

    def test_secrets_are_hidden_unless_they_are_asked_for(self, call: Call) -> None:
        hidden = call("secret", "--dry-run").printed
        assert "GET /echo/secret?api_key=*** HTTP/1.1" in hidden
        assert "authorization: ***" in hidden
        shown = call("secret", "--dry-run", "--show-secrets").printed
        assert "api_key=geheim" in shown
        assert "authorization: Bearer geheim" in shown
        assert "x-signature: geheim" in shown.lower()

    @pytest.mark.parametrize(
        ("arguments", "hidden"),
        [
            (["form", "--user", "me", "--password", "geheim"], "user=me&password=***"),
            (
                ["json", "--body", '{"a": [{"access_token": "geheim", "b": 1}]}'],
                '{"a": [{"access_token": "***", "b": 1}]}',
            ),
            (["lines", "--body", '{"secret": "geheim"}\n{"a":1}'], '{"a":1}\n'),
        ],
    )
    def test_secrets_in_bodies_are_hidden_by_their_names(
        self, arguments: list[str], hidden: str, call: Call
    ) -> None:
        ran = call(*arguments, "--dry-run")
        assert hidden in ran.printed
        assert "geheim" not in ran.printed
        assert "geheim" in call(*arguments, "--dry-run", "--show-secrets").printed

    def test_text_has_no_names_and_is_shown_as_it_is(self, call: Call) -> None:
        assert "\n\nplain text\n" in call("text", "--body", "plain text", "--dry-run").printed

    def test_files_are_given_to_curl_by_their_names(self, call: Call, shell: Shell) -> None:
        shell.file("cat.png", b"cat")
        arguments = ("files", "--token", "geheim", "--photo", "@cat.png", "--dry-run")
        hidden = call(*arguments).printed
        assert "geheim" not in hidden
        assert 'name="token"\n\n***\n' in hidden
        words = shlex.split(hidden.partition("\ncurl ")[2].replace("\\\n", ""))
        assert words[-4:] == [
            "--form-string", "token=***", "--form", "photo=@cat.png;type=image/png",
        ]  # fmt: skip
        assert "content-type" not in " ".join(words)
        assert "token=geheim" in call(*arguments, "--show-secrets").printed

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"\xff\xfe", "(2 bytes that are no text)"),
            (b"a\x00b", "(3 bytes that are no text)"),
            (b"a" * 70_000, "(70000 bytes)"),
        ],
    )
    def test_what_cannot_be_printed_is_described(
        self, content: bytes, said: str, call: Call, shell: Shell
    ) -> None:
        shell.file("body", content)
        printed = call("raw", "--body", "@body", "--dry-run").printed
        assert f"\n\n{said}\n\ncurl --request POST" in printed
        assert f"--data-binary @body  # {said.strip('()')}, which you" in printed

    def test_a_stream_a_head_and_a_synchronous_method_are_shown_alike(
        self, call: Call, shell: Shell, shop: str
    ) -> None:
        assert "curl http://" in call("rows", "--dry-run").printed
        assert "curl --head http://" in call("there", "--dry-run").printed
        assert "GET /anything" in call("SyncShop.rows", "--dry-run").printed
        assert "POST /echo/x" in call("SyncShop.create", "--body", "1", "--dry-run").printed
        six = shell.run(
            "call", "--base-url", "http://[::1]:8/v1", f"{shop}:Shop.product", "--product-id", "a",
            "--dry-run",
        )  # fmt: skip
        assert "curl --globoff 'http://[::1]:8/v1/products/a'" in six.printed

    def test_an_empty_header_stays_one_for_curl(self, call: Call) -> None:
        printed = call("convert", "--headers", "X-Empty:", "--dry-run").printed
        assert "--header 'x-empty;'" in printed


class TestVerbose:
    def test_attempts_and_times_are_told_on_standard_error(
        self, call: Call, guide: ServerClient
    ) -> None:
        guide.fail("/products/7", 503)
        ran = call("product", "--product-id", "7", "-v")
        told = re.sub(r"[\d.]+ m?s\b", "N ms", ran.complained).splitlines()
        assert told == [
            "* Shop.product: GET /products/{product_id}",
            "* attempt 1",
            told[2],
            "* the next attempt follows in N ms",
            "* attempt 2",
            "* attempt 2 succeeded after N ms",
            "* done: 2 attempts, N ms",
        ]
        assert told[2].startswith("* attempt 1 failed after N ms: ServerErrorException: ")
        assert json.loads(ran.printed)["id"] == "7"

    def test_why_nothing_more_is_tried_is_told_too(self, call: Call, guide: ServerClient) -> None:
        guide.fail("/products", 503)
        ran = call("create", "--body", '{"id": "1"}', "--verbose")
        assert "* no further attempt: a POST that may have had its effect" in ran.complained
        assert "* failed: 1 attempt, " in ran.complained
        guide.fail("/products", *[503] * 9)
        ran = call("search", "--category", "x", "--config", "pyfly.yaml", "-v")
        assert ran.status == 2

    def test_the_circuit_is_told(self, call: Call, guide: ServerClient, shell: Shell) -> None:
        shell.file("pyfly.yaml", "pyfly: {client: {circuit-breaker: {failure-threshold: 1}}}")
        guide.fail("/products", *[503] * 9)
        ran = call("search", "--category", "x", "--config", "pyfly.yaml", "-v")
        assert "* circuit CLOSED to OPEN: " in ran.complained


class TestConfig:
    def test_settings_come_from_the_file(
        self, shell: Shell, shop: str, guide: ServerClient
    ) -> None:
        text = f"pyfly: {{client: {{clients: {{shop: {{base-url: '{guide.url}'}}}}}}}}"
        shell.file("pyfly.yaml", text)
        target = f"{shop}:Shop.product"
        for before, after in ((["--config", "pyfly.yaml"], []), ([], ["--config", "pyfly.yaml"])):
            ran = shell.run("call", *before, target, "--product-id", "5", *after)
            assert json.loads(ran.printed)["id"] == "5"

    def test_a_mistake_in_it_is_told(self, call: Call, shell: Shell) -> None:
        shell.file("pyfly.yaml", "pyfly: {client: {defalt: {timeout: 1s}}}")
        ran = call("product", "--product-id", "5", "--config", "pyfly.yaml")
        assert "pyfly.client.defalt: unknown key (did you mean default?)" in ran.complained
        assert ran.status == 1


def test_it_works_as_a_command_in_a_pipe(shell: Shell, shop: str, guide: ServerClient) -> None:
    words = [sys.executable, "-m", "pyfly.cli", "call", f"{shop}:Bodies.raw", "--body", "-"]
    done = subprocess.run(
        [*words, "--base-url", guide.url],
        input=b"from a pipe",
        capture_output=True,
        cwd=shell.folder,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["body"] == "from a pipe"


def test_a_pipe_that_nobody_reads_on_is_no_error_to_tell(
    shell: Shell, shop: str, guide: ServerClient
) -> None:
    rows = b'{"id": "1"}\n' * 20_000
    guide.script("/anything", {"headers": NDJSON, "body_base64": base64(rows)})
    words = [sys.executable, "-m", "pyfly.cli", "call", f"{shop}:Results.rows"]
    with subprocess.Popen(
        [*words, "--base-url", guide.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=shell.folder,
    ) as started:
        assert started.stdout is not None
        assert started.stderr is not None
        assert started.stdout.readline() == b'{"id": "1", "name": "none"}\n'
        started.stdout.close()
        assert started.stderr.read() == b""
    assert started.returncode == 1


def base64(content: bytes) -> str:
    import base64 as codec

    return codec.b64encode(content).decode()
