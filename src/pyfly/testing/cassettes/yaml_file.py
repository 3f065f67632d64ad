"""YAML files that people read, written whole or not at all."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any

from pyfly.client._codec.encode import to_json
from pyfly.kernel.exceptions import PyFlyException


class CassetteException(PyFlyException, ValueError):
    """A cassette cannot be used: it is missing, too old, or no cassette; the message says why."""


#: Line breaks to YAML 1.1 and to Python's own library, but not to everybody: they are escaped.
_BREAKS = re.compile("[\x85\u2028\u2029\ufeff]")
_SHALLOW = 1_000
_HEAD = """\
# Recorded by pyfly.testing. To record it anew, run the test with PYFLY_CASSETTES=refresh.
"""


def read(path: Path) -> Any:
    """What a file says.

    Raises:
        CassetteException: It is no YAML.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        # libyaml is eight times as fast, but not everywhere; and it ends the process where
        # something is nested deeper than its stack.
        loader = yaml.SafeLoader if _may_be_deep(text) else _fast_loader()
        return yaml.load(text, Loader=loader)
    except (yaml.YAMLError, ValueError, AttributeError, RecursionError) as error:
        # The last three are what a date, a number or a depth that is none comes to.
        raise CassetteException(f"{path} is no YAML: {error}") from None


def _fast_loader() -> Any:
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _may_be_deep(text: str) -> bool:
    """Whether something may be nested deep: each level takes a bracket, or a column."""
    brackets = text.count("[") + text.count("{")
    return brackets > _SHALLOW or max(map(len, text.splitlines()), default=0) > _SHALLOW


def write(path: Path, value: Any) -> None:
    """Put a value into a file in place of whatever was there; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(_HEAD + _dumped(value))
        os.chmod(name, 0o644)  # it is to be committed, and a temporary file is for its owner alone
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def survives(value: Any) -> bool:
    """Whether a JSON value comes back from YAML as it went there: infinities do not."""
    try:
        to_json(value)
    except ValueError:
        return False
    return True


def _dumped(value: Any) -> str:
    import yaml

    base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

    class Dumper(base):  # type: ignore[misc]  # one or the other
        """Text of several lines stands as it is."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: Any, data: str) -> Any:
        style = '"' if _BREAKS.search(data) else "|" if "\n" in data else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    Dumper.add_representer(str, text)
    dumped: str = yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)
    return dumped
