"""``python -m pyfly.cli`` is ``pyfly``."""

from __future__ import annotations

import sys

from pyfly.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
