"""``python3 dev.py removals [NAMES]``: without its handling, the test of a fault fails.

NAMES are parts of a handling, of a file's path or of a fault, as the page of faults calls it;
none is all. The exit status is 1 if a fault is not noticed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from tests.docs.faults import rows
from tools.console import DevError, say
from tools.removals.catalogue import ROOT, Catalogue, Removal, read
from tools.removals.trial import Copy, Verdict

__all__ = ["main", "table"]


def main(arguments: Sequence[str]) -> int:
    """Take out what the arguments name."""
    parser = argparse.ArgumentParser(
        prog="dev.py removals",
        description=__doc__,
        epilog="example: python3 dev.py removals chunk --json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to take out")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--list", action="store_true", help="show the handlings; run nothing")
    options = parser.parse_args(arguments)
    try:
        return _show(read(), options)
    except DevError as error:
        say(str(error), "31")
        return error.status


def _show(catalogue: Catalogue, options: argparse.Namespace) -> int:
    chosen = catalogue.chosen(options.names)
    if options.list:
        print(
            "\n".join(
                f"{each.changes[0].place}: {each.handling} ({len(each.rows)})" for each in chosen
            )
        )
        return 0
    done = _tried(chosen)
    good = not any(verdict.missed for _, verdict in done)
    if options.json:
        print(json.dumps([_as_json(*each) for each in done], indent=1, ensure_ascii=False))
    else:
        print(table(done))
        if not options.names:
            print(f"{len(catalogue.uncovered)} faults have no handling of ours to take out")
    return 0 if good else 1


def _tried(chosen: Sequence[Removal]) -> list[tuple[Removal, Verdict]]:
    files = {row.fault: row.test.partition("::")[0] for row in rows()}
    with Copy(ROOT, files) as copy:
        named = dict.fromkeys(row for removal in chosen for row in removal.rows)
        say(f"removals: the tests of {len(named)} faults with all handlings in place …")
        before = copy.run(named, "with all handlings in place")
        if before.noticed:
            failed = "\n".join(sorted(before.noticed.values()))
            raise DevError(f"removals: these fail with all handlings in place:\n{failed}")
        done: list[tuple[Removal, Verdict]] = []
        for number, removal in enumerate(chosen, 1):
            say(f"removals: {number} of {len(chosen)}: {removal.handling} …")
            done.append((removal, copy.without(removal)))
    return done


def table(done: Sequence[tuple[Removal, Verdict]]) -> str:
    """What came of each, and what was not noticed, for a person to read."""
    width = max(len(removal.handling) for removal, _ in done)
    lines = [f"{'without':<{width}}  faults  noticed  seconds"]
    for removal, verdict in done:
        said = "all" if not verdict.missed else f"NOT {len(verdict.missed)}"
        figures = f"{len(removal.rows):>6}  {said:>7}  {verdict.seconds:>7.1f}"
        lines.append(f"{removal.handling:<{width}}  {figures}")
        lines += [f"  NOT noticed: {row}" for row in verdict.missed]
    faults = {row for removal, _ in done for row in removal.rows}
    missed = sum(bool(verdict.missed) for _, verdict in done)
    lines.append(f"{len(done)} handlings of {len(faults)} faults; {missed} not noticed throughout")
    return "\n".join(lines)


def _as_json(removal: Removal, verdict: Verdict) -> dict[str, Any]:
    return {
        "handling": removal.handling,
        "changes": [str(change) for change in removal.changes],
        "noticed": verdict.noticed,
        "missed": verdict.missed,
        "seconds": round(verdict.seconds, 1),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
