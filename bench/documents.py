"""Write the figures of the last published bench, bench/summary.json, into the documents that quote them.

`python -m bench.documents` writes; `--check` writes nothing and exits non-zero if a document is out of date.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from bench import cost_model, results
from bench.contestants import ROOT
from lakehouse.errors import LakehouseError

SUMMARY: Final = ROOT / "bench" / "summary.json"
BEGIN: Final = "<!-- From bench/summary.json, by `make docs`: do not edit. -->"
END: Final = "<!-- End of bench/summary.json. -->"
BLOCK: Final = re.compile(f"{re.escape(BEGIN)}\n.*?{re.escape(END)}", re.DOTALL)
BLOCKS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "README.md": results.readme,
    "docs/benchmark.md": results.markdown,
    "docs/cost.md": cost_model.markdown,
}


def filled(page: str, block: str) -> str:
    """Return a page with its block replaced; a LakehouseError if it has not exactly one."""
    if len(BLOCK.findall(page)) != 1:
        raise LakehouseError(f"A page that quotes a bench has one block between {BEGIN} and {END}.")
    return BLOCK.sub(lambda _: f"{BEGIN}\n\n{block.strip()}\n\n{END}", page)


def main() -> None:
    """Write the blocks, or with --check compare them with the pages."""
    summary = json.loads(SUMMARY.read_text(encoding="utf-8"))
    for name, make in BLOCKS.items():
        page = (ROOT / name).read_text(encoding="utf-8")
        new = filled(page, make(summary))
        if new != page and "--check" in sys.argv[1:]:
            raise LakehouseError(f"Out of date: {name}. Run `make docs` and commit the result.")
        if new != page:
            (ROOT / name).write_text(new, encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except LakehouseError as error:
        sys.exit(f"error: {error}")
