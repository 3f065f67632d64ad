"""The introduction: what there is, and that one import gives all of it."""

import subprocess
import sys
from unittest.mock import AsyncMock

import pytest

import pyfly.client
from pyfly.client import (
    CircuitBreaker,
    CircuitState,
    HttpClientBeanPostProcessor,
    HttpClientPort,
    RetryPolicy,
    delete,
    get,
    http_client,
    patch,
    post,
    put,
    service_client,
)

PUBLIC = [
    CircuitBreaker,
    CircuitState,
    RetryPolicy,
    http_client,
    service_client,
    get,
    post,
    put,
    delete,
    patch,
    HttpClientPort,
    HttpClientBeanPostProcessor,
]


@pytest.mark.parametrize("thing", PUBLIC, ids=lambda thing: thing.__name__)
def test_every_public_type_comes_from_the_one_import(thing: object) -> None:
    name = thing.__name__
    assert name in pyfly.client.__all__
    assert getattr(pyfly.client, name) is thing


@http_client(base_url="http://user-service:8080")
class UserClient:
    @get("/users/{user_id}")
    async def get_user(self, user_id: str) -> dict: ...


async def test_both_approaches_stand_on_the_same_port() -> None:
    port = AsyncMock(spec=HttpClientPort)
    port.request.return_value = {"id": "1"}

    bean = HttpClientBeanPostProcessor(lambda base_url: port).after_init(UserClient(), "users")
    declared = await bean.get_user("1")
    by_hand = await RetryPolicy().execute(CircuitBreaker().call, port.request, "GET", "/users/1")

    assert declared == by_hand == {"id": "1"}
    assert [call.args for call in port.request.await_args_list] == [("GET", "/users/1")] * 2


def test_the_import_loads_no_http_library_and_makes_no_tls_context() -> None:
    code = """
import ssl, sys
made = []
init = ssl.SSLContext.__new__
ssl.SSLContext.__new__ = lambda cls, *a, **k: made.append(1) or init(cls, *a, **k)
import pyfly.client
unwanted = {"httpx", "httpx2", "httpcore", "httpcore2", "aiohttp", "anyio", "h11",
            "pydantic", "rich", "yaml", "msgspec", "attrs", "attr"}
print(sorted(unwanted & set(sys.modules)), made)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == "[] []"
