"""However a class is written, its annotations are resolved: as text, forward, generic, aliased."""

from __future__ import annotations

import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, Generic, Protocol, TypeVar, Union
from unittest.mock import AsyncMock

import pytest
import typing_extensions
from typing_extensions import TypeAliasType

from pyfly.client import ClientDeclarationException, HttpClientPort, Query, get, http_client, post
from pyfly.client._compile.compile import compile_client
from pyfly.client.plan import MethodPlan, ParameterKind
from pyfly.testing import client_for

T = TypeVar("T")
K = TypeVar("K")
ROOT = Path(__file__).parents[3]
SOURCE = Path(__file__).with_name("pep695.txt")


class Later(typing_extensions.TypedDict):
    id: str


def stub(cls: Any, name: str = "read") -> MethodPlan:
    return compile_client(cls).names[name]


class TestForwardReferences:
    def test_text_and_quotes_in_text_are_resolved(self) -> None:
        @http_client("http://x")
        class Client(Protocol):
            @post("/a")
            async def read(self, body: "Later") -> "list[Later]": ...  # noqa: UP037  # text in text

        plan = stub(Client)
        assert plan.returns == list[Later]
        assert plan.parameters[0].annotation is Later

    def test_a_name_that_comes_later_in_the_module_is_found(self) -> None:
        @http_client("http://x")
        class Client(Protocol):
            @get("/a")
            async def read(self) -> ComesLater: ...

        assert stub(Client).returns is ComesLater

    def test_a_name_local_to_a_function_is_a_mistake_that_says_so(self) -> None:
        class Local(typing_extensions.TypedDict):
            id: str

        @http_client("http://x")
        class Client(Protocol):
            @get("/a")
            async def read(self) -> Local: ...

        with pytest.raises(ClientDeclarationException, match="'Local' cannot be resolved") as told:
            compile_client(Client)
        assert "a class local to a function cannot be found" in str(told.value)


class ComesLater(typing_extensions.TypedDict):
    id: str


class TestGenericBases:
    def test_types_are_filled_in_over_several_bases_and_classes(self) -> None:
        class Base(Generic[K, T]):
            @get("/a/{key}")
            async def read(self, key: K) -> T | None: ...

            @get("/a")
            def all(self) -> AsyncIterator[T]: ...

        class Middle(Base[int, T]): ...

        @http_client("http://x")
        class Client(Middle[Later]): ...

        plan = stub(Client)
        assert plan.returns == Union[Later, None]  # noqa: UP007  # as it is built
        assert plan.absent_on_404
        assert plan.parameters[0].annotation is int
        streamed = stub(Client, "all").stream
        assert streamed is not None
        assert streamed.item is Later

    def test_a_base_may_be_an_abc_or_a_protocol(self) -> None:
        class Abstract(ABC, Generic[T]):
            @abstractmethod
            @get("/a")
            async def read(self) -> T: ...

        class Structural(Protocol[T]):
            @get("/b")
            async def more(self) -> list[T]: ...

        @http_client("http://x")
        class Client(Abstract[Later], Structural[int]): ...

        assert stub(Client).returns is Later
        assert stub(Client, "more").returns == list[int]

    async def test_an_overriding_stub_counts_and_the_other_is_reached_by_super(self) -> None:
        class Base:
            @get("/old/{id}")
            async def read(self, id: str) -> dict[str, Any]: ...

        @http_client("http://x")
        class Client(Base):
            @get("/new/{id}")
            async def read(self, id: str, deep: bool = False) -> dict[str, Any]: ...

            async def old(self, id: str) -> dict[str, Any]:
                return await super().read(id)

        port = AsyncMock(spec=HttpClientPort)
        port.request.return_value = {}
        client = client_for(Client, port=port)
        await client.read("1", deep=True)
        port.request.assert_called_with("GET", "/new/1", params={"deep": "true"})
        await client.old("1")
        port.request.assert_called_with("GET", "/old/1")


class TestAliases:
    """As ``type X = …`` makes them, in the form that older Pythons have."""

    Json = TypeAliasType("Json", dict[str, Any])
    Maybe = TypeAliasType("Maybe", Union[T, None], type_params=(T,))  # noqa: UP007  # as 3.11 needs
    Rows = TypeAliasType("Rows", AsyncIterator[Json])
    Tag = TypeAliasType("Tag", Annotated[list[str], Query("tag")])

    def test_they_stand_for_what_they_name(self) -> None:
        json, maybe, rows, tag = self.Json, self.Maybe, self.Rows, self.Tag

        def read(self: Any, tag: Any = ()) -> Any: ...

        def plan(returns: Any) -> MethodPlan:
            async def read(self: Any, id: str, tag: Any = ()) -> Any: ...

            read.__annotations__ = {"id": str, "tag": tag, "return": returns}
            return stub(http_client("http://x")(type("C", (), {"read": get("/a/{id}")(read)})))

        assert plan(json).returns == dict[str, Any]
        assert plan(list[json]).returns == list[dict[str, Any]]  # type: ignore[valid-type]  # at run time
        assert plan(maybe[int]).returns == Union[int, None]  # noqa: UP007  # as it is built
        assert plan(maybe[json]).absent_on_404  # type: ignore[valid-type]  # at run time
        assert plan(maybe[json]).returns == Union[dict[str, Any], None]  # type: ignore[valid-type]  # noqa: UP007  # likewise
        (_, tags) = plan(json).parameters
        assert (tags.kind, tags.wire_name) == (ParameterKind.QUERY, "tag")

        def all(self: Any) -> Any: ...

        all.__annotations__ = {"return": rows}
        streams = stub(http_client("http://x")(type("C", (), {"read": get("/a")(all)})))
        assert streams.stream is not None
        assert streams.stream.item == dict[str, Any]

    def test_one_that_holds_itself_ends(self) -> None:
        tree: Any = TypeAliasType("Tree", Union[dict[str, "Tree"], str])  # noqa: F821, UP007  # by name

        async def read(self: Any) -> Any: ...

        read.__annotations__ = {"return": list[tree]}
        plan = stub(http_client("http://x")(type("C", (), {"read": get("/a")(read)})))
        assert str(plan.returns).startswith("list[")


@pytest.mark.skipif(
    sys.version_info < (3, 12), reason="PEP 695 needs Python 3.12: dev.py test --python 3.12"
)
def test_the_syntax_of_newer_pythons_works(tmp_path: Path) -> None:
    lines = SOURCE.read_text("utf-8").splitlines()
    (tmp_path / "as_text.py").write_text("\n".join(lines), "utf-8")
    (tmp_path / "as_values.py").write_text(
        "\n".join(line for line in lines if "# FUTURE" not in line), "utf-8"
    )
    run = subprocess.run(
        [sys.executable, "-c", "import as_text, as_values"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (run.returncode, run.stdout) == (0, "ok\nok\n"), run.stderr
