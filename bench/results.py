"""What a bench found: medians, fixed cost and slope by fit, ratios, and whether all counted the same rows."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table

from bench.contestants import DUCKDB, FIVE_JOBS, ONE_SESSION, PEERS, Run
from lakehouse.tables import TABLE_OF_JOB

MIB = 1024**2


@dataclass(frozen=True)
class Fit:
    """A line through the medians of the sizes: seconds = fixed + slope * size."""

    fixed: float
    slope: float


@dataclass(frozen=True)
class Measured:
    """A run with its place in the bench."""

    title: str
    size: int
    round: int
    run: Run


@dataclass
class Results:
    """All runs of a bench so far."""

    about: Mapping[str, Any]
    """Date, commit, machine and data."""
    measured: list[Measured] = field(default_factory=list)

    def add(self, size: int, number: int, runs: Mapping[str, Run]) -> None:
        """Add the runs of one contestant."""
        self.measured += [Measured(title, size, number, run) for title, run in runs.items()]

    @property
    def titles(self) -> list[str]:
        """What was measured, in the order of the contestants."""
        return list(dict.fromkeys(each.title for each in self.measured))

    @property
    def sizes(self) -> list[int]:
        """Sizes that were measured."""
        return sorted({each.size for each in self.measured})

    def runs(self, title: str, size: int) -> list[Run]:
        """Return the runs of one title at one size."""
        return [each.run for each in self.measured if (each.title, each.size) == (title, size)]

    def seconds(self, title: str, size: int) -> float | None:
        """Return the median of the wall seconds, or None if it was not measured."""
        runs = self.runs(title, size)
        return statistics.median(run.seconds for run in runs) if runs else None

    def fit(self, title: str, step: str | None = None) -> Fit | None:
        """Return the least-squares line through the medians of the sizes, of one step or of all; None for one size."""
        points = {
            size: statistics.median(run.steps[step] if step else run.seconds for run in runs)
            for size in self.sizes
            if (runs := self.runs(title, size)) and (step is None or all(step in run.steps for run in runs))
        }
        return fit(points)

    def steps(self, title: str) -> list[str]:
        """Return the steps of which the seconds are known."""
        return list(dict.fromkeys(step for each in self.measured if each.title == title for step in each.run.steps))

    def differences(self) -> list[str]:
        """Return a line for each table that two runs of one size counted differently."""
        lines = []
        for size in self.sizes:
            of_size = [each for each in self.measured if each.size == size]
            lines += _differences(f"{size}x", [(each.title, each.run.tables) for each in of_size])
            for change in _unique(change for each in of_size for change in each.run.later):
                made = [(each.title, each.run.later[change].tables) for each in of_size if change in each.run.later]
                lines += _differences(f"{size}x, {change}", made)
        return lines

    def as_json(self) -> dict[str, Any]:
        """Return the content of result.json."""
        return {
            **self.about,
            "medians": [
                {
                    "title": title,
                    "sizes": {str(size): median(runs) for size in self.sizes if (runs := self.runs(title, size))},
                    "fit": _fit_json(self.fit(title)),
                    "steps": {step: _fit_json(self.fit(title, step)) for step in self.steps(title)},
                    "times_as_fast_as_peers": self.ratios(PEERS.title, title),
                    "times_the_time_of_duckdb": self.ratios(title, DUCKDB.title),
                    "slope_against_peers": self.slope_ratio(title, PEERS.title),
                    "later": self.later(title),
                }
                for title in self.titles
            ],
            "differences": self.differences(),
            "runs": [asdict(each) for each in self.measured],
        }

    def write(self, path: Path) -> None:
        """Write result.json."""
        path.write_text(json.dumps(self.as_json(), indent=2) + "\n", encoding="utf-8")

    def ratios(self, title: str, other: str) -> dict[str, float]:
        """Return, by size, how many times the wall seconds of another title one takes."""
        both = {str(size): (self.seconds(title, size), self.seconds(other, size)) for size in self.sizes}
        return {size: round(own / others, 3) for size, (own, others) in both.items() if own and others}

    def later(self, title: str) -> dict[str, dict[str, Any]]:
        """Return the seconds of the runs after each change, by size, also as a ratio to the full run before."""
        found: dict[str, dict[str, Any]] = {}
        for each in self.measured:
            if each.title == title:
                for change, outcome in each.run.later.items():
                    found.setdefault(change, {})[str(each.size)] = {
                        "seconds": outcome.seconds,
                        "times_the_full_run": round(outcome.seconds / each.run.seconds, 3),
                        "steps": outcome.steps,
                    }
        return found

    def slope_ratio(self, title: str, other: str) -> float | None:
        """Return how many times the slope of another title one has; None without a slope."""
        own, others = self.fit(title), self.fit(other)
        return round(own.slope / others.slope, 3) if own and others and others.slope else None


def _differences(where: str, made: Sequence[tuple[str, Mapping[str, int]]]) -> list[str]:
    """Return a line for each table of which the titles made different numbers of rows."""
    lines = []
    for table in TABLE_OF_JOB.values():
        counts: dict[int | None, list[str]] = {}
        for title, rows in made:
            counts.setdefault(rows.get(table), []).append(title)
        if len(counts) > 1:
            told = "; ".join(f"{_rows(rows)} by {', '.join(_unique(who))}" for rows, who in counts.items())
            lines.append(f"{table} at {where}: {told}")
    return lines


def fit(points: Mapping[int, float]) -> Fit | None:
    """Return the least-squares line through points; None for fewer than two."""
    if len(points) < 2:
        return None
    slope, fixed = statistics.linear_regression(list(points), list(points.values()))
    return Fit(fixed, slope)


def median(runs: Sequence[Run]) -> dict[str, Any]:
    """Return the medians of the figures of some runs."""
    steps = dict.fromkeys(step for run in runs for step in run.steps)
    return {
        "runs": len(runs),
        "seconds": statistics.median(run.seconds for run in runs),
        "spread": [min(run.seconds for run in runs), max(run.seconds for run in runs)],
        "cpu_seconds": statistics.median(run.usage.cpu_seconds for run in runs),
        "peak_bytes": statistics.median(run.usage.peak_bytes for run in runs),
        "output_bytes": statistics.median(run.output_bytes for run in runs),
        "steps": {step: statistics.median(run.steps[step] for run in runs) for step in steps},
    }


def told(runs: Mapping[str, Run]) -> str:
    """Return a line on the runs of a contestant."""
    full = [f"{title} {run.seconds:.1f} s" for title, run in runs.items()]
    later = [f"then {change} {outcome.seconds:.1f} s" for run in runs.values() for change, outcome in run.later.items()]
    return ", ".join([*full, *later])


def tables(results: Mapping[str, Any]) -> list[Table]:
    """Return the tables of result.json for the terminal: wall seconds with their fit, ratios, later runs, the rest."""
    entries = results["medians"]
    sizes = _unique(size for entry in entries for size in entry["sizes"])
    wall = _table("Wall seconds, median (fastest to slowest)", *[f"{size}x" for size in sizes], "fixed", "per 1x")
    for entry in entries:
        of_size = [_spread(entry["sizes"].get(size)) for size in sizes]
        line = entry["fit"] or {"fixed": None, "slope": None}
        wall.add_row(entry["title"], *of_size, _number(line["fixed"], 1), _number(line["slope"], 3))
    ratios = _table(
        f"Ratios to {PEERS.title}, and to DuckDB",
        *[f"times as fast, {size}x" for size in sizes],
        "slope",
        *[f"times DuckDB, {size}x" for size in sizes],
    )
    for entry in entries:
        ratios.add_row(
            entry["title"],
            *(_number(entry["times_as_fast_as_peers"].get(size), 2) for size in sizes),
            _number(entry["slope_against_peers"], 2),
            *(_number(entry["times_the_time_of_duckdb"].get(size), 1) for size in sizes),
        )
    used = _table(
        "CPU seconds; peak of one process, MiB; output, MiB",
        *[f"{what}, {size}x" for what in ("CPU", "peak", "output") for size in sizes],
    )
    for entry in entries:
        found = entry["sizes"]
        used.add_row(
            entry["title"],
            *(_number(found.get(size, {}).get("cpu_seconds"), 1) for size in sizes),
            *(_mib(found.get(size, {}).get("peak_bytes")) for size in sizes),
            *(_mib(found.get(size, {}).get("output_bytes"), 1) for size in sizes),
        )
    steps = _table("Seconds of each step", *[f"{size}x" for size in sizes], "fixed", "per 1x")
    for entry in entries:
        for step, line in entry["steps"].items():
            of_size = [_number(entry["sizes"].get(size, {}).get("steps", {}).get(step), 1) for size in sizes]
            fixed, slope = (line["fixed"], line["slope"]) if line else (None, None)
            steps.add_row(f"{entry['title']}: {step}", *of_size, _number(fixed, 1), _number(slope, 3))
    later = _table("Later runs, times the full run before (seconds)", *[f"{size}x" for size in sizes])
    for entry in entries:
        for change, by_size in entry["later"].items():
            later.add_row(f"{entry['title']}: {change}", *(_later(by_size.get(size)) for size in sizes))
    return [wall, ratios, *([later] if later.rows else []), used, steps]


def summary(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return result.json without the single runs: what the documents quote."""
    return {key: value for key, value in results.items() if key != "runs"}


