"""What a client logs: loggers, levels, messages that hold their facts, fields."""

import logging
import re
from typing import Any

import pytest

from pyfly.client import CircuitBreakerException, ServerErrorException, get, service_client
from tests.guide.clocks import Monotonic
from tests.rules.support import Answer, PlainPort, over

STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def client_class(name: str = "Client") -> Any:
    class Client:
        @get("/things/{thing}")
        async def read(self, thing: str) -> dict: ...

    Client.__name__ = Client.__qualname__ = name
    return service_client(
        base_url="http://x", retry=2, retry_base_delay=0.0, circuit_breaker_failure_threshold=1
    )(Client)


async def life(running: Monotonic, name: str = "Client") -> None:
    """A call that is retried, one that gives up and opens, and one that closes again."""
    port = PlainPort(Answer(503), {"ok": 1})
    client = over(port, client_class(name))
    await client.read("1")
    port.answers = [Answer(503)]
    with pytest.raises(ServerErrorException):
        await client.read("2")
    with pytest.raises(CircuitBreakerException):
        await client.read("3")
    running.advance(31)
    port.answers = [{"ok": 1}]
    await client.read("4")


def at(caplog: pytest.LogCaptureFixture, level: int) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.levelno == level]


def text(record: logging.LogRecord) -> str:
    fields = {key: value for key, value in vars(record).items() if key not in STANDARD}
    return f"{record.getMessage()} {fields}".lower().replace("_", "-")


async def test_every_logger_is_under_pyfly_client(
    caplog: pytest.LogCaptureFixture, running: Monotonic
) -> None:
    caplog.set_level(logging.DEBUG, "pyfly")
    await life(running)
    names = {record.name for record in caplog.records if record.name.startswith("pyfly")}
    assert names
    assert all(name == "pyfly.client" or name.startswith("pyfly.client.") for name in names)


def test_there_is_a_null_handler() -> None:
    handlers = logging.getLogger("pyfly.client").handlers
    assert any(isinstance(handler, logging.NullHandler) for handler in handlers)


async def test_attempts_are_told_at_debug(
    caplog: pytest.LogCaptureFixture, running: Monotonic
) -> None:
    caplog.set_level(logging.DEBUG, "pyfly.client")
    await life(running)
    assert any("attempt" in text(record) for record in at(caplog, logging.DEBUG))


async def test_half_open_and_closing_are_told_at_info(
    caplog: pytest.LogCaptureFixture, running: Monotonic
) -> None:
    caplog.set_level(logging.INFO, "pyfly.client")
    await life(running)
    told = [text(record) for record in at(caplog, logging.INFO)]
    assert any("half-open" in one for one in told)
    assert any("closed" in one for one in told)
    assert len(told) == 2


async def test_opening_and_giving_up_are_told_at_warning(
    caplog: pytest.LogCaptureFixture, running: Monotonic
) -> None:
    caplog.set_level(logging.WARNING, "pyfly.client")
    await life(running)
    told = [text(record) for record in at(caplog, logging.WARNING)]
    assert any("open" in one for one in told)
    assert any("gave up" in one or "giving up" in one or "give up" in one for one in told)
    assert at(caplog, logging.ERROR) == []


async def test_a_message_says_which_operation_which_error_and_what_next(
    caplog: pytest.LogCaptureFixture, running: Monotonic
) -> None:
    caplog.set_level(logging.DEBUG, "pyfly.client")
    await life(running, "Inventory")
    told = [re.sub(r"[0-9.e-]+ s\b", "N s", record.getMessage()) for record in caplog.records]
    failure = "ServerErrorException: GET /things/{thing}: answered 503 Service Unavailable"
    once, twice = (
        f"{failure} (after {made}); the service failed: look at its log, or ask again later"
        for made in ("1 attempt", "2 attempts")
    )
    assert told == [
        f"Inventory.read: attempt 1 failed after N s: {once}",
        "Inventory.read: attempt 2 follows in N s",
        f"Inventory.read: attempt 1 failed after N s: {once}",
        "Inventory.read: attempt 2 follows in N s",
        "The circuit Inventory opened, so calls are refused: too many consecutive attempts failed: "
        "ServerErrorException",
        f"Inventory.read: attempt 2 failed after N s: {twice}",
        f"Inventory.read gave up after 2 attempts in N s: {twice}",
        "Inventory.read failed after N s: CircuitBreakerException: Circuit breaker is open: "
        "Inventory (retry in N s)",
        "The circuit Inventory is half-open, so a call may probe: the recovery time has passed",
        "The circuit Inventory closed, so calls pass: a probe succeeded",
    ]


async def test_the_text_of_a_foreign_error_is_not_logged(
    caplog: pytest.LogCaptureFixture, running: Monotonic
) -> None:
    caplog.set_level(logging.DEBUG, "pyfly.client")
    with pytest.raises(ValueError, match="secret"):
        await over(PlainPort(ValueError("secret")), client_class()).read("1")
    assert "secret" not in caplog.text
    assert "ValueError" in caplog.text


async def test_records_of_one_kind_have_one_format_and_facts_are_fields_too(
    caplog: pytest.LogCaptureFixture, running: Monotonic
) -> None:
    caplog.set_level(logging.DEBUG, "pyfly.client")
    await life(running, "First")
    first = list(caplog.records)
    caplog.clear()
    await life(running, "Second")
    second = list(caplog.records)
    assert [record.msg for record in first] == [record.msg for record in second]
    assert all(record.args for record in first + second)
    assert all(set(vars(record)) - STANDARD for record in first + second)
    assert any("First.read" in map(str, vars(record).values()) for record in first)


async def test_a_call_that_works_is_silent_above_debug(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    await over(PlainPort({"ok": 1}), client_class()).read("1")
    assert caplog.records == []
