"""Wrong configuration is named by file, line and key; zero and false are values."""

import warnings
from pathlib import Path
from typing import Any

import pytest

from pyfly.client import (
    CircuitBreakerException,
    HttpClientBeanPostProcessor,
    ServerErrorException,
    connect,
    get,
    service_client,
)
from pyfly.context import ApplicationContext
from pyfly.core import Config, ConfigWarning
from pyfly.kernel.exceptions import PyFlyException
from tests.rules.support import Answer, PlainPort, over, settings


def client_class(**more: Any) -> Any:
    @service_client(base_url="http://x", **more)
    class Client:
        @get("/x")
        async def read(self) -> dict: ...

    return Client


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "pyfly.yaml"
    path.write_text(text)
    return path


def under_client(*lines: str) -> str:
    return "pyfly:\n  client:\n" + "".join(f"    {line}\n" for line in lines)


def refusal(path: Path) -> str:
    with pytest.raises(PyFlyException) as caught:
        over(PlainPort(), client_class(), config=Config.from_file(path, environ={}))
    return str(caught.value)


@pytest.mark.parametrize(
    ("lines", "line", "key", "nearest"),
    [
        (["retry:", "  max-attemps: 3"], 4, "max-attemps", "max-attempts"),
        (["default:", "  timeut: 30s"], 4, "timeut", "timeout"),
        (["default:", "  timeout: 1s", "  conect-timeout: 5s"], 5, "conect-timeout", "connect-"),
        (["circuit-breaker:", "  failure-treshold: 5"], 4, "failure-treshold", "failure-threshold"),
        (["circuit-braker:", "  failure-threshold: 5"], 3, "circuit-braker", "circuit-breaker"),
        (["retri:", "  max-attempts: 3"], 3, "retri", "retry"),
    ],
)  # fmt: skip
def test_an_unknown_key_is_named_with_file_line_and_the_nearest_one(
    tmp_path: Path, lines: list[str], line: int, key: str, nearest: str
) -> None:
    path = written(tmp_path, under_client(*lines))
    told = refusal(path)
    assert f"pyfly.yaml:{line}" in told
    assert key in told
    assert nearest in told


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        (["default:", "  timeout: 30 parsecs"], "default.timeout"),
        (["default:", "  timeout: 30sec ond"], "default.timeout"),
        (["default:", "  timeout: -1s"], "default.timeout"),
        (["default:", "  timeout: yes"], "default.timeout"),
        (["default:", "  timeout: [30s]"], "default.timeout"),
        (["default:", "  connect-timeout: .nan"], "default.connect-timeout"),
        (["retry:", "  base-delay: -1"], "retry.base-delay"),
        (["retry:", "  base-delay: .inf"], "retry.base-delay"),
        (["retry:", "  max-attempts: on"], "retry.max-attempts"),
        (["retry:", "  max-attempts: -3"], "retry.max-attempts"),
        (["retry:", "  max-attempts: 0"], "retry.max-attempts"),
        (["retry:", "  max-attempts: 2.5"], "retry.max-attempts"),
        (["retry:", "  max-attempts: three"], "retry.max-attempts"),
        (["circuit-breaker:", "  failure-threshold: 0"], "circuit-breaker.failure-threshold"),
        (["circuit-breaker:", "  failure-threshold: true"], "circuit-breaker.failure-threshold"),
        (["circuit-breaker:", "  recovery-timeout: -30s"], "circuit-breaker.recovery-timeout"),
    ],
    ids=lambda value: value[1].strip() if isinstance(value, list) else "",
)  # fmt: skip
def test_a_wrong_value_is_named_with_file_line_and_key(
    tmp_path: Path, lines: list[str], key: str
) -> None:
    told = refusal(written(tmp_path, under_client(*lines)))
    assert "pyfly.yaml:4" in told
    assert f"pyfly.client.{key}" in told


def test_all_mistakes_of_the_configuration_are_told_at_once(tmp_path: Path) -> None:
    told = refusal(
        written(
            tmp_path,
            under_client("retry:", "  max-attempts: -1", "  base-dely: 1s", "default:",
                         "  timeout: soon"),
        )
    )  # fmt: skip
    for line in (4, 5, 7):
        assert f"pyfly.yaml:{line}" in told


