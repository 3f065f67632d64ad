"""``pyfly demo``: a client and a service that misbehaves, as it happens."""
