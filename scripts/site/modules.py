"""The modules that the reference has a page for."""

from __future__ import annotations

import ast
import pkgutil
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "python" / "oddsengine"
# Programs, described by docs/demo.md, docs/config.md and docs/operations.md.
PROGRAMS = {"cli", "demo", "serve"}


def exported_names(name: str) -> list[str]:
    """What a public module exports, read from its source."""
    path = PACKAGE / "__init__.py" if name == "oddsengine" else PACKAGE / f"{name}.py"
    source = (path if path.exists() else PACKAGE / name / "__init__.py").read_text(encoding="utf-8")
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__":
            return [str(exported) for exported in ast.literal_eval(statement.value)]
    raise ValueError(f"module {name} has no __all__: what it exports cannot be told")


def public_modules() -> list[str]:
    """The package itself first, then every module without an underscore that is no program."""
    names = {module.name for module in pkgutil.iter_modules([str(PACKAGE)])}
    return ["oddsengine", *sorted(name for name in names - PROGRAMS if not name.startswith("_"))]
