import logging
from typing import Any, Protocol, runtime_checkable

import pytest

from pyfly.container import (
    BeanCreationException,
    BeanDefinitionException,
    Scope,
    bean,
    component,
    configuration,
)
from pyfly.context import (
    ApplicationContext,
    BeanPostProcessor,
    LifecyclePostProcessor,
    PostProcessorException,
    post_construct,
    pre_destroy,
)
from tests.context.support import Journal, context_of


class Plain:
    """Changes nothing."""

    def before_init(self, bean: Any, bean_name: str) -> Any:
        return bean

    def after_init(self, bean: Any, bean_name: str) -> Any:
        return bean


class Clock: ...


def test_the_contracts_are_runtime_checkable() -> None:
    assert isinstance(Plain(), BeanPostProcessor)
    assert not isinstance(Plain(), LifecyclePostProcessor)
    assert isinstance(Journal().processor("p"), LifecyclePostProcessor)


async def test_a_bean_passes_its_hooks_in_order() -> None:
    journal = Journal()

    class Service:
        def __init__(self) -> None:
            journal.append("new")

        @post_construct
        def begin(self) -> None:
            journal.append("begin")

        @pre_destroy
        def end(self) -> None:
            journal.append("end")

    context = context_of(Service)
    context.register_post_processor(journal.processor("a"))
    context.register_post_processor(journal.processor("b"))
    async with context:
        assert journal.take() == [
            "new",
            "a.before service",
            "b.before service",
            "begin",
            "a.after service",
            "b.after service",
            "a.start service",
            "b.start service",
        ]
    assert journal == ["b.stop service", "a.stop service", "end"]


async def test_a_dependency_runs_before_its_dependents_are_made() -> None:
    journal = Journal()

    class Client: ...

    class Service:
        def __init__(self, client: Client) -> None:
            journal.append("new service")

    context = context_of(Service, Client)
    context.register_post_processor(journal.processor("p"))
    async with context:
        assert journal.index("p.start client") < journal.index("new service")


async def test_order_sorts_processors_before_registration_does() -> None:
    journal = Journal()
    late, early, usual = (journal.processor(label) for label in ("late", "early", "usual"))
    late.order, early.order = 5, -1
    context = context_of(Clock)
    for processor in (late, usual, early):
        context.register_post_processor(processor)
    async with context:
        assert [entry.split(".")[0] for entry in journal[:3]] == ["early", "usual", "late"]


async def test_the_order_of_a_processor_that_a_factory_makes_is_that_of_its_class() -> None:
    class Early(Plain):
        order = -1

    def early() -> Early:
        return Early()

    seen: list[str] = []

    class Usual(Plain):
        def __init__(self) -> None:
            seen.append("usual")

    context = context_of(Usual, early)
    context.register_bean(Clock)
    async with context:
        assert context.has_post_processor(Early)
        assert seen == ["usual"]


def test_an_order_that_is_no_int_is_refused() -> None:
    class Wrong(Plain):
        @property
        def order(self) -> int:
            return 1

    with pytest.raises(
        BeanDefinitionException, match=r"Wrong\.order is property, but it has to be"
    ):
        context_of().register_post_processor(Wrong)


async def test_a_processor_may_replace_a_bean() -> None:
    journal = Journal()

    class Service:
        @post_construct
        def begin(self) -> None:
            journal.append("begin service")

    class Early(Service):
        @post_construct
        def begin(self) -> None:
            journal.append("begin early")

        @pre_destroy
        def end(self) -> None:
            journal.append("end early")

    class Proxy(Service): ...

    class Replacing(Plain):
        def before_init(self, bean: Any, bean_name: str) -> Any:
            return Early()

        def after_init(self, bean: Any, bean_name: str) -> Any:
            assert type(bean) is Early
            return Proxy()

        async def on_start(self, bean: Any, bean_name: str) -> None:
            journal.append(f"start {type(bean).__name__}")

        def on_stop(self, bean: Any, bean_name: str) -> None:  # need not be async
            journal.append(f"stop {type(bean).__name__}")

    context = context_of(Service)
    context.register_post_processor(Replacing())
    async with context:
        assert type(context.get_bean(Service)) is Proxy
    assert journal == ["begin early", "start Proxy", "stop Proxy", "end early"]


@pytest.mark.parametrize("hook", ["before_init", "after_init"])
async def test_a_processor_that_returns_none_is_named(hook: str) -> None:
    class Forgetful(Plain): ...

    setattr(Forgetful, hook, lambda self, bean, bean_name: None)
    context = context_of(Clock)
    context.register_post_processor(Forgetful())
    with pytest.raises(
        PostProcessorException, match=rf"Forgetful\.{hook}\('clock'\) returned None"
    ):
        await context.start()


async def test_a_processor_whose_hook_is_async_is_named() -> None:
    class Async(Plain):
        async def after_init(self, bean: Any, bean_name: str) -> Any:
            return bean

    context = context_of(Clock)
    context.register_post_processor(Async())
    with pytest.raises(PostProcessorException, match=r"after_init\('clock'\) is async: write `def"):
        await context.start()


async def test_an_error_of_a_hook_says_which_bean_it_was() -> None:
    class Broken(Plain):
        def after_init(self, bean: Any, bean_name: str) -> Any:
            raise ValueError("cannot wire")

    context = context_of(Clock)
    context.register_post_processor(Broken())
    with pytest.raises(BeanCreationException, match="Clock could not be made: ValueError: cannot"):
        await context.start()


