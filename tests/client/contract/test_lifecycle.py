"""Starting, stopping, and everything that must not be left behind."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pyfly.client.errors import ClientStoppedException
from pyfly.client.message import Request, Response
from tests.client.contract.conftest import Certificates, open_sockets
from tests.client.contract.peer import Connection, Peer
from tests.client.contract.rows import ROWS, Caller, Row

Callers = Callable[..., Caller]
GET = Request("GET", "/", {})
ASYNC_ROWS = [row for row in ROWS if row.asynchronous]

pytestmark = pytest.mark.filterwarnings("error")


def closed_within(peer: Peer, count: int, seconds: float = 1) -> bool:
    """Whether the peer sees ``count`` of its connections closed."""
    end = time.monotonic() + seconds
    while peer.hangups < count and time.monotonic() < end:
        time.sleep(0.005)
    return peer.hangups >= count


def test_a_first_call_needs_no_start(caller: Callers) -> None:
    with Peer() as peer:
        assert caller(peer.url).send().content == b"hi"


def test_starting_twice_and_stopping_twice_is_harmless(caller: Callers) -> None:
    with Peer() as peer:
        client = caller(peer.url)
        client.start()
        client.start()
        client.send()
        client.stop()
        client.stop()
        assert closed_within(peer, 1)


def test_stopping_what_never_started_is_harmless(caller: Callers) -> None:
    caller("http://127.0.0.1:1").stop()


def test_a_stopped_adapter_says_so(caller: Callers) -> None:
    with Peer() as peer:
        client = caller(peer.url)
        client.send()
        client.stop()
        with pytest.raises(ClientStoppedException, match="was stopped"):
            client.send()
        with pytest.raises(ClientStoppedException):
            client.request("GET", "/")
        assert peer.connections == 1
        client.start()
        assert client.send().content == b"hi"


def test_starting_opens_no_connection(caller: Callers) -> None:
    with Peer() as peer:
        caller(peer.url).start()
        time.sleep(0.02)
        assert peer.connections == 0


def test_each_adapter_has_connections_of_its_own(caller: Callers) -> None:
    with Peer() as peer:
        one, two = caller(peer.url), caller(f"{peer.url}/two")
        one.send()
        two.send()
        assert peer.connections == 2
        one.stop()
        two.send()
        assert peer.connections == 2
        with pytest.raises(ClientStoppedException):
            one.send()
        two.stop()
        assert closed_within(peer, 2)


@pytest.mark.survives(
    "Connections between calls", "an adapter is dropped without being stopped", "no socket is left"
)
def test_an_adapter_that_is_dropped_without_stop_leaves_nothing(row: Row) -> None:
    row.needs("an adapter that is dropped leaves nothing")
    with Peer() as peer, asyncio.Runner() as runner:
        before = open_sockets()
        client = Caller(row, runner, peer.url)
        client.send()
        assert open_sockets() > before
        del client
        assert closed_within(peer, 1)


@pytest.mark.parametrize("row", ASYNC_ROWS, ids=lambda row: row.name)
class TestTasksAndLoops:
    """What concerns event loops."""

    @pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
    @pytest.mark.parametrize("moment", ["head", "body", "upload", "handshake"])
    async def test_a_cancelled_attempt_leaves_no_connection(
        self, row: Row, certificates: Certificates, moment: str, tls: bool
    ) -> None:
        if moment == "handshake":
            row.needs("a handshake that ends early closes its socket")

        def script(connection: Connection) -> None:
            if connection.number > 1:
                connection.answer_all()
            if moment == "body":
                connection.read_request()
                connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")
            if moment == "upload":
                connection.wait(0.1)
            connection.wait_for_close()

        context = certificates.server() if tls and moment != "handshake" else None
        with Peer(script, tls=context) as peer:
            url = peer.url.replace("http:", "https:") if moment == "handshake" else peer.url
            adapter = row.adapter(url, ca=certificates.ca)
            body = b"x" * 20_000_000 if moment == "upload" else None
            task = asyncio.create_task(adapter.send(Request("POST", "/", {}, body), None))
            await asyncio.sleep(0.06)
            assert not task.done()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            for _ in range(5):  # a library may close in the next turns of the loop
                await asyncio.sleep(0)
            assert row.sockets(adapter) == 0
            assert await asyncio.to_thread(closed_within, peer, 1)
            if moment != "handshake":
                assert (await adapter.send(GET, time.monotonic() + 1)).content == b"hi"
            await adapter.stop()

    async def test_attempts_that_are_cancelled_at_any_moment_leave_nothing(self, row: Row) -> None:
        def script(connection: Connection) -> None:
            while True:
                connection.read_request()
                connection.send(b"HTTP/1.1 200 OK\r\n", b"content-length: 4\r\n\r\n", b"a", b"bcd")

        with Peer(script) as peer:
            adapter = row.adapter(peer.url, max_connections=4)
            for turns in range(40):
                tasks = [asyncio.create_task(adapter.send(GET, None)) for _ in range(6)]
                for _ in range(turns):
                    await asyncio.sleep(0)
                for task in tasks[::2]:
                    task.cancel()
                outcomes = await asyncio.gather(*tasks, return_exceptions=True)
                for outcome in outcomes:
                    assert isinstance(outcome, asyncio.CancelledError | Response), outcome
            assert row.sockets(adapter) <= 4
            await adapter.stop()

    async def test_a_cancelled_connect_leaves_no_socket(self, row: Row) -> None:
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            fillers = [socket.socket() for _ in range(4)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(full.getsockname())
            before = open_sockets()
            adapter = row.adapter(f"http://127.0.0.1:{full.getsockname()[1]}")
            task = asyncio.create_task(adapter.send(GET, None))
            await asyncio.sleep(0.05)
            assert open_sockets() == before + 1
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert open_sockets() == before
            await adapter.stop()
            for filler in fillers:
                filler.close()

    @pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
    async def test_stopping_ends_what_is_in_flight(
        self, row: Row, certificates: Certificates, tls: bool
    ) -> None:
        row.needs("stop() ends what is under way")
        with Peer(lambda c: c.wait_for_close(), tls=certificates.server() if tls else None) as peer:
            adapter = row.adapter(peer.url, ca=certificates.ca, max_connections=1)
            tasks = [asyncio.create_task(adapter.send(GET, None)) for _ in range(2)]
            await asyncio.sleep(0.05)
            await adapter.stop()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [ClientStoppedException] * 2
            assert await asyncio.to_thread(closed_within, peer, 1)

    async def test_stopping_ends_what_is_connecting(self, row: Row) -> None:
        row.needs("stop() ends what is under way")
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            fillers = [socket.socket() for _ in range(4)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(full.getsockname())
            adapter = row.adapter(f"http://127.0.0.1:{full.getsockname()[1]}")
            task = asyncio.create_task(adapter.send(GET, None))
            await asyncio.sleep(0.03)
            await adapter.stop()
            with pytest.raises(ClientStoppedException):
                await asyncio.wait_for(task, 1)
            for filler in fillers:
                filler.close()

    async def test_other_tasks_have_their_turn_while_a_fast_peer_sends(self, row: Row) -> None:
        body = b"x" * 5_000_000
        answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5000000\r\n\r\n" + body
        with Peer(lambda c: c.answer_all(answer)) as peer:
            adapter = row.adapter(peer.url)
            task = asyncio.create_task(adapter.send(GET, None))
            turns = 0
            while not task.done():
                turns += 1
                await asyncio.sleep(0)
            assert turns > 3
            await adapter.stop()

    def test_a_second_loop_gets_connections_of_its_own(self, row: Row) -> None:
        with Peer() as peer:
            adapter = row.adapter(peer.url)
            with asyncio.Runner() as first:
                assert first.run(adapter.send(GET, None)).content == b"hi"
                with asyncio.Runner() as second:  # both are there, and take turns
                    for runner in (second, first, second, first):
                        assert runner.run(adapter.send(GET, None)).content == b"hi"
                    assert peer.connections == 2
            asyncio.run(adapter.stop())
            assert closed_within(peer, 2)

    def test_loops_that_come_and_go_leave_nothing(self, row: Row) -> None:
        with Peer() as peer:
            adapter = row.adapter(peer.url)
            for _ in range(4):
                assert asyncio.run(adapter.send(GET, None)).content == b"hi"
            assert peer.connections == 4
            assert closed_within(peer, 3)
            asyncio.run(adapter.stop())
            assert closed_within(peer, 4)

    def test_the_library_client_works_in_loops_that_come_and_go(self, row: Row) -> None:
        with Peer() as peer:
            adapter = row.adapter(peer.url)
            for _ in range(4):
                assert asyncio.run(adapter.request("GET", "/")).text == "hi"
            asyncio.run(adapter.stop())

    def test_stopping_in_one_loop_ends_what_is_in_flight_in_another(self, row: Row) -> None:
        row.needs("stop() ends what is under way")
        with Peer(lambda c: c.wait_for_close()) as peer:
            adapter = row.adapter(peer.url)
            outcome: list[BaseException] = []

            def other() -> None:
                try:
                    asyncio.run(adapter.send(GET, None))
                except ClientStoppedException as exc:
                    outcome.append(exc)

            thread = threading.Thread(target=other)
            thread.start()
            time.sleep(0.1)
            asyncio.run(adapter.stop())
            thread.join(2)
            assert not thread.is_alive()
            assert len(outcome) == 1

    def test_loops_in_threads_do_not_disturb_each_other(self, row: Row) -> None:
        with Peer() as peer:
            adapter = row.adapter(peer.url)

            async def some() -> list[bytes]:
                found = await asyncio.gather(*(adapter.send(GET, None) for _ in range(5)))
                return [each.content for each in found]

            with ThreadPoolExecutor(4) as threads:
                futures = [threads.submit(asyncio.run, some()) for _ in range(12)]
                assert all(future.result() == [b"hi"] * 5 for future in futures)
            asyncio.run(adapter.stop())


@pytest.mark.parametrize("row", [row for row in ROWS if not row.asynchronous], ids=lambda r: r.name)
class TestThreads:
    """What concerns threads."""

    def test_many_threads_share_one_adapter(self, row: Row) -> None:
        def script(connection: Connection) -> None:
            while True:
                request = connection.read_request()
                body = request.split(b" ")[1]
                connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body), body)

        with Peer(script) as peer:
            adapter = row.adapter(peer.url, max_connections=5)

            def one(number: int) -> bool:
                answer = adapter.send(Request("GET", f"/{number}", {}), time.monotonic() + 5)
                return bool(answer.content == b"/%d" % number)

            with ThreadPoolExecutor(10) as threads:
                assert all(threads.map(one, range(200)))
            assert peer.connections <= 5
            adapter.stop()

    @pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
    def test_stopping_wakes_a_thread_that_waits(
        self, row: Row, certificates: Certificates, tls: bool
    ) -> None:
        row.needs("stop() ends what is under way")
        with Peer(lambda c: c.wait_for_close(), tls=certificates.server() if tls else None) as peer:
            adapter = row.adapter(peer.url, ca=certificates.ca)
            with ThreadPoolExecutor(1) as threads:
                future = threads.submit(adapter.send, GET, None)
                time.sleep(0.05)
                adapter.stop()
                assert isinstance(future.exception(timeout=2), ClientStoppedException)
            assert closed_within(peer, 1)


PYTHON = [sys.executable, "-W", "error"]
FORK = """
    import asyncio, os, sys, time, warnings
    sys.path[:0] = {path!r}
    from tests.client.contract.rows import ROWS, Caller
    from tests.client.contract.peer import Peer

    # The peer is another process: what the child does must be seen from outside.
    url, ca, name = sys.argv[1:]
    row = next(row for row in ROWS if row.name == name)
    runner = asyncio.Runner()
    client = Caller(row, runner, url, ca=ca)
    assert client.send().content == b"1"
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            if row.asynchronous:
                asyncio.events._set_running_loop(None)
                client.runner = asyncio.Runner()
            answer = client.send(within=3).content      # a connection of its own
            client.stop()
            os.write(write, answer)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 10) == b"2", "the child used the parent's connection"
    assert client.send(within=3).content == b"1", "the child disturbed the parent's connection"
    client.stop()
    runner.close()
    print("done")
"""


@pytest.mark.survives(
    "Connections between calls", "the process forks", "both go on, with connections of their own"
)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_after_a_fork_both_processes_go_on(row: Row, certificates: Certificates, tls: bool) -> None:
    row.needs("forks")

    def script(connection: Connection) -> None:
        while True:
            connection.read_request()
            connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n%d" % connection.number)

    root = str(Path(__file__).parents[3])
    program = textwrap.dedent(FORK).format(path=[root, f"{root}/src"])
    with Peer(script, tls=certificates.server() if tls else None) as peer:
        done = subprocess.run(
            [*PYTHON, "-c", program, peer.url, str(certificates.ca), row.name],
            capture_output=True,
            text=True,
            timeout=30,
        )
    assert done.stdout == "done\n", done.stderr
    assert done.stderr == ""
    assert peer.connections == 2


def test_importing_the_adapters_loads_no_http_library() -> None:
    program = (
        "import sys, pyfly.client\n"
        "print([m for m in ('httpx2', 'httpx', 'httpcore2', 'httpcore', 'h11', 'anyio',"
        " 'certifi', 'aiohttp', 'yarl', 'urllib.request', 'http.cookiejar') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n"
