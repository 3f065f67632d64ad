"""The services of the examples: ``python -m tests.support.guide_server``.

It keeps what it received byte for byte, and answers as it was told to. Its services:

====================================== ==================================================
``GET /health``                        ``{"status": "UP"}``
``GET /users/{id}``, ``/payments/…``   ``{"id": "…", …}``; ``/users/missing`` is a 404
``POST /users``, ``/payments``         201, the body and an id
``PUT``, ``PATCH`` of one              the body and the id
``DELETE`` of one                      204
``GET /orders/{order}/items/{item}``   both, decoded
``GET /products``                      a list with one product and the query it was found by
``ANY /echo/…``                        method, target as on the wire, headers, body
``ANY /status/{code}``                 that status
``GET /feed/rows``, ``events``         NDJSON; server-sent events
``GET /feed/pages?cursor=``            three items on two pages; ``next`` names the cursor
``GET /feed/problem``                  a 409 with problem details
``ANY /delay/{ms}``                    an answer after so many milliseconds
``ANY /drip?n=&ms=``                   n bytes, one each so many milliseconds, chunked
====================================== ==================================================

And for the test itself, neither recorded nor counted: ``GET /__requests__``,
``POST /__reset__`` and ``POST /__script__``, whose language is told in ``scripted.py``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections import deque
from typing import Any
from urllib.parse import unquote

from tests.support.child import announce
from tests.support.http1 import LIMIT, Malformed, Request, RequestReader, answer, json_answer
from tests.support.scripted import Connection, for_method, perform, send_chunks

_ANY = "*"


class GuideServer:
    """Everything the server knows: its connections, its records, its script."""

    def __init__(self) -> None:
        self.connections: list[Connection] = []
        self.records: list[dict[str, Any]] = []
        self.scripts: dict[tuple[str, str], deque[dict[str, Any]]] = {}
        self.numbers = 0
        self.peak = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection until either side has had enough."""
        connection = Connection(reader, writer)
        self.connections.append(connection)
        try:
            await self._requests(connection)
        except (ConnectionError, TimeoutError):
            pass  # the client has gone: that is what many tests are about
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, TimeoutError):
                await writer.wait_closed()

    async def _requests(self, connection: Connection) -> None:
        requests = RequestReader(connection.reader)
        while True:
            try:
                request = await requests.next()
            except Malformed as error:
                self._record(connection, requests.raw)
                refusal = json.dumps({"malformed": str(error)}).encode()
                await connection.send(answer(400, refusal, close=True))
                return
            if request is None:
                return
            if request.path.startswith("/__"):
                connection.counts = False
                await connection.send(self._control(request))
            else:
                self._record(connection, request.raw)
                scripted = self._scripted(request)
                if scripted is not None:
                    if not await perform(scripted, request, connection):
                        return
                else:
                    await self._serve_one(request, connection)
            if not request.keep_alive:
                return

    async def _serve_one(self, request: Request, connection: Connection) -> None:
        parts = [unquote(part) for part in request.path.split("/")[1:]]
        if parts[0] == "delay" and len(parts) == 2:
            await connection.pause(int(parts[1]) / 1000)
            response = json_answer(200, {"delayed": int(parts[1])})
        elif parts == ["drip"]:
            query = dict(request.query)
            pieces = [b"."] * int(query.get("n", "3"))
            await send_chunks(connection, pieces, int(query.get("ms", "10")) / 1000)
            return
        else:
            response = service(request, parts)
        await connection.send(for_method(request.method, response))

    def _record(self, connection: Connection, raw: bytes) -> None:
        if not connection.number:
            self.numbers += 1
            connection.number = self.numbers
        connection.counts = True
        self.peak = max(self.peak, self._open())
        self.records.append({"raw": raw.decode("latin-1"), "connection": connection.number})

    def _open(self) -> int:
        return sum(one.open for one in self.connections if one.counts)

    def _control(self, request: Request) -> bytes:
        match request.method, request.path:
            case "GET", "/__requests__":
                opened = sum(one.counts for one in self.connections)
                counts = {
                    "opened": opened,
                    "open": self._open(),
                    "peak": max(self.peak, self._open()),
                }
                return json_answer(200, {"requests": self.records, "connections": counts})
            case "POST", "/__script__":
                script = request.json()
                key = (script.get("method") or _ANY, script["path"])
                queue = self.scripts.setdefault(key, deque())
                for one in script["answers"]:
                    queue.extend([one] * one.get("times", 1))
                return json_answer(200, {"waiting": len(queue)})
            case "POST", "/__reset__":
                self.records.clear()
                self.scripts.clear()
                self.connections = [one for one in self.connections if one.open]
                for one in self.connections:  # what is left over counts again when it is used
                    one.counts = False
                self.peak = 0
                return json_answer(200, {})
            case _:
                return json_answer(404, {"error": "no such control"})

    def _scripted(self, request: Request) -> dict[str, Any] | None:
        for path in (request.path, _ANY):
            for method in (request.method, _ANY):
                queue = self.scripts.get((method, path))
                if queue:
                    return queue.popleft()
        return None


