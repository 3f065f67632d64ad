"""``pyfly drill``: the resilience policies in an outage, simulated in virtual time."""
