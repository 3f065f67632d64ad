"""Which errors lead to another attempt: as named, as set, as the service says."""

from __future__ import annotations

from typing import Any

import pytest

from pyfly.client import (
    CircuitBreakerException,
    ClientDeclarationException,
    ConflictException,
    DeadlineExceededException,
    HttpStatusException,
    NotFoundException,
    ResponseDecodeException,
    ServerErrorException,
    TlsException,
    get,
    post,
    service_client,
)
from pyfly.resilience import RetryPolicy
from pyfly.testing import client_for
from tests.client.protection.support import Port, answer, config, outcome_of, run_virtual, wired
from tests.resilience.support import LoopClock


def shop(**options: Any) -> Any:
    @service_client(base_url="http://shop:8080", **options)
    class Shop:
        @get("/items/{key}")
        async def item(self, key: str) -> dict[str, Any]: ...

        @post("/items")
        async def create(self, body: dict[str, Any]) -> dict[str, Any]: ...

    return Shop


def attempts(
    failure: Any, values: dict[str, Any] | None = None, *, create: bool = False, **options: Any
) -> int:
    """How many attempts a call makes that meets this failure at first."""

    async def main() -> int:
        port = Port(failure, answer({"id": 1}))
        client, _ = wired(shop(**options), port, values)
        await outcome_of(client.create({}) if create else client.item("1"))
        return len(port.requests)

    return run_virtual(main())


class OwnError(Exception):
    """Of a user's own port."""


@pytest.mark.parametrize(
    ("named", "failure", "made"),
    [
        (ConflictException, answer(status=409), 2),
        (ConflictException, answer(status=404), 1),
        (HttpStatusException, answer(status=404), 2),
        (ServerErrorException, answer(status=501), 2),
        (Exception, answer(status=409), 1),
        (Exception, OwnError(), 1),
        (OwnError, OwnError(), 2),
        (OSError, FileNotFoundError(), 1),
        (ConnectionError, ConnectionResetError(), 2),
    ],
)
def test_an_exception_that_is_named_is_retried_whatever_its_status(
    named: type[Exception], failure: Any, made: int
) -> None:
    assert attempts(failure, retry=RetryPolicy(retry_on=(named,))) == made


def test_naming_does_not_make_a_post_safe() -> None:
    policy = RetryPolicy(retry_on=(ConflictException,))
    assert attempts(answer(status=409), create=True, retry=policy) == 1


@pytest.mark.parametrize(
    ("text", "tried_again"),
    [("409", {409}), ("408, 429, 500-502", {500, 502}), ("", set()), ("400-599", {404, 409, 503})],
)
def test_which_statuses_are_tried_again_is_a_setting(text: str, tried_again: set[int]) -> None:
    found = {
        status
        for status in (404, 409, 500, 502, 503)
        if attempts(answer(status=status), {"retry.on-status": text}) == 2
    }
    assert found & {404, 409, 500, 502, 503} >= tried_again
    assert (503 in found) is (text == "400-599")


def test_the_setting_holds_beside_a_policy_given_in_code() -> None:
    values = {"retry.on-status": "409"}
    assert attempts(answer(status=409), values, retry=RetryPolicy(2)) == 2
    assert attempts(answer(status=503), retry=RetryPolicy(2)) == 2


@pytest.mark.parametrize("text", ["many", "200", "4-", "600", "5" * 2_000, "-1"])
def test_statuses_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(Exception, match=r"on-status.* names no statuses"):
        client_for(shop(), port=Port(), config=config({"retry.on-status": text}))


@pytest.mark.parametrize(
    ("told", "status", "made"),
    [("true", 409, 2), ("false", 503, 1), ("False", 503, 1), ("maybe", 503, 2), ("maybe", 409, 1)],
)
def test_a_service_may_say_itself_whether_to_try_again(told: str, status: int, made: int) -> None:
    assert attempts(answer(status=status, x_should_retry=told)) == made


def test_what_a_service_says_does_not_make_a_post_safe() -> None:
    assert attempts(answer(status=503, x_should_retry="true"), create=True) == 1


def test_milliseconds_to_wait_are_waited() -> None:
    async def main() -> float:
        clock = LoopClock()
        client, _ = wired(shop(), Port(answer(status=429, retry_after_ms="2500"), answer({})))
        began = clock.monotonic()
        await client.item("1")
        return clock.monotonic() - began

    assert run_virtual(main()) == pytest.approx(2.5)


class ConnectError(Exception):
    """As a library has it."""


ConnectError.__module__ = "httpx._exceptions"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (ResponseDecodeException, "is raised outside the attempts"),
        (CircuitBreakerException, "is raised outside the attempts"),
        (DeadlineExceededException, "would come again"),
        (TlsException, "would come again"),
        (ConnectError, "httpx._exceptions.ConnectError is raised as an exception of pyfly.client"),
    ],
)
def test_a_retry_on_that_never_applies_is_a_mistake(kind: type[Exception], reason: str) -> None:
    def declared(*kinds: type[Exception]) -> None:
        client_for(shop(retry=RetryPolicy(retry_on=kinds)), port=Port())

    with pytest.raises(ClientDeclarationException, match=f"retry_on never applies: .*{reason}"):
        declared(kind)
    declared(kind, NotFoundException)  # one that does is enough


def test_a_port_of_ones_own_may_raise_what_a_library_has() -> None:
    class Own:
        async def request(self, method: str, url: str, **kwargs: Any) -> Any:
            raise ConnectError

        async def start(self) -> None: ...

        async def stop(self) -> None: ...

    client_for(shop(retry=RetryPolicy(retry_on=(ConnectError,))), port=Own())
