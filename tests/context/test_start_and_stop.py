import asyncio
import pickle
from typing import Any

import pytest

from pyfly.container import (
    BeanCreationException,
    BeanNotReadyException,
    NoSuchBeanException,
    Scope,
    bean,
    component,
    configuration,
)
from pyfly.context import (
    ApplicationContext,
    AutoConfigurationException,
    ContextException,
    ContextNotStartedException,
    ContextStoppedException,
    PostProcessorException,
    ScanException,
    post_construct,
    pre_destroy,
)
from pyfly.core import Config
from pyfly.kernel.exceptions import PyFlyException
from tests.context.support import Journal, context_of


class Clock: ...


class Boom(Exception): ...


# -- the two beans that are always there


async def test_the_context_and_its_configuration_are_beans() -> None:
    config = Config({"a": 1}, environ={})
    context = ApplicationContext(config, auto_configuration=False)

    class Service:
        def __init__(self, config: Config, context: ApplicationContext) -> None:
            self.got = (config, context)

    context.register_bean(Service)
    async with context as entered:
        assert entered is context
        assert context.get_bean(Service).got == (config, context)
        assert context.config is config


async def test_without_a_configuration_there_is_an_empty_one() -> None:
    async with ApplicationContext(auto_configuration=False) as context:
        assert context.get_bean(Config) is context.config
        assert context.config.keys() == ()


async def test_a_registered_configuration_is_the_configuration() -> None:
    config = Config({"a": 1}, environ={})
    context = ApplicationContext(auto_configuration=False)
    context.register_bean(config)
    async with context:
        assert context.config is config


def test_the_configuration_can_be_read_before_the_start() -> None:
    context = ApplicationContext(auto_configuration=False)
    assert context.config is context.config


def test_a_path_is_no_configuration() -> None:
    path: Any = "pyfly.yaml"
    with pytest.raises(ContextException, match=r'Config\.from_file\("pyfly\.yaml"\)'):
        ApplicationContext(path)


# -- states


async def test_before_the_start_there_are_no_beans() -> None:
    context = context_of(Clock)
    for ask in (context.get_bean, context.find_bean, context.get_beans):
        with pytest.raises(ContextNotStartedException, match=r"_beans?\(Clock\): .*not been start"):
            ask(Clock)
    assert context.contains(Clock)


async def test_after_the_stop_there_are_no_beans_and_no_way_back() -> None:
    context = context_of(Clock)
    async with context:
        assert context.get_beans(Clock) == [context.get_bean(Clock)]
        assert context.find_bean(Boom) is None
    with pytest.raises(
        ContextStoppedException, match=r"get_bean\(Clock\): the context was stopped"
    ):
        context.get_bean(Clock)
    with pytest.raises(ContextStoppedException, match="make a new ApplicationContext"):
        await context.start()
    with pytest.raises(ContextStoppedException):
        context.register_bean(Boom)
    with pytest.raises(ContextStoppedException):
        context.register_post_processor(Journal().processor("p"))


async def test_a_second_start_or_stop_is_harmless() -> None:
    journal = Journal()

    class Service:
        @post_construct
        def begin(self) -> None:
            journal.append("begin")

        @pre_destroy
        def end(self) -> None:
            journal.append("end")

    context = context_of(Service)
    await context.start()
    await context.start()
    await context.stop()
    await context.stop()
    assert journal == ["begin", "end"]


async def test_stopping_what_was_not_started_does_nothing() -> None:
    context = context_of(Clock)
    await context.stop()
    async with context:
        assert isinstance(context.get_bean(Clock), Clock)


async def test_two_tasks_that_start_a_context_start_it_once() -> None:
    made, release = [], asyncio.Event()

    class Slow:
        @post_construct
        async def begin(self) -> None:
            made.append(self)
            await release.wait()

    context = context_of(Slow)
    tasks = [asyncio.create_task(context.start()) for _ in range(3)]
    await asyncio.sleep(0)
    release.set()
    await asyncio.gather(*tasks)
    assert made == [context.get_bean(Slow)]
    await asyncio.gather(context.stop(), context.stop())


async def test_a_bean_that_starts_or_stops_its_own_context_is_told_so() -> None:
    class Eager:
        def __init__(self, context: ApplicationContext) -> None:
            self.context = context

        @post_construct
        async def begin(self) -> None:
            await self.context.stop()

    with pytest.raises(ContextException, match=r"^start\(\) or stop\(\) is called by a bean while"):
        await context_of(Eager).start()


def test_a_context_may_start_and_stop_in_two_event_loops() -> None:
    context = context_of(Clock)
    asyncio.run(context.start())
    clock = context.get_bean(Clock)
    assert isinstance(clock, Clock)
    asyncio.run(context.stop())


