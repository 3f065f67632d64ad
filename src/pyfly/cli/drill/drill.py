"""One drill: its settings, its scenario, a run for each policy, and the sweeps."""

from __future__ import annotations

from collections.abc import Callable

from pyfly.cli.drill.run import POLICIES, UNPROTECTED, Policy, play
from pyfly.cli.drill.scenario import Scenario
from pyfly.cli.drill.settings import SettingsSet
from pyfly.cli.drill.tally import DrillTally
from pyfly.kernel.record import Record

LOADS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
ERRORS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

CALM = Scenario(
    clients=5,
    workers=100,
    queue=1000,
    service_time=0.02,
    load=0.02,
    lost=0.0,
    quiet=35.0,
    outage=0.0,
    after=0.0,
)
"""A service that is never short of workers, called by five clients 20 times a second each."""


class Plan(Record):
    """What is to be drilled.

    Attributes:
        settings: What all policies share.
        scenario: What happens.
        policies: What is compared.
        loads: At which the recovery is measured as well; none: it is not.
        errors: The error rates at which the success is measured, likewise.
    """

    settings: SettingsSet
    scenario: Scenario
    policies: tuple[Policy, ...]
    loads: tuple[float, ...] = ()
    errors: tuple[float, ...] = ()

    @property
    def swept(self) -> tuple[Policy, ...]:
        """The policies of the sweeps: no protection, and all of it."""
        return tuple(each for each in self.policies if each in UNPROTECTED or not each.settings)[:3]

    @property
    def runs(self) -> int:
        """How many runs it takes."""
        return len(self.policies) + len(self.swept) * (len(self.loads) + len(self.errors))


class Drill(Record):
    """What came of a plan.

    Attributes:
        plan: The plan.
        tallies: A run for each policy, by its name.
        recoveries: By policy, the recovery at each of the plan's loads.
        successes: By policy, the success at each of its error rates.
    """

    plan: Plan
    tallies: dict[str, DrillTally]
    recoveries: dict[str, list[float | None]]
    successes: dict[str, list[float]]


def plan_for(
    settings: SettingsSet, scenario: Scenario, *, own: bool, fixed_outage: bool, sweeps: bool
) -> Plan:
    """The plan for some settings.

    What takes longer than the attempt timeout is what makes an outage outlive its cause, so the
    service's queue holds twice what it can do in that time, and the outage lasts twice as long,
    unless it is fixed.

    Args:
        settings: What is drilled.
        scenario: The rest of what happens.
        own: Whether they are a user's, whose policy is then one of three.
        fixed_outage: Whether the outage lasts as long as the scenario says.
        sweeps: Whether loads and error rates are swept as well.
    """
    policies = (*UNPROTECTED, Policy(settings.name, {})) if own else POLICIES
    longer = scenario.replace(
        queue=round(2 * settings.timeout * scenario.capacity),
        outage=scenario.outage if fixed_outage else max(scenario.outage, 2 * settings.timeout),
        after=max(scenario.after, 2 * settings.recovery_bound),
    )
    if not sweeps:
        return Plan(settings, longer, policies)
    return Plan(settings, longer, policies, LOADS, ERRORS)


def perform(plan: Plan, step: Callable[[], object]) -> Drill:
    """Carry a plan out.

    Args:
        plan: The plan.
        step: Called after each of its ``plan.runs`` runs.
    """
    settings, scenario = plan.settings, plan.scenario
    tallies: dict[str, DrillTally] = {}
    for policy in plan.policies:
        tallies[policy.name] = play(policy, settings, scenario)
        step()
    recoveries: dict[str, list[float | None]] = {}
    successes: dict[str, list[float]] = {}
    for policy in plan.swept:
        recoveries[policy.name] = []
        for load in plan.loads:
            tally = play(policy, settings, scenario.replace(load=load))
            recoveries[policy.name].append(tally.recovery)
            step()
        successes[policy.name] = []
        for errors in plan.errors:
            calm = CALM.replace(errors=errors, seed=scenario.seed)
            successes[policy.name].append(play(policy, settings, calm).success(0.0, 30.0))
            step()
    return Drill(plan, tallies, recoveries, successes)
