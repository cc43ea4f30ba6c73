"""Builds the site of the documents into build/site: `make site`.

The pages link to each other and to source files by relative paths, as on GitHub. So the site has the layout of the
repository: the pages and all files that they link to are copied, and no link is rewritten.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "build/site-source"
FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)(?:#[^)\s]*)?\)|(?:src|srcset)=\"(?!\w+:)([^\"]+)\"")
# Of dist/mermaid.min.js in the npm package mermaid 11.16.0: the package that brings it has other authors.
MERMAID = "74d7c46dabca328c2294733910a8aa1ed0c37451776e8d5295da38a2b758fb9b"


def linked(page: Path) -> Iterator[Path]:
    """Yield the files of this repository to which a page links."""
    for found in LINK.finditer(FENCE.sub("", page.read_text(encoding="utf-8"))):
        target = (page.parent / unquote(found[1] or found[2])).resolve()
        if target.is_relative_to(ROOT) and target.is_file():
            yield target


def files() -> set[Path]:
    """Return README.md, all of docs/, and what is reached from there by links."""
    found: set[Path] = set()
    open_ends = [ROOT / "README.md", *sorted(path for path in (ROOT / "docs").rglob("*") if path.is_file())]
    while open_ends:
        file = open_ends.pop()
        if file not in found:
            found.add(file)
            open_ends += linked(file) if file.suffix == ".md" else ()
    return found


def mermaid() -> bytes:
    """Return Mermaid's script, once it is proved to be the one of its authors."""
    package = importlib.util.find_spec("mermaidx")
    if package is None or package.origin is None:
        sys.exit("error: mermaidx is not installed. Nothing was built. Run: make site")
    script = Path(package.origin).with_name("assets") / "mermaid.js"
    content = script.read_bytes()
    if hashlib.sha256(content).hexdigest() != MERMAID:
        sys.exit(
            f"error: {script} is not the script that was examined. Nothing was built. Compare it with npm's mermaid."
        )
    return content


def main() -> int:
    """Copy the pages and build the site; return the exit code of the build, which fails on a broken link."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    for file in files():
        copy = SOURCE / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    (SOURCE / "mermaid.min.js").write_bytes(mermaid())
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
