"""Writes the tables and views of a projection into docs/projections.md, from their definitions.

Run it with the .venv's Python after a change of them; `--check` only says whether the page is as it would be.
"""

import sys
from pathlib import Path

from oddsengine.projection import TABLES, VIEWS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "projections.md"
BEGIN, END = "<!-- tables: written by scripts/projection_docs.py -->\n", "<!-- end of tables -->\n"
KINDS = {"int": "whole number", "text": "text"}


def section() -> str:
    """All tables and views with their columns."""
    lines = ["## Tables", ""]
    for table in TABLES:
        how = "Rows are only added." if table.is_appended else "A row a key, as it stands."
        lines += [f"### `{table.name}`", "", f"{table.note} {how}", ""]
        lines += ["| column | | what |", "|---|---|---|"]
        for column in table.columns:
            kind = KINDS[column.kind] + (", or NULL" if column.is_nullable else "")
            name = f"**`{column.name}`**" if column.merge == "key" else f"`{column.name}`"
            lines.append(f"| {name} | {kind} | {column.note} |")
        lines.append("")
    lines += ["## Views", ""]
    for view in VIEWS:
        lines += [f"### `{view.name}`", "", view.note, "", "| column | what |", "|---|---|"]
        lines += [f"| `{name}` | {note} |" for name, note in view.columns.items()]
        lines.append("")
    return "\n".join(lines)


def main() -> int:
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    wanted = f"{before}{BEGIN}\n{section()}\n{END}{after}"
    if "--check" in sys.argv[1:]:
        if page != wanted:
            print("docs/projections.md is not as the tables: run scripts/projection_docs.py", file=sys.stderr)
        return int(page != wanted)
    PAGE.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
