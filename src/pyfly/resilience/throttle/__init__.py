"""Send less to a service that turns calls away, so that it can recover."""
