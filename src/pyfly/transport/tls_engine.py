"""TLS without I/O, so that one engine serves both kinds of stream, and TLS within TLS.

Each operation is a generator: it yields bytes that are to be sent, or None where it needs
what the peer sends next (``b""`` at the end of the stream), and returns its result.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable, Generator
from typing import Any

Operation = Generator[bytes | None, bytes, Any]

_SLICE = 64 * 1024


class TlsEngine:
    """The client's side of one TLS connection."""

    __slots__ = ("_incoming", "_outgoing", "object")

    def __init__(self, context: ssl.SSLContext, server_hostname: str | None) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.object = context.wrap_bio(
            self._incoming, self._outgoing, server_side=False, server_hostname=server_hostname
        )

    def handshake(self) -> Operation:
        """Agree on keys and check the certificate; raises ``ssl.SSLError``."""
        return self._run(self.object.do_handshake)

    def read(self) -> Operation:
        """Return the next decrypted bytes; ``b""`` at a proper end.

        Raises:
            ssl.SSLEOFError: The stream ended without the notice that TLS asks for.
        """
        return self._run(self.object.read, _SLICE)

    def read_now(self) -> bytes | None:
        """The next decrypted bytes that are there already; None if there are none."""
        try:
            return self.object.read(_SLICE)
        except ssl.SSLWantReadError:
            return None

    def write(self, data: bytes | memoryview) -> Operation:
        """Encrypt and send everything."""
        view = memoryview(data)
        while view:
            count = yield from self._run(self.object.write, view[:_SLICE])
            view = view[count:]

    def farewell(self, last: bytes = b"") -> bytes:
        """``last`` and the closing notice, to be sent without waiting for the peer's."""
        with contextlib.suppress(ssl.SSLError, ValueError):
            if last:
                self.object.write(last)
            self.object.unwrap()
        return self._outgoing.read()

    def has_more(self) -> bool:
        """Whether decrypted bytes, or an end, are waiting; session tickets are digested."""
        try:
            self.object.read(1)
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError:
            pass
        return True

    def digest(self, data: bytes) -> None:
        """Take in what came from the peer outside of an operation."""
        self._incoming.write(data)

    def _run(self, operation: Callable[..., Any], *args: Any) -> Operation:
        while True:
            try:
                result = operation(*args)
            except ssl.SSLWantReadError:
                if self._outgoing.pending:
                    yield self._outgoing.read()
                data = yield None
                if data:
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
            except ssl.SSLError:
                if self._outgoing.pending:  # the alert that tells the peer why
                    with contextlib.suppress(Exception):  # it may be gone already
                        yield self._outgoing.read()
                raise
            else:
                if self._outgoing.pending:
                    yield self._outgoing.read()
                return result