async def test_a_context_refuses_to_start_with_it(tmp_path: Path) -> None:
    path = written(tmp_path, under_client("retry:", "  max-attemps: 3"))
    context = ApplicationContext(Config.from_file(path, environ={}))
    context.register_bean(client_class())
    with pytest.raises(PyFlyException, match="max-attemps"):
        await context.start()
    await context.stop()


# Spellings


@pytest.mark.parametrize("key", ["max-attempts", "max_attempts", "maxAttempts", "MAX_ATTEMPTS"])
async def test_kebab_snake_and_camel_case_are_one(
    tmp_path: Path, sleeps: list[float], key: str
) -> None:
    path = written(tmp_path, under_client("retry:", f"  {key}: 5"))
    port = PlainPort(Answer(503))
    with pytest.raises(ServerErrorException):
        await over(port, client_class(), config=Config.from_file(path, environ={})).read()
    assert len(port.requests) == 5


def test_two_spellings_of_one_key_are_an_error(tmp_path: Path) -> None:
    path = written(tmp_path, under_client("retry:", "  max-attempts: 5", "  max_attempts: 2"))
    with pytest.raises(PyFlyException, match=r"max.attempts"):
        over(PlainPort(), client_class(), config=Config.from_file(path, environ={}))


# Zero, false, and what is not said


async def test_an_explicit_zero_is_a_value(sleeps: list[float]) -> None:
    config = settings({"retry.base-delay": 0, "circuit-breaker.recovery-timeout": 0})
    port = PlainPort(Answer(503))
    client = over(port, client_class(), config=config)
    for _ in range(8):  # with no recovery time, the circuit is half-open at once
        with pytest.raises(ServerErrorException):
            await client.read()
    assert sleeps == []


async def test_an_explicit_zero_in_code_is_a_value(sleeps: list[float]) -> None:
    cls = client_class(
        retry_base_delay=0.0,
        circuit_breaker_recovery_timeout=0.0,
        circuit_breaker_failure_threshold=1,
    )
    client = over(PlainPort(Answer(503)), cls)
    for _ in range(4):
        with pytest.raises(ServerErrorException):
            await client.read()
    assert sleeps == []


async def test_false_in_the_configuration_of_a_client_beats_true_in_code(
    sleeps: list[float],
) -> None:
    config = settings(
        {
            "clients.shop.retry.enabled": False,
            "clients.shop.circuit-breaker.enabled": False,
        }
    )
    port = PlainPort(Answer(503))
    client = over(
        port,
        client_class(name="shop", retry=3, circuit_breaker_failure_threshold=1),
        config=config,
    )
    for _ in range(6):
        with pytest.raises(ServerErrorException):
            await client.read()
    assert len(port.requests) == 6


async def test_a_block_in_part_is_filled_from_the_defaults(sleeps: list[float]) -> None:
    config = settings({"circuit-breaker.failure-threshold": 1})
    client = over(PlainPort(Answer(503)), client_class(retry=False), config=config)
    with pytest.raises(ServerErrorException):
        await client.read()
    with pytest.raises(CircuitBreakerException) as caught:
        await client.read()
    assert caught.value.retry_after == pytest.approx(30, abs=1)


@pytest.mark.parametrize(
    ("retry", "breaker"),
    [({"max-attempt": 3}, None), ({"max-attempts": 0}, None), ({"base-delay": -1.0}, None),
     ({"max-attempts": "three"}, None), (None, {"failure-treshold": 5}),
     (None, {"failure-threshold": 0}), (None, {"recovery-timeout": -30})],
    ids=repr,
)  # fmt: skip
def test_the_defaults_of_the_post_processor_are_checked_as_well(retry: Any, breaker: Any) -> None:
    def use() -> None:
        HttpClientBeanPostProcessor(
            lambda base_url: PlainPort(), default_retry=retry, default_circuit_breaker=breaker
        ).after_init(client_class()(), "client")

    with pytest.raises((PyFlyException, ValueError, TypeError)) as caught:
        use()
    assert next(iter(retry or breaker)) in str(caught.value)