async def test_two_contexts_do_not_disturb_each_other() -> None:
    async with context_of(Clock) as one, context_of(Clock) as other:
        assert one.get_bean(Clock) is not other.get_bean(Clock)
        await one.stop()
        assert isinstance(other.get_bean(Clock), Clock)


# -- order


async def test_beans_live_in_the_order_of_their_dependencies_and_end_in_reverse() -> None:
    journal = Journal()

    class Base:
        def __init__(self) -> None:
            journal.append(f"new {type(self).__name__}")

        @post_construct
        async def begin(self) -> None:
            journal.append(f"begin {type(self).__name__}")

        @pre_destroy
        async def end(self) -> None:
            journal.append(f"end {type(self).__name__}")

    class Pool(Base): ...

    class Users(Base):
        def __init__(self, pool: Pool) -> None:
            super().__init__()

    async with context_of(Users, Pool):
        assert journal.take() == ["new Pool", "begin Pool", "new Users", "begin Users"]
    assert journal == ["end Users", "end Pool"]


async def test_async_factories_are_awaited() -> None:
    @configuration
    class Wiring:
        @bean
        async def clock(self) -> Clock:
            await asyncio.sleep(0)
            return Clock()

    class Service:
        def __init__(self, clock: Clock) -> None:
            self.clock = clock

    async with context_of(Service, Wiring) as context:
        assert context.get_bean(Service).clock is context.get_bean(Clock)


async def test_a_wiring_mistake_is_found_before_anything_is_made() -> None:
    made = []

    class Eager:
        def __init__(self) -> None:
            made.append(self)

    @component(scope=Scope.TRANSIENT)
    class Broken:
        def __init__(self, clock: Clock) -> None: ...

    with pytest.raises(
        NoSuchBeanException, match=r"ApplicationContext\n  └─ Broken\(clock: Clock\)"
    ):
        await context_of(Eager, Broken).start()
    assert made == []


async def test_a_bean_may_register_and_ask_for_another_while_it_is_made() -> None:
    class Plugin:
        def __init__(self, context: ApplicationContext) -> None:
            context.register_bean(Clock)
            self.clock = context.get_bean(Clock)
            context.register_bean(Boom)

    async with context_of(Plugin) as context:
        assert context.get_bean(Plugin).clock is context.get_bean(Clock)
        assert isinstance(context.get_bean(Boom), Boom)


async def test_another_task_cannot_have_a_bean_that_is_being_made() -> None:
    started, release = asyncio.Event(), asyncio.Event()

    class Slow:
        @post_construct
        async def begin(self) -> None:
            started.set()
            await release.wait()

    context = context_of(Slow)
    starting = asyncio.create_task(context.start())
    await started.wait()
    with pytest.raises(BeanNotReadyException, match="has to be awaited"):
        context.get_bean(Slow)
    release.set()
    await starting
    assert isinstance(context.get_bean(Slow), Slow)
    await context.stop()


# -- failed and cancelled starts


class Undo:
    """Three beans in a row, the last of which fails as often as it is told to."""

    def __init__(self, error: BaseException, *, on_undo: BaseException | None = None) -> None:
        journal = self.journal = Journal()
        self.errors: list[BaseException] = [error]

        class First:
            @post_construct
            def begin(self) -> None:
                journal.append("begin first")

            @pre_destroy
            async def end(self) -> None:
                journal.append("end first")

        class Second:
            @post_construct
            def begin(self) -> None:
                journal.append("begin second")

            @pre_destroy
            def end(self) -> None:
                journal.append("end second")
                if on_undo is not None:
                    raise on_undo

        class Third:
            @post_construct
            async def begin(inner) -> None:  # self is the test's
                if self.errors:
                    raise self.errors.pop()

            @pre_destroy
            def end(self) -> None:
                journal.append("end third")

        self.context = context_of(First, Second, Third)


@pytest.mark.survives(
    "Starting and stopping",
    "a bean fails to start",
    "`BeanCreationException`; what was started is stopped",
)
async def test_a_failed_start_is_undone_and_can_be_tried_again() -> None:
    undo = Undo(Boom("no disk"))
    with pytest.raises(
        BeanCreationException, match="Third could not be made: Boom: no disk"
    ) as got:
        await undo.context.start()
    assert isinstance(got.value.__cause__, Boom)
    assert undo.journal.take() == ["begin first", "begin second", "end second", "end first"]
    with pytest.raises(ContextNotStartedException):
        undo.context.get_bean(Clock)
    async with undo.context:
        assert undo.journal.take() == ["begin first", "begin second"]
    assert undo.journal == ["end third", "end second", "end first"]


