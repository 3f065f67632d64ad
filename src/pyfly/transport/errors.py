"""What goes wrong between sockets and HTTP; whoever sends requests tells it in terms of its own.

No message holds anything that the peer wrote, a URL, or the value of a header field.
"""

from __future__ import annotations

from typing import Any, Literal

#: What a connection was being made of when that failed.
Stage = Literal["name", "socket", "tls", "proxy"]


class TransportError(Exception):
    """Base of all of them. They can be pickled, whatever their constructors take."""

    def __reduce__(self) -> Any:
        return _restored, (type(self), self.args, dict(self.__dict__))


def _restored(
    kind: type[TransportError], args: tuple[Any, ...], state: dict[str, Any]
) -> TransportError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class UrlError(TransportError, ValueError):
    """A URL that names no origin; the message says why, as the end of a sentence."""


class MissingLibraryError(TransportError):
    """A library that is needed here is not installed; the message says what to type."""


class TlsFileError(TransportError):
    """A file with certificates is missing or unusable; the message names the setting."""


class BodyTooLarge(TransportError):
    """The body of a response is larger than the caller takes.

    Attributes:
        limit: How many bytes that are.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} bytes")
        self.limit = limit


class PoolTimeout(TransportError):
    """All connections were in use for too long."""


class ConnectError(TransportError):
    """There is no connection; nothing was sent.

    Attributes:
        stage: What failed: resolving the host's name, the socket, or the TLS handshake.
    """

    def __init__(self, text: str, stage: Stage = "socket") -> None:
        super().__init__(text)
        self.stage: Stage = stage


class ConnectTimeout(TransportError):
    """There was no connection in time; nothing was sent.

    Attributes:
        stage: What took too long.
    """

    def __init__(self, stage: Stage = "socket") -> None:
        super().__init__("out of time")
        self.stage: Stage = stage


class ProxyError(TransportError):
    """The proxy cannot be reached, or refuses; the message says why, as a sentence about it.

    Attributes:
        proxy: Its ``host:port``.
    """

    def __init__(self, text: str, proxy: str) -> None:
        super().__init__(text)
        self.proxy = proxy


class ReadError(TransportError):
    """The connection broke while something was to be read."""


class TlsCutOff(ReadError):
    """The stream ended without the notice that TLS asks for: by the peer, or by anybody."""


class ReadTimeout(TransportError):
    """Nothing came for too long."""


class WriteError(TransportError):
    """The connection broke while something was to be written."""


class WriteTimeout(TransportError):
    """Nothing was taken for too long."""


class LocalProtocolError(TransportError):
    """The request would break HTTP; nothing of what is wrong was sent."""


class RemoteProtocolError(TransportError):
    """The peer broke HTTP; the message says how, as a sentence about it."""


class PrematureEnd(RemoteProtocolError):
    """The peer closed the connection before the end of the response.

    The message says where, as the end of a sentence about it.
    """
