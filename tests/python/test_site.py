"""What `make docs` builds: every public module has a page, and a link that leads nowhere stops it.

Broke: there was no API reference; and a first form of it was built with `--quiet`, which takes warnings away
before `--strict` counts them, so that every dead link passed. Needs what `make docs` installs;
skipped otherwise.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import oddsengine

pytest.importorskip("mkdocs", reason="`make docs` installs what builds the pages")

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "site"))
modules = importlib.import_module("modules")
pages = importlib.import_module("pages")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The pages and the configuration in a folder of their own, without the slow part: no module is read."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    config = re.sub(r"(?ms)^  - mkdocstrings:.*?^(?=hooks:)", "", config)
    config = config.replace("scripts/site/pages.py", str(ROOT / "scripts" / "site" / "pages.py"))
    config = config.replace("site_dir: target/docs", f"site_dir: {tmp_path / 'site'}")
    config = config.replace("docs_dir: docs", f"docs_dir: {tmp_path / 'docs'}")
    (tmp_path / "mkdocs.yml").write_text(config, encoding="utf-8")
    return tmp_path


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "-f",
        str(folder / "mkdocs.yml"),
    ]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)


def test_every_public_module_has_a_page() -> None:
    named = {
        name
        for name in oddsengine.__all__
        if hasattr(getattr(oddsengine, name), "__path__") or hasattr(getattr(oddsengine, name), "__file__")
    }
    found = set(modules.public_modules())
    assert named < found
    assert {"client", "config", "plot", "projection", "engine"} < found
    there = {module.name for module in pkgutil.iter_modules(oddsengine.__path__)}
    assert found - {"oddsengine"} == {name for name in there if name[0] != "_"} - modules.PROGRAMS


def test_the_pages_build_and_link_to_each_other(copy: Path) -> None:
    built = build(copy)
    assert built.returncode == 0, built.stdout + built.stderr
    # A link to a file of the repository leads to that file, and the README is the first page.
    assert 'href="files/examples/own_sport.py"' in (copy / "site" / "index.html").read_text(encoding="utf-8")
    assert 'href="markets/football.html"' in (copy / "site" / "index.html").read_text(encoding="utf-8")
    assert (copy / "site" / "notebooks" / "margin.html").exists()


def test_a_link_that_leads_nowhere_stops_it(copy: Path) -> None:
    """A page that is not there, a file of the repository, a part of another page, and a part of the same."""
    broken = {
        "units.md": "nowhere.md",
        "demo.md": "../crates/none.rs",
        "bounds.md": "wire.md#no-such-part",
        "statuses.md": "#no-such-part",
    }
    for name, link in broken.items():
        page = copy / "docs" / name
        page.write_text(page.read_text(encoding="utf-8") + f"\n[away]({link})\n", encoding="utf-8")
    built = build(copy)
    assert built.returncode != 0
    told = built.stdout + built.stderr
    warnings = [line for line in told.splitlines() if "WARNING" in line]
    assert len(warnings) == len(broken), told
    assert all(any(name in line and link in line for line in warnings) for name, link in broken.items())


def test_a_name_without_an_entry_is_missed(tmp_path: Path) -> None:
    """Broke: two names of `oddsengine.projection` had no entry, since they were assigned together."""
    for module in modules.public_modules():
        names = pages.PACKAGE_MEMBERS if module == "oddsengine" else modules.exported_names(module)
        prefix = "oddsengine" if module == "oddsengine" else f"oddsengine.{module}"
        text = "".join(f'<h2 id="{prefix}.{name}">' for name in names if name != "hold_interval")
        (tmp_path / f"{module}.html").write_text(text, encoding="utf-8")
    assert pages.missing_names(tmp_path) == ["oddsengine.metrics.hold_interval"]


def test_links_in_code_stay_as_they_are() -> None:
    text = "[a](../README.md)\n\n```json\n[b](../README.md)\n```\n"
    assert pages.rewritten(text, "docs/wire.md", "wire.md") == text.replace(
        "[a](../README.md)", "[a](index.md)"
    )


def test_examples_in_docstrings_become_code() -> None:
    pytest.importorskip("griffe", reason="`make docs` installs what builds the pages")
    docstrings = importlib.import_module("docstrings")
    shown = docstrings.as_code("What.\n\n>>> 1 + 1  # doctest: +ELLIPSIS\n2\n\nAnd more.")
    assert shown == "What.\n\n```pycon\n>>> 1 + 1\n2\n```\n\nAnd more."
    returns = "A.\n\nReturns\n-------\n"
    # A text without a type is not read as a type, whatever it consists of; one with a type stays.
    shown = docstrings.as_code(f"{returns}Texts:\n\n* one,\n  two\n\nRaises\n------\nE\n    Why.")
    assert shown == f"{returns}:\n    Texts:\n\n    * one,\n      two\n\nRaises\n------\nE\n    Why."
    typed = f"{returns}(n,) float64\n    Shares."
    assert docstrings.as_code(typed) == typed
    assert "Remove the bookmaker's margin" in docstrings.CORE["oddsengine.margin.fair_probabilities"]
