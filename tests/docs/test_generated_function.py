"""The generated function that the docs show is the one that is made."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "how-a-call-works.md"


def test_the_page_shows_the_function_that_is_made(tmp_path: Path) -> None:
    text = PAGE.read_text("utf-8")
    code, shown = re.findall(r"^```(?:python|text)\n(.*?)^```$", text, re.M | re.S)[:2]
    example = tmp_path / "example.py"
    example.write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(example)], capture_output=True, text=True, timeout=30, check=True
    )
    assert textwrap.dedent(done.stdout).strip() == shown.strip()
