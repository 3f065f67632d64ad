"""aiohttp over a Unix domain socket, under TLS as well, which its own connector cannot do."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["unix_connector"]


def unix_connector(
    path: str, open_: Callable[[], socket.socket], options: Mapping[str, Any]
) -> Any:
    """A connector of aiohttp whose connections all go to one socket.

    Args:
        path: Where the socket is.
        open_: Makes a socket that is not connected yet.
        options: What aiohttp's ``BaseConnector`` takes.
    """
    import aiohttp
    from aiohttp.client_exceptions import UnixClientConnectorError

    class UnixConnector(aiohttp.BaseConnector):
        allowed_protocol_schema_set = frozenset({"", "http", "https"})

        async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:
            key = req.connection_key
            try:
                return await self._dressed(_connected(open_(), path), req)
            except ssl.CertificateError as exc:
                raise aiohttp.ClientConnectorCertificateError(key, exc) from exc
            except ssl.SSLError as exc:
                raise aiohttp.ClientConnectorSSLError(key, exc) from exc
            except OSError as exc:
                raise UnixClientConnectorError(path, key, exc) from exc

        async def _dressed(self, sock: socket.socket, req: Any) -> Any:
            secure = req.is_ssl()
            _, protocol = await asyncio.get_running_loop().create_unix_connection(
                self._factory,
                sock=sock,
                ssl=req.ssl if secure else None,
                server_hostname=req.url.raw_host if secure else None,
            )
            return protocol

    return UnixConnector(**options)


def _connected(sock: socket.socket, path: str) -> socket.socket:
    try:
        sock.setblocking(False)
        sock.connect(path)  # at once, or not at all
    except OSError:
        sock.close()
        raise
    return sock
