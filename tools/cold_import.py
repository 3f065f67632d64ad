"""Import a module in a fresh interpreter and report what it should not have brought along.

``python tools/cold_import.py pyfly.client`` exits with 1 and one line for each optional
library that was loaded and for a TLS context that was made: 20 ms and 0.8 MB each, paid by
everyone who merely imports the package.
"""

from __future__ import annotations

import importlib
import ssl
import sys
from typing import NoReturn

FOREIGN = ("httpx2", "httpx", "aiohttp", "pydantic", "rich", "yaml", "click")


def main(module: str) -> int:
    """Import the module under watch; 0 if it stayed by itself."""

    def refuse(*_args: object, **_options: object) -> NoReturn:
        raise AssertionError(f"importing {module} made an ssl.SSLContext")

    setattr(ssl.SSLContext, "__new__", refuse)  # noqa: B010  an assignment is refused by the checkers
    if importlib.import_module(module).__file__ is None:
        print(f"{module} is a folder without __init__.py: nothing was imported")
        return 1
    loaded = [name for name in FOREIGN if name in sys.modules]
    for name in loaded:
        print(f"importing {module} loaded {name}: import it in the function that needs it")
    return 1 if loaded else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
