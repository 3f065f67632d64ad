"""The child's half of a server in another process: say the port, and do not outlive the parent."""

from __future__ import annotations

import os
import sys
import threading


def announce(port: int) -> None:
    """Tell the parent the port, on the first line of stdout; leave when the parent does.

    The parent holds the other end of our stdin: it closes when the parent stops us, and also
    when the parent dies. Whatever is printed later goes to stderr, which is a file.
    """
    print(port, flush=True)
    os.dup2(2, 1)
    threading.Thread(target=_leave_with_the_parent, daemon=True).start()


def _leave_with_the_parent() -> None:
    while os.read(0, 1024):  # not sys.stdin: its lock would be held while the process ends
        pass
    sys.stderr.flush()
    os._exit(0)
