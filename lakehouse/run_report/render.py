"""Turn the facts of a run into report.html: `python -m lakehouse.run_report.render facts.json report.html`.

It runs in the environment of requirements-report.txt, which has plotly and nothing else of the project.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from lakehouse.run_report import figures, page


def render(facts: dict[str, Any]) -> str:
    """Return the page with all figures."""
    drawn = {f"figure-flow-{at}": figure for at, figure in enumerate(figures.row_flows(facts), start=1)}
    drawn["figure-time"] = figures.times(facts)
    if history := figures.history(facts):
        drawn["figure-history"] = history
    for table in facts["tables"]:
        for column in table["columns"]:
            if "histogram" in column:
                drawn[f"figure-{table['name']}-{column['name']}"] = figures.histogram(column)
    return page.html(facts, drawn, figures.library(), figures.version())


def main() -> None:
    """Write the page."""
    source, target = map(Path, sys.argv[1:])
    target.write_text(render(json.loads(source.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
