"""httpbin in a process of its own: ``python -m tests.support.httpbin_server``.

A server we have not written, to keep us honest. It speaks HTTP/1.1 with werkzeug's threaded
server. Warnings of its libraries are its own affair: this process does not make them errors.
"""

from __future__ import annotations

import logging
import warnings

from tests.support.child import announce


def main() -> None:
    """Listen on a free port of this machine until the parent has gone."""
    warnings.simplefilter("ignore")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    from httpbin import app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Handler(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"  # keep-alive; werkzeug's own default is 1.0

    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Handler)
    announce(server.server_port)
    server.serve_forever()


if __name__ == "__main__":
    main()
