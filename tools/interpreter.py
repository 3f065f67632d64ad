"""Finding a Python that can run the project."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tools.console import DevError, quiet

__all__ = ["MINIMUM", "PROMISED", "Interpreter", "candidates", "choose", "find", "probe", "running"]

#: Those that the README and the classifiers name.
PROMISED = ((3, 11), (3, 12), (3, 13), (3, 14))
MINIMUM, NEWEST = PROMISED[0], PROMISED[-1]

# The tag tells two interpreters apart whose installed packages cannot be exchanged.
_TAG = (
    "import sys; print('%s-%d.%d%s' % (sys.implementation.name, sys.version_info[0],"
    " sys.version_info[1], 't' if 't' in getattr(sys, 'abiflags', '') else ''));"
    " print(getattr(sys, '_base_executable', None) or sys.executable)"
)


class Interpreter(NamedTuple):
    """A Python: where it is, and a tag such as ``cpython-3.11``."""

    executable: str
    tag: str

    @property
    def version(self) -> tuple[int, int]:
        found = re.search(r"-(\d+)\.(\d+)", self.tag)
        return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def running() -> Interpreter:
    """The interpreter of this process; inside a virtual environment, the one it was made with."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    threads = "t" if "t" in getattr(sys, "abiflags", "") else ""
    executable: str = getattr(sys, "_base_executable", None) or sys.executable
    return Interpreter(executable, f"{sys.implementation.name}-{version}{threads}")


def probe(executable: str) -> Interpreter | None:
    """Ask an executable what it is; None if it does not answer like a Python."""
    status, output = quiet([executable, "-I", "-c", _TAG])
    lines = output.split("\n")
    if status != 0 or len(lines) < 2 or "-" not in lines[0]:
        return None
    return Interpreter(lines[1].strip(), lines[0].strip())


def candidates(environ: Mapping[str, str]) -> Iterator[str]:
    """Executables that may be suitable: by name on PATH, newest first, then pyenv's versions."""
    for minor in range(NEWEST[1], MINIMUM[1] - 1, -1):
        found = shutil.which(f"python3.{minor}", path=environ.get("PATH"))
        if found:
            yield found
    for folder in _pyenv_versions(environ):
        for name in ("bin/python3", "python.exe"):
            if (folder / name).exists():
                yield str(folder / name)


def find(wanted: str, environ: Mapping[str, str]) -> Interpreter | None:
    """The interpreter of a version such as ``3.13``, or at a path; None if there is none."""
    if os.sep in wanted:
        return probe(wanted)
    named = shutil.which(f"python{wanted}", path=environ.get("PATH"))
    for executable in (*([named] if named else []), *candidates(environ)):
        found = probe(executable)
        if found and found.tag.endswith(f"-{wanted}"):
            return found
    return None


def choose(current: Interpreter, environ: Mapping[str, str]) -> Interpreter:
    """The running interpreter if it is new enough, else the first candidate that is.

    Raises:
        DevError: There is none; the message says what was found and where it looked.
    """
    if current.version >= MINIMUM:
        return current
    for executable in candidates(environ):
        found = probe(executable)
        if found and found.version >= MINIMUM:
            return found
    needed, newest = (".".join(map(str, version)) for version in (MINIMUM, NEWEST))
    found_version = ".".join(map(str, current.version))
    raise DevError(
        f"pyfly needs Python ≥ {needed}, found {found_version} at {current.executable}.\n"
        f"Looked for python{newest} … python{needed} on PATH"
        f" and for versions of pyenv in {_pyenv_root(environ) / 'versions'}.\n"
        f"Install one (for example `apt-get install python{needed} python{needed}-venv` or"
        f" `pyenv install {needed}`), or start dev.py with it: `python{needed} dev.py …`"
    )


def _pyenv_root(environ: Mapping[str, str]) -> Path:
    root = environ.get("PYENV_ROOT")
    return Path(root) if root else Path(environ.get("HOME") or os.path.expanduser("~")) / ".pyenv"


def _pyenv_versions(environ: Mapping[str, str]) -> list[Path]:
    """pyenv's folders of plain CPython versions that are new enough, newest first."""
    found: list[tuple[tuple[int, ...], Path]] = []
    for folder in (_pyenv_root(environ) / "versions").glob("3.*"):
        numbers = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", folder.name)
        version = tuple(map(int, numbers.groups())) if numbers else ()
        if MINIMUM <= version[:2] <= NEWEST:
            found.append((version, folder))
    return [folder for _, folder in sorted(found, reverse=True)]
