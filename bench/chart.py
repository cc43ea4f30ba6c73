"""Draw result.json: wall seconds by size. It runs in an environment of its own, since only it needs matplotlib."""

import json
import sys
from pathlib import Path

from matplotlib import pyplot
from matplotlib.ticker import NullFormatter, StrMethodFormatter


def draw(result: Path, chart: Path) -> None:
    """Draw the medians of result.json with logarithmic axes; the suffix of the chart's name chooses the format."""
    results = json.loads(result.read_text(encoding="utf-8"))
    machine = results["machine"]
    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
    for entry in results["medians"]:
        sizes = [int(size) for size in entry["sizes"]]
        seconds = [found["seconds"] for found in entry["sizes"].values()]
        whole = entry["title"].startswith("make ")
        axes.plot(sizes, seconds, "--" if whole else "-", marker="o", label=entry["title"])
    axes.set(
        xscale="log",
        yscale="log",
        xlabel=f"Size, times {sum(results['data']['rows'].values()):,} landing rows",
        ylabel="Wall seconds, median",
        title=f"{machine['cores']} cores, {machine['memory_gib']} GiB, {results['date']}",
    )
    sizes = sorted({int(size) for entry in results["medians"] for size in entry["sizes"]})
    axes.set_xticks(sizes, labels=[f"{size}x" for size in sizes])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(StrMethodFormatter("{x:g}"))
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()
    figure.savefig(chart)


if __name__ == "__main__":
    draw(*map(Path, sys.argv[1:]))