async def test_errors_of_the_undoing_are_notes_of_the_original_error() -> None:
    undo = Undo(PyFlyException("original"), on_undo=Boom("and more"))
    with pytest.raises(PyFlyException, match="original") as caught:
        await undo.context.start()
    assert caught.value.__notes__[-1] == (
        "When the start was undone: Boom: and more; while stopping bean 'second': Second.end"
    )
    assert undo.journal.take()[-1] == "end first"


@pytest.mark.survives(
    "Starting and stopping", "the start of a context is cancelled", "what was started is stopped"
)
async def test_a_cancelled_start_is_undone() -> None:
    waiting = asyncio.Event()
    journal = Journal()

    class First:
        @pre_destroy
        async def end(self) -> None:
            await asyncio.sleep(0)
            journal.append("end first")

    class Second:
        @post_construct
        async def begin(self) -> None:
            waiting.set()
            await asyncio.Event().wait()

        @pre_destroy
        def end(self) -> None:
            journal.append("never")

    context = context_of(First, Second)
    task = asyncio.create_task(context.start())
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()
    assert journal == ["end first"]


async def test_a_cancellation_during_the_undoing_is_not_swallowed() -> None:
    undo = Undo(Boom("original"), on_undo=asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError) as caught:
        await undo.context.start()
    assert isinstance(caught.value.__cause__, BeanCreationException)
    assert undo.journal.take()[-1] == "end first"


# -- stopping


@pytest.mark.survives("Starting and stopping", "a bean fails to stop", "the others are stopped")
async def test_a_bean_that_fails_to_stop_does_not_keep_the_others() -> None:
    journal = Journal()

    class First:
        @pre_destroy
        def end(self) -> None:
            journal.append("end first")
            raise Boom("first")

    class Second:
        @pre_destroy
        async def end(self) -> None:
            journal.append("end second")

    class Third:
        @pre_destroy
        async def end(self) -> None:
            journal.append("end third")
            raise OSError("third")

    context = context_of(First, Second, Third)
    await context.start()
    with pytest.raises(ExceptionGroup, match="2 errors while the context was stopped") as caught:
        await context.stop()
    assert journal == ["end third", "end second", "end first"]
    third, first = caught.value.exceptions
    assert isinstance(third, OSError)
    assert isinstance(first, Boom)
    assert first.__notes__ == ["while stopping bean 'first': First.end"]
    await context.stop()


async def test_a_cancelled_stop_stops_everything_and_stays_cancelled() -> None:
    journal, waiting = Journal(), asyncio.Event()

    class First:
        @pre_destroy
        def end(self) -> None:
            journal.append("end first")
            raise Boom("first")

    class Second:
        @pre_destroy
        async def end(self) -> None:
            waiting.set()
            await asyncio.Event().wait()

    context = context_of(First, Second)
    await context.start()
    task = asyncio.create_task(context.stop())
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert journal == ["end first"]
    assert "Also: Boom: first" in caught.value.__notes__[-1]
    with pytest.raises(ContextStoppedException):
        context.get_bean(First)


async def test_beans_cannot_be_asked_for_while_the_context_stops() -> None:
    class Late:
        def __init__(self, context: ApplicationContext) -> None:
            self.context = context

        @pre_destroy
        def end(self) -> None:
            self.context.get_bean(Clock)

    context = context_of(Late, Clock)
    await context.start()
    with pytest.raises(ExceptionGroup) as caught:
        await context.stop()
    assert isinstance(caught.value.exceptions[0], ContextStoppedException)


def test_a_stop_that_nobody_runs_any_more_ends_at_once() -> None:
    journal = Journal()

    class First:
        @pre_destroy
        def end(self) -> None:
            journal.append("never")

    class Second:
        @pre_destroy
        async def end(self) -> None:
            await Suspension()

    context = context_of(First, Second)
    asyncio.run(context.start())

    async def stop() -> None:
        await context.stop()

    running = stop()
    asyncio.run(drive_once(running))
    running.close()
    assert journal == []


class Suspension:
    def __await__(self) -> Any:
        yield


async def drive_once(coroutine: Any) -> None:
    coroutine.send(None)


def test_the_exceptions_share_one_base_and_pickle() -> None:
    for kind in (
        AutoConfigurationException,
        ContextNotStartedException,
        ContextStoppedException,
        PostProcessorException,
        ScanException,
    ):
        error = pickle.loads(pickle.dumps(kind("text")))
        assert isinstance(error, ContextException)
        assert str(error) == "text"