async def test_the_configuration_beats_the_defaults_of_the_post_processor(
    sleeps: list[float],
) -> None:
    port = PlainPort(Answer(503))
    processor = HttpClientBeanPostProcessor(
        lambda base_url: port,
        config=settings({"retry.max-attempts": 2}),
        default_retry={"max-attempts": 4, "base-delay": 0.5},
    )
    client = processor.after_init(client_class()(), "client")
    with pytest.raises(ServerErrorException):
        await client.read()
    assert (len(port.requests), sleeps) == (2, [0.5])


# Names


STRANGERS = under_client(
    "clients:",
    "  ware-house:",
    "    methods:",
    "      read: {timeout: 1s}",
    "      reed: {timeout: 1s}",
    "  warehuose: {timeout: 1s}",
    "  nowhere: {timeout: 1s}",
)
NO_METHOD = (
    "{0}:7: pyfly.client.clients.ware-house.methods.reed: the client 'warehouse' has no method "
    "'reed' (did you mean read?)"
)


def told(caught: list[warnings.WarningMessage]) -> list[str]:
    return [str(each.message) for each in caught if issubclass(each.category, ConfigWarning)]


@pytest.mark.survives(
    "Starting and stopping",
    "`pyfly.yaml` has settings for a client or a method that no class has",
    "a `ConfigWarning` at the start with file, line and the nearest name",
)
async def test_a_context_warns_once_of_clients_and_methods_that_no_class_has(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, STRANGERS)
    context = ApplicationContext(Config.from_file(path, environ={}))
    context.register_post_processor(
        HttpClientBeanPostProcessor(lambda base_url: PlainPort(), config=context.config)
    )
    known = client_class(name="warehouse")
    context.register_bean(known)
    context.register_bean(client_class(name="ware-houses"), name="other")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        await context.start()
    clients = f"{path}:{{0}}: pyfly.client.clients.{{1}}: no client class is named {{1!r}} ({{2}})"
    assert sorted(told(caught)) == sorted(
        [
            clients.format(8, "warehuose", "did you mean warehouse?"),
            clients.format(9, "nowhere", "it is ignored"),
            NO_METHOD.format(path),
        ]
    )
    await context.stop()


def test_a_variable_for_a_client_that_no_class_has_is_named() -> None:
    variable = "PYFLY_CLIENT_CLIENTS_WAREHUOSE_TIMEOUT"
    config = Config(environ={variable: "1s", "PYFLY_CLIENT_CLIENTS_WARE_HOUSE_TIMEOUT": "1s"})
    processor = HttpClientBeanPostProcessor(lambda base_url: PlainPort(), config=config)
    known = client_class(name="warehouse")
    with pytest.warns(ConfigWarning) as caught:
        processor.after_init(known(), "known")
    assert [str(warning.message) for warning in caught] == [
        f"environment variable {variable}: pyfly.client.clients.warehuose: no client class is "
        "named 'warehuose' (did you mean warehouse?)"
    ]


async def test_connect_warns_of_methods_only_since_other_clients_may_be_elsewhere(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, STRANGERS)
    config = Config.from_file(path, environ={})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        async with connect(client_class(name="warehouse"), port=PlainPort(), config=config):
            pass
    assert told(caught) == [NO_METHOD.format(path)]


# The environment


def test_an_unknown_variable_is_a_warning() -> None:
    with pytest.warns(UserWarning, match="PYFLY_CLIENT_RETRY_MAX_ATTEMPS"):
        over(PlainPort(), client_class(), config=settings(PYFLY_CLIENT_RETRY_MAX_ATTEMPS="3"))


def test_variables_of_others_are_none_of_our_business() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        config = settings(PYFLY_OTHER="1", CLIENT_RETRY="2", PATH="/bin")
        over(PlainPort(), client_class(), config=config)


def test_a_wrong_variable_is_an_error_that_names_it() -> None:
    with pytest.raises(PyFlyException, match="PYFLY_CLIENT_RETRY_MAX_ATTEMPTS"):
        over(PlainPort(), client_class(), config=settings(PYFLY_CLIENT_RETRY_MAX_ATTEMPTS="on"))


# Files


async def test_without_config_no_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, "pyfly: [this is: broken")
    monkeypatch.chdir(tmp_path)
    async with connect(client_class(), port=PlainPort()) as client:
        assert await client.read() == {"ok": True}
