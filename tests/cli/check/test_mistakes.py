"""Every mistake that a declaration can have is found, told with its place, and fails the check."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest

from tests.cli.shell import HEAD, Shell

FIRST_LINE = len(HEAD.splitlines()) + 1


class Case(NamedTuple):
    """A stub (or a whole class), and what is said of it."""

    says: str
    stub: str
    decorator: str = '@service_client("http://x")'


MISTAKES = {
    "a placeholder without a parameter": Case(
        "the placeholder {id} has no parameter", '@get("/a/{id}")\n    async def m(self): ...'
    ),
    "a parameter without its placeholder": Case(
        "'id' is marked Path, but '/a' has no {id}",
        '@get("/a")\n    async def m(self, id: Annotated[str, Path()]): ...',
    ),
    "a repeated placeholder": Case(
        "the placeholder {id} is repeated",
        '@get("/a/{id}/{id}")\n    async def m(self, id: str): ...',
    ),
    "two bodies": Case(
        "two bodies, 'body' and 'more'",
        '@post("/a")\n    async def m(self, body: dict, more: Annotated[dict, Body()]): ...',
    ),
    "a body on GET": Case(
        "a GET has no body", '@get("/a")\n    async def m(self, body: dict): ...'
    ),
    "a body on HEAD": Case(
        "a HEAD has no body",
        '@head("/a")\n    async def m(self, x: Annotated[dict, Body()]) -> None: ...',
    ),
    "a path without a slash": Case(
        "must start with a slash", '@get("a")\n    async def m(self): ...'
    ),
    "a path that is a URL": Case(
        "is an absolute URL", '@get("http://y/a")\n    async def m(self): ...'
    ),
    "a path with a query": Case(
        "holds a query string", '@get("/a?b=1")\n    async def m(self): ...'
    ),
    "unbalanced braces": Case("has unbalanced braces", '@get("/a/{b")\n    async def m(self): ...'),
    "a base URL without a scheme": Case(
        "must start with http:// or https://",
        '@get("/a")\n    async def m(self): ...',
        '@service_client("x:80")',
    ),
    "a base URL with credentials": Case(
        "holds credentials",
        '@get("/a")\n    async def m(self): ...',
        '@service_client("http://me:geheim@x")',
    ),
    "an annotation that cannot be resolved": Case(
        "the annotation 'Nowhere' cannot be resolved",
        '@get("/a")\n    async def m(self, x: Nowhere): ...',
    ),
    "an annotation that cannot be decoded": Case(
        "nothing decodes into object_maker",
        '@get("/a")\n    async def m(self) -> object_maker: ...',
    ),
    "*args": Case("*ids cannot be sent", '@get("/a")\n    async def m(self, *ids: str): ...'),
    "**kwargs": Case("**ids cannot be sent", '@get("/a")\n    async def m(self, **ids: str): ...'),
    "a positional-only parameter": Case(
        "'id' is positional-only", '@get("/a/{id}")\n    async def m(self, id: str, /): ...'
    ),
    "no self": Case("has no self", '@get("/a")\n    async def m() -> dict: ...'),
    "an async interceptor over a sync stub": Case(
        "Log.before_request is async and the stub is not",
        '@get("/a", interceptors=[Log()])\n    def m(self) -> dict: ...',
    ),
    "an async auth provider over a sync stub": Case(
        "auth: its provider is async and the stub is not",
        '@get("/a", auth=bearer(token))\n    def m(self) -> dict: ...',
    ),
    "an async body in a sync stub": Case(
        "'body' is asynchronous and the stub is not",
        '@post("/a")\n    def m(self, body: AsyncIterator[bytes]) -> dict: ...',
    ),
    "two verbs on one stub": Case(
        "two verbs on one stub, POST and GET",
        '@get("/a")\n    @post("/a")\n    async def m(self) -> dict: ...',
    ),
    "an explicit retry of a POST that is not idempotent": Case(
        "@resilience(retry=3) never takes effect once a POST has been sent",
        '@post("/a")\n    @resilience(retry=3)\n    async def m(self, body: dict) -> dict: ...',
    ),
    "an explicit retry of a body that can be sent only once": Case(
        "@resilience(retry=3) can never take effect: 'body' can be sent only once",
        '@put("/a")\n    @resilience(retry=3)\n    async def m(self, body: Iterator[bytes]): ...',
    ),
    "an explicit retry with no time for it": Case(
        "its retries can never fire: the first comes 1 s after a failure",
        '@get("/a")\n    @resilience(retry=3, total_timeout=0.5)\n    async def m(self): ...',
    ),
    "an attempt that may take longer than the call": Case(
        "timeout (3 s) is longer than total_timeout (2 s)",
        '@get("/a")\n    @resilience(timeout=3, total_timeout=2)\n    async def m(self): ...',
    ),
    "a timeout of zero": Case(
        "@resilience(timeout=0): write seconds as a number above 0",
        '@get("/a")\n    @resilience(timeout=0)\n    async def m(self): ...',
    ),
    "a timeout that is none": Case(
        "@resilience(timeout='x'): write seconds as a number above 0",
        '@get("/a")\n    @resilience(timeout="x")\n    async def m(self): ...',
    ),
    "an attempt of any method that may take longer than the call": Case(
        "timeout (5 s) is longer than total_timeout (2 s)",
        '@get("/a")\n    async def m(self): ...',
        '@service_client("http://x", timeout=5, total_timeout=2)',
    ),
    "a hedge of a sync stub": Case(
        "hedge: a synchronous call cannot be hedged",
        '@get("/a")\n    @resilience(hedge=0.2)\n    def m(self): ...',
    ),
    "a hedge that comes too late": Case(
        "the hedge is sent after 20 s, when the attempt timeout (10 s) has ended the attempt",
        '@get("/a")\n    @resilience(hedge=20, timeout=10)\n    async def m(self): ...',
    ),
    "an async fallback of a sync stub": Case(
        "has to be awaited, and the call is synchronous",
        '@get("/a")\n    @resilience(fallback=Fallback(handler=token))\n    def m(self): ...',
    ),
    "an explicit policy for a POST": Case(
        "@resilience(retry=RetryPolicy(…)) never takes effect once a POST has been sent",
        '@post("/a")\n    @resilience(retry=RetryPolicy(4))\n    async def m(self): ...',
    ),
    "a stream that is awaited": Case(
        "which nobody awaits",
        '@get("/a")\n    async def m(self) -> AsyncIterator[bytes]: ...',
    ),
    "a header that is not the caller's": Case(
        "the header 'Host' is not a caller's to set",
        '@get("/a")\n    async def m(self, host: Annotated[str, Header("Host")]): ...',
    ),
    "an unknown argument of a verb": Case(
        "did you mean headers?", '@get("/a", header={})\n    async def m(self): ...'
    ),
    "no attempt at all": Case(
        "retry=0 (it makes no attempt at all; write the number",
        '@get("/a")\n    async def m(self): ...',
        '@service_client("http://x", retry=0)',
    ),
    "a negative delay": Case(
        "retry_base_delay=-1 (write seconds",
        '@get("/a")\n    async def m(self): ...',
        '@service_client("http://x", retry_base_delay=-1)',
    ),
    "an error mapping that is none": Case(
        "errors: 'x' is no status",
        '@get("/a", errors={"x": ValueError})\n    async def m(self): ...',
    ),
    "a hedge of a POST": Case(
        "hedge: a POST that may have had its effect must not be sent twice",
        '@post("/a")\n    @resilience(hedge=0.5)\n    async def m(self): ...',
    ),
    "a queue that nobody can stand in": Case(
        "bulkhead: max-concurrent is not set (say how many attempts may run at once",
        '@get("/a")\n    @resilience(bulkhead=True)\n    async def m(self): ...',
    ),
    "a policy of the wrong kind": Case(
        "@resilience(bulkhead='x'): write the attempts at once",
        '@get("/a")\n    @resilience(bulkhead="x")\n    async def m(self): ...',
    ),
    "a misspelled policy": Case(
        "bulkhaed=… is no argument of @resilience (did you mean bulkhead?)",
        '@get("/a")\n    @resilience(bulkhaed=3)\n    async def m(self): ...',
    ),
    "no request": Case("declares no request", "x: int"),
}
HELPERS = """\
object_maker = type("object_maker", (), {"__module__": "helpers"})


