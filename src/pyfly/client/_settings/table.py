"""The settings of a client: one row for each, one table for each policy.

From here come what the configuration takes (:mod:`.schema`), what the decorators take
(:data:`PARAMETERS`), which policy is made of it, and the page of all settings. A new setting of a
policy is one row here, if the policy takes an argument of that name. A policy whose switch has
no default is off until any setting of its section is given somewhere.
"""

from __future__ import annotations

from pyfly.client._settings import constructors
from pyfly.client._settings.rows import DecoratorParameter, PolicyForm, PolicyTable, SettingRow
from pyfly.client.adapters.choice import ADAPTERS
from pyfly.core import Choice, Duration, Flag, Integer, Leaf, Number, Size, Text
from pyfly.resilience import (
    AdaptiveLimiter,
    AIMDPolicy,
    Bulkhead,
    CircuitBreaker,
    CircuitBreakerPolicy,
    CountWindow,
    Fallback,
    Gradient2Policy,
    Hedge,
    RateLimiter,
    RetryBudget,
    RetryPolicy,
    Throttle,
    TimeoutPolicy,
    TimeWindow,
)
from pyfly.resilience.retry_budget.policy import RatioBudgetPolicy, RetryBudgetPolicy


def statuses_of(text: str) -> frozenset[int]:
    """Returns the statuses that a text names, one by one or as ranges; ``""``: none.

    Raises:
        ValueError: One is no whole number.
    """
    found: set[int] = set()
    for part in text.split(",") if text.strip() else ():
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def statuses_mistake(text: str) -> str | None:
    """Returns what is wrong with the text; None: nothing."""
    try:
        found = statuses_of(text) if len(text) < 1_000 else None
    except ValueError:
        found = None
    if found is None or not all(400 <= status <= 599 for status in found):
        return "names no statuses (write some of 400 to 599, as in 408, 429, 500, 502-504)"
    return None


_Row = SettingRow
_Parameter = DecoratorParameter


def _part(default: float | None = None) -> Leaf:
    return Number(default=default, minimum=0, maximum=1)


def _span(default: str | None = None) -> Leaf:
    return Duration(default=default, minimum="1ms")


def _count(default: int | None = None) -> Leaf:
    return Integer(default=default, minimum=1)


def _switch(section: str, default: bool | None = None) -> tuple[str, SettingRow]:
    return f"{section}.enabled", _Row(Flag(default=default), "Whether there is one.")


_WAIT = "How long they may wait; null: until the deadline."

BASE_URL = {"base-url": _Row(Text(), "Where the service is.", per_method=False)}
TIMEOUTS: dict[str, SettingRow] = {
    "timeout": _Row(_span("30s"), "How long one attempt may take."),
    "total-timeout": _Row(_span(), "How long a call may take, retries and pauses included."),
    "stream-idle-timeout": _Row(_span("30s"), "How long a stream may send nothing."),
    "stream-timeout": _Row(_span(), "How long a stream may take as a whole."),
}
CONNECTIONS: dict[str, SettingRow] = {
    key: row.replace(per_method=False)
    for key, row in {
        "adapter": _Row(Choice(*ADAPTERS, default="httpx2"), "What sends the requests."),
        "transport": _Row(Choice("own", "stock", default="own"), "Whose connections it uses."),
        "http2": _Row(Flag(default=False), "Whether HTTP/2 is offered; `stock` alone."),
        "connect-timeout": _Row(_span("5s"), "For name resolution, TCP and TLS together."),
        "pool-timeout": _Row(_span("5s"), "How long to wait for a free connection."),
        "stop-timeout": _Row(Duration(default="10s"), "How long calls may go on at the stop."),
        "max-connections": _Row(_count(100), "Open connections at once."),
        "keepalive-expiry": _Row(Duration(default="5s"), "How long an idle one is kept."),
        "max-response-size": _Row(Size(default="10MiB", minimum=1), "The largest body."),
        "follow-redirects": _Row(Flag(default=False), "Whether redirects are followed."),
        "verify": _Row(Flag(default=True), "Whether TLS certificates are checked."),
        "ca": _Row(Text(), "File or folder (PEM) of the authorities to trust."),
        "cert": _Row(Text(), "File (PEM) of the certificate of the client."),
        "key": _Row(Text(), "File (PEM) of its private key."),
        "proxy": _Row(Text(), "URL of a proxy."),
        "uds": _Row(Text(), "Path of a Unix socket to which everything goes."),
        "trust-env": _Row(Flag(default=False), "Whether `HTTPS_PROXY` and its like count."),
    }.items()
}

_SECONDS = ("seconds", "seconds as a number, 0 or more")
_BREAKERS = (CircuitBreaker, CircuitBreakerPolicy)

