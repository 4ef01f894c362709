"""The modules that the reference has a page for."""

from __future__ import annotations

import pkgutil
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "python" / "oddsengine"
# Programs, described by docs/demo.md, docs/config.md and docs/operations.md.
PROGRAMS = {"cli", "demo", "serve"}


def public_modules() -> list[str]:
    """The package itself first, then every module without an underscore that is no program."""
    names = {module.name for module in pkgutil.iter_modules([str(PACKAGE)])}
    return ["oddsengine", *sorted(name for name in names - PROGRAMS if not name.startswith("_"))]
