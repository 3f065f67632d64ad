"""What may stand below ``pyfly.client``: every setting, its kind and its default.

Most settings belong to a *section*, one for each policy: ``retry.max-attempts``. A policy whose
``enabled`` has no default is off until any setting of its section is given somewhere.
"""

from __future__ import annotations

from collections.abc import Mapping

from pyfly.client.adapters.choice import ADAPTERS
from pyfly.core import Choice, Duration, Flag, Group, Integer, Leaf, Named, Number, Size, Text

__all__ = [
    "CALL_SETTINGS",
    "CLIENT_SETTINGS",
    "SCHEMA",
    "SECTIONS",
    "TIMEOUTS",
    "figures_of",
    "form_of",
    "grouped",
    "unused_in",
]

Section = Mapping[str, "Leaf | Mapping[str, Leaf]"]


def _part(default: float | None = None) -> Leaf:
    return Number(default=default, minimum=0, maximum=1)


def _switch(default: bool | None = None) -> Leaf:
    return Flag(default=default)


#: How long things may take.
TIMEOUTS: dict[str, Leaf] = {
    "timeout": Duration(default="30s", minimum="1ms"),
    "total-timeout": Duration(minimum="1ms"),
    "stream-idle-timeout": Duration(default="30s", minimum="1ms"),
    "stream-timeout": Duration(minimum="1ms"),
}
_CONNECTIONS: dict[str, Leaf] = {
    "adapter": Choice(*ADAPTERS, default="httpx2"),
    "transport": Choice("own", "stock", default="own"),
    "http2": Flag(default=False),
    "connect-timeout": Duration(default="5s", minimum="1ms"),
    "pool-timeout": Duration(default="5s", minimum="1ms"),
    "stop-timeout": Duration(default="10s"),
    "max-connections": Integer(default=100, minimum=1),
    "keepalive-expiry": Duration(default="5s"),
    "max-response-size": Size(default="10MiB", minimum=1),
    "follow-redirects": Flag(default=False),
    "verify": Flag(default=True),
    "ca": Text(),
    "cert": Text(),
    "key": Text(),
    "proxy": Text(),
    "uds": Text(),
    "trust-env": Flag(default=False),
}
_WINDOW: dict[str, Leaf] = {
    "type": Choice("count", "time"),
    "size": Integer(default=100, minimum=1),
    "span": Duration(default="60s", minimum="1ms"),
    "failure-rate": _part(0.5),
    "minimum-calls": Integer(minimum=1),
    "slow-rate": _part(),
    "slow-duration": Duration(),
}
#: The settings of each policy, in the order of the stages.
SECTIONS: dict[str, Section] = {
    "fallback": {"enabled": _switch()},
    "single-flight": {"enabled": _switch()},
    "circuit-breaker": {
        "enabled": _switch(True),
        "failure-threshold": Integer(default=5, minimum=1),
        "recovery-timeout": Duration(default="30s"),
        "recovery-multiplier": Number(default=1, minimum=1),
        "max-recovery-timeout": Duration(),
        "half-open-permits": Integer(default=1, minimum=1),
        "half-open-timeout": Duration(minimum="1ms"),
        "window": _WINDOW,
    },
    "retry": {
        "enabled": _switch(True),
        "max-attempts": Integer(default=3, minimum=1),
        "base-delay": Duration(default="1s"),
        "max-delay": Duration(),
        "multiplier": Number(default=2, minimum=1),
        "jitter": Choice("none", "full", "equal", "decorrelated", default="none"),
        "max-retry-after": Duration(default="30s"),
        "budget": Flag(default=True),
    },
    "retry-budget": {
        "form": Choice("token", "ratio", default="token"),
        "ratio": _part(0.2),
        "per-second": Number(default=1, minimum=0),
        "max-tokens": Number(default=10, minimum=1),
        "window": Duration(default="10s", minimum="1ms"),
    },
    "hedge": {
        "enabled": _switch(),
        "delay": Duration(),
        "quantile": _part(),
        "max-hedges": Integer(default=1, minimum=1),
        "min-samples": Integer(default=20, minimum=1),
    },
    "rate-limiter": {
        "enabled": _switch(),
        "rate": Number(minimum=0),
        "per": Duration(default="1s", minimum="1ms"),
        "burst": Integer(minimum=1),
        "max-wait": Duration(default="0s", nullable=True),
    },
    "throttle": {
        "enabled": _switch(),
        "k": Number(default=2, minimum=1),
        "window": Duration(default="2m", minimum="1ms"),
    },
    "bulkhead": {
        "enabled": _switch(),
        "max-concurrent": Integer(minimum=1),
        "max-queue": Integer(default=0, minimum=0),
        "max-wait": Duration(nullable=True),
    },
    "adaptive-limit": {
        "enabled": _switch(),
        "algorithm": Choice("gradient2", "aimd", default="gradient2"),
        "initial-limit": Integer(default=20, minimum=1),
        "min-limit": Integer(default=20, minimum=1),
        "max-limit": Integer(default=200, minimum=1),
        "smoothing": _part(0.2),
        "long-window": Integer(default=600, minimum=1),
        "rtt-tolerance": Number(default=1.5, minimum=1),
        "queue-size": Integer(default=4, minimum=0),
        "window": Duration(default="1s"),
        "backoff-ratio": _part(0.9),
        "timeout": Duration(default="5s", minimum="1ms"),
    },
    "deadline-header": {
        "enabled": _switch(),
        "name": Text(),
        "format": Choice("ms", "seconds", "grpc", default="ms"),
    },
    "chaos": {
        "enabled": _switch(),
        "seed": Integer(default=0),
        "fault-rate": _part(0),
        "fault": Choice("connection", "timeout", default="connection"),
        "latency-rate": _part(0),
        "latency": Duration(default="1s"),
        "outcome-rate": _part(0),
        "outcome": Integer(default=503, minimum=400, maximum=599),
    },
}
#: Where the circuits of a client come from; for the client as a whole.
_PER: dict[str, Leaf] = {"per": Choice("client", "method", "host", default="client")}


