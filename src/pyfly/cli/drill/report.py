"""A drill as JSON."""

from __future__ import annotations

from typing import Any

from pyfly import __version__
from pyfly.cli.drill.drill import Drill
from pyfly.cli.drill.tally import Tally, per_second
from pyfly.cli.drill.theory import drain_time

__all__ = ["as_json"]


def as_json(drills: list[Drill]) -> dict[str, Any]:
    """All parameters and everything counted. Times are seconds, series have one value a second."""
    return {"pyfly": __version__, "drills": [_drill(each) for each in drills]}


def _drill(drill: Drill) -> dict[str, Any]:
    plan = drill.plan
    found: dict[str, Any] = {
        "settings": {"name": plan.settings.name, **plan.settings.shown},
        "scenario": vars(plan.scenario),
        "recovery_bound": plan.settings.recovery_bound,
        "policies": {name: _tally(tally) for name, tally in drill.tallies.items()},
    }
    if plan.loads:
        timeout, scenario = plan.settings.timeout, plan.scenario
        drained = [drain_time(scenario.replace(load=load), timeout, 1) for load in plan.loads]
        found["recovery_by_load"] = {"load": plan.loads, **drill.recoveries, "fluid model": drained}
        found["success_by_error_rate"] = {"error_rate": plan.errors, **drill.successes}
    return found


def _tally(tally: Tally) -> dict[str, Any]:
    scenario, seconds = tally.scenario, tally.seconds
    return {
        "calls": len(tally.calls),
        "succeeded": len(tally.good),
        "failed": len(tally.failures),
        "refused": len(tally.refused),
        "attempts": len(tally.attempts),
        "success_in_outage": tally.success(scenario.quiet, scenario.outage_end),
        "attempts_per_admitted_call_in_outage": tally.amplification,
        "recovery": tally.recovery,
        "goodput_per_second": per_second(tally.ends, seconds),
        "attempts_per_second": per_second(tally.attempts, seconds),
        "open_circuits": tally.open_circuits,
    }
