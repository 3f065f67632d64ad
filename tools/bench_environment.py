"""Making ``.venv-bench``: the package, the tools of the benchmarks, and what it is measured with.

Each of the others is installed by itself, so that one that cannot be installed stops nothing: the
benchmarks show a row that says why. What failed is tried again after ``dev.py clean``.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from pathlib import Path

from tools.console import DevError, quiet, say
from tools.environment import make_venv, pip_install, script
from tools.interpreter import Interpreter

__all__ = ["FAILED", "OTHERS", "OWN", "BenchEnvironment"]

#: What the benchmarks themselves need, besides the package with these extras.
EXTRAS = "httpx,aiohttp,pydantic,msgspec,cli"
OWN = ("uvloop", "httptools", "orjson", "trustme")
#: What is measured against.
OTHERS = (
    "purgatory",
    "circuitbreaker",
    "hyx",
    "aiobreaker",
    "interlock-cb",
    "tenacity",
    "stamina",
    "backoff",
    "uplink",
    "meatie",
    "gracy",
    "pico-httpx",
    "apiroute",
    "clientwright",
    "httpware",
)
#: How long installing those may take in all, in seconds; what is left then is left out.
PATIENCE = 240
#: In the environment: what could not be installed, and why.
FAILED = "pyfly-bench.json"


class BenchEnvironment:
    """The environment of the benchmarks, ``.venv-bench``.

    Args:
        root: The folder of the checkout.
        python: The interpreter that it is made with.
    """

    def __init__(self, root: Path, python: Interpreter) -> None:
        self.root = root
        self.folder = root / ".venv-bench"
        self.base = python
        self.python = script(self.folder, "python")
        self._stamp = self.folder / FAILED

    def wanted(self) -> str:
        """What a finished environment was made from, as a hash."""
        pyproject = (self.root / "pyproject.toml").read_bytes()
        parts = (pyproject, repr((OWN, OTHERS, self.base.tag, str(self.root))).encode())
        return hashlib.sha256(b"".join(parts)).hexdigest()

    def ready(self) -> bool:
        """Whether nothing is left to do."""
        try:
            found = json.loads(self._stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return isinstance(found, dict) and found.get("wanted") == self.wanted()

    def ensure(self) -> None:
        """Make or refresh it if needed.

        Raises:
            DevError: It cannot be made, or the package cannot be installed there.
        """
        if self.ready():
            return
        if quiet([self.python, "-c", "import pip"])[0] != 0:
            say("dev: making .venv-bench for the benchmarks")
            shutil.rmtree(str(self.folder), ignore_errors=True)
            self.folder.mkdir()
            make_venv(self.base.executable, self.folder)
        say("dev: installing the package into .venv-bench")
        pip_install(self.python, "--editable", f"{self.root}[{EXTRAS}]", *OWN)
        failed = {}
        began = time.monotonic()
        for number, name in enumerate(OTHERS, 1):
            if time.monotonic() - began > PATIENCE:
                failed[name] = "the package index is too slow"
                continue
            say(f"dev: installing what it is measured with: {name} ({number} of {len(OTHERS)})")
            try:
                pip_install(self.python, "--timeout=10", "--retries=1", name)
            except DevError as error:
                failed[name] = _reason(str(error))
                say(f"dev: {name} is left out: {failed[name]}", "33")
        stamp = {"wanted": self.wanted(), "failed": failed}
        self._stamp.write_text(json.dumps(stamp, indent=1), encoding="utf-8")


def _reason(said: str) -> str:
    """The line of pip's that tells most."""
    errors = [line for line in said.splitlines() if line.startswith("ERROR:")]
    for line in errors:
        if "Requires-Python" in line:
            return "needs Python " + line.rpartition("Requires-Python ")[2]
    return errors[-1][len("ERROR: ") :] if errors else said.splitlines()[0]
