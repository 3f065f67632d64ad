"""A request that nobody expected fails the test, whatever lies between."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from datetime import timedelta
from typing import Any

import pytest

from pyfly.client import get, service_client
from pyfly.resilience.assembly import assemble
from pyfly.resilience.call import Call
from pyfly.resilience.events import Events
from pyfly.resilience.fallback.fallback import Fallback
from pyfly.resilience.fallback.stage import FallbackStage
from pyfly.resilience.retry.policy import RetryPolicy
from pyfly.resilience.retry.stage import RetryStage
from pyfly.testing import FakePort, SyncFakePort, UnexpectedRequestException, client_for
from tests.testing.support import Inventory, ManualClock, Product, SyncInventory


async def test_it_is_not_retried_and_does_not_count_for_the_circuit() -> None:
    fake, clock = FakePort(), ManualClock()
    inventory = client_for(Inventory, port=fake, clock=clock)
    for _ in range(6):
        with pytest.raises(UnexpectedRequestException):
            await inventory.product("1")
    assert len(fake.calls) == 6
    assert clock.slept == []


async def test_no_except_exception_hides_it() -> None:
    inventory = client_for(Inventory, port=FakePort())
    with pytest.raises(UnexpectedRequestException), contextlib.suppress(Exception):
        await inventory.product("1")


async def test_no_retry_of_everything_and_no_fallback_hides_it() -> None:
    stages = [
        FallbackStage(Fallback(value="instead")),
        RetryStage(RetryPolicy(3, timedelta(), retry_on=(Exception,))),
    ]

    async def attempt(call: Call) -> str:
        raise UnexpectedRequestException("x")

    with pytest.raises(UnexpectedRequestException):
        await assemble(stages).build(attempt)(Call("x", None, clock=ManualClock(), events=Events()))


async def test_what_was_swallowed_all_the_same_comes_up_at_the_end() -> None:
    async def block() -> None:
        with FakePort() as fake:
            inventory = client_for(Inventory, port=fake)
            await asyncio.gather(inventory.product("1"), return_exceptions=True)

    with pytest.raises(AssertionError, match="the fake has no answer to GET /products/1"):
        await block()


async def test_a_rule_that_was_not_used_fails_the_test() -> None:
    async def block() -> None:
        with FakePort() as fake:
            fake.on(Inventory.product, "1").returns(None)
            fake.on(Inventory.product, "2").returns(None, None, None)
            fake.on(Inventory.product, "3").returns(None).optional()
            fake.on(Inventory.product, "4").returns(None)
            inventory = client_for(Inventory, port=fake)
            for product_id in ("2", "2", "4"):
                await inventory.product(product_id)

    with pytest.raises(AssertionError) as caught:
        await block()
    first, second = str(caught.value).splitlines()
    assert first.startswith(
        "the rule Inventory.product(product_id='1'): GET /products/{product_id}"
    )
    assert first.endswith("was never called")
    assert "product_id='2'" in second
    assert second.endswith("gave 2 of 3 answers")


async def test_the_failure_of_the_block_itself_is_not_hidden() -> None:
    def block() -> None:
        with FakePort() as fake:
            fake.on(Inventory.product).returns(None)
            raise KeyError("mine")

    with pytest.raises(KeyError):
        block()


async def test_the_nearest_rule_is_named_with_what_differs() -> None:
    fake = FakePort()
    fake.on(Inventory.search, "tools").returns([])
    fake.on(Inventory.product, "42").returns(None)
    fake.on("DELETE", "/baskets/{id}").returns(None)
    inventory = client_for(Inventory, port=fake)
    with pytest.raises(UnexpectedRequestException) as caught:
        await inventory.product("43")
    assert str(caught.value).splitlines()[0] == "the fake has no answer to GET /products/43"
    assert "the nearest of its 3 rules is Inventory.product(product_id='42')" in str(caught.value)
    assert "GET /products/{product_id} (set up at test_strictness.py:" in str(caught.value)
    assert "product_id: the rule wants '42', but '43' was sent" in str(caught.value)
    with pytest.raises(UnexpectedRequestException, match=r"the method is DELETE, the rule's GET"):
        await inventory.remove("42")
    with pytest.raises(UnexpectedRequestException, match=r"the path is /motd, the rule's /"):
        await inventory.motd()
    with pytest.raises(UnexpectedRequestException, match=r"in_stock: the rule wants True"):
        await inventory.search("tools", False)


async def test_without_rules_it_says_how_to_write_one() -> None:
    with pytest.raises(UnexpectedRequestException, match="it has no rules"):
        await client_for(Inventory, port=FakePort()).motd()


async def test_no_secret_is_shown() -> None:
    fake = FakePort()
    fake.on("GET", "/products", api_token="right").returns([])
    fake.on("GET", "/products", api_token="right")
    with pytest.raises(UnexpectedRequestException) as caught:
        await client_for(Inventory, port=fake).search("tools")
    assert "right" not in str(caught.value)


async def test_a_rule_without_an_answer_says_so() -> None:
    fake = FakePort()
    fake.on(Inventory.motd)
    with pytest.raises(UnexpectedRequestException, match=r"it has no answer \(write .returns"):
        await client_for(Inventory, port=fake).motd()
    fake.on(Inventory.motd).returns("x").delays(3)
    with pytest.raises(UnexpectedRequestException, match=r"delays\(3\) has no answer after it"):
        await client_for(Inventory, port=fake).motd()


async def test_without_strictness_what_is_unknown_is_not_found() -> None:
    with FakePort(strict=False) as fake:
        fake.on(Inventory.motd).returns("never asked for")
        assert await client_for(Inventory, port=fake).product("1") is None
    assert repr(fake.calls[0]) == "<GET /products/1, which no rule took>"


async def test_also_without_strictness_answers_can_be_used_up() -> None:
    fake = FakePort(strict=False)
    fake.on(Inventory.motd).returns("x", times=1)
    inventory = client_for(Inventory, port=fake)
    assert await inventory.motd() == "x"
    with pytest.raises(UnexpectedRequestException, match="its 1 answers are used up"):
        await inventory.motd()


def test_a_synchronous_fake_is_as_strict() -> None:
    with pytest.raises(UnexpectedRequestException):
        client_for(SyncInventory, port=SyncFakePort()).product("1")


async def test_it_can_be_given_to_a_client_that_is_connected() -> None:
    from pyfly.client import connect

    with FakePort() as fake:
        rule = fake.on(Inventory.product, "1").returns(Product("1"))
        async with connect(Inventory, port=fake) as inventory:
            assert await inventory.product("1") == Product("1")
        assert repr(rule) == (
            "<rule Inventory.product(product_id='1'): GET /products/{product_id}, called 1 times>"
        )


def test_a_rule_may_come_from_an_unknown_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspect, "currentframe", lambda: None)
    fake = FakePort()
    fake.on(Inventory.motd).returns("x")
    with pytest.raises(AssertionError, match="set up at an unknown place"):
        fake.assert_all_called()


@pytest.mark.parametrize(
    "policies",
    [
        {"fallback": Fallback(value="instead")},
        {"hedge": 0.2},
        {"single_flight": True},
        {"retry": RetryPolicy(3, timedelta(), retry_on=(Exception,))},
        {"total_timeout": 5.0, "bulkhead": 1},
    ],
    ids=lambda policies: ", ".join(policies),
)
async def test_no_policy_of_a_client_hides_it(policies: dict[str, Any]) -> None:
    @service_client(base_url="http://x", **policies)
    class Guarded:
        @get("/thing")
        async def thing(self) -> Any: ...

    fake = FakePort()
    with pytest.raises(UnexpectedRequestException):
        await client_for(Guarded, port=fake).thing()
    assert len(fake.calls) == 1