def markdown(results: Mapping[str, Any]) -> str:
    """Return the tables of result.json that are about seconds of whole runs, with date, machine and commit."""
    parts = [measured_on(results)]
    for table in tables(results)[:-2]:  # without what they used and their steps
        header = [str(column.header) for column in table.columns]
        rows = zip(*(list(column.cells) for column in table.columns), strict=True)
        parts += [f"{table.title}:", markdown_table(header, rows)]
    return "\n\n".join(parts)


def readme(results: Mapping[str, Any]) -> str:
    """Return how fast the lakehouse is against scripts that promise nothing, in a few lines."""
    machine = results["machine"]
    entries = [entry for entry in results["medians"] if entry["title"] in (FIVE_JOBS.title, ONE_SESSION.title)]
    sizes = _unique(size for entry in entries for size in entry["sizes"])
    rows = (
        [entry["title"], *(_number(entry["times_as_fast_as_peers"].get(size), 2) for size in sizes)]
        for entry in entries
    )
    return (
        "Speed relative to five Spark scripts that promise none of this and run with Spark's defaults (above 1 is "
        "faster), by size of the landing data in multiples of the public data "
        f"({machine['cores']} cores and {machine['memory_gib']} GiB, {results['date']}):\n\n"
        + markdown_table(["", *(f"{size}x" for size in sizes)], rows)
        + "\n\nThe [benchmark](docs/benchmark.md) has the seconds, runs with little new, and DuckDB."
    )


