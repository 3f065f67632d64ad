"""What ``pyfly check`` prints, how it finds classes, and what it says of targets and files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import Shell

SHOP = """
@dataclass
class Product:
    id: str

@dataclass
class Filter:
    size: str
    limit: int | None = None

@service_client("${SHOP_URL:http://shop:8080/v1}", name="shop", auth=bearer("geheim"))
class Shop(Protocol):
    @get("/products/{product_id}", headers={"X-Api-Key": "geheim", "Accept": "a/b"})
    async def product(
        self, product_id: str, trace: Annotated[str | None, Header("X-Trace")] = None
    ) -> Product | None: ...

    @get("/products", params={"v": 2, "token": "geheim"})
    async def search(
        self,
        category: str,
        tags: Annotated[Sequence[str], Query("tag", style="csv")] = (),
        filter: Annotated[Filter | None, Query()] = None,
        more: Annotated[Mapping[str, str] | None, Query()] = None,
        sid: Annotated[str | None, Cookie("sid")] = None,
        headers: Mapping[str, str] | None = None,
        patience: Annotated[float | None, Timeout()] = None,
    ) -> list[Product]: ...

    @post("/products", auth=None)
    @resilience(timeout=5, total_timeout=20)
    async def create(
        self, body: Product, key: Annotated[str | None, Header("Idempotency-Key")] = None
    ) -> Response[Product]: ...

    @put("/photos", auth=None)
    @resilience(retry=False)
    async def upload(
        self, title: Annotated[str, Form()], photo: Annotated[bytes, File(content_type="a/b")]
    ) -> None: ...

    @post("/login", auth=None)
    @idempotent
    async def login(self, filter: Annotated[Filter, Form()]): ...

    @post("/pay", auth=None)
    @idempotent(key=True)
    async def pay(self, body: Any) -> None: ...

    @put("/raw", auth=None)
    async def raw(self, body: bytes, page: Any = 1) -> bytes: ...

    @put("/text", auth=None)
    async def text(self, body: Annotated[Iterator[str], Body("text/csv")]) -> str: ...

    @get("/all", paginate=Page.cursor(), auth=None)
    def all(self) -> AsyncIterator[Product]: ...

    @post("/chat", auth=None)
    @retryable
    def chat(self, body: Any) -> AsyncIterator[ServerSentEvent]: ...
"""

PRINTED = """\
  product
    GET http://shop:8080/v1/products/{product_id} → Product | None
      header  X-Api-Key: ***
      header  Accept: a/b
      header  Authorization: *** (auth=bearer)
      header  X-Trace: {trace}, if given
      retry   yes: a GET may be repeated; up to 3 attempts, 30 s each
  search
    GET http://shop:8080/v1/products?v=2&token=***&category={category}[&tag={tags}]\
[&size={filter.size}][&limit={filter.limit}][&{more}…] → list[Product]
      header  Authorization: *** (auth=bearer)
      header  {headers}, each of its fields (Mapping[str, str] | None)
      cookie  sid={sid}, if given
      timeout {patience} for each attempt of a call
      retry   yes: a GET may be repeated; up to 3 attempts, 30 s each
  create
    POST http://shop:8080/v1/products → Response[Product]
      header  Idempotency-Key: {key}, if given
      body    application/json: {body}, Product
      retry   only if no connection was made, or an Idempotency-Key is given by key: a POST may \
have effects; up to 3 attempts, 5 s each, 20 s in all
  upload
    PUT http://shop:8080/v1/photos → None
      body    multipart/form-data
              title={title}
              photo={photo} (a/b)
      retry   never: retries are off (retry=False in @resilience); 1 attempt, 30 s each
  login
    POST http://shop:8080/v1/login → Any
      body    application/x-www-form-urlencoded
              size={filter.size}, if given
              limit={filter.limit}, if given
      retry   yes: @idempotent; up to 3 attempts, 30 s each
  pay
    POST http://shop:8080/v1/pay → None
      header  Idempotency-Key: one for each call
      body    application/json: {body}, Any
      retry   yes: @idempotent; up to 3 attempts, 30 s each
  raw
    PUT http://shop:8080/v1/raw[?page={page}] → bytes
      body    application/octet-stream: {body}, bytes
      retry   yes: a PUT may be repeated; up to 3 attempts, 30 s each
  text
    PUT http://shop:8080/v1/text → str
      body    text/csv: {body}, Iterator[str]
      retry   never: 'body' can be sent only once; up to 3 attempts, 30 s each
  all
    GET http://shop:8080/v1/all[?cursor=…] → AsyncIterator[Product]
      retry   yes: a GET may be repeated; up to 3 attempts, 30 s each
  chat
    POST http://shop:8080/v1/chat → AsyncIterator[ServerSentEvent]
      body    application/json: {body}, Any
      retry   yes before the first item: @retryable; up to 3 attempts, 30 s each

