"""What a bench reports of its runs."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from bench import results
from bench.contestants import DUCKDB, FIVE_JOBS, ONE_SESSION, PEERS, Outcome, Run
from bench.processes import Usage
from bench.results import Fit, Results
from lakehouse.tables import TABLE_OF_JOB

ABOUT = {
    "date": "2026-01-02",
    "commit": "abc",
    "machine": {"cores": 2, "memory_gib": 24},
    "data": {"source": "stedi", "rows": {"customer": 2, "accelerometer": 7}},
}
TABLES = list(TABLE_OF_JOB.values())


def ran(seconds: float, rows: int = 7, **steps: float) -> Run:
    return Run(seconds, Usage(2 * seconds, 3 << 20), 5 << 20, dict.fromkeys(TABLES, rows), steps)


def bench() -> Results:
    found = Results(ABOUT)
    for number, noise in enumerate((0.0, 4.0, -1.0), start=1):  # the median is the first round
        for size in (1, 10):
            found.add(size, number, {"ours": ran(20 + 2 * size + noise, rows=7 * size, first=size + 5)})
            found.add(size, number, {PEERS.title: ran(60 + 4 * size, rows=7 * size)})
    found.add(100, 1, {"ours": ran(220, rows=700, first=105)})
    found.add(100, 1, {PEERS.title: ran(460, rows=700)})
    return found


def test_fixed_cost_and_slope_are_those_of_the_line_through_the_medians() -> None:
    line = bench().fit("ours")
    assert line is not None
    assert (line.fixed, line.slope) == (pytest.approx(20), pytest.approx(2))
    assert bench().fit("ours", "first") == Fit(pytest.approx(5), pytest.approx(1))


def test_points_beside_a_line_are_fitted_by_least_squares() -> None:
    assert results.fit({1: 1.0, 2: 3.0, 3: 2.0}) == Fit(pytest.approx(1.0), pytest.approx(0.5))


def bench_with_later_runs(**rows: int) -> Results:
    """Return a bench in which two contestants run again after a change; `rows` is what each then has in a table."""
    found = Results(ABOUT)
    for title, count in rows.items():
        later = {"change": Outcome(5.5, dict.fromkeys(TABLES, 8) | {TABLES[0]: count}, {"first": 2.0})}
        found.add(1, 1, {title: replace(ran(22.0), later=later)})
    found.add(10, 1, {next(iter(rows)): ran(40.0)})
    return found


def test_a_later_run_is_reported_as_a_ratio_to_the_full_run_before() -> None:
    found = bench_with_later_runs(ours=9, theirs=9)
    assert found.later("ours") == {
        "change": {"1": {"seconds": 5.5, "times_the_full_run": 0.25, "steps": {"first": 2.0}}}
    }
    assert found.differences() == []
    assert "| ours: change | 0.25 (5.5) | - |" in results.markdown(found.as_json())
    assert "Later runs" in printed(found)
    assert "Later runs" not in printed(bench()), "there were none"
    assert results.told({"ours": found.runs("ours", 1)[0]}) == "ours 22.0 s, then change 5.5 s"


def test_rows_that_two_contestants_count_differently_after_a_change_are_named() -> None:
    assert bench_with_later_runs(ours=9, theirs=10).differences() == [
        f"{TABLES[0]} at 1x, change: 9 rows by ours; 10 rows by theirs"
    ]


def test_one_size_has_no_line() -> None:
    found = Results(ABOUT)
    found.add(1, 1, {"ours": ran(3)})
    assert found.fit("ours") is None
    assert found.as_json()["medians"][0]["fit"] is None


def test_a_ratio_is_how_many_times_the_seconds_of_another() -> None:
    assert bench().ratios(PEERS.title, "ours") == {"1": 2.909, "10": 2.5, "100": 2.091}
    assert bench().ratios("ours", DUCKDB.title) == {}, "it was not measured"
    assert bench().slope_ratio("ours", PEERS.title) == 0.5


def test_equal_counts_are_no_difference() -> None:
    assert bench().differences() == []


def test_a_table_that_one_contestant_counts_differently_is_named_with_both_counts() -> None:
    found = bench()
    found.add(10, 4, {"wrong": Run(1, Usage(), 0, dict.fromkeys(TABLES, 70) | {"customer_trusted": 71})})
    found.add(10, 4, {"lacking": Run(1, Usage(), 0, {table: 70 for table in TABLES if table != TABLES[-1]})})
    assert found.differences() == [
        f"customer_trusted at 10x: 70 rows by ours, {PEERS.title}, lacking; 71 rows by wrong",
        f"{TABLES[-1]} at 10x: 70 rows by ours, {PEERS.title}, wrong; no rows by lacking",
    ]


def test_result_json_has_medians_runs_and_what_was_measured_on(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    bench().write(path)
    written = json.loads(path.read_text())
    assert written.items() >= ABOUT.items()
    assert len(written["runs"]) == 14
    ours = written["medians"][0]
    assert ours["sizes"]["10"] == {
        "runs": 3,
        "seconds": 40.0,
        "spread": [39.0, 44.0],
        "cpu_seconds": 80.0,
        "peak_bytes": 3 << 20,
        "output_bytes": 5 << 20,
        "steps": {"first": 15},
    }
    assert ours["fit"] == {"fixed": 20.0, "slope": 2.0}
    assert ours["times_as_fast_as_peers"]["100"] == 2.091
    assert ours["slope_against_peers"] == 0.5
    assert ours["times_the_time_of_duckdb"] == {}


def printed(found: Results) -> str:
    console = Console(width=200, file=io.StringIO(), record=True)
    for table in results.tables(found.as_json()):
        console.print(table)
    return console.export_text()


def test_the_tables_show_each_figure() -> None:
    told = printed(bench())
    assert "22.0 (21.0 to 26.0)" in told
    assert "220.0" in told
    assert "2.91" in told
    assert "ours: first" in told
    assert "440.0" in told, "CPU seconds"


def test_the_documents_quote_all_but_the_single_runs() -> None:
    report = bench().as_json()
    assert report.keys() - results.summary(report).keys() == {"runs"}


def test_the_documents_get_the_tables_of_seconds_with_date_and_machine() -> None:
    text = results.markdown(bench().as_json())
    assert text.startswith(
        "Measured on 2 cores and 24 GiB, on 2026-01-02, at commit abc, with stedi (2, 7 landing rows of customer, "
        "accelerometer at 1x).\n\nWall seconds, median (fastest to slowest):\n\n|"
    )
    assert "CPU seconds" not in text
    assert "| ours | 22.0 (21.0 to 26.0) | 40.0 (39.0 to 44.0) | 220.0 | 20.0 | 2.000 |" in text
    assert "| ours | 2.91 | 2.50 | 2.09 | 0.50 | - | - | - |" in text


def test_the_readme_gets_the_ratios_of_both_orchestrations_with_date_and_machine() -> None:
    found = bench()
    found.add(1, 1, {FIVE_JOBS.title: ran(32), ONE_SESSION.title: ran(16)})
    text = results.readme(found.as_json())
    assert "(2 cores and 24 GiB, 2026-01-02):" in text
    assert "|  | 1x |\n| --- | --- |\n| five jobs | 2.00 |\n| single session | 4.00 |\n" in text
