"""Errors by status, transport errors, their attributes, and pickling."""

import pickle
from typing import Any

import pytest

import pyfly.client
from pyfly.client import (
    AccessDeniedException,
    AttemptTimeoutException,
    BadRequestException,
    CircuitBreaker,
    CircuitBreakerException,
    ClientDeclarationException,
    ClientErrorException,
    ConflictException,
    ConnectException,
    ForbiddenException,
    Headers,
    HttpStatusException,
    InfrastructureException,
    NotFoundException,
    OperationTimeoutException,
    ProtocolException,
    PyFlyException,
    ReadException,
    RedirectException,
    RefusedException,
    ResponseDecodeException,
    ServerErrorException,
    ServiceClientException,
    TlsException,
    TooManyRequestsException,
    TransportException,
    UnauthorizedException,
    UnprocessableContentException,
    connect,
    get,
    http_client,
    service_client,
)
from tests.rules.support import settings
from tests.support.servers import ServerClient


def client_class(url: str) -> Any:
    @http_client(base_url=url)
    class Client:
        @get("/status/{code}")
        async def status(self, code: int) -> dict: ...

        @get("/delay/{ms}")
        async def slow(self, ms: int) -> dict: ...

        @get("/health")
        async def health(self) -> dict: ...

    return Client


async def failure(url: str, method: str, *args: Any, config: Any = None) -> PyFlyException:
    async with connect(client_class(url), config=config) as client:
        with pytest.raises(PyFlyException) as caught:
            await getattr(client, method)(*args)
    return caught.value


# Statuses


@pytest.mark.parametrize(
    ("status", "kind", "parent"),
    [
        (400, BadRequestException, ClientErrorException),
        (401, UnauthorizedException, AccessDeniedException),
        (403, ForbiddenException, AccessDeniedException),
        (404, NotFoundException, ClientErrorException),
        (409, ConflictException, ClientErrorException),
        (422, UnprocessableContentException, ClientErrorException),
        (429, TooManyRequestsException, ClientErrorException),
        (402, ClientErrorException, HttpStatusException),
        (418, ClientErrorException, HttpStatusException),
        (499, ClientErrorException, HttpStatusException),
        (500, ServerErrorException, HttpStatusException),
        (501, ServerErrorException, HttpStatusException),
        (503, ServerErrorException, HttpStatusException),
        (599, ServerErrorException, HttpStatusException),
    ],
)
async def test_every_status_has_its_class(
    guide: ServerClient, status: int, kind: type, parent: type
) -> None:
    error = await failure(guide.url, "status", status)
    assert type(error) is kind
    assert issubclass(kind, parent)
    assert isinstance(error, ServiceClientException)
    assert error.status_code == status
    assert str(status) in str(error)


async def test_an_error_knows_its_call_and_its_response(guide: ServerClient) -> None:
    guide.script(
        "/status/503",
        {"status": 503, "headers": {"Retry-After": "7", "X-Trace": "t1"}, "body": {"why": "busy"}},
    )
    error = await failure(guide.url, "status", 503)
    assert isinstance(error, ServerErrorException)
    assert error.method == "GET"
    assert error.url_template == "/status/{code}"
    assert error.operation == "Client.status"
    assert error.headers["x-trace"] == "t1"
    assert error.body == b'{"why": "busy"}'
    assert error.attempts == 1
    assert error.retry_after == 7
    assert "Client.status" in str(error)
    assert "/status/{code}" in str(error)


async def test_attempts_are_counted(guide: ServerClient, sleeps: list[float]) -> None:
    @service_client(base_url=guide.url, retry=3)
    class Client:
        @get("/status/503")
        async def fail(self) -> dict: ...

    async with connect(Client) as client:
        with pytest.raises(ServerErrorException) as caught:
            await client.fail()
    assert caught.value.attempts == 3


async def test_the_body_of_an_error_is_capped(guide: ServerClient) -> None:
    guide.script("/status/500", {"status": 500, "body": b"x" * 3_000_000})
    error = await failure(guide.url, "status", 500)
    assert isinstance(error, ServerErrorException)
    assert 0 < len(error.body) <= 1 << 20
    assert len(str(error)) < 500


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120), ("0", 0), ("soon", None), ("-5", None), ("Wed, 21 Oct 2015 07:28:10 GMT", 10)],
)
async def test_retry_after_is_seconds_or_a_date_against_the_responses_date(
    guide: ServerClient, value: str, seconds: float | None
) -> None:
    headers = {"Retry-After": value, "Date": "Wed, 21 Oct 2015 07:28:00 GMT"}
    guide.script("/status/429", {"status": 429, "headers": headers})
    error = await failure(guide.url, "status", 429)
    assert isinstance(error, TooManyRequestsException)
    assert error.retry_after == seconds


async def test_problem_details_are_read(guide: ServerClient) -> None:
    problem = {
        "type": "https://example.com/out-of-credit",
        "title": "Out of credit",
        "status": 403,
        "detail": "Balance is 30",
        "instance": "/account/1",
        "balance": 30,
    }
    headers = {"Content-Type": "application/problem+json"}
    guide.script("/status/403", {"status": 403, "headers": headers, "body": problem})
    error = await failure(guide.url, "status", 403)
    assert isinstance(error, ForbiddenException)
    told = error.problem
    assert told is not None
    assert (told.type, told.title, told.status) == (problem["type"], "Out of credit", 403)
    assert (told.detail, told.instance) == ("Balance is 30", "/account/1")
    assert told.extensions["balance"] == 30


