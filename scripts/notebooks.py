"""Runs the notebooks of examples/notebooks and stores what they show; `--check` compares instead.

Each runs from top to bottom in an IPython shell of its own, in a process of its own: what is stored is what
Jupyter would show, without a server. Numbers may differ in their last digits and pictures by a shade, as they
do between processors; everything else is the same or told.

Usage: scripts/notebooks.py [--check] [NAME...]        with the .venv's Python, after a build
"""

from __future__ import annotations

import base64
import io
import json
import math
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "examples" / "notebooks"
NUMBER = re.compile(r"[-+]?\d[\d,]*\.?\d*(?:[eE][-+]?\d+)?")
RELATIVE_MAX = 1e-6
# Mean difference of the pixels, of 1.
SHADE_MAX = 0.01
# What IPython says beside the picture or the table itself.
KINDS = ("text/plain", "text/html", "image/png")


def as_run(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook with the outputs of today, run in this process."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    shell = InteractiveShell.instance()
    if any("matplotlib" in "".join(cell["source"]) for cell in notebook["cells"]):
        # Pictures go into the outputs; a shell without a server has no window to open.
        shell.enable_gui = lambda gui=None: None
        shell.run_line_magic("matplotlib", "inline")
    # What a terminal would print of a last expression is kept instead.
    results: list[dict[str, Any]] = []
    hook = shell.displayhook
    hook.write_output_prompt = hook.finish_displayhook = lambda: None
    hook.write_format_data = lambda data, metadata=None: results.append(data)
    made = json.loads(json.dumps(notebook))
    count = 0
    for cell in made["cells"]:
        if cell["cell_type"] != "code":
            continue
        count += 1
        results.clear()
        with capture_output() as captured:
            ran = shell.run_cell("".join(cell["source"]), store_history=True)
        ran.raise_error()
        cell["execution_count"] = count
        outputs = [stream("stdout", captured.stdout), stream("stderr", captured.stderr)]
        outputs += [
            display(data) | {"execution_count": count, "output_type": "execute_result"} for data in results
        ]
        outputs += [display(output.data) for output in captured.outputs]
        cell["outputs"] = [output for output in outputs if output]
    return made


def stream(name: str, text: str) -> dict[str, Any] | None:
    """What was printed."""
    return {"name": name, "output_type": "stream", "text": lines(text)} if text else None


def display(data: dict[str, Any]) -> dict[str, Any]:
    """What is displayed: text, HTML, a picture."""
    kept = {kind: lines(data[kind]) if kind != "image/png" else data[kind] for kind in KINDS if kind in data}
    return {"data": kept, "metadata": {}, "output_type": "display_data"}


def lines(text: str) -> list[str]:
    """As notebooks keep text."""
    return text.splitlines(keepends=True)


def differences(stored: dict[str, Any], made: dict[str, Any]) -> list[str]:
    """Where what is stored is not what comes out."""
    found = []
    for number, (before, after) in enumerate(zip(stored["cells"], made["cells"], strict=True), start=1):
        if before["cell_type"] != "code":
            continue
        if len(before["outputs"]) != len(after["outputs"]):
            found.append(
                f"cell {number}: {len(before['outputs'])} outputs stored, {len(after['outputs'])} come out"
            )
            continue
        for old, new in zip(before["outputs"], after["outputs"], strict=True):
            if reason := difference(old, new):
                found.append(f"cell {number}: {reason}")
    return found


def difference(old: dict[str, Any], new: dict[str, Any]) -> str | None:
    """Why two outputs are not the same; None where they are."""
    if old["output_type"] != new["output_type"]:
        return f"{old['output_type']} is stored, {new['output_type']} comes out"
    if old["output_type"] == "stream":
        return text_difference("".join(old["text"]), "".join(new["text"]))
    if sorted(old["data"]) != sorted(new["data"]):
        return f"{sorted(old['data'])} is stored, {sorted(new['data'])} comes out"
    for kind, value in old["data"].items():
        compare = picture_difference if kind == "image/png" else text_difference
        if reason := compare("".join(value), "".join(new["data"][kind])):
            return f"{kind}: {reason}"
    return None


def text_difference(old: str, new: str) -> str | None:
    """Words must be the same, numbers nearly."""
    if NUMBER.sub("#", old) != NUMBER.sub("#", new):
        place = next(
            (i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new))
        )
        begin, end = max(0, place - 40), place + 80
        return f"...{old[begin:end]}... is stored, ...{new[begin:end]}... comes out"
    for before, after in zip(NUMBER.findall(old), NUMBER.findall(new), strict=True):
        first, second = (float(text.replace(",", "")) for text in (before, after))
        if not math.isclose(first, second, rel_tol=RELATIVE_MAX, abs_tol=1e-9):
            return f"{before} is stored, {after} comes out"
    return None


def picture_difference(old: str, new: str) -> str | None:
    """The mean difference of the pixels, which fonts and compilers change a little."""
    import numpy as np
    from matplotlib.image import imread

    before, after = (imread(io.BytesIO(base64.b64decode(text)), format="png") for text in (old, new))
    if before.shape != after.shape:
        return f"a picture of {before.shape} is stored, one of {after.shape} comes out"
    shade = float(np.abs(before - after).mean())
    return f"the pictures differ by {shade:.4f}" if shade > SHADE_MAX else None


def read(path: Path) -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return notebook


def run(path: Path) -> dict[str, Any]:
    """The notebook as it runs in a new process, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "IPYTHONDIR": folder,
        }
        command = [sys.executable, str(Path(__file__).resolve()), "--one", str(path.resolve())]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
        )
    if done.returncode:
        raise RuntimeError(f"{path.name} does not run:\n{done.stderr}")
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--one"]:
        print(json.dumps(as_run(read(Path(arguments[1])))))
        return 0
    is_check = "--check" in arguments
    names = [name for name in arguments if not name.startswith("--")]
    found = 0
    for path in sorted(FOLDER.glob("*.ipynb")):
        if names and path.stem not in names:
            continue
        stored, made = read(path), run(path)
        if is_check:
            for reason in differences(stored, made):
                print(f"{path.name}: {reason}")
                found = 1
        else:
            path.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            print(path.name)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
