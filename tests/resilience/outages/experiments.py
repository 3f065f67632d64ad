"""The experiments: attempts that fail by chance, a service that is gone for a while, and one that
loses most of its workers to many clients.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from itertools import product
from multiprocessing import get_context
from statistics import fmean
from types import MappingProxyType
from typing import Any

from pyfly.cli.drill.drill import plan_for
from pyfly.cli.drill.run import Policy, play
from pyfly.cli.drill.scenario import Scenario
from pyfly.cli.drill.settings import SettingsSet, published, shipped
from pyfly.kernel.record import Record
from pyfly.resilience import RetryPolicy
from tests.resilience.outages.world import World

__all__ = [
    "BURST_SETS",
    "SETS",
    "Blackout",
    "Burst",
    "Cell",
    "Key",
    "Overload",
    "blackouts",
    "bound_of",
    "bursts",
    "overloads",
    "partial_outages",
    "pauses_of",
]

POLICIES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "no retry": {"retry": {"enabled": False}, "circuit-breaker": {"enabled": False}},
        "naive retry": {"retry": {"budget": False}, "circuit-breaker": {"enabled": False}},
        "defaults": {},
    }
)
"""What is configured for the client; what is not said is what pyfly ships with."""

SETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "shipped": {},
        "published": {
            "timeout": "1s",
            "circuit-breaker": {"recovery-timeout": "5s"},
            "retry": {"base-delay": "100ms"},
        },
    }
)
"""The settings that pyfly ships with, and those that papers on the subject use."""

BURST_SETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {**SETS, "five attempts": {"retry": {"max-attempts": 5}}}
)
"""Those of the bursts."""
BASES = MappingProxyType({"published": 0.1})
"""The first pauses that are not one second."""
BLIPS = (0.5, 0.95, 1.2, 2.5, 3.5)
"""How long a blip lasts, in first pauses of a call. Two pauses make three of them."""

_QUIET, _SOON, _GONE, _BACK = 60.0, 20.0, 120.0, 60.0
"""How long a service works, is gone at first and in all, and works again, in seconds."""


class Cell(Record):
    """One policy in a random partial outage, over all seeds.

    Attributes:
        success: The mean part of the calls that returned.
        attempts: The mean number of attempts for each call.
        denied: Retries that the budget did not allow, for each call.
        openings: How often the circuit opened, on average.
        runs: For each seed the success, and whether the budget was never empty.
    """

    success: float
    attempts: float
    denied: float
    openings: float
    runs: tuple[tuple[float, bool], ...]


class Blackout(Record):
    """One set of settings while the service is gone, over all seeds.

    Attributes:
        soon: Attempts for each call that was wanted in the first 20 seconds, the mean and the
            most. (Those that the circuit refuses are wanted too: it is what bounds an outage.)
        load: The same for all of the outage.
        opening: Seconds from the fifth failure to the opening of the circuit, likewise.
        recovery: Seconds from the end of the outage to the first call that returns, likewise.
        refused: The mean part of the calls that were refused.
    """

    soon: tuple[float, float]
    load: tuple[float, float]
    opening: tuple[float, float]
    recovery: tuple[float, float]
    refused: float


class Burst(Record):
    """Calls at once that meet a blip.

    Attributes:
        failed: Calls that failed.
        denied: Retries that the budget did not allow: one for each call that it made fail.
        opened: Whether the circuit opened.
        pauses: Whether the blip was shorter than the pauses of a call.
    """

    failed: int
    denied: int
    opened: bool
    pauses: bool


class Overload(Record):
    """One set of settings at one load while a service loses its workers, over all seeds.

    Attributes:
        recovery: Seconds until calls are answered again, the mean and the most; infinite: never.
        amplification: Attempts during the outage for each admitted call, likewise.
    """

    recovery: tuple[float, float]
    amplification: tuple[float, float]


Key = tuple[str, float, float]


def partial_outages(
    rates: Iterable[float], errors: Iterable[float], seeds: int, seconds: float
) -> dict[Key, Cell]:
    """Every policy at every rate (calls per second) and error rate, by these three."""
    keys = list(product(POLICIES, rates, errors))
    jobs = [(key, seed, seconds) for key in keys for seed in range(seeds)]
    jobs.sort(key=lambda job: -job[0][1])  # the long ones first
    found: dict[Key, list[tuple[float, float, float, int]]] = {key: [] for key in keys}
    for (key, _, _), result in zip(jobs, _side_by_side(_partial, jobs), strict=True):
        found[key].append(result)
    return {
        key: Cell(
            success=fmean(run[0] for run in runs),
            attempts=fmean(run[1] for run in runs),
            denied=fmean(run[2] for run in runs),
            openings=fmean(run[3] for run in runs),
            runs=tuple((run[0], run[2] == 0) for run in runs),
        )
        for key, runs in found.items()
    }


def blackouts(rates: Iterable[float], seeds: int) -> dict[tuple[str, float], Blackout]:
    """Both sets of settings at every rate, by these two."""
    keys = list(product(SETS, rates))
    jobs = [(key, seed) for key in keys for seed in range(seeds)]
    found: dict[tuple[str, float], list[tuple[float, ...]]] = {key: [] for key in keys}
    for (key, _), result in zip(jobs, _side_by_side(_blackout, jobs), strict=True):
        found[key].append(result)
    return {key: _summary(*zip(*runs, strict=True)) for key, runs in found.items()}


def overloads(loads: Iterable[float], seeds: int) -> dict[tuple[str, float], Overload]:
    """Both sets of settings in the outage of ``pyfly drill`` at every load, by these two."""
    keys = list(product(SETS, loads))
    jobs = [(key, seed) for key in keys for seed in range(1, seeds + 1)]
    found: dict[tuple[str, float], list[tuple[float, float]]] = {key: [] for key in keys}
    for (key, _), result in zip(jobs, _side_by_side(_overload, jobs), strict=True):
        found[key].append(result)
    return {
        key: Overload(
            recovery=_mean_and_most(tuple(run[0] for run in runs)),
            amplification=_mean_and_most(tuple(run[1] for run in runs)),
        )
        for key, runs in found.items()
    }


def bursts(sizes: Iterable[int]) -> dict[tuple[str, float, int], Burst]:
    """Bursts of these sizes, by settings, length of the blip in first pauses, and size."""
    found: dict[tuple[str, float, int], Burst] = {}
    for name, blip, size in product(BURST_SETS, BLIPS, sizes):
        first, pauses = pauses_of(name)
        counts = World(BURST_SETS[name], 1.0, 1).burst(size, blip * first)
        found[name, blip, size] = Burst(
            failed=size - counts.succeeded,
            denied=counts.denied,
            opened=bool(counts.opened),
            pauses=blip * first < pauses,
        )
    return found


def pauses_of(name: str) -> tuple[float, float]:
    """The first pause of a call, and all of them together, in seconds."""
    retry = BURST_SETS[name].get("retry", {})
    policy = RetryPolicy(
        retry.get("max-attempts", 3), timedelta(milliseconds=1000 * BASES.get(name, 1.0))
    )
    return policy.base_delay.total_seconds(), policy.longest_pauses()


def bound_of(settings: str) -> float:
    """The seconds within which a client with these settings has to be back."""
    return _set(settings).recovery_bound


def _set(name: str) -> SettingsSet:
    return shipped() if name == "shipped" else published()


def _summary(*columns: tuple[float, ...]) -> Blackout:
    soon, load, opening, recovery, refused = columns
    return Blackout(
        soon=_mean_and_most(soon),
        load=_mean_and_most(load),
        opening=_mean_and_most(opening),
        recovery=_mean_and_most(recovery),
        refused=fmean(refused),
    )


def _mean_and_most(values: tuple[float, ...]) -> tuple[float, float]:
    return fmean(values), max(values)


def _partial(job: tuple[Key, int, float]) -> tuple[float, float, float, int]:
    (policy, rate, errors), seed, seconds = job
    counts = World(POLICIES[policy], rate, seed).run(seconds, errors)
    return (
        counts.success,
        counts.attempts / counts.calls,
        counts.denied / counts.calls,
        len(counts.opened),
    )


def _blackout(job: tuple[tuple[str, float], int]) -> tuple[float, ...]:
    (settings, rate), seed = job
    world = World(SETS[settings], rate, seed)
    world.run(_QUIET, 0.0)
    gone = world.run(_SOON, 1.0)
    soon = gone.load
    world.run(_GONE - _SOON, 1.0, gone)
    ended = world.clock.now
    back = world.run(_BACK, 0.0)
    assert gone.opened
    assert back.first_success is not None
    return (
        soon,
        gone.load,
        gone.opened[0] - gone.failures[-1],
        back.first_success - ended,
        gone.refused / gone.calls,
    )


def _overload(job: tuple[tuple[str, float], int]) -> tuple[float, float]:
    (name, load), seed = job
    settings = _set(name)
    scenario = Scenario(load=load, seed=seed)
    plan = plan_for(settings, scenario, own=False, fixed_outage=False, sweeps=False)
    tally = play(Policy("defaults", {}), settings, plan.scenario)
    return math.inf if tally.recovery is None else tally.recovery, tally.amplification


def _side_by_side(function: Any, jobs: list[Any]) -> list[Any]:
    """In as many processes as there are cores, if that is worth it; in the order of the jobs."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if len(jobs) < 100 or cores == 1:
        return [function(job) for job in jobs]
    with ProcessPoolExecutor(cores, get_context("spawn")) as pool:
        return list(pool.map(function, jobs, chunksize=4))
