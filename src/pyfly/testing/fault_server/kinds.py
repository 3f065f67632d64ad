"""What a script can say a server does: each kind of behaviour with its settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from pyfly.core.schema import Choice, Duration, Flag, Integer, Leaf, Number, Size, Text
from pyfly.kernel.record import Record
from pyfly.testing.fault_server.answers import Answer, Delayed, Drip, Early, Interim, Raw, Silence
from pyfly.testing.fault_server.broken import (
    BadChunks,
    Bomb,
    Close,
    HalfClose,
    HeaderBomb,
    LeftOver,
    Reset,
    TruncatedGzip,
    WrongLength,
)
from pyfly.testing.fault_server.choice import Flapping, Mix
from pyfly.testing.fault_server.exchange import Behaviour
from pyfly.testing.fault_server.fields import ScriptSection
from pyfly.testing.fault_server.latency import Latency, LogNormal, Pareto, Uniform, as_latency

Settings = Mapping[str, Any]

_PLACE = Choice("before", "head", "body", "after", default="before")
_ANSWER: dict[str, Leaf] = {
    "status": Integer(default=200, minimum=200, maximum=599),
    "body": Text(),
    "chunked": Flag(default=False),
    "reason": Text(),
}
_LATENCY = Duration()
_EARLY = Flag(default=False)


class BehaviourKind:
    """One kind of behaviour: its own settings, and how it is made of them."""

    def __init__(self, make: Callable[[Settings, Answer], Behaviour], **leaves: Leaf) -> None:
        self.make = make
        self.leaves = {name.replace("_", "-"): leaf for name, leaf in leaves.items()}


_KINDS: Mapping[str, BehaviourKind] = {
    "answer": BehaviourKind(lambda own, answer: answer),
    "reset": BehaviourKind(lambda own, answer: Reset(own["at"], answer), at=_PLACE),
    "close": BehaviourKind(lambda own, answer: Close(own["at"], answer), at=_PLACE),
    "half-close": BehaviourKind(
        lambda own, answer: HalfClose(own["at"], answer),
        at=Choice("before", "head", "body", "after", default="after"),
    ),
    "silence": BehaviourKind(lambda own, answer: Silence()),
    "drip": BehaviourKind(
        lambda own, answer: Drip(
            own["gap"].total_seconds(),
            own["size"],
            head_gap=own["head-gap"].total_seconds(),
            answer=answer,
        ),
        gap=Duration(default="100ms"),
        head_gap=Duration(default="0s"),
        size=Size(default=1, minimum=1),
    ),
    "wrong-length": BehaviourKind(
        lambda own, answer: WrongLength(own["by"], answer, close=own["close"]),
        by=Integer(default=1),
        close=Flag(default=True),
    ),
    "bad-chunks": BehaviourKind(
        lambda own, answer: BadChunks(own["kind"]),
        kind=Choice(
            "size", "negative", "huge", "end", "extension", "truncated", "last", default="size"
        ),
    ),
    "bomb": BehaviourKind(
        lambda own, answer: Bomb(own["size"], own["encoding"], own["folds"]),
        size=Size(default="64MiB", minimum=1, maximum="1GiB"),
        encoding=Choice("gzip", "deflate", default="gzip"),
        folds=Integer(default=1, minimum=1, maximum=20),
    ),
    "truncated-gzip": BehaviourKind(
        lambda own, answer: TruncatedGzip(answer.body, own["missing"]),
        missing=Integer(default=8, minimum=1),
    ),
    "left-over": BehaviourKind(
        lambda own, answer: LeftOver(_bytes(own["extra"]), answer),
        extra=Text(),
    ),
    "interim": BehaviourKind(
        lambda own, answer: Interim(
            None if own["endless"] else own["count"], own["interim-status"], answer
        ),
        count=Integer(default=1, minimum=1),
        endless=Flag(default=False),
        interim_status=Integer(default=103),
    ),
    "header-bomb": BehaviourKind(
        lambda own, answer: HeaderBomb(own["count"], own["size"], answer),
        count=Integer(default=100_000, minimum=1),
        size=Size(default=8),
    ),
    "raw": BehaviourKind(
        lambda own, answer: Raw(_bytes(own["bytes"]) or b"", close=own["close"]),
        bytes=Text(default=""),
        close=Flag(default=True),
    ),
}
_DO = Choice(*_KINDS, "flapping", default="answer")
_TIMES = Integer(default=1, minimum=1, maximum=100_000)
_WEIGHT = Number(default=1.0, minimum=0)
_SPAN = Duration(default="1s", minimum="1ms")

_UNIFORM: dict[str, Leaf] = {"low": Duration(default="0s"), "high": Duration(default="100ms")}
_LOG_NORMAL: dict[str, Leaf] = {
    "median": Duration(default="50ms"),
    "sigma": Number(default=0.5, minimum=0),
    "maximum": Duration(default="60s"),
}
_PARETO: dict[str, Leaf] = {
    "minimum": Duration(default="50ms"),
    "alpha": Number(default=1.5, minimum=0.01),
    "maximum": Duration(default="60s"),
}
#: A distribution → its settings and what it is made by, which takes them in this order.
_LATENCIES: Mapping[str, tuple[dict[str, Leaf], Callable[..., Latency]]] = {
    "uniform": (_UNIFORM, Uniform),
    "lognormal": (_LOG_NORMAL, LogNormal),
    "pareto": (_PARETO, Pareto),
}
_DISTRIBUTION = Choice(*_LATENCIES, default="lognormal")


class Item(Record):
    """A behaviour of a list.

    Attributes:
        behaviour: What is done.
        times: For how many requests.
        weight: Its share in a mix.
    """

    behaviour: Behaviour
    times: int
    weight: float


def behaviours_of(items: Iterable[ScriptSection]) -> list[Behaviour]:
    """The behaviours that a list describes, each as many ``times`` as it says."""
    read = [_item(fields) for fields in items]
    return [item.behaviour for item in read for _ in range(item.times)]


def _item(fields: ScriptSection) -> Item:
    """The behaviour that a section describes; mistakes are noted, and something is returned."""
    times, weight = fields.value("times", _TIMES), fields.value("weight", _WEIGHT)
    latency, early = _latency(fields), fields.value("early", _EARLY)
    mix = fields.items("mix")
    if mix:
        known: Iterable[str] = ("mix", "times", "weight", "latency", "early")
        shares = [_item(each) for each in mix]
        behaviour = _made(fields, lambda: Mix(*((each.weight, each.behaviour) for each in shares)))
    else:
        known, behaviour = _single(fields)
    fields.finish(known)
    if early:
        behaviour = Early(behaviour)
    if latency is not None:
        behaviour = Delayed(latency, behaviour)
    return Item(behaviour, times, weight)


def _single(fields: ScriptSection) -> tuple[Iterable[str], Behaviour]:
    name = fields.value("do", _DO)
    if name == "flapping":
        return _flapping(fields)
    kind = _KINDS[name]
    own = {key: fields.value(key, leaf) for key, leaf in kind.leaves.items()}
    of_answer = {key: leaf for key, leaf in _ANSWER.items() if key not in own}
    said = {key: fields.value(key, leaf) for key, leaf in of_answer.items()}
    headers = fields.texts("headers")
    known = ("do", "times", "weight", "latency", "early", "headers", *own, *of_answer)

    def make() -> Behaviour:
        return kind.make(own, Answer(**said, headers=headers))

    return known, _made(fields, make)


def _flapping(fields: ScriptSection) -> tuple[Iterable[str], Behaviour]:
    up, down = (fields.value(key, _SPAN).total_seconds() for key in ("up", "down"))
    sides: list[Behaviour] = []
    for key, default in (("good", Answer()), ("bad", Answer(503))):
        section = fields.section(key)
        sides.append(default if section is None else _item(section).behaviour)
    known = ("do", "times", "weight", "latency", "early", "up", "down", "good", "bad")
    return known, Flapping(up, down, *sides)


def _latency(fields: ScriptSection) -> Latency | None:
    if not fields.is_section("latency"):
        span: timedelta | None = fields.value("latency", _LATENCY)
        return None if span is None else as_latency(span.total_seconds())
    section = fields.section("latency")
    assert section is not None  # it is a section
    name = section.value("distribution", _DISTRIBUTION)
    leaves, make = _LATENCIES[name]
    values = [section.value(key, leaf) for key, leaf in leaves.items()]
    section.finish(("distribution", *leaves))
    numbers = [each.total_seconds() if isinstance(each, timedelta) else each for each in values]
    try:
        return make(*numbers)
    except ValueError as error:
        section.wrong(str(error))
        return None


def _made(fields: ScriptSection, make: Callable[[], Behaviour]) -> Behaviour:
    """What is made; something else if that cannot be, which is noted."""
    try:
        return make()
    except ValueError as error:
        fields.wrong(str(error))
        return Answer()


def _bytes(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError(
            'its bytes have a character beyond \\xff (write each byte, such as "\\xc3\\xa9")'
        ) from None
