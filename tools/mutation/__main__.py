"""``python3 dev.py mutate [PATHS]``: every mutant is killed, or listed with a reason.

What was found is kept in ``.mutation/``, so that an interrupted run goes on where it was. Mutants
that survived are tried again each time, since tests may have been added; ``--again`` tries all.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import sys
import time
import tomllib
from collections import Counter
from pathlib import Path

from tools.mutation.judge import KILLED, SURVIVED, TIMED_OUT, Target, judge
from tools.mutation.mutants import Mutant, mutants_of

__all__ = ["equivalent", "main", "table", "targets"]

ROOT = Path(__file__).resolve().parents[2]
RESILIENCE = Path("src/pyfly/resilience")
EQUIVALENT = Path(__file__).with_name("equivalent.toml")
_FURTHER = (
    "circuit_breaker/circuit_breaker.py",
    "circuit_breaker/failure_rule.py",
    "circuit_breaker/window.py",
)


def targets(root: Path = ROOT) -> list[Target]:
    """The modules that are mutated: the rules of every policy."""
    folder = root / RESILIENCE
    paths = [*sorted(folder.glob("*/state.py")), *(folder / name for name in _FURTHER)]
    found: list[Target] = []
    for path in paths:
        found.append(Target(path.relative_to(root), _tests(root, path.parent.name)))
    return found


def _tests(root: Path, policy: str) -> list[str]:
    """The tests of a policy; those first that are quick and tell most."""
    files = (root / "tests" / "resilience" / policy).glob("test_*.py")
    last = ("test_concurrency.py", "test_model.py")
    return [
        str(path.relative_to(root))
        for path in sorted(files, key=lambda f: (f.name in last, f.name != "test_state.py", f.name))
    ]


def equivalent(path: Path) -> dict[str, str]:
    """The mutants of a module that cannot be told from it, and why, by name."""
    listed = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))
    reasons: dict[str, str] = listed.get(str(path.relative_to(RESILIENCE)), {})
    return reasons


class Run:
    """The mutants of one module, as far as they have been judged.

    Args:
        target: The module.
        again: Whether to forget what is known.
    """

    def __init__(self, target: Target, again: bool) -> None:
        self.target = target
        source = (ROOT / target.path).read_text(encoding="utf-8")
        self.mutants = list(mutants_of(source))
        self._digest = hashlib.sha256(source.encode()).hexdigest()
        self._file = ROOT / ".mutation" / f"{target.module}.json"
        self.verdicts: dict[str, str] = {} if again else self._known()

    def _known(self) -> dict[str, str]:
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        verdicts: dict[str, str] = kept["verdicts"] if kept["source"] == self._digest else {}
        return {name: said for name, said in verdicts.items() if said != SURVIVED}

    def _keep(self) -> None:
        self._file.parent.mkdir(exist_ok=True)
        kept = {"source": self._digest, "verdicts": self.verdicts}
        self._file.write_text(json.dumps(kept, indent=1, ensure_ascii=False), encoding="utf-8")

    def judge_all(self) -> None:
        """Judge those that are left, and show how far it is."""
        left = [mutant for mutant in self.mutants if mutant.name not in self.verdicts]
        if not left:
            return
        verdict, baseline = judge(self.target, ROOT, None, 300)
        if verdict != SURVIVED:
            sys.exit(f"mutate: the tests of {self.target.path} do not pass as it is")
        broken = ast.parse("raise ImportError('mutated')")
        if judge(self.target, ROOT, broken, 300)[0] != KILLED:
            sys.exit(f"mutate: the tests of {self.target.path} do not import the mutant")
        began = time.monotonic()
        for number, mutant in enumerate(left, 1):
            verdict, _ = judge(self.target, ROOT, mutant.tree, 5 + 4 * baseline)
            self.verdicts[mutant.name] = verdict
            self._keep()
            each = (time.monotonic() - began) / number
            self._tell(number, len(left), each * (len(left) - number), mutant, verdict)

    def _tell(self, done: int, of: int, left: float, mutant: Mutant, verdict: str) -> None:
        line = f"{self.target.path}: {done} of {of}, about {left:.0f} s to go"
        if verdict == SURVIVED and mutant.name not in equivalent(self.target.path):
            _say(f"survived: line {mutant.line}: {mutant.name}\n")
        _say(line if sys.stderr.isatty() else f"{line}\n" if done % 25 == 0 else "")

    def _survived(self) -> set[str]:
        names = {mutant.name for mutant in self.mutants}
        return {n for n, said in self.verdicts.items() if said == SURVIVED and n in names}

    def counts(self) -> tuple[int, int, int, int, int]:
        """How many mutants; of them killed, timed out, equivalent, and survived in spite."""
        names = {mutant.name for mutant in self.mutants}
        said = Counter(self.verdicts[name] for name in names if name in self.verdicts)
        survived, listed = self._survived(), set(equivalent(self.target.path))
        return (
            len(names),
            said[KILLED],
            said[TIMED_OUT],
            len(survived & listed),
            len(survived - listed),
        )

    def report(self) -> bool:
        """Print what came of it; whether all is as the list says."""
        listed = equivalent(self.target.path)
        names = {mutant.name: mutant.line for mutant in self.mutants}
        survived = self._survived()
        mutants, killed, timed_out, as_listed, others = self.counts()
        _say("")
        print(
            f"{self.target.path}: {mutants} mutants, {killed} killed, {timed_out} timed out, "
            f"{as_listed} equivalent, {others} survived",
            flush=True,
        )
        for name in sorted(survived - set(listed), key=lambda n: names[n]):
            print(f"  survived, line {names[name]}: {name}")
        stale = [name for name in listed if name not in survived]
        for name in stale:
            print(f"  listed as equivalent, and {self.verdicts.get(name, 'no mutant')}: {name}")
        return not stale and survived <= set(listed)


def table(rows: dict[str, tuple[int, ...]]) -> str:
    """The counts of several modules, and their sums."""
    rows = {**rows, "all": tuple(map(sum, zip(*rows.values(), strict=True)))}
    width = max(map(len, rows))
    lines = [f"{'':<{width}}  mutants  killed  timed out  equivalent  survived"]
    for name, counts in rows.items():
        cells = zip(counts, (7, 6, 9, 10, 8), strict=True)
        lines.append(f"{name:<{width}}  " + "  ".join(f"{each:>{wide}}" for each, wide in cells))
    return "\n".join(lines)


def _say(text: str) -> None:
    if sys.stderr.isatty():
        text = f"\r\x1b[K{text}"
    if text:
        print(text, end="", file=sys.stderr, flush=True)


def _chosen(wanted: list[str]) -> list[Target]:
    known = targets()
    if not wanted:
        return known
    chosen = [t for t in known if any(want in str(t.path) for want in wanted)]
    if not chosen:
        raise SystemExit(f"mutate: {wanted} match none of {', '.join(str(t.path) for t in known)}")
    return chosen


def main(arguments: list[str]) -> int:
    """Mutate the modules that the arguments name."""
    parser = argparse.ArgumentParser(
        prog="dev.py mutate",
        description=__doc__,
        epilog="example: python3 dev.py mutate retry/state.py",
    )
    parser.add_argument("paths", nargs="*", help="parts of paths; none: all that are mutated")
    parser.add_argument("--again", action="store_true", help="forget what is known")
    parser.add_argument("--list", action="store_true", help="show the mutants; run nothing")
    options = parser.parse_args(arguments)
    os.nice(10)
    good, rows, began = True, dict[str, tuple[int, ...]](), time.monotonic()
    for target in _chosen(options.paths):
        run = Run(target, options.again)
        if options.list:
            print("\n".join(f"{target.path}:{m.line}: {m.name}" for m in run.mutants))
            continue
        run.judge_all()
        good = run.report() and good
        rows[str(target.path.relative_to(RESILIENCE))] = run.counts()
    if len(rows) > 1:
        print(f"\n{table(rows)}\nin {time.monotonic() - began:.0f} s")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
