"""In which words a fake port says that it has no answer."""

from __future__ import annotations

from collections.abc import Sequence

from pyfly.testing.fake_port.rules import RuleBase
from pyfly.testing.requests.received import SeenRequest

__all__ = ["unexpected"]


def unexpected(seen: SeenRequest, rules: Sequence[RuleBase], spent: RuleBase | None) -> str:
    """The message for a request that is not answered.

    Args:
        seen: The request.
        rules: All rules of the port.
        spent: The rule that would have taken it, had it an answer left.
    """
    lines = [f"the fake has no answer to {seen.method} {seen.target}"]
    if spent is not None:
        why = spent.shortcoming() or f"its {len(spent.calls)} answers are used up"
        lines.append(f"  {spent} takes it, but {why}")
    elif rules:
        nearest = min(rules, key=lambda rule: rule.route.distance(seen, rule.wanted))
        of_many = f" of its {len(rules)} rules" if len(rules) > 1 else ""
        lines.append(f"  the nearest{of_many} is {nearest}, which differs:")
        lines += [f"    {each}" for each in nearest.route.differences(seen, nearest.wanted)]
    else:
        lines.append("  it has no rules (write fake.on(Client.method).returns(…))")
    return "\n".join(lines)
