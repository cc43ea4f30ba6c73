"""The history of runs, from the rows of pipeline_runs and from Glue."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from lakehouse import run_folder, tables
from lakehouse.commands import runs as run_commands
from lakehouse.console import Display
from lakehouse.environments import Environment
from lakehouse.errors import LakehouseError
from lakehouse.history import History, Run
from lakehouse.project import Project
from lakehouse.tables import TABLE_OF_JOB
from lakehouse.terraform import Outputs
from tests.support.operator_fakes import STARTED, moment, printed

ALL = ["SUCCEEDED"] * len(TABLE_OF_JOB)
DATA = {"name": "sample", "customer_landing": {"files": 15, "bytes": 4_200_000, "digest": "3f2a"}}


class KnownRuns:
    """Glue with some runs of the workflow, two on each page."""

    def __init__(self, **runs: dict[str, Any]) -> None:
        self.runs = runs

    def get_workflow_runs(self, Name: str, NextToken: str = "0") -> Any:  # noqa: N803
        ids, start = list(self.runs), int(NextToken)
        page = [
            {key: value for key, value in self.runs[id_].items() if key != "Graph"} | {"WorkflowRunId": id_}
            for id_ in ids[start : start + 2]
        ]
        return {"Runs": page, **({"NextToken": str(start + 2)} if ids[start + 2 :] else {})}

    def get_workflow_run(self, Name: str, RunId: str, IncludeGraph: bool) -> Any:  # noqa: N803
        return {"Run": self.runs[RunId]}


def row(run: str, outcome: str, rows: int, reason: str = "", **more: Any) -> dict[str, Any]:
    """Return a row of pipeline_runs of the first job, written before it had the newer columns unless they are given."""
    own = {
        "workflow_run_id": run,
        "job_run_id": f"jr_{run}",
        "target_table": "customer_trusted",
        "source_table": "" if outcome in ("output", "restored", "expired") else "customer_landing",
        "outcome": outcome,
        "reason": reason,
        "rows": rows,
        "profile": "strict",
        "recorded_at": int(STARTED.timestamp() * 1000),
        "snapshot_id": 7,
    }
    return own | more


def known(outputs: Outputs, *states: str, status: str = "COMPLETED", after: int = 0, **facts: str) -> dict[str, Any]:
    started = STARTED + timedelta(hours=after)
    times = {"StartedOn": started, **({} if status == "RUNNING" else {"CompletedOn": started + timedelta(seconds=20)})}
    return moment(outputs, status, *states) | times | {"WorkflowRunProperties": {"lease": "x", **facts}}


ROWS = [row("wr_1", "read", 9), row("wr_1", "published", 7), row("wr_1", "dropped", 2, "no consent to research")]


@pytest.fixture
def history_of(project: Project, outputs: Outputs) -> Callable[..., History]:
    return lambda rows, **runs: History(project, outputs, KnownRuns(**runs), rows)


def test_a_run_has_its_facts_rows_reasons_cost_and_state(history_of: Callable[..., History], outputs: Outputs) -> None:
    rows = [*ROWS, row("wr_1", "output", 7, landing_data=json.dumps(DATA))]
    facts = {"started_by": "ada@laptop", "commit": "1234567890ab"}
    run = history_of(rows, wr_1=known(outputs, *ALL, **facts)).run("wr_1")
    assert (run.started, run.started_by, run.commit, run.profile) == (STARTED, *facts.values(), "strict")
    assert (run.data, run.rows, run.snapshots) == (DATA, {"customer_trusted": 7}, {"customer_trusted": 7})
    assert run.dropped == {"no consent to research": 2}
    assert (run.state, run.seconds, run.dpu_seconds) == ("SUCCEEDED", 20, len(ALL) * 2 * 60)


def test_another_attempt_belongs_to_the_run_that_it_resumes(
    history_of: Callable[..., History], outputs: Outputs
) -> None:
    history = history_of(
        ROWS,
        wr_1=known(outputs, "SUCCEEDED", "FAILED"),
        wr_2=known(outputs, "SUCCEEDED", "FAILED", after=1, resumes="wr_1"),
        wr_3=known(outputs, *ALL, after=2, resumes="wr_1"),
    )
    assert history.ids() == ["wr_1"]
    assert [attempt.state for attempt in history.attempts("wr_1")] == ["FAILED", "FAILED", "SUCCEEDED"]
    run = history.run("wr_1")
    assert (run.state, run.seconds, run.started) == ("SUCCEEDED", 60, STARTED)


@pytest.mark.parametrize(
    ("states", "known_as", "state"),
    [
        (["SUCCEEDED", "FAILED"], {}, "FAILED"),
        ([], {}, "FAILED"),
        (["SUCCEEDED", "STOPPED"], {"status": "STOPPED"}, "STOPPED"),
        (["RUNNING"], {"status": "RUNNING"}, "RUNNING"),
        (ALL, {"compares": "strict"}, "COMPARED"),
        (["FAILED"], {"compares": "strict"}, "FAILED"),
    ],
)
def test_the_state_is_that_of_the_last_attempt(
    history_of: Callable[..., History], outputs: Outputs, states: list[str], known_as: dict[str, str], state: str
) -> None:
    assert history_of([], wr_1=known(outputs, *states, **known_as)).run("wr_1").state == state


def test_what_glue_has_forgotten_is_read_from_the_table_and_from_the_folder_of_the_run(
    history_of: Callable[..., History], project: Project
) -> None:
    rows = [*ROWS, row("wr_1", "output", 7, started_by="ada@laptop", code_commit="12ab")]
    run = history_of(rows).run("wr_1")
    assert (run.started_by, run.commit, run.dropped.total(), run.state, run.seconds) == (
        *("ada@laptop", "12ab", 2),
        *("", None),
    )
    report = {"status": "SUCCEEDED", "seconds": 33.0, "dpu_seconds": 600}
    (run_folder.create(project, "wr_1") / "run.json").write_text(json.dumps(report))
    run = history_of(rows).run("wr_1")
    assert (run.state, run.seconds, run.dpu_seconds) == ("SUCCEEDED", 33.0, 600)


def test_a_rollback_is_a_run_and_says_what_it_restored(history_of: Callable[..., History]) -> None:
    run = history_of([row("", "restored", 7, "wr_1", job_run_id="jr_9", started_by="ada@laptop")]).run("jr_9")
    assert (run.state, run.rows, run.reconciliations) == ("ROLLBACK to wr_1", {"customer_trusted": 7}, [])


def test_an_erasure_is_listed_and_expired_snapshots_do_not_count_as_rows(history_of: Callable[..., History]) -> None:
    erased = row("", "expired", 3, "erasure request", job_run_id="jr_9")
    withdrawn = row("wr_1", "expired", 2, "withdrawal of consent", job_run_id="jr_last", recorded_at=2**41)
    history = history_of([*ROWS, row("wr_1", "output", 7), withdrawn, erased])
    assert (history.run("jr_9").state, history.run("jr_9").rows) == ("ERASURE", {})
    assert (history.run("wr_1").rows, history.run("wr_1").dropped.total()) == ({"customer_trusted": 7}, 2)


def test_the_latest_run_comes_first_and_an_id_may_be_shortened(
    history_of: Callable[..., History], outputs: Outputs
) -> None:
    history = history_of([], **{f"wr_{n}{n}": known(outputs, *ALL, after=n) for n in range(5)})
    assert history.ids() == ["wr_44", "wr_33", "wr_22", "wr_11", "wr_00"]
    assert [history.find(given) for given in ("latest", "wr_2", " wr_3 ", "wr_00")] == [
        *("wr_44", "wr_22", "wr_33", "wr_00")
    ]
    for given, problem in (("wr_", "fits several runs"), ("wr_9", "is no run"), ("", "is no run")):
        with pytest.raises(LakehouseError, match=f"{problem} of local. Nothing was changed. Choose one: make runs$"):
            history.find(given)


# The command


@pytest.fixture
def listed(
    environment_with: Callable[[Display], Environment],
    history_of: Callable[..., History],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., str]:
    """Return a function that runs the command and returns what it printed."""

    def run(
        rows: list[dict[str, Any]], run_id: str = "", *, terminal: bool = True, width: int = 200, **runs: Any
    ) -> str:
        monkeypatch.setattr(History, "of", lambda *_: history_of(rows, **runs))
        monkeypatch.setattr(tables, "runs_kept", lambda *_: set(runs))
        console = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None, highlight=False)
        display = Display(console)
        run_commands.runs(environment_with(display), run_id, 2)
        return printed(display)

    return run


def test_the_list_has_a_line_for_each_run(listed: Callable[..., str], outputs: Outputs) -> None:
    later = {"recorded_at": int((STARTED + timedelta(hours=3)).timestamp() * 1000)}
    rows = [
        row("wr_2", "read", 9, landing_data=json.dumps(DATA), **later),
        row("wr_2", "dropped", 2, "no consent to research", **later),
        row("wr_2", "output", 1234, target_table="machine_learning_curated", **later),
    ]
    runs = {f"wr_{n}": known(outputs, *ALL, after=n, started_by="ada@laptop") for n in range(3)}
    said = listed(rows, **runs)
    assert "wr_0" not in said, "LIMIT is 2"
    (line,) = (line for line in said.splitlines() if line.startswith("│ wr_2 "))
    cells = [cell.strip() for cell in line.strip("│").split("│")]
    assert cells == [
        *("wr_2", "2026-01-01 02:00", "ada@laptop", "strict", "sample, 15 files, 4.2 MB", ""),
        *("1,234", "2", "20", "600", "SUCCEEDED"),
    ]


def test_a_run_that_found_nothing_new_has_the_decisions_of_the_run_that_made_them(
    history_of: Callable[..., History],
) -> None:
    history = history_of([*ROWS, *(row("wr_2", "output", 7, computed_by=by) for by in ["jr_wr_1"])])
    assert [history.run(run_id).decided_by for run_id in ("wr_1", "wr_2")] == ["jr_wr_1", "jr_wr_1"]


def test_a_narrow_terminal_leaves_columns_out_but_not_the_state(listed: Callable[..., str], outputs: Outputs) -> None:
    run = known(outputs, *ALL, started_by="ada@laptop")
    rows = [row("wr_1", "output", 1234, target_table="machine_learning_curated", landing_data=json.dumps(DATA))]
    said = listed(rows, width=80, wr_1=run)
    assert max(map(len, said.splitlines()[:5])) <= 80
    for text in ("wr_1", "2026-01-01 00:00", "strict", "1,234", "SUCCEEDED"):
        assert text in said.splitlines()[3]
    assert "The terminal has no room for Commit, DPU-s, Data, By. All columns, as CSV: make runs | cat\n" in said
    assert "no room" not in listed(rows, width=200, wr_1=run)


def test_one_run_is_shown_with_its_reasons(listed: Callable[..., str], outputs: Outputs) -> None:
    said = listed([*ROWS, row("wr_1", "output", 7)], "latest", wr_1=known(outputs, *ALL))
    assert "no consent to research" in said
    assert said.endswith("Run wr_1\n")


def test_a_pipe_gets_csv(listed: Callable[..., str], outputs: Outputs) -> None:
    (found,) = csv.DictReader(io.StringIO(listed(ROWS, terminal=False, wr_1=known(outputs, *ALL))))
    assert (found["run"], found["started"], found["state"]) == ("wr_1", "2026-01-01T00:00:00+00:00", "SUCCEEDED")
    assert json.loads(found["dropped"]) == {"no consent to research": 2}


def test_without_runs_the_next_command_is_named(listed: Callable[..., str]) -> None:
    with pytest.raises(LakehouseError, match=r"There are no runs of local yet\. Run: make run-pipeline$"):
        listed([])


def test_times_are_in_utc(history_of: Callable[..., History]) -> None:
    assert history_of(ROWS).run("wr_1").started == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_run_that_no_table_keeps_says_so() -> None:
    good, failed = Run("wr_1", state="SUCCEEDED"), Run("wr_2", state="FAILED")
    assert run_commands.with_expiry(good, {"wr_1"}).state == "SUCCEEDED"
    assert run_commands.with_expiry(good, {"wr_2"}).state == "SUCCEEDED, expired"
    assert run_commands.with_expiry(failed, set()).state == "FAILED"
