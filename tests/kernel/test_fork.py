from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from pyfly.kernel import fork
from pyfly.kernel.fork import ForkAware, start_anew_after_fork

needs_fork = pytest.mark.skipif(sys.platform == "win32", reason="this platform cannot fork")


class _Counter(ForkAware):
    def __init__(self) -> None:
        super().__init__()
        self.forks = 0

    def after_fork(self) -> None:
        super().after_fork()
        self.forks += 1


CHILD = """
    import os, threading
    from pyfly.kernel.fork import ForkAware

    owner = ForkAware()
    held, done = threading.Event(), threading.Event()
    def hold():
        with owner._lock:
            held.set()
            done.wait()
    threading.Thread(target=hold).start()
    held.wait()
    child = os.fork()
    if not child:
        os._exit(0 if owner._lock.acquire(timeout=5) else 7)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    done.set()
    print("child", status, "parent", owner._lock.acquire(timeout=5))
"""


@needs_fork
@pytest.mark.survives(
    "Many callers at once",
    "a thread forks while others hold locks of the client",
    "the child has locks of its own, and never waits for threads that it does not have",
)
def test_a_lock_that_another_thread_held_is_free_in_the_child() -> None:
    code = "\n".join(line[4:] for line in CHILD.splitlines())
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout == "child 0 parent True\n"


def test_each_owner_starts_anew_and_no_owner_is_kept_alive() -> None:
    known = len(fork._owners)
    counters = [_Counter() for _ in range(3)]
    locks = [counter._lock for counter in counters]
    assert len(fork._owners) == known + 3
    fork._start_anew()
    assert [counter.forks for counter in counters] == [1, 1, 1]
    assert all(counter._lock is not lock for counter, lock in zip(counters, locks, strict=True))
    del counters
    gc.collect()
    assert len(fork._owners) == known


def test_an_owner_that_another_thread_was_still_making_keeps_none_from_starting_anew() -> None:
    class HalfMade(ForkAware):
        def after_fork(self) -> None:
            super().after_fork()
            self.missing.clear()  # type: ignore[attr-defined]  # that is the point

    half, whole = HalfMade(), _Counter()
    fork._start_anew()
    assert whole.forks == 1
    del half


def test_an_owner_without_a_lock_may_start_anew_too() -> None:
    class Pool:
        forks = 0

        def after_fork(self) -> None:
            self.forks += 1

    pool = Pool()
    start_anew_after_fork(pool)
    fork._start_anew()
    assert pool.forks == 1