1 client: nothing is wrong
"""


def test_each_method_is_printed_as_the_request_that_it_makes(shell: Shell) -> None:
    module = shell.module(SHOP)
    ran = shell.run("check", module)
    first, rest = ran.printed.split("\n", 1)
    assert first == f"{module}:Shop  {module}.py:16"
    assert rest == PRINTED
    assert "geheim" not in ran.printed
    assert (ran.status, ran.complained) == (0, "")


def test_json_tells_the_same_to_programs(shell: Shell) -> None:
    module = shell.module(SHOP)
    ran = shell.run("check", f"{module}:Shop", "--json")
    told = json.loads(ran.printed)
    assert {key: told[key] for key in ("ok", "errors", "warnings", "problems")} == {
        "ok": True,
        "errors": 0,
        "warnings": 0,
        "problems": [],
    }
    (client,) = told["clients"]
    assert client["class"] == f"{module}:Shop"
    assert client["name"] == "shop"
    assert client["base_url"] == "http://shop:8080/v1"
    create = next(method for method in client["methods"] if method["name"] == "create")
    assert create["url"] == "http://shop:8080/v1/products"
    assert (create["timeout"], create["total_timeout"], create["attempts"]) == (5.0, 20.0, 3)
    assert create["body"] == "application/json"
    body = {"name": None, "parameter": "body", "type": "Product", "required": True, "detail": None}
    assert create["fields"] == [body]
    assert "geheim" not in ran.printed


def test_what_is_nested_has_the_name_that_it_is_below(shell: Shell) -> None:
    module = shell.module("""
        @dataclass
        class Created:
            gte: int

        @service_client("http://shop")
        class Shop:
            @post("/a")
            async def send(
                self,
                created: Annotated[Created, Form("created", nested=True)],
                meta: Annotated[dict[str, str], Form("m", nested=True)],
            ) -> None: ...
    """)
    (client,) = json.loads(shell.run("check", module, "--json").printed)["clients"]
    assert [f["name"] for f in client["methods"][0]["fields"]] == ["created[gte]", "m[…]"]


def test_the_environment_counts(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_URL", "https://elsewhere")
    monkeypatch.setenv("PYFLY_CLIENT_RETRY_MAX_ATTEMPTS", "9")
    module = shell.module(ONE)
    printed = shell.run("check", module).printed
    assert "GET https://elsewhere/a → dict" in printed
    assert "up to 9 attempts" in printed


ONE = """
@service_client("${SHOP_URL:http://shop}", name="shop")
class One:
    @get("/a")
    async def read(self) -> dict: ...