def measured_on(results: Mapping[str, Any]) -> str:
    """Return where and when it was measured."""
    machine, data = results["machine"], results["data"]
    return (
        f"Measured on {machine['cores']} cores and {machine['memory_gib']} GiB, on {results['date']}, at commit "
        f"{results['commit']}, with {data['source']} ({', '.join(f'{rows:,}' for rows in data['rows'].values())} "
        f"landing rows of {', '.join(data['rows'])} at 1x)."
    )


def markdown_table(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a table in Markdown."""
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in [header, ["---"] * len(header), *rows])


def _table(title: str, *columns: str) -> Table:
    table = Table("", *columns, title=title)
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _spread(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "-"
    low, high = found["spread"]
    return f"{found['seconds']:.1f}" + (f" ({low:.1f} to {high:.1f})" if found["runs"] > 1 else "")


def _later(found: Mapping[str, Any] | None) -> str:
    return "-" if found is None else f"{found['times_the_full_run']:.2f} ({found['seconds']:.1f})"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _mib(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value / MIB:,.{digits}f}"


def _fit_json(line: Fit | None) -> dict[str, float] | None:
    return None if line is None else {"fixed": round(line.fixed, 3), "slope": round(line.slope, 4)}


def _rows(rows: int | None) -> str:
    return "no rows" if rows is None else f"{rows:,} rows"


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
