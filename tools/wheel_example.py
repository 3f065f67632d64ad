"""A declared client against a real server: what a user writes on the first day.

Run by the clean environment that holds the wheel and nothing else.
"""

from __future__ import annotations

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pyfly.client import HttpClientBeanPostProcessor, connect, delete, get, http_client, post
from pyfly.context import ApplicationContext
from pyfly.core import Config


class Shop(BaseHTTPRequestHandler):
    """Answers every request with what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Tell the target and the body of any request."""
        length = int(self.headers.get("Content-Length", "0"))
        asked = self.rfile.read(length).decode()
        answer = json.dumps({"target": self.path, "body": json.loads(asked or "null")}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET

    def do_DELETE(self) -> None:
        """Nothing to tell."""
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


async def use(base_url: str) -> None:
    """Call the server through a client in a context, and through one without."""

    @http_client(base_url=base_url)
    class Orders:
        @get("/orders/{order}/items/{item}")
        async def item(  # a bare dict is what many write: JSON as it comes
            self, order: str, item: str, page: int = 1
        ) -> dict:  # type: ignore[type-arg]  # pyright: ignore[reportMissingTypeArgument]
            raise NotImplementedError

        @post("/orders")
        async def place(self, body: dict[str, Any]) -> Any:
            raise NotImplementedError

        @delete("/orders/{order}")
        async def cancel(self, order: str) -> None:
            raise NotImplementedError

    context = ApplicationContext(Config({}))
    context.register_bean(Orders)
    context.register_post_processor(HttpClientBeanPostProcessor())
    await context.start()
    try:
        orders = context.get_bean(Orders)
        found = await orders.item("a/b", "7")
        assert found == {"target": "/orders/a%2Fb/items/7?page=1", "body": None}, found
        placed = await orders.place({"sku": "x"})
        assert placed == {"target": "/orders", "body": {"sku": "x"}}, placed
        await orders.cancel("1")
    finally:
        await context.stop()
    async with connect(Orders) as orders:
        found = await orders.item("1", "2", page=3)
        assert found["target"] == "/orders/1/items/2?page=3", found


def main() -> None:
    """Start the server on a free port of this machine, use it, stop it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        asyncio.run(asyncio.wait_for(use(f"http://127.0.0.1:{server.server_port}"), 30))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


if __name__ == "__main__":
    main()
