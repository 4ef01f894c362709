"""Pages of the site that are no files in docs/: the README and other pages of the repository, notebooks with
their outputs, a reference page for every public module. A link to a file of the repository leads to it."""

from __future__ import annotations

import html
import json
import os
import posixpath
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).resolve().parent))
from modules import exported_names, public_modules

ROOT = Path(__file__).resolve().parents[2]
# Pages beside docs/, and their place in the site.
REPOSITORY_PAGES = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "repository/architecture.md",
    "CONTRIBUTING.md": "repository/contributing.md",
    "CHANGELOG.md": "repository/changelog.md",
}
NOTEBOOKS = {
    f"examples/notebooks/{path.name}": f"notebooks/{path.stem}.md"
    for path in sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))
}
# Of the package itself, beside its modules.
PACKAGE_MEMBERS = ("Engine", "Table", "OddsEngineError")
LINK = re.compile(r"(?<!\!)\[(?P<label>(?:[^\[\]\n]|\n(?!\n)|\[[^\]\n]*\])*)\]\((?P<target>[^)\s]+)\)")
FENCE_WORDS = re.compile(r"(?m)^(```\w+) .+$")
FENCE = re.compile(r"(?ms)^(?P<fence>```+|~~~+).*?^(?P=fence)\s*$")


def site_path(repository_path: str) -> str:
    """Where a file of the repository is in the site."""
    pages = REPOSITORY_PAGES | NOTEBOOKS
    if repository_path in pages:
        return pages[repository_path]
    return (
        repository_path.removeprefix("docs/")
        if repository_path.startswith("docs/")
        else f"files/{repository_path}"
    )


def repository_path(site_path: str) -> str:
    """The other way: the file that a page was made from."""
    made = {made: source for source, made in (REPOSITORY_PAGES | NOTEBOOKS).items()}
    return made.get(
        site_path, site_path.removeprefix("files/") if site_path.startswith("files/") else f"docs/{site_path}"
    )


def links(markdown: str) -> Iterator[re.Match[str]]:
    """The links outside of code."""
    code = [match.span() for match in FENCE.finditer(markdown)]
    for match in LINK.finditer(markdown):
        if not any(start <= match.start() < end for start, end in code):
            yield match


def target_of(link: str, source: str) -> str | None:
    """The file or folder of the repository that a relative link means; None if there is none."""
    path = link.partition("#")[0]
    if not path or "://" in path or path.startswith(("/", "mailto:")):
        return None
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    if (ROOT / joined).is_dir():
        joined = f"{joined}/README.md"
        return joined if (ROOT / joined).exists() else posixpath.dirname(joined)
    return joined if (ROOT / joined).exists() else None


def rewritten(markdown: str, source: str, page: str) -> str:
    """Links as they have to be in the site; those that lead nowhere stay, for the check to find them."""
    parts, end = [], 0
    for match in links(markdown):
        target = target_of(match["target"], source)
        if target is None:
            continue
        _, _, anchor = match["target"].partition("#")
        label = match["label"]
        if (ROOT / target).is_dir():
            text = label  # a folder without a page of its own has no address in a site
        else:
            there = posixpath.relpath(site_path(target), posixpath.dirname(page) or ".")
            text = f"[{label}]({there}{'#' + anchor if anchor else ''})"
        parts += [markdown[end : match.start()], text]
        end = match.end()
    return "".join([*parts, markdown[end:]])


def notebook_page(path: Path) -> str:
    """A notebook with its stored outputs."""
    parts = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        parts += [output_text(output) for output in cell["outputs"]]
    return "\n\n".join(parts) + "\n"


def output_text(output: dict[str, Any]) -> str:
    data = output.get("data", {})
    if "image/png" in data:
        return f'<img alt="" src="data:image/png;base64,{"".join(data["image/png"]).strip()}">'
    if "text/html" in data:
        # An empty line would end the block of HTML.
        return re.sub(r"\n\s*\n", "\n", "".join(data["text/html"]))
    text = "".join(data.get("text/plain", output.get("text", "")))
    return f"<pre>{html.escape(text).replace(chr(10) * 2, chr(10) + '&#10;')}</pre>"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fills the parts of the navigation that follow from what there is."""
    made = {
        "Notebooks": list(NOTEBOOKS.values()),
        "Reference": [f"reference/{name}.md" for name in public_modules()],
        "Repository": [page for page in REPOSITORY_PAGES.values() if page != "index.md"],
    }
    config.nav = [
        {name: made.get(name, pages) for name, pages in entry.items()} if isinstance(entry, dict) else entry
        for entry in config.nav
    ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds what is not in docs/."""

    def add(page: str, content: str) -> None:
        if files.get_file_from_path(page) is None:
            files.append(File.generated(config, page, content=content))

    sources = {f"docs/{file.src_uri}": file.content_string for file in files.documentation_pages()}
    for source, page in REPOSITORY_PAGES.items():
        sources[source] = (ROOT / source).read_text(encoding="utf-8")
        add(page, sources[source])
    for source, page in NOTEBOOKS.items():
        sources[source] = notebook_page(ROOT / source)
        add(page, sources[source])
    for name in public_modules():
        module = f"oddsengine.{name}" if name != "oddsengine" else name
        members = (
            f"\n    options:\n      members: [{', '.join(PACKAGE_MEMBERS)}]" if name == "oddsengine" else ""
        )
        add(f"reference/{name}.md", f"# {module}\n\n::: {module}{members}\n")
    # What they link to, and what that links to.
    waiting = list(sources.items())
    while waiting:
        source, text = waiting.pop()
        for match in links(text):
            target = target_of(match["target"], source)
            if target is None or (ROOT / target).is_dir() or target in sources or target.startswith("docs/"):
                continue
            sources[target] = (ROOT / target).read_text(encoding="utf-8")
            add(site_path(target), sources[target])
            if target.endswith(".md"):
                waiting.append((target, sources[target]))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Links between files become links between pages; what tests read behind the language of code goes."""
    markdown = FENCE_WORDS.sub(r"\1", markdown)
    return rewritten(markdown, repository_path(page.file.src_uri), page.file.src_uri)


def missing_names(reference: Path) -> list[str]:
    """Exported names without an entry in the reference; modules have a page."""
    found = []
    for module in public_modules():
        page = (reference / f"{module}.html").read_text(encoding="utf-8")
        prefix = "oddsengine" if module == "oddsengine" else f"oddsengine.{module}"
        names = [f"{prefix}.{name}" for name in exported_names(module)]
        if module == "oddsengine":
            names = [f"oddsengine.{name}" for name in PACKAGE_MEMBERS]
        found += [name for name in names if f'id="{name}"' not in page]
    return found


def on_post_build(config: MkDocsConfig) -> None:
    """An API reference without a part of the API is no reference."""
    if "mkdocstrings" in config.plugins and (missing := missing_names(Path(config.site_dir) / "reference")):
        raise PluginError(f"the reference has no entry for {', '.join(missing)}")


def on_pre_build(**_: Any) -> None:
    """Paths of the configuration are relative to the repository."""
    os.chdir(ROOT)