#: For a section with several forms: which setting chooses the form, and what says nothing in it.
_FORMS: dict[str, tuple[str, dict[str | None, tuple[str, ...]]]] = {
    "circuit-breaker": (
        "window.type",
        {
            None: tuple(f"window.{key}" for key in _WINDOW if key != "type"),
            "count": ("window.span",),
            "time": ("window.size",),
        },
    ),
    "retry-budget": ("form", {"token": ("window",), "ratio": ("max-tokens",)}),
    "adaptive-limit": (
        "algorithm",
        {
            "gradient2": ("backoff-ratio", "timeout"),
            "aimd": ("smoothing", "long-window", "rtt-tolerance", "queue-size", "window"),
        },
    ),
}


def form_of(section: str) -> str | None:
    """The setting that chooses the form of a policy; None for one that has but one."""
    return _FORMS[section][0] if section in _FORMS else None


def unused_in(section: str, form: str | None) -> tuple[str, ...]:
    """The settings of a section that say nothing in one of its forms."""
    return _FORMS[section][1][form] if section in _FORMS else ()


def figures_of(section: Section) -> dict[str, Leaf]:
    """The settings of a section by their dotted keys."""
    flat: dict[str, Leaf] = {}
    for key, entry in section.items():
        if isinstance(entry, Leaf):
            flat[key] = entry
        else:
            flat.update({f"{key}.{inner}": leaf for inner, leaf in entry.items()})
    return flat


#: The keys of each section, apart from its switch.
FIGURES = {
    name: tuple(key for key in figures_of(section) if key != "enabled")
    for name, section in SECTIONS.items()
}


def grouped(section: Section) -> Group:
    """The schema of a section."""
    return Group(
        {key: entry if isinstance(entry, Leaf) else Group(entry) for key, entry in section.items()}
    )


_METHOD_SECTIONS = {name: grouped(section) for name, section in SECTIONS.items()}
_CLIENT_SECTIONS = {
    **_METHOD_SECTIONS,
    "circuit-breaker": grouped({**SECTIONS["circuit-breaker"], **_PER}),
}
SCHEMA = Group(
    {
        "default": Group({**TIMEOUTS, **_CONNECTIONS}),
        **_CLIENT_SECTIONS,
        "clients": Named(
            Group(
                {
                    "base-url": Text(),
                    **TIMEOUTS,
                    **_CONNECTIONS,
                    **_CLIENT_SECTIONS,
                    "methods": Named(Group({**TIMEOUTS, **_METHOD_SECTIONS})),
                }
            )
        ),
    }
)
#: The settings that a method can have for itself.
CALL_SETTINGS: dict[str, Leaf] = {
    **TIMEOUTS,
    **{
        f"{name}.{key}": leaf
        for name, section in SECTIONS.items()
        for key, leaf in figures_of(section).items()
    },
}
#: The settings of a client, which all its methods share.
CLIENT_SETTINGS: dict[str, Leaf] = {
    **{f"circuit-breaker.{key}": leaf for key, leaf in _PER.items()},
    **_CONNECTIONS,
}
