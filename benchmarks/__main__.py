"""``python -m benchmarks NAME``: one benchmark; ``--help`` lists them."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import binding, decoding, footprint, page, resilience
from benchmarks.http import run as http
from benchmarks.measure import Row, about, progress
from benchmarks.table import show

__all__ = ["main"]

RESULTS = Path(__file__).parent / "results"


def _resilience(options: argparse.Namespace) -> list[Row]:
    return resilience.rows(options.rounds or (5 if options.short else 15))


def _binding(options: argparse.Namespace) -> list[Row]:
    return binding.rows(options.rounds or (5 if options.short else 25))


def _decoding(options: argparse.Namespace) -> list[Row]:
    return decoding.rows(options.rounds or (5 if options.short else 25))


def _http(options: argparse.Namespace) -> list[Row]:
    if options.short:
        return http.rows(options.rounds or 2, (100,))
    return http.rows(options.rounds or 9)


def _tls(options: argparse.Namespace) -> list[Row]:
    return http.tls_rows(options.rounds or (2 if options.short else 9))


def _idle(options: argparse.Namespace) -> list[Row]:
    return http.idle_rows(options.rounds or (1 if options.short else 9))


def _footprint(options: argparse.Namespace) -> list[Row]:
    return footprint.rows(options.rounds or (5 if options.short else 25))


def _imports(options: argparse.Namespace) -> list[Row]:
    return footprint.import_rows(options.rounds or (2 if options.short else 15))


#: Name, title, and what measures it.
BENCHMARKS: dict[str, tuple[str, Callable[[argparse.Namespace], list[Row]]]] = {
    "resilience": ("What protection costs", _resilience),
    "binding": ("From arguments to a request, above a bare port call", _binding),
    "decoding": ("From bytes to a type, against the library by hand", _decoding),
    "http": ("A call over a real socket, CPU of the client", _http),
    "tls": ("A call over TLS, CPU of the client", _tls),
    "idle": ("A call while others' connections are idle", _idle),
    "footprint": ("What clients weigh, and how long they take to make", _footprint),
    "imports": ("What an import costs", _imports),
}


def run(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """One benchmark, with where its figures come from."""
    title, measure = BENCHMARKS[name]
    began = time.perf_counter()
    rows = measure(options)
    seconds = round(time.perf_counter() - began, 1)
    return {"benchmark": name, "title": title, **about(), "seconds": seconds, "rows": rows}


def main(arguments: list[str]) -> int:
    """Measure, print, and keep the figures."""
    parser = argparse.ArgumentParser(
        prog="dev.py bench",
        description="Measure, and print tables. Without a name: every benchmark in turn.",
        epilog="example: python3 dev.py bench resilience --json > figures.json",
    )
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], metavar="NAME",
                        help=f"one of {', '.join(BENCHMARKS)}")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON, not tables")
    parser.add_argument("--rounds", type=int, help="rounds that count; more, less spread")
    parser.add_argument("--short", action="store_true", help="few rounds: seconds, not minutes")
    parser.add_argument(
        "--save",
        action="store_true",
        help="keep the figures, and rewrite docs/evidence/benchmarks.md",
    )
    parser.add_argument(
        "--page",
        action="store_true",
        help="measure nothing; rewrite the page from the figures that are kept",
    )
    options = parser.parse_args(arguments)
    found = []
    for name in () if options.page else options.names or BENCHMARKS:
        result = run(name, options)
        found.append(result)
        if not options.json:
            show(f"{result['title']} (Python {result['python']}, {result['seconds']} s)",
                 result["rows"])  # fmt: skip
        if options.save:
            RESULTS.mkdir(exist_ok=True)
            text = json.dumps(result, indent=1, ensure_ascii=False)
            (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    if options.save or options.page:
        page.write_chart()
        progress(f"docs/evidence/benchmarks.md: {', '.join(page.rewrite())} rewritten\n")
    if options.json and found:
        print(json.dumps(found[0] if len(found) == 1 else found, indent=1, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
