"""Making ``.venv`` once, and knowing at once that it is ready."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from tools.console import DevError, quiet, say
from tools.interpreter import Interpreter, probe

__all__ = ["Environment", "advice", "make_venv", "pip_install", "script"]

_UNFINISHED = "pyfly-dev.unfinished"
_PIP = ("-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check")


def script(folder: Path, name: str) -> str:
    """The path of a command inside a virtual environment."""
    if os.name == "nt":
        return str(folder / "Scripts" / f"{name}.exe")
    return str(folder / "bin" / name)


class Environment:
    """The virtual environment of a checkout: ``.venv``, with the package and its ``dev`` extra.

    Inside lies a stamp: the hash of ``pyproject.toml``, the Python and the place it was made
    for. As long as the stamp is right nothing has to be started to know that all is well.

    Args:
        root: The folder of the checkout.
        python: The interpreter that it is made with.
        name: Of its folder; that of another Python has another.
    """

    def __init__(self, root: Path, python: Interpreter, name: str = ".venv") -> None:
        self.root = root
        self.folder = root / name
        self.base = python
        self.python = script(self.folder, "python")
        self._stamp = self.folder / "pyfly-dev.json"
        self._unfinished = self.folder / _UNFINISHED

    def wanted(self) -> dict[str, str]:
        """What the stamp of a finished environment says."""
        pyproject = (self.root / "pyproject.toml").read_bytes()
        return {
            "pyproject": hashlib.sha256(pyproject).hexdigest(),
            "python": self.base.tag,
            "root": str(self.root),
        }

    def stamp(self) -> dict[str, str]:
        """What the stamp says; empty if there is none that can be read."""
        try:
            found = json.loads(self._stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def ready(self) -> bool:
        """Whether nothing is left to do. Starts no process."""
        return (
            self.stamp() == self.wanted()
            and os.path.exists(self.python)
            and not self._unfinished.exists()
        )

    def usable(self) -> bool:
        """Whether the folder can be brought up to date instead of being made anew."""
        if self._unfinished.exists() or not os.path.exists(self.python):
            return False
        if self.stamp().get("root", str(self.root)) != str(self.root):
            return False
        found = probe(self.python)
        return bool(found and found.tag == self.base.tag and self._has_pip())

    def ensure(self) -> None:
        """Make or refresh the environment if needed. Two processes take turns.

        Raises:
            DevError: It cannot be made; the message holds the tool's own words and a remedy.
        """
        if self.ready():
            return
        with _turn(self.root):
            if self.ready():
                return
            if not self.usable():
                self._make_anew()
            self._unfinished.touch()
            what = f"the package and its tools into {self.folder.name}"
            say(f"dev: installing {what} (a minute or two at first)")
            pip_install(self.python, "--editable", f"{self.root}[dev]")
            self._stamp.write_text(json.dumps(self.wanted(), indent=1), encoding="utf-8")
            self._unfinished.unlink()

    def _make_anew(self) -> None:
        if self.folder.exists() or self.folder.is_symlink():
            name = self.folder.name
            say(f"dev: {name} is unfinished, broken or made for another Python: making it anew")
            self.remove()
        say(f"dev: making {self.folder.name} with {self.base.tag} ({self.base.executable})")
        # The mark is there before anything else is: whatever interrupts this, the next run knows.
        self.folder.mkdir()
        self._unfinished.touch()
        make_venv(self.base.executable, self.folder)

    def remove(self) -> None:
        """Delete the folder, if there is one."""
        if self.folder.is_symlink():
            self.folder.unlink()
        elif self.folder.exists():
            shutil.rmtree(self.folder)

    def _has_pip(self) -> bool:
        return quiet([self.python, "-c", "import pip"])[0] == 0


@contextmanager
def _turn(root: Path) -> Generator[None, None, None]:
    """Hold the checkout's lock, where the system has one. The folder itself is locked."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    handle = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("dev: another dev.py is preparing .venv: waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:  # a file system without locks: two first runs at once are on their own
            pass
        yield
    finally:
        os.close(handle)


def make_venv(python: str, folder: Path) -> None:
    """Make a virtual environment with pip in it: by ``venv``, else by ``virtualenv``.

    Debian ships Python without ``ensurepip`` unless ``python3-venv`` is installed, hence
    the second way; a ``virtualenv`` that is not there is fetched into a temporary folder.

    Raises:
        DevError: No way worked.
    """
    ways: tuple[tuple[str, Callable[[], tuple[int, str]]], ...] = (
        ("python -m venv", lambda: quiet([python, "-m", "venv", str(folder)])),
        ("python -m virtualenv", lambda: quiet([python, "-m", "virtualenv", str(folder)])),
        ("virtualenv", lambda: quiet(["virtualenv", "--python", python, str(folder)])),
        ("a fetched virtualenv", lambda: _fetched_virtualenv(python, folder)),
    )
    said: list[str] = []
    for name, way in ways:
        _empty(folder)
        status, output = way()
        if status == 0 and quiet([script(folder, "python"), "-c", "import pip"])[0] == 0:
            return
        said.append(f"[{name}]\n{output.strip()}")
    raise DevError(
        "\n".join(said) + f"\nNo virtual environment could be made with {python}.\n"
        "Install its venv module (Debian, Ubuntu: `apt-get install python3-venv`)"
        " or virtualenv (`python3 -m pip install --user virtualenv`), then try again."
    )


def _empty(folder: Path) -> None:
    """Remove what a way that failed has left; the mark of an unfinished environment stays."""
    for entry in folder.iterdir() if folder.exists() else ():
        if entry.name == _UNFINISHED:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _fetched_virtualenv(python: str, folder: Path) -> tuple[int, str]:
    said = ""
    for host in dict.fromkeys((python, sys.executable)):  # either may lack pip
        with tempfile.TemporaryDirectory(prefix="pyfly-dev-") as packages:
            status, output = quiet([host, *_PIP, "--target", packages, "virtualenv"])
            if status == 0:
                say("dev: this Python has no working venv: using a fetched virtualenv")
                env = {**os.environ, "PYTHONPATH": packages}
                command = [host, "-m", "virtualenv", "--python", python, str(folder)]
                status, output = quiet(command, env=env)
            if status == 0:
                return 0, output
        said += output
    return 1, said


def pip_install(python: str, *what: str) -> None:
    """Install with an environment's pip, in silence unless it fails.

    Raises:
        DevError: pip failed; the message holds what it said, and what helps.
    """
    status, output = quiet([python, *_PIP, *what])
    if status != 0:
        raise DevError(f"{output.strip()}\npip could not install {what[-1]}.\n{advice(output)}")


def advice(output: str) -> str:
    """What probably helps, judged by pip's own words."""
    said = output.lower()
    if "no space left" in said:
        return "The disk is full: free some space, then try again."
    if "permission denied" in said:
        return "A file may not be written: who owns the folder? `ls -ld . .venv` tells."
    network = ("connection", "name resolution", "timed out", "proxyerror", "unreachable")
    if any(word in said for word in network):
        return (
            "The package index cannot be reached. Offline? Then connect once: later runs need no"
            " network. Behind a proxy or a mirror? pip reads HTTPS_PROXY and PIP_INDEX_URL."
        )
    if "sslerror" in said or "certificate" in said:
        return "The index's certificate is not trusted: PIP_CERT names the file of a private one."
    if "no matching distribution" in said or "could not find a version" in said:
        return (
            "The index cannot be reached, or lacks a package. Offline? Then connect once: later"
            " runs need no network. Does PIP_INDEX_URL name a mirror? Then it is not complete."
        )
    return "Once the cause is mended, run the same command again: it starts where it has to."