"""


class TestTargets:
    def test_a_module_is_imported_from_the_current_folder_as_a_package(self, shell: Shell) -> None:
        (shell.folder / "shop").mkdir()
        shell.file("shop/__init__.py", "")
        shell.file("shop/clients.py", f"from pyfly.client import *\n{ONE}")
        ran = shell.run("check", "shop.clients", "shop.clients:One")
        assert ran.printed.count("shop.clients:One  shop/clients.py:3") == 1
        assert ran.status == 0
        told = shell.run("check", "shop.clents")
        assert "no module 'shop.clents': did you mean shop.clients?" in told.complained
        assert told.status == 2

    @pytest.mark.parametrize(
        ("target", "said"),
        [
            ("{module}:Onne", "has no class 'Onne': did you mean {module}:One?"),
            ("{module}:Zzzzzz", "has no class 'Zzzzzz': there is One"),
            ("{module}:get", "get in {module} is no class"),
            ("{module}.py", "'{module}.py' is a path: write the module, '{module}'"),
            ("./a/b.py:C", "'./a/b.py:C' is a path: write the module, 'a.b:C'"),
            ("{module}:One.read", "'{module}:One.read' names a method (check {module}:One)"),
            ("{module}x", "no module '{module}x' in"),
            ("{module}x", "did you mean {module}?"),
            ("qqqqqqqqq.wwww", "no module 'qqqqqqqqq' in"),
            ("{module}.more", "no module '{module}.more'"),
            ("a b", "'a b' is no target: write package.module:Class or"),
            ("a:", "'a:' is no target"),
            ("a:b.", "'a:b.' is no target"),
            ("a:B:c", "'a:B:c' is no target: write a:B.c"),
            ("{module}.One", "'{module}.One' is no module: did you mean {module}:One?"),
            ("json", "json has no client class: none has @service_client"),
        ],
    )
    def test_a_target_that_is_none_is_a_usage_error(
        self, target: str, said: str, shell: Shell
    ) -> None:
        module = shell.module(ONE)
        ran = shell.run("check", target.format(module=module))
        assert said.format(module=module) in ran.complained
        assert "Traceback" not in ran.complained
        assert (ran.status, ran.printed) == (2, "")

    def test_a_module_that_only_imports_clients_names_theirs(self, shell: Shell) -> None:
        module = shell.module(ONE)
        other = shell.module(f"from {module} import One")
        ran = shell.run("check", other)
        assert f"it only imports some (check {module})" in ran.complained
        assert ran.status == 2

    def test_a_class_that_forgot_its_decorator_is_a_warning(self, shell: Shell) -> None:
        module = shell.module(
            """
            class Forgotten:
                @get("/a")
                async def read(self) -> dict: ...

            class Base:
                @get("/a")
                async def read(self) -> dict: ...

            class Derived(Base): ...
            """
        )
        ran = shell.run("check", module)
        assert ran.printed.splitlines() == [
            f"{module}.py:7: warning: Forgotten: declares requests, but is no client (put "
            "@service_client(base_url=…) above it)",
            "0 clients: 0 errors, 1 warning",
        ]
        assert ran.status == 0
        ran = shell.run("check", f"{module}:Forgotten")
        assert "Forgotten: is no client class (put @service_client" in ran.printed
        assert ran.status == 1

    def test_a_class_whose_instances_need_arguments_is_checked_as_far_as_any(
        self, shell: Shell
    ) -> None:
        module = shell.module(
            """
            @http_client("http://x")
            class Needy:
                def __init__(self, settings): raise RuntimeError
                @get("/a")
                async def read(self) -> dict: ...

            @http_client("http://x")
            class Slotted:
                __slots__ = ()
                @get("/a")
                async def read(self) -> dict: ...
            """
        )
        ran = shell.run("check", module)
        assert "error: Slotted: has __slots__ and no __dict__" in ran.printed
        assert ran.printed.splitlines()[-1] == "2 clients: 1 error, 0 warnings"

    def test_stubs_that_are_inherited_and_overridden_are_placed(self, shell: Shell) -> None:
        base = shell.module(
            """
            class Base:
                @get("a")
                async def read(self) -> dict: ...
            """
        )
        module = shell.module(
            f"""
            from {base} import Base

            @http_client("http://x")
            class Derived(Base):
                @get("/b/{{c}}")
                async def more(self) -> dict: ...
            """
        )
        printed = shell.run("check", module).printed
        assert f"{base}.py:8: error: Derived.read: the path 'a'" in printed
        assert f"{module}.py:11: error: Derived.more: the placeholder" in printed


class TestImports:
    @pytest.mark.parametrize(
        ("source", "said"),
        [
            ("x = 1\nimport nowhere_at_all\n", ":2: {m} cannot be imported: ModuleNotFoundError"),
            ("def f(:\n", ":1: invalid syntax (in {m})"),
            ("def f():\n    1 / 0\n\nf()\n", ":2: {m} cannot be imported: ZeroDivisionError"),
            ("raise SystemExit(3)\n", ":1: {m} cannot be imported: SystemExit: 3"),
            (
                "from pyfly.client import get\n\nclass A:\n    @get\n    def a(self): ...\n",
                ':4: {m} cannot be imported: TypeError: @get needs a path: write @get("/…")',
            ),
            (
                "from pyfly.client import *\n@service_client\nclass A: ...\n",
                ":2: {m} cannot be imported: TypeError: write @service_client(base_url=…) above A",
            ),
        ],
    )
    def test_a_module_that_cannot_be_imported_is_told_with_its_place(
        self, source: str, said: str, shell: Shell
    ) -> None:
        module, good = shell.module(source, head=""), shell.module(ONE)
        ran = shell.run("check", module, good)
        assert f"{module}.py{said.format(m=module)}".replace(": {m}", ": error: {m}") in (
            ran.printed.replace("error: ", "")
        )
        assert "Traceback" not in ran.printed + ran.complained
        assert ran.printed.splitlines()[-1] == "1 client: 1 error, 0 warnings"
        assert ran.status == 1

    def test_what_a_module_prints_does_not_spoil_the_output(self, shell: Shell) -> None:
        module = shell.module(f"print('hello')\n{ONE}")
        ran = shell.run("check", module, "--json")
        assert json.loads(ran.printed)["ok"] is True
        assert ran.complained == "hello\n"

    def test_a_class_without_source_has_no_place(self, shell: Shell) -> None:
        module = shell.module(
            """
            class Stub:
                @get("a")
                async def read(self) -> dict: ...

            exec('''
            @http_client("http://x")
            class Made(Stub):
                @get("b")
                async def more(self) -> dict: ...
            '''.replace("\\n            ", "\\n"))
            """
        )
        printed = shell.run("check", f"{module}:Made").printed
        assert printed.startswith(f"{module}:Made")
        complaints = [line for line in printed.splitlines() if "error: Made." in line]
        assert complaints[0].startswith("error: Made.more: the path 'b'")
        assert complaints[1].startswith(f"{module}.py:8: error: Made.read: the path 'a'")


class TestConfig:
    def check(self, shell: Shell, text: str, source: str = ONE, *more: str) -> Any:
        shell.file("pyfly.yaml", text)
        return shell.run("check", shell.module(source), "--config", "pyfly.yaml", *more)

    def test_settings_are_those_of_the_file(self, shell: Shell) -> None:
        ran = self.check(
            shell,
            """\
            pyfly:
              client:
                clients:
                  shop:
                    base-url: http://file:1
                    methods:
                      read:
                        timeout: 2s
                        retry:
                          max-attempts: 4
            """,
        )
        assert "GET http://file:1/a → dict" in ran.printed
        assert "up to 4 attempts, 2 s each" in ran.printed
        assert ran.status == 0

    @pytest.mark.parametrize(
        ("below", "said", "status"),
        [
            ("shopp: {timeout: 1s}", "pyfly.yaml:4: pyfly.client.clients.shopp: no client that "
             "was checked is named 'shopp' (did you mean shop?)", 1),
            ("other: {timeout: 1s}", "no client that was checked is named 'other' (checked were: "
             "shop)", 0),
            ("shop: {methods: {reed: {timeout: 1s}}}", "the client 'shop' has no method 'reed' "
             "(did you mean read?)", 1),
            ("shop: {methods: {zzz: {timeout: 1s}}}", "no method 'zzz' (it has read)", 1),
            ("shop: {timeot: 1s}", "unknown key (did you mean timeout?)", 1),
            ("shop: {timeout: 5s, total-timeout: 2s}", "pyfly.client.clients.shop.timeout: one "
             "attempt may take 5 s, and the whole call only 2 s", 1),
            ("shop: {methods: {read: {timeout: 5s, total-timeout: 2s}}}",
             "shop.methods.read.timeout: one attempt may take 5 s", 1),
            ("shop: {base-url: 'ftp://x'}", "base_url 'ftp://x' must start with http", 1),
            ("shop: {base-url: '${NOWHERE_AT_ALL}'}", "NOWHERE_AT_ALL", 1),
        ],
    )  # fmt: skip
    def test_a_mistake_in_the_file_is_told(
        self, below: str, said: str, status: int, shell: Shell
    ) -> None:
        ran = self.check(shell, f"pyfly:\n  client:\n    clients:\n      {below}\n")
        assert said in ran.printed
        assert ran.status == status

    def test_what_has_no_value_in_the_file_is_told(self, shell: Shell) -> None:
        source = """
            @http_client("${NO_URL}", headers={"X-A": "${NO_A}"}, params={"b": "${NO_B}"})
            class Client:
                @get("/a", auth="${NO_AUTH}")
                async def read(self) -> dict: ...

            @http_client(name="bare")
            class Bare:
                @get("/a")
                async def read(self) -> dict: ...
            """
        ran = self.check(shell, "pyfly: {}\n", source)
        for name in ("NO_URL", "NO_A", "NO_B", "NO_AUTH"):
            assert name in ran.printed
        assert "error: Bare: has no base URL (write base_url=… in its decorator, or configure" in (
            ran.printed
        )
        assert ran.status == 1
        lax = shell.run("check", shell.module(source))
        assert "GET ${NO_URL}/a" in lax.printed
        assert "GET {base_url}/a" in lax.printed
        assert lax.status == 0

    def test_a_file_that_is_no_yaml_is_told_and_one_that_is_not_there_too(
        self, shell: Shell
    ) -> None:
        ran = self.check(shell, "a: [")
        assert "error: " in ran.printed
        assert "pyfly.yaml:" in ran.printed
        assert ran.status == 1
        ran = shell.run("check", "x", "--config", "nowhere.yaml")
        assert "'nowhere.yaml' does not exist" in ran.complained
        assert ran.status == 2

    def test_a_variable_that_nothing_reads_is_a_warning(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PYFLY_CLIENT_DEFAULT_TIMEOT", "1s")
        ran = shell.run("check", shell.module(ONE))
        assert "warning: environment variable PYFLY_CLIENT_DEFAULT_TIMEOT" in ran.printed
        assert ran.printed.count("TIMEOT") == 1
        assert ran.status == 0


def test_an_old_terminal_gets_an_arrow_that_it_knows(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = shell.module(ONE)
    monkeypatch.setattr(type(sys.stdout), "encoding", "ascii", raising=False)
    assert "/a -> dict" in shell.run("check", module).printed


def test_places_outside_the_current_folder_are_whole(shell: Shell, tmp_path: Path) -> None:
    module = shell.module(ONE)
    (tmp_path / "below").mkdir()
    import os

    sys.path.insert(0, str(tmp_path))
    os.chdir(tmp_path / "below")
    assert f"{tmp_path}/{module}.py:7" in shell.run("check", module).printed
