"""HTTP/1.1 over sockets: knows no client, and no HTTP library but the parser below it.

::

    pools        which calls share a pool; the gate that bounds how many at once
    pool         an exchange: a place, a connection, a request, its response
    connector    how to reach an origin: directly, by a Unix socket, through a proxy; with TLS
    connection   one request and its response on one stream
    http11       the bytes of a request; what the bytes of a response mean (llhttp)
    stream       TLS over a stream
    sockets      sockets that end by a deadline, and can be closed from any thread
    connecting   names, addresses, and who answers first
    proxy socks  what proxies are, and the way through them
    tls          contexts; tls_engine: TLS without I/O
    target       scheme, host and port
    network      how the connections of one pool are made
    deadline     how long the steps of an exchange may take; the timer that keeps it
    errors       what goes wrong

What waits is written once, with ``await`` (``connection``, ``connector``, ``pool``, ``stream``);
``tools/unasync.py`` makes the blocking form in ``_blocking`` from it. Sockets and gates alone are
written in both forms, since there event loops and threads differ.

A connection is keyed by the origin that it reaches; how that is reached is the connector's
business, and what its certificate has to name is the origin's host, whatever the way.
"""
