"""The cassettes themselves: a wire port for each kind of client, over the same tape."""

from __future__ import annotations

import copy
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from pyfly.client._declare.service import implementation_of
from pyfly.client.message import Request, Response
from pyfly.client.ports import StreamedResponse, SyncStreamedResponse
from pyfly.resilience.clock import SYSTEM_CLOCK
from pyfly.testing.cassettes.tape import VARIABLE, Mode, Tape, TapeEntry, mode_of
from pyfly.testing.cassettes.yaml_file import CassetteException
from pyfly.testing.fake_port.body import FakeBody, SyncFakeBody, whole
from pyfly.testing.requests.declared import routes_of
from pyfly.testing.requests.received import SeenRequest, read_content, read_content_sync
from pyfly.testing.requests.secrets import Redactor


class _Recorded:
    """A stream that is recorded while it is read: to its end, or until the reader has enough."""

    def __init__(self, body: Any, entry: TapeEntry) -> None:
        self.status_code = body.status_code
        self.headers = body.headers
        self.content_encoding = body.content_encoding
        self._body = body
        self._entry = entry
        entry.head = body.status_code, body.headers

    def abort(self) -> None:
        """Close it at once."""
        self._body.abort()


class RecordedBody(_Recorded):
    """An asynchronous stream; see :class:`~pyfly.client.ports.StreamedResponse`."""

    async def read_all(self) -> Response[Any]:
        """The body as a whole."""
        with _noting(self._entry):
            response: Response[Any] = await self._body.read_all()
        self._entry.answered(response)
        return response

    async def read(self, until: float | None) -> bytes:
        """The next bytes; ``b""`` at the end."""
        with _noting(self._entry):
            chunk: bytes = await self._body.read(until)
        self._entry.chunks.append(chunk)
        return chunk

    async def aclose(self) -> None:
        """Close it."""
        await self._body.aclose()


class SyncRecordedBody(_Recorded):
    """A synchronous stream; see :class:`~pyfly.client.ports.SyncStreamedResponse`."""

    def read_all(self) -> Response[Any]:
        """The body as a whole."""
        with _noting(self._entry):
            response: Response[Any] = self._body.read_all()
        self._entry.answered(response)
        return response

    def read(self, until: float | None) -> bytes:
        """The next bytes; ``b""`` at the end."""
        with _noting(self._entry):
            chunk: bytes = self._body.read(until)
        self._entry.chunks.append(chunk)
        return chunk

    def close(self) -> None:
        """Close it."""
        self._body.close()


@contextmanager
def _noting(entry: TapeEntry) -> Generator[None]:
    """Note the error of an attempt in its recording, and pass it on."""
    try:
        yield
    except Exception as error:
        entry.error = error
        raise


class CassetteBase:
    """What both kinds of cassette share.

    Args:
        path: A YAML file; one for each test, which it belongs to.
        port: The adapter to record over, such as ``HttpxClientAdapter("https://api")``; the
            cassette starts and stops it. None to replay only.
        client: The client class: calls are then matched by declared method and arguments,
            whatever else is in the request. None to match by HTTP method, URL and body.
        expires: How old a recording may be; None for ever. An older one is an error.
        secrets: Names of header fields, parameters and body fields that are taken out besides
            credentials, cookies, tokens, keys and passwords.
        mode: ``auto`` replays, and records if there is no file; ``replay`` never records;
            ``refresh`` records anew. None for what ``PYFLY_CASSETTES`` says, else ``auto``.

    Raises:
        TypeError: ``port`` takes no encoded requests, or ``secrets`` is a single string.
        ClientDeclarationException: Something is wrong with ``client``.
    """

    takes_encoded = True
    asynchronous: bool
    _block: str

    def __init__(
        self,
        path: str | Path,
        port: Any = None,
        *,
        client: Any = None,
        expires: timedelta | None = None,
        secrets: Iterable[str] = (),
        mode: Mode | None = None,
    ) -> None:
        if port is not None and getattr(port, "takes_encoded", None) is not True:
            raise TypeError(
                f"a cassette records what is on the wire, which a {type(port).__name__} encodes "
                'by itself: give it one of pyfly\'s adapters, such as HttpxClientAdapter("http…")'
            )
        if isinstance(secrets, str):  # its letters would be the names, and it would be written
            raise TypeError(f"secrets={secrets!r} is one name: write secrets=[{secrets!r}]")
        self.path = Path(path)
        self._port: Any = port
        self._routes = [] if client is None else routes_of(implementation_of(client))
        self._expires = expires
        self._secrets = tuple(secrets)
        self._mode = mode
        self._tape: Tape | None = None
        self._is_recording = False

    @property
    def is_recording(self) -> bool:
        """Whether requests go to the service."""
        return self._is_recording

    @property
    def base_url(self) -> str:
        """What the paths of requests are below: what they were below when they were recorded."""
        if self._tape is not None and not self._is_recording:
            return self._tape.base_url
        return "" if self._port is None else str(self._port.base_url)

    @property
    def bounds_deadline(self) -> bool:
        """Whether ``send`` itself ends by its deadline."""
        return not self._is_recording or bool(self._port.bounds_deadline)

    def _begin(self) -> None:
        """Decide whether to record, and read the file if not."""
        mode, there = mode_of(self._mode), self.path.exists()
        tape = Tape(self.path, self._routes, Redactor(self._secrets))
        is_recording = mode == "refresh" or (mode == "auto" and not there)
        if is_recording and self._port is None:
            raise CassetteException(
                f"{self.path} cannot be recorded without a port (write Cassette(path, "
                'HttpxClientAdapter("http…")))'
            )
        if not is_recording:
            if not there:
                raise CassetteException(
                    f"{self.path} is not there, and {VARIABLE}={mode} records nothing (run the "
                    f"test with {VARIABLE}=auto, and commit the file)"
                )
            tape.load(self._expires)
        self._tape, self._is_recording = tape, is_recording

    def _end(self, error: BaseException | None) -> None:
        """Write what was recorded, unless the test has failed."""
        tape, self._tape = self._entered(), None
        if self._is_recording and error is None:
            tape.save(str(self._port.base_url))

    def _entered(self) -> Tape:
        if self._tape is None:
            raise CassetteException(
                f"the cassette {self.path} is used outside its block (write `{self._block}`)"
            )
        return self._tape

    def _seen(self, request: Request, content: bytes | None) -> SeenRequest:
        return SeenRequest(request, content, self.base_url)

    def _noted(self, request: Request, content: bytes | None) -> tuple[TapeEntry, Request]:
        """Begin a recording; what is to be sent, its body in memory."""
        entry = self._entered().begin(self._seen(request, content))
        sent = copy.copy(request)
        sent.content = content
        return entry, sent

    def __repr__(self) -> str:
        state = "recording" if self._is_recording else "replaying"
        return f"<{type(self).__name__} {self.path}, {'closed' if self._tape is None else state}>"