async def test_a_bean_whose_start_fails_is_stopped_and_the_error_passes() -> None:
    journal = Journal()

    class Unstartable(Plain):
        async def on_start(self, bean: Any, bean_name: str) -> None:
            raise OSError("no network")

    class Service:
        @pre_destroy
        def end(self) -> None:
            journal.append("end service")

    context = context_of(Service)
    context.register_post_processor(journal.processor("p"))
    context.register_post_processor(Unstartable())
    with pytest.raises(OSError, match="no network") as caught:
        await context.start()
    assert caught.value.__notes__ == ["while starting bean 'service': Unstartable.on_start"]
    assert journal[-2:] == ["p.stop service", "end service"]


async def test_a_bean_whose_after_init_fails_is_stopped_too() -> None:
    journal = Journal()

    class Broken(Plain):
        def after_init(self, bean: Any, bean_name: str) -> Any:
            raise ValueError

    context = context_of(Clock)
    context.register_post_processor(journal.processor("wires"))
    context.register_post_processor(Broken())
    with pytest.raises(BeanCreationException):
        await context.start()
    assert journal == ["wires.before clock", "wires.after clock", "wires.stop clock"]


async def test_a_processor_takes_beans_as_any_bean_does_and_ends_after_the_beans() -> None:
    journal = Journal()

    class Audit(Plain):
        def __init__(self, clock: Clock) -> None:
            self.clock = clock

        @post_construct
        async def begin(self) -> None:
            journal.append("begin audit")

        @pre_destroy
        async def end(self) -> None:
            journal.append("end audit")

        def after_init(self, bean: Any, bean_name: str) -> Any:
            journal.append(bean_name)
            return bean

    class Service:
        @pre_destroy
        def end(self) -> None:
            journal.append("end service")

    context = context_of(Service, Clock)
    context.register_post_processor(Audit)
    async with context:
        assert context.get_bean(Audit).clock is context.get_bean(Clock)
        assert journal.take() == ["begin audit", "service"]
    assert journal == ["end service", "end audit"]


async def test_a_bean_that_a_processor_needs_is_not_processed_by_it_and_a_warning_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Audit(Plain):
        def __init__(self, clock: Clock) -> None: ...

    journal = Journal()
    context = context_of(Clock)
    context.register_post_processor(journal.processor("first"))
    context.register_post_processor(Audit)
    with caplog.at_level(logging.WARNING, "pyfly.context"):
        async with context:
            pass
    assert "first.before clock" in journal
    assert [record.getMessage() for record in caplog.records] == [
        "Bean 'clock' is made early, for a post-processor: it is not processed by Audit"
    ]


async def test_processors_are_not_processed() -> None:
    journal = Journal()
    context = context_of()
    context.register_post_processor(journal.processor("first"))
    context.register_post_processor(Plain)
    async with context:
        assert journal == []


async def test_a_decorated_processor_works_without_being_named_as_one() -> None:
    journal = Journal()

    @component
    class Audit(Plain):
        def after_init(self, bean: Any, bean_name: str) -> Any:
            journal.append(bean_name)
            return bean

    async with context_of(Audit, Clock) as context:
        assert context.has_post_processor(Audit)
        assert context.has_post_processor(Plain)
        assert not context.has_post_processor(Clock)
    assert journal == ["clock"]


async def test_a_configuration_may_make_a_processor() -> None:
    journal = Journal()

    @runtime_checkable
    class Named(Protocol):
        def name(self) -> str: ...

    @configuration
    class Wiring:
        @bean
        def recorder(self) -> BeanPostProcessor:
            recorder: BeanPostProcessor = journal.processor("made")
            return recorder

    async with context_of(Clock, Wiring):
        assert "made.before clock" in journal


async def test_several_processors_of_one_class_get_names_of_their_own() -> None:
    context = context_of(Clock)
    one, two, three = Plain(), Plain(), Plain()
    for processor in (one, two, three, two):
        context.register_post_processor(processor)
    async with context:
        assert context.get_beans(Plain) == [one, two, three]
        assert context.get_bean(Plain, "plain#3") is three


def test_what_lacks_the_hooks_is_no_processor() -> None:
    class Half:
        def before_init(self, bean: Any, bean_name: str) -> Any: ...

    with pytest.raises(
        PostProcessorException, match="Half is no BeanPostProcessor: it has no after_"
    ):
        context_of().register_post_processor(Half())
    with pytest.raises(PostProcessorException, match="it has no before_init and no after_init"):
        context_of().register_post_processor(Clock)


async def test_a_processor_that_comes_too_late_is_refused() -> None:
    context = context_of(Clock, Plain)
    async with context:
        context.register_bean(Plain)  # known already
        with pytest.raises(PostProcessorException, match="Register it before start"):
            context.register_post_processor(Journal().processor("late"))
        with pytest.raises(PostProcessorException):
            context.register_bean(Plain, name="other")
        assert not context.contains(Plain, "other")


async def test_a_transient_is_processed_but_neither_started_nor_stopped() -> None:
    journal = Journal()

    @component(scope=Scope.TRANSIENT)
    class Basket: ...

    context = context_of(Basket)
    context.register_post_processor(journal.processor("p"))
    async with context:
        context.get_bean(Basket)
    assert journal == ["p.before basket", "p.after basket"]


async def test_a_processor_is_made_anew_after_a_failed_start() -> None:
    made: list[Any] = []

    class Audit(Plain):
        def __init__(self) -> None:
            made.append(self)

    answers = [ValueError(), None]

    class Flaky:
        def __init__(self) -> None:
            if error := answers.pop(0):
                raise error

    context: ApplicationContext = context_of(Audit, Flaky)
    with pytest.raises(BeanCreationException):
        await context.start()
    async with context:
        assert context.get_bean(Audit) is made[1]
