"""Runs the Python of pages, a section at a time, and writes what it prints below it; `--check` only compares.

Each section (`## `) starts with nothing defined. A block that prints is followed by a block of text with what
it printed. Run it with the .venv's Python, after a build.
"""

from __future__ import annotations

import contextlib
import difflib
import io
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("cookbook.md", "markets/index.md")
SECTION = re.compile(r"(?m)^(?=## )")
BLOCK = re.compile(r"```python\n(?P<code>.*?)```\n(?:\n```text\n(?P<output>.*?)```\n)?", re.DOTALL)


@contextlib.contextmanager
def elsewhere() -> Iterator[None]:
    """In a folder of its own: what a page writes does not stay."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def as_run(section: str, name: str) -> str:
    """A section with what its code prints today."""
    names: dict[str, Any] = {"__name__": "__main__"}

    def run(match: re.Match[str]) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(match["code"], name, "exec"), names)
        output = f"\n```text\n{printed.getvalue()}```\n" if printed.getvalue() else ""
        return f"```python\n{match['code']}```\n{output}"

    with elsewhere():
        return BLOCK.sub(run, section)


def sections(page: str) -> list[str]:
    """The parts of a page: what stands before the first section, and the sections."""
    return SECTION.split((ROOT / "docs" / page).read_text(encoding="utf-8"))


def difference(section: str, name: str) -> str:
    """What would have to change; empty if the section prints what it shows."""
    wanted = as_run(section, name)
    return "".join(difflib.unified_diff(section.splitlines(True), wanted.splitlines(True), "page", "as run"))


def main() -> int:
    found = 0
    for page in PAGES:
        parts = sections(page)
        if "--check" in sys.argv[1:]:
            for part in parts:
                found |= bool(text := difference(part, page))
                print(text, end="")
        else:
            made = "".join(as_run(part, page) for part in parts)
            (ROOT / "docs" / page).write_text(made, encoding="utf-8")
    return int(found)


if __name__ == "__main__":
    sys.exit(main())