class Log:
    async def before_request(self, exchange): ...


async def token(error=None) -> str: ...


from pyfly.resilience import Fallback


"""
IN_CLASS = (
    "a base URL",
    "an attempt of any method",
    "no attempt",
    "a negative delay",
    "no request",
)


def source_of(case: Case) -> str:
    return f"{HELPERS}{case.decorator}\nclass Client:\n    {case.stub}\n"


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_found_with_its_place(what: str, shell: Shell) -> None:
    case = MISTAKES[what]
    module = shell.module(source_of(case))
    ran = shell.run("check", f"{module}:Client")
    (complaint,) = [line for line in ran.printed.splitlines() if case.says in line]
    offset = source_of(case).splitlines().index(case.decorator)
    line = FIRST_LINE + offset + (0 if what.startswith(IN_CLASS) else 2)
    who = "Client" if what.startswith(IN_CLASS) else "Client.m"
    assert complaint.startswith(f"{module}.py:{line}: error: {who}: ")
    assert any(word in complaint for word in ("(", "write ", "make ")), (
        "it says what to write instead"
    )
    assert "geheim" not in ran.printed
    assert ran.printed.splitlines()[-1] == "1 client: 1 error, 0 warnings"
    assert (ran.status, ran.complained) == (1, "")


def test_all_mistakes_of_all_classes_are_told_at_once(shell: Shell) -> None:
    module = shell.module(
        HELPERS
        + "\n".join(
            f"{case.decorator}\nclass Client{number}:\n    {case.stub}\n"
            for number, case in enumerate(MISTAKES.values())
        )
    )
    ran = shell.run("check", module, "--json")
    told = json.loads(ran.printed)
    assert (ran.status, told["ok"], told["errors"]) == (1, False, len(MISTAKES))
    for client, case in zip(told["clients"], MISTAKES.values(), strict=True):
        (problem,) = client["problems"]
        assert case.says in problem["message"]


HINTS = {
    "a retry for which there is no time": Case(
        "its retries can never fire",
        '@get("/a")\n    @resilience(total_timeout=1)\n    async def m(self) -> dict: ...',
    ),
    "@retryable where it is superfluous": Case(
        "a GET may be repeated anyway (remove @retryable)",
        '@retryable\n    @get("/a")\n    async def m(self) -> dict: ...',
    ),
    "@idempotent where it is superfluous": Case(
        "a PUT may be repeated anyway (remove @idempotent)",
        '@put("/a")\n    @idempotent\n    async def m(self) -> dict: ...',
    ),
    "@retryable without retries": Case(
        "@retryable has nothing to allow: retries are off (retry=False in the decorator)",
        '@post("/a")\n    @retryable\n    async def m(self) -> dict: ...',
        '@service_client("http://x", retry=False)',
    ),
    "an Idempotency-Key that never changes": Case(
        "the constant Idempotency-Key makes all its calls one",
        '@post("/a", headers={"idempotency-key": "1"})\n    async def m(self) -> dict: ...',
    ),
    "a class that no request can hold": Case(
        "'x': a object_maker has no form in a request",
        '@get("/a")\n    async def m(self, x: object_maker) -> dict: ...',
    ),
    "no base URL": Case(
        "has no base URL (write base_url=… in its decorator)",
        '@get("/a")\n    async def m(self) -> dict: ...',
        "@service_client()",
    ),
}


@pytest.mark.parametrize("what", HINTS)
def test_a_hint_fails_the_check_only_when_it_is_strict(what: str, shell: Shell) -> None:
    module = shell.module(source_of(HINTS[what]))
    lax, strict = shell.run("check", module), shell.run("check", module, "--strict")
    assert f"warning: Client{'' if what == 'no base URL' else '.m'}: " in lax.printed
    assert HINTS[what].says in lax.printed
    assert lax.printed == strict.printed
    assert (lax.status, strict.status) == (0, 1)


@pytest.mark.parametrize(
    "stub",
    [
        '@post("/a")\n    @retryable\n    @resilience(retry=3)\n    async def m(self): ...',
        '@post("/a")\n    @idempotent\n    @resilience(retry=3)\n    async def m(self): ...',
        '@post("/a")\n    @resilience(retry=3)\n    async def m(self, '
        'k: Annotated[str, Header("Idempotency-Key")]): ...',
        '@post("/a")\n    @resilience(retry=3)\n    async def m(self, headers: Mapping): ...',
        '@post("/a")\n    @resilience(retry=1)\n    async def m(self, body: dict): ...',
        '@get("/a")\n    @resilience(retry=True, total_timeout=9)\n    async def m(self): ...',
        '@post("/a")\n    async def m(self, body: Any, x: object): ...',
    ],
)
def test_what_can_take_effect_is_left_alone(stub: str, shell: Shell) -> None:
    module = shell.module(f'@service_client("http://x")\nclass Client:\n    {stub}\n')
    ran = shell.run("check", module, "--strict")
    assert (ran.status, ran.printed.splitlines()[-1]) == (0, "1 client: nothing is wrong")


def test_a_shared_policy_counts_for_the_time_that_retries_need(shell: Shell) -> None:
    module = shell.module(
        """
        from datetime import timedelta

        @service_client("http://x", retry=RetryPolicy(7, timedelta(seconds=9)))
        class Client:
            @get("/a")
            @resilience(total_timeout=5)
            async def m(self) -> dict: ...
        """
    )
    ran = shell.run("check", module)
    assert "the first comes 9 s after a failure, and the total timeout is 5 s" in ran.printed
    assert "up to 7 attempts, 30 s each, 5 s in all" in ran.printed
