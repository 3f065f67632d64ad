"""HTTP/1.1 over sockets: knows no client, and no HTTP library but the parser below it.

::

    pool         an exchange: a place, a connection, a request, its response
    connector    how to reach an origin: directly, by a Unix socket, through a proxy; with TLS
    connection   one request and its response on one stream
    http11       the bytes of a request; what the bytes of a response mean (llhttp)
    stream       TLS over a stream
    sockets      sockets that end by a deadline, and can be closed from any thread
    tls          contexts, and TLS without I/O
    target       scheme, host and port
    deadline     how long an exchange, and each step of it, may take
    errors       what goes wrong

Everything that waits is written once, with ``await``; ``tools/unasync.py`` makes the blocking
form in ``_sync`` from it. ``sockets`` and ``gate`` alone are written in both forms, since that
is where event loops and threads differ.
"""
