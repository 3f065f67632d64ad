"""Is what we publish enough? Build the wheel and use it alone, outside the checkout."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from tools.console import DevError, quiet, say
from tools.environment import make_venv, pip_install, script

__all__ = ["check"]

# Installed for development, or by an extra: not one of them may be needed or be there.
_EXTRAS = ("httpx", "aiohttp", "pydantic", "rich", "matplotlib", "pytest", "trustme")
_WHERE = f"""
import importlib.util as found, sys, pyfly
assert pyfly.__file__.startswith(sys.prefix), f"not from the wheel: {{pyfly.__file__}}"
there = [name for name in {_EXTRAS!r} if found.find_spec(name)]
assert not there, f"not alone: {{there}}"
"""


def check(root: Path, python: str) -> int:
    """Build, install and try the wheel in a temporary folder. Returns 0.

    Args:
        root: The checkout.
        python: An interpreter that has ``build``, and that the clean environment is made with.

    Raises:
        DevError: A step failed; the message holds the command and what it said.
    """
    with tempfile.TemporaryDirectory(prefix="pyfly-wheel-") as folder:
        work = Path(folder).resolve()
        # By way of the source archive: what that one lacks is missing here too.
        _step(work, python, "-m", "build", "--outdir", str(work / "dist"), str(root))
        (built,) = (work / "dist").glob("*.whl")
        make_venv(python, work / "env")
        alone = script(work / "env", "python")
        say(f"dev: installing {built.name} alone")
        pip_install(alone, str(built))
        _step(work, alone, "-m", "pip", "check")
        _step(work, alone, "-c", _WHERE)
        _step(work, alone, "-W", "error", str(root / "tools" / "cold_import.py"), "pyfly.client")
        _step(work, alone, "-W", "error", str(root / "tools" / "wheel_example.py"))
        _step(work, script(work / "env", "pyfly"), "demo")
        _json(_step(work, script(work / "env", "pyfly"), "demo", "--json", "-"))
    return 0


def _step(work: Path, *command: str) -> str:
    """Run a command as a stranger to the checkout would, and return what it printed."""
    ours = ("PYTHON", "COVERAGE_", "COV_CORE_", "VIRTUAL_ENV", "PYFLY_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    # `-c` and scripts would look into their own folder first.
    env.update(PYTHONNOUSERSITE="1", PYTHONSAFEPATH="1", PYTHONUTF8="1", NO_COLOR="1")
    shown = " ".join(part if "\n" not in part else "…" for part in command)
    say(f"dev: {shown.replace(str(work), '.')}")
    status, output = quiet(command, cwd=work, env=env, timeout=300)
    if status != 0:
        raise DevError(f"{output.strip()}\nThe wheel alone fails (status {status}): {shown}")
    return output


def _json(output: str) -> None:
    """Refuse what is neither one JSON document nor one on each line."""
    try:
        json.loads(output)
    except ValueError:
        try:
            documents = [json.loads(line) for line in output.splitlines()]
        except ValueError as error:
            raise DevError(f"{output}\n`pyfly demo --json` prints no JSON: {error}") from error
        if not documents:
            raise DevError("`pyfly demo --json` prints nothing") from None
