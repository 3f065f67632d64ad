"""What a fake port raises, and in which words."""

from __future__ import annotations

from collections.abc import Sequence

from pyfly.testing.fake_port.rules import RuleBase
from pyfly.testing.wire.seen import SeenRequest

__all__ = ["UnexpectedRequestException", "unexpected"]


class UnexpectedRequestException(BaseException):
    """A request reached a fake port that no rule takes, or whose rule has no answer left.

    No ``Exception``, and so none of ours: like a failed assertion it is for the test alone. No
    retry repeats it, no circuit breaker counts it, no fallback answers it, and no
    ``except Exception`` in the code under test hides it.
    """


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