#: In the order of the stages.
_TABLES = (
    PolicyTable(
        "fallback",
        _switch("fallback"),
        {},
        [
            _Parameter(
                "fallback",
                takes=(Fallback,),
                instead="Fallback(value=…), Fallback(handler=…) or False",
            )
        ],
    ),
    PolicyTable(
        "single-flight",
        _switch("single-flight"),
        {},
        [_Parameter("single_flight")],
        constructors.single_flight,
    ),
    PolicyTable(
        "circuit-breaker",
        _switch("circuit-breaker", True),
        {
            "failure-threshold": _Row(_count(5), "Consecutive failures that open the circuit."),
            "recovery-timeout": _Row(Duration(default="30s"), "How long it stays open."),
            "recovery-multiplier": _Row(Number(default=1, minimum=1), "Growth of that time."),
            "max-recovery-timeout": _Row(Duration(), "The most that it grows to."),
            "half-open-permits": _Row(_count(1), "Probes at once."),
            "half-open-timeout": _Row(
                _span(), "How long a probe may take; by default as long as an attempt."
            ),
            "window.type": _Row(Choice("count", "time"), "Judge rates over calls, or over time."),
            "window.size": _Row(_count(100), "Calls in a window of calls."),
            "window.span": _Row(_span("60s"), "Length of a window of time."),
            "window.failure-rate": _Row(_part(0.5), "The part of the calls that fails."),
            "window.minimum-calls": _Row(_count(), "Fewer calls are not judged."),
            "window.slow-rate": _Row(_part(), "The part of the calls that is slow."),
            "window.slow-duration": _Row(Duration(), "A call that takes longer is slow."),
            "per": _Row(
                Choice("client", "method", "host", default="client"), "Who shares it.", False
            ),
        },
        [
            _Parameter("circuit_breaker", takes=_BREAKERS),
            _Parameter("breaker", takes=_BREAKERS),
            _Parameter(
                "circuit_breaker_failure_threshold",
                "failure-threshold",
                ("count", "an int, 1 or more"),
                switches=False,
            ),
            _Parameter(
                "circuit_breaker_recovery_timeout", "recovery-timeout", _SECONDS, switches=False
            ),
        ],
        constructors.circuit_breaker,
        PolicyForm("window.type", {"count": CountWindow, "time": TimeWindow}, part="window"),
    ),
    PolicyTable(
        "retry",
        _switch("retry", True),
        {
            "max-attempts": _Row(_count(3), "Attempts in all, the first included."),
            "base-delay": _Row(Duration(default="1s"), "The pause before the first retry."),
            "max-delay": _Row(Duration(), "The longest pause."),
            "multiplier": _Row(Number(default=2, minimum=1), "Growth of each further pause."),
            "jitter": _Row(
                Choice("none", "full", "equal", "decorrelated", default="none"), "Its spread."
            ),
            "max-retry-after": _Row(Duration(default="30s"), "The longest `Retry-After` to obey."),
            "on-status": _Row(
                Text(default="408, 429, 500, 502-504", check=statuses_mistake),
                "The statuses that are tried again.",
            ),
        },
        [
            _Parameter(
                "retry",
                "max-attempts",
                ("count", "the number of attempts, 1 or more"),
                takes=(RetryPolicy,),
            ),
            _Parameter("retry_base_delay", "base-delay", _SECONDS, switches=False),
        ],
        constructors.retry_policy,
    ),
    PolicyTable(
        "retry-budget",
        ("retry.budget", _Row(Flag(default=True), "Whether retries and hedges are bounded.")),
        {
            "form": _Row(Choice("token", "ratio", default="token"), "Tokens, or a part of calls."),
            "ratio": _Row(_part(0.2), "Retries that each call pays for."),
            "per-second": _Row(Number(default=1, minimum=0), "Retries per second besides."),
            "max-tokens": _Row(Number(default=100, minimum=1), "The most that is saved up."),
            "window": _Row(_span("10s"), "The time that calls are counted over."),
        },
        [_Parameter("retry_budget", takes=(RetryBudget,))],
        constructors.retry_budget,
        PolicyForm(
            "form",
            {"token": RetryBudgetPolicy, "ratio": RatioBudgetPolicy},
            other_names={"percent": "ratio", "min_per_second": "per-second"},
        ),
    ),
    PolicyTable(
        "hedge",
        _switch("hedge"),
        {
            "delay": _Row(Duration(), "The wait before an attempt is sent once more."),
            "quantile": _Row(_part(), "Take the delay from the latest attempts."),
            "max-hedges": _Row(_count(1), "Hedges beside one attempt."),
            "min-samples": _Row(_count(20), "Attempts that a quantile needs."),
        },
        [
            _Parameter(
                "hedge",
                "delay",
                ("seconds", "the seconds after which to hedge"),
                clears="quantile",
                takes=(Hedge,),
            )
        ],
        constructors.hedge,
    ),
    PolicyTable(
        "rate-limiter",
        _switch("rate-limiter"),
        {
            "rate": _Row(Number(minimum=0), "Attempts that may begin in each `per`."),
            "per": _Row(_span("1s"), "The time that the rate is for."),
            "burst": _Row(_count(), "Attempts that may begin at once."),
            "max-wait": _Row(Duration(default="0s", nullable=True), _WAIT),
        },
        [
            _Parameter(
                "rate_limiter",
                "rate",
                ("rate", "the attempts per second, more than 0"),
                takes=(RateLimiter,),
            )
        ],
        constructors.made_of_settings(
            RateLimiter, ("rate", "how many attempts may begin per second")
        ),
    ),
    PolicyTable(
        "throttle",
        _switch("throttle"),
        {
            "k": _Row(Number(default=2, minimum=1), "Attempts for each that is accepted."),
            "window": _Row(_span("2m"), "The time that they are counted over."),
        },
        [_Parameter("throttle", takes=(Throttle,))],
        constructors.made_of_settings(Throttle, keeps="is_rejection"),
    ),
    PolicyTable(
        "bulkhead",
        _switch("bulkhead"),
        {
            "max-concurrent": _Row(_count(), "Attempts at once."),
            "max-queue": _Row(Integer(default=0, minimum=0), "Attempts that may wait for room."),
            "max-wait": _Row(Duration(nullable=True), _WAIT),
        },
        [
            _Parameter(
                "bulkhead",
                "max-concurrent",
                ("count", "the attempts at once, 1 or more"),
                takes=(Bulkhead,),
            )
        ],
        constructors.made_of_settings(
            Bulkhead, ("max-concurrent", "how many attempts may run at once")
        ),
    ),
    PolicyTable(
        "adaptive-limit",
        _switch("adaptive-limit"),
        {
            "algorithm": _Row(Choice("gradient2", "aimd", default="gradient2"), "Which rules."),
            "initial-limit": _Row(_count(20), "Attempts at once, at first."),
            "min-limit": _Row(_count(20), "The smallest limit."),
            "max-limit": _Row(_count(200), "The largest limit."),
            "smoothing": _Row(_part(0.2), "The weight of a new sample."),
            "long-window": _Row(_count(600), "Samples in the long average of the latency."),
            "rtt-tolerance": _Row(Number(default=1.5, minimum=1), "Growth of it that is borne."),
            "queue-size": _Row(Integer(default=4, minimum=0), "Attempts that may queue there."),
            "window": _Row(Duration(default="1s"), "The time of one sample."),
            "backoff-ratio": _Row(_part(0.9), "What is left of the limit after a drop."),
            "timeout": _Row(_span("5s"), "A slower answer counts as a drop."),
        },
        [_Parameter("adaptive_limit", takes=(Gradient2Policy, AIMDPolicy, AdaptiveLimiter))],
        constructors.adaptive_limiter,
        PolicyForm("algorithm", {"gradient2": Gradient2Policy, "aimd": AIMDPolicy}),
    ),
    PolicyTable(
        "deadline-header",
        _switch("deadline-header"),
        {
            "name": _Row(Text(), "The header that tells the service how much time is left."),
            "format": _Row(Choice("ms", "seconds", "grpc", default="ms"), "How it is written."),
        },
        [
            _Parameter(
                "deadline_header",
                "name",
                ("header", ""),
                instead="the name of a header, a pair of it and 'ms', 'seconds' or 'grpc', or "
                "False",
            )
        ],
    ),
    PolicyTable(
        "chaos",
        _switch("chaos"),
        {
            "seed": _Row(Integer(default=0), "The same seed does the same."),
            "fault-rate": _Row(_part(0), "The part of the attempts that fails."),
            "fault": _Row(Choice("connection", "timeout", default="connection"), "How it fails."),
            "latency-rate": _Row(_part(0), "The part of the attempts that is delayed."),
            "latency": _Row(Duration(default="1s"), "By how much."),
            "outcome-rate": _Row(_part(0), "The part that gets a status instead."),
            "outcome": _Row(Integer(default=503, minimum=400, maximum=599), "Which status."),
        },
    ),
)
POLICIES = {table.section: table for table in _TABLES}

_SPAN = ("span", "seconds as a number above 0")
#: Every parameter of the decorators that is about settings, and the policy that it is for.
PARAMETERS: dict[str, tuple[DecoratorParameter, PolicyTable | None]] = {
    **{each.name: (each, table) for table in _TABLES for each in table.parameters},
    "timeout": (
        _Parameter(
            "timeout",
            "timeout",
            _SPAN,
            switches=False,
            takes=(TimeoutPolicy,),
            instead=f"{_SPAN[1]}, or a TimeoutPolicy",
        ),
        None,
    ),
    "total_timeout": (_Parameter("total_timeout", "total-timeout", _SPAN, switches=False), None),
}