async def test_what_is_no_problem_document_is_none(guide: ServerClient) -> None:
    headers = {"Content-Type": "application/problem+json"}
    guide.script(
        "/status/400",
        {"status": 400, "body": {"title": "no"}},
        {"status": 400, "headers": headers, "body": b"{"},
        {"status": 400, "headers": headers, "body": b"[1]"},
    )
    for _ in range(3):
        error = await failure(guide.url, "status", 400)
        assert isinstance(error, BadRequestException)
        assert error.problem is None


# Transport


async def test_a_refused_connection_is_a_connection_error(unused_port: int) -> None:
    error = await failure(f"http://127.0.0.1:{unused_port}", "health")
    assert type(error) is ConnectException
    assert isinstance(error, ConnectionError)
    assert isinstance(error, TransportException)
    assert error.__cause__ is not None
    assert (error.method, error.url_template, error.attempts) == ("GET", "/health", 1)


async def test_a_name_that_does_not_resolve_is_a_connect_exception() -> None:
    error = await failure("http://no-such-host.invalid", "health")
    assert type(error) is ConnectException
    assert error.__cause__ is not None


@pytest.mark.parametrize("answer", [{"drop": True}, {"reset": True}], ids=["drop", "reset"])
async def test_a_connection_that_breaks_is_a_connection_error(
    guide: ServerClient, answer: dict[str, Any]
) -> None:
    guide.script("/health", answer)
    error = await failure(guide.url, "health")
    assert isinstance(error, (ReadException, ProtocolException))
    assert isinstance(error, ConnectionError)
    assert error.__cause__ is not None


async def test_a_timeout_is_a_timeout_error(guide: ServerClient) -> None:
    error = await failure(guide.url, "slow", 3000, config=settings({"default.timeout": "50ms"}))
    assert type(error) is AttemptTimeoutException
    assert isinstance(error, TimeoutError)
    assert isinstance(error, InfrastructureException)


async def test_a_failed_handshake_is_a_tls_exception(guide: ServerClient) -> None:
    error = await failure(guide.url.replace("http:", "https:"), "health")
    assert type(error) is TlsException
    assert error.__cause__ is not None


# Pickling


EXCEPTIONS = sorted(
    (
        thing
        for name in pyfly.client.__all__
        if isinstance(thing := getattr(pyfly.client, name), type)
        and issubclass(thing, BaseException)
        and not issubclass(thing, Warning)
    ),
    key=lambda kind: kind.__name__,
)


def make(kind: type[Any]) -> Any:
    if issubclass(kind, HttpStatusException):
        return kind(503, Headers({"Retry-After": "3", "Location": "/x"}), b"body")
    if issubclass(kind, ClientDeclarationException):
        return kind("Users", ["Users.get: wrong", "Users.put: wrong"])
    if issubclass(kind, RefusedException):
        return kind("refused", "code", {"a": 1}, name="inventory", retry_after=1.5)
    if issubclass(kind, OperationTimeoutException):
        return kind("late", "code", {"a": 1}, timeout=2.5)
    return kind("message", "code", {"a": 1})


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", EXCEPTIONS, ids=lambda kind: kind.__name__)
def test_every_exception_pickles_with_its_attributes_and_cause(
    kind: type[Any], protocol: int
) -> None:
    error = make(kind)
    error.__cause__ = ConnectionRefusedError(111, "refused")
    error.add_note("a note")
    copy = pickle.loads(pickle.dumps(error, protocol))
    assert type(copy) is kind
    assert (str(copy), repr(copy), copy.args) == (str(error), repr(error), error.args)
    for name, value in vars(error).items():
        assert getattr(copy, name) == value, name
    assert type(copy.__cause__) is ConnectionRefusedError
    assert copy.__notes__ == ["a note"]


@pytest.mark.parametrize("kind", EXCEPTIONS, ids=lambda kind: kind.__name__)
def test_every_exception_is_one_of_the_tree_with_the_suffix(kind: type[Any]) -> None:
    assert issubclass(kind, PyFlyException)
    assert kind.__name__.endswith("Exception")


async def test_errors_of_real_calls_pickle(guide: ServerClient, unused_port: int) -> None:
    dead = f"http://127.0.0.1:{unused_port}"
    guide.script("/health", {"body": b"<html>"})
    guide.script("/status/302", {"status": 302, "headers": {"Location": "/x"}})
    errors = [
        await failure(guide.url, "status", 503),
        await failure(guide.url, "status", 302),
        await failure(guide.url, "status", None),
        await failure(dead, "health"),
        await failure(guide.url, "health"),
        await failure(guide.url, "slow", 3000, config=settings({"default.timeout": "30ms"})),
        await failure(guide.url.replace("http:", "https:"), "health"),
    ]
    assert {type(error) for error in errors} >= {
        ServerErrorException, RedirectException, ConnectException, ResponseDecodeException,
    }  # fmt: skip
    for error in errors:
        copy = pickle.loads(pickle.dumps(error))
        assert type(copy) is type(error)
        assert str(copy) == str(error)
        assert vars(copy).keys() == vars(error).keys()


async def test_a_refusal_carries_name_and_retry_after() -> None:
    breaker = CircuitBreaker(failure_threshold=1, name="inventory")

    async def fail() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await breaker.call(fail)
    with pytest.raises(CircuitBreakerException) as caught:
        await breaker.call(fail)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert copy.name == caught.value.name == "inventory"
    assert copy.retry_after == caught.value.retry_after == pytest.approx(30, abs=1)
    assert str(copy).startswith("Circuit breaker is open")
