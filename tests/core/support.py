"""A schema with the shape of a real one: four levels, names at two of them."""

from __future__ import annotations

from pyfly.core import Choice, Duration, Flag, Group, Integer, Named, OneOf, Secret, Size, Text

LEAVES = {
    "timeout": Duration(default="30s", minimum="1ms"),
    "connect-timeout": Duration(default="5s"),
    "total-timeout": Duration(nullable=True),
    "max-response-size": Size(default="10MiB"),
    "adapter": Choice("httpx2", "httpx", "aiohttp", default="httpx2"),
    "trust-env": Flag(default=False),
    "http2": OneOf(Flag(), Integer(minimum=0)),
    "auth-token": Secret(),
}
BREAKER = Group(
    {"failure-threshold": Integer(default=5, minimum=1), "recovery-timeout": Duration(default=30)}
)
RETRY = Group({"max-attempts": Integer(default=3, minimum=1), "base-delay": Duration(default=1)})
POLICIES = {"circuit-breaker": BREAKER, "retry": RETRY}
METHOD = Group({**LEAVES, **POLICIES})
CLIENT = Group(
    {"base-url": Text(), **LEAVES, **POLICIES, "methods": Named(METHOD), "headers": Named(Text())}
)
SCHEMA = Group({"default": Group(LEAVES), **POLICIES, "clients": Named(CLIENT)})