def service(request: Request, parts: list[str]) -> bytes:
    """What the services answer when nothing is scripted."""
    method = "GET" if request.method == "HEAD" else request.method
    match method, parts:
        case _, ["echo", *_]:
            return echo(request)
        case _, ["status", code] if code.isdigit():
            return json_answer(int(code), {"status": int(code)})
        case "GET", ["health"]:
            return json_answer(200, {"status": "UP"})
        case "GET", ["orders", order, "items", item]:
            return json_answer(200, {"order": order, "item": item})
        case "GET", ["feed", what]:
            return feed(what, dict(request.query))
        case "GET", ["products"]:
            return json_answer(200, [{"id": "1", "name": "Widget", "query": request.query}])
        case _, [("users" | "payments" | "products") as kind]:
            return collection(request, kind)
        case _, [("users" | "payments" | "products") as kind, identifier]:
            return resource(request, kind, identifier)
        case _:
            return json_answer(404, {"error": "not found", "target": request.target})


def feed(what: str, query: dict[str, str]) -> bytes:
    """Lists that come piece by piece, and an error that says more than its status."""
    match what:
        case "rows":
            kind = [("Content-Type", "application/x-ndjson")]
            return answer(200, b'{"id": "1"}\n{"id": "2"}\n', kind)
        case "events":
            events = b'id: 1\ndata: {"n": 1}\n\nid: 2\nevent: end\ndata: null\n\n'
            return answer(200, events, [("Content-Type", "text/event-stream")])
        case "pages":
            first = {"data": [{"id": "1"}, {"id": "2"}], "next": "b"}
            return json_answer(200, first if "cursor" not in query else {"data": [{"id": "3"}]})
        case _:
            problem = {"title": "Out of stock", "detail": "There are 3 left."}
            kind = [("Content-Type", "application/problem+json")]
            return answer(409, json.dumps(problem).encode(), kind)


def collection(request: Request, kind: str) -> bytes:
    """List or create."""
    if request.method in ("GET", "HEAD"):
        return json_answer(200, [{"id": "1"}, {"id": "2"}])
    if request.method != "POST":
        return json_answer(405, {"error": "method not allowed"}, {"Allow": "GET, POST"})
    return json_answer(201, {"id": "1", **_object(request)}, {"Location": f"/{kind}/1"})


def resource(request: Request, kind: str, identifier: str) -> bytes:
    """Read, change or remove one."""
    match request.method:
        case "GET" | "HEAD" if identifier == "missing":
            return json_answer(404, {"error": f"no such {kind[:-1]}"})
        case "GET" | "HEAD":
            return json_answer(200, {"id": identifier, "name": f"{kind[:-1].title()} {identifier}"})
        case "PUT" | "PATCH":
            return json_answer(200, {**_object(request), "id": identifier})
        case "DELETE":
            return answer(204)
        case _:
            allowed = {"Allow": "GET, PUT, PATCH, DELETE"}
            return json_answer(405, {"error": "method not allowed"}, allowed)


def echo(request: Request) -> bytes:
    """Everything about the request, as it arrived."""
    heard = {
        "method": request.method,
        "target": request.target,
        "headers": request.headers,
        "body": request.body.decode("latin-1"),
    }
    return json_answer(200, heard)


def _object(request: Request) -> dict[str, Any]:
    value = request.json()
    return value if isinstance(value, dict) else {"value": value}


async def main() -> None:
    """Listen on a free port of this machine until the parent has gone."""
    guide = GuideServer()
    server = await asyncio.start_server(guide.serve, "127.0.0.1", 0, limit=LIMIT)
    announce(server.sockets[0].getsockname()[1])
    await server.serve_forever()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