class Cassette(CassetteBase):
    """Records what an asynchronous client and a service said to each other, and replays it.

    The first run records, all others need no network::

        async with Cassette(
            "tests/cassettes/product.yaml",
            HttpxClientAdapter("https://inventory.example"),
            client=Inventory,
        ) as cassette:
            inventory = client_for(Inventory, port=cassette)
            assert (await inventory.product("42")).name == "Widget"

    Attempts are recorded one by one, failed ones included, and replayed in order for each call.
    The file is written when the block ends without an error. A call that was not recorded is an
    :class:`~pyfly.testing.UnexpectedRequestException`.

    Raises:
        CassetteException: On entry: there is no recording, it is too old, or it is none.
    """

    asynchronous = True
    _block = "async with Cassette(…) as cassette:"

    async def __aenter__(self) -> Cassette:
        self._begin()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._is_recording:
            await self._port.stop()
        self._end(error)

    async def start(self) -> None:
        """Start the adapter, if there is something to record."""
        self._entered()
        if self._is_recording:
            await self._port.start()

    async def stop(self) -> None:
        """Nothing: the end of the block stops the adapter."""

    async def send(self, request: Request, deadline: float | None) -> Response[Any]:
        """Make one attempt, or repeat what came of it."""
        tape, content = self._entered(), await read_content(request)
        if not self._is_recording:
            return whole(tape.replay(self._seen(request, content)))
        entry, sent = self._noted(request, content)
        with _noting(entry):
            response: Response[Any] = await self._port.send(sent, deadline)
        entry.answered(response)
        return response

    async def open(self, request: Request, deadline: float | None, idle: float) -> StreamedResponse:
        """Make one attempt that ends at the headers, or repeat what came of it."""
        tape, content = self._entered(), await read_content(request)
        if not self._is_recording:
            reply = tape.replay(self._seen(request, content))
            return FakeBody(reply, SYSTEM_CLOCK, deadline, idle)
        entry, sent = self._noted(request, content)
        with _noting(entry):
            body: StreamedResponse = await self._port.open(sent, deadline, idle)
        return RecordedBody(body, entry)


class SyncCassette(CassetteBase):
    """:class:`Cassette` for synchronous clients, with ``with`` in place of ``async with``."""

    asynchronous = False
    _block = "with SyncCassette(…) as cassette:"

    def __enter__(self) -> SyncCassette:
        self._begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._is_recording:
            self._port.stop()
        self._end(error)

    def start(self) -> None:
        """Start the adapter, if there is something to record."""
        self._entered()
        if self._is_recording:
            self._port.start()

    def stop(self) -> None:
        """Nothing: the end of the block stops the adapter."""

    def send(self, request: Request, deadline: float | None) -> Response[Any]:
        """Make one attempt, or repeat what came of it."""
        tape, content = self._entered(), read_content_sync(request)
        if not self._is_recording:
            return whole(tape.replay(self._seen(request, content)))
        entry, sent = self._noted(request, content)
        with _noting(entry):
            response: Response[Any] = self._port.send(sent, deadline)
        entry.answered(response)
        return response

    def open(self, request: Request, deadline: float | None, idle: float) -> SyncStreamedResponse:
        """Make one attempt that ends at the headers, or repeat what came of it."""
        tape, content = self._entered(), read_content_sync(request)
        if not self._is_recording:
            reply = tape.replay(self._seen(request, content))
            return SyncFakeBody(reply, SYSTEM_CLOCK, deadline, idle)
        entry, sent = self._noted(request, content)
        with _noting(entry):
            body: SyncStreamedResponse = self._port.open(sent, deadline, idle)
        return SyncRecordedBody(body, entry)
