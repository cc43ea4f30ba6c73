"""What people and tools are told of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lakehouse.console import Display
from lakehouse.environments import open_environment
from lakehouse.errors import DataError
from lakehouse.project import Project
from lakehouse.reconciliation import Reconciliation
from lakehouse.report import (
    Report,
    differences,
    expected_rows,
    explain_failure,
    explain_published,
    in_repository,
    reconciliation_table,
    rows_table,
)
from lakehouse.tables import TABLE_OF_JOB, Publication
from lakehouse.terraform import Outputs
from lakehouse.workflow import JobRun, Workflow, WorkflowRun
from tests.support.operator_fakes import FakeGlue, moment, printed

PUBLISHED = {
    "customer_trusted": Publication(482, "wr_1", 1, 956, {"customer_landing": 956}),
    "accelerometer_trusted": Publication(40_981, "wr_0", 2, 81_273, {"accelerometer_landing": 81_273}),
}


def run_of(outputs: Outputs, status: str, *states: str, message: str = "") -> WorkflowRun:
    glue = FakeGlue(outputs, [moment(outputs, status, *states, message=message)])
    return Workflow(glue, outputs, pause=0).read("wr_1")


def test_run_json_has_exactly_the_documented_fields(outputs: Outputs, tmp_path: Path) -> None:
    run = run_of(outputs, "COMPLETED", *["SUCCEEDED"] * len(TABLE_OF_JOB))
    published = {table: Publication(7, "wr_1", 1, 9) for table in TABLE_OF_JOB.values()}
    published["machine_learning_curated"] = Publication(7, "wr_1", 1, 9, unchanged_since="wr_0")
    path = tmp_path / "build" / "run.json"
    account = Reconciliation(
        "customer_landing_to_trusted", "customer_landing", 9, 7, {"exact duplicate": 1}, {"broken": 1}
    )
    Report.of(run, "strict", published, [account]).write(path)
    assert json.loads(path.read_text()) == {
        "run_id": "wr_1",
        "status": "SUCCEEDED",
        "profile": "strict",
        "seconds": 20.0,
        "dpu_seconds": len(TABLE_OF_JOB) * 2 * 60,
        "tables": dict.fromkeys(TABLE_OF_JOB.values(), 7),
        "warnings": [],
        "jobs": [
            {
                "name": name,
                "state": "SUCCEEDED",
                "seconds": 2.5,
                "dpu_seconds": 2 * 60,
                "rows_in": 9,
                "rows_parsed": {},
                "rows_out": 7,
                "unchanged_since": "wr_0" if name == "machine_learning_curated" else None,
                "accounts": [
                    {
                        "table": "customer_landing",
                        "read": 9,
                        "published": 7,
                        "dropped": {"exact duplicate": 1},
                        "quarantined": {"broken": 1},
                    }
                ]
                if name == "customer_landing_to_trusted"
                else [],
            }
            for name in TABLE_OF_JOB
        ],
    }


def test_a_failed_run_reports_only_what_it_published(outputs: Outputs) -> None:
    report = Report.of(run_of(outputs, "COMPLETED", "SUCCEEDED", "FAILED"), "published", PUBLISHED)
    document = report.as_json()
    assert document["status"] == "FAILED"
    assert document["tables"] == {"customer_landing": 956, "customer_trusted": 482}
    assert [(job["state"], job["rows_in"], job["rows_out"]) for job in document["jobs"]] == [
        ("SUCCEEDED", 956, 482),
        ("FAILED", None, None),
        *[("NOT_STARTED", None, None)] * 3,
    ]


def test_a_failure_names_the_job_its_reason_and_its_log(outputs: Outputs, project: Project, root: Path) -> None:
    message = "\n".join(["12 rows cannot be used:", *(f"line {number}" for number in range(100)), ""])
    run = run_of(outputs, "COMPLETED", "SUCCEEDED", "FAILED", message=message)
    display = Display()
    text = explain_failure(run, {}, open_environment(project, display).log_of)
    assert "accelerometer_landing_to_trusted FAILED:\n  12 rows cannot be used:\n  line 0\n" in text
    assert "  line 13\n  ... and 86 more lines\n  Log: " in text
    assert str(project.build / "jobs" / "jr_1" / "output.log") in text
    assert "Not started: customer_trusted_to_curated, step_trainer_landing_to_trusted, machine_learning" in text
    dev = open_environment(Project.at(root, "dev"), display)
    assert "log group /aws-glue/jobs/stedi-local/error, stream jr_1" in explain_failure(run, {}, dev.log_of)


def test_a_failed_run_says_exactly_which_tables_are_new() -> None:
    new = {table: Publication(1, "wr_1") for table in TABLE_OF_JOB.values()}
    assert explain_published("wr_2", new) == ("This run published nothing: all tables are as an earlier run left them.")
    assert explain_published("wr_1", new) == "This run published all its tables."
    half = new | {"customer_trusted": Publication(1, "wr_0"), "accelerometer_trusted": Publication(1, "wr_0")}
    assert explain_published("wr_1", half) == (
        "This run published customers_curated, step_trainer_trusted, machine_learning_curated. "
        "An earlier run published customer_trusted, accelerometer_trusted. Run the pipeline again."
    )


def test_a_message_of_a_job_names_the_files_of_the_repository(root: Path) -> None:
    for name in ("glue_jobs/shared/job.py", "glue_jobs/pipeline.json", "ddl/customer_trusted.audit.sql"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    assert in_repository(root, "NameError: no\njob.py, line 7") == "NameError: no\nglue_jobs/shared/job.py, line 7"
    assert in_repository(root, "The rules are in customer_trusted.audit.sql.").endswith(
        "are in ddl/customer_trusted.audit.sql."
    )
    elsewhere = "build/local/jobs/jr_1/job.py, glue_jobs/pipeline.json, other.py, customers.json"
    assert in_repository(root, elsewhere) == elsewhere


def test_accounts_are_shown_per_input(display: Display) -> None:
    display.console.print(
        reconciliation_table(
            [
                Reconciliation(
                    "customer_landing_to_trusted", "customer_landing", 1_000, 900, {"x": 60, "y": 30}, {"z": 10}
                )
            ]
        )
    )
    assert "customer_landing │ 1,000 │       900 │      90 │          10 │ customer_trusted" in printed(display)


def test_tables_fit_a_terminal_of_80_columns(outputs: Outputs, display: Display) -> None:
    account = Reconciliation("step_trainer_landing_to_trusted", "accelerometer_landing", 81_273_000, 40_981_000)
    run = run_of(outputs, "COMPLETED", "SUCCEEDED", "FAILED")
    display.console.width = 80
    display.console.print(rows_table({"customer_trusted": 12_345_678}, Report.of(run, "strict", PUBLISHED)))
    display.console.print(reconciliation_table([account], wide=False))
    text = printed(display)
    assert "…" not in text
    assert max(len(line) for line in text.splitlines()) <= 80
    for part in ("machine_learning_curated", "12,345,678", "NOT_STARTED"):
        assert part in text


def test_expected_rows_are_those_of_the_profile(tmp_path: Path) -> None:
    assert expected_rows(tmp_path, "strict") is None
    (tmp_path / "expected.json").write_text('{"strict": {"customer_trusted": 3}}')
    assert expected_rows(tmp_path, "strict") == {"customer_trusted": 3}
    assert expected_rows(tmp_path, "published") is None


@pytest.mark.parametrize("text", ["not json", "[]", '{"strict": 3}', '{"strict": {"customer_trusted": "many"}}'])
def test_expected_rows_that_make_no_sense_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "expected.json").write_text(text)
    with pytest.raises(DataError, match=r"expected\.json is not of the form"):
        expected_rows(tmp_path, "strict")


def test_differences_name_both_numbers() -> None:
    assert differences({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 5, "d": 9}) == [
        "b: 5 rows instead of 2",
        "c: no rows instead of 3",
    ]


def test_job_of_all_steps_stands_for_every_table_and_its_time_is_told_once(display: Display) -> None:
    run = WorkflowRun("wr_1", "COMPLETED", 60.0, (JobRun("all_steps", "SUCCEEDED", "jr_1", 50.0),))
    display.console.print(rows_table({}, Report.of(run, "published", PUBLISHED)))
    text = printed(display)
    assert (text.count("SUCCEEDED"), text.count("50.0")) == (len(TABLE_OF_JOB), 1)


def test_job_of_all_steps_has_the_accounts_of_all(tmp_path: Path) -> None:
    accounts = [Reconciliation(job, "an input", 3, 2, {"x": 1}, {}) for job in TABLE_OF_JOB]
    run = WorkflowRun("wr_1", "COMPLETED", 60.0, (JobRun("all_steps", "SUCCEEDED", "jr_1", 50.0),))
    Report.of(run, "published", PUBLISHED, accounts).write(tmp_path / "run.json")
    (job,) = json.loads((tmp_path / "run.json").read_text())["jobs"]
    assert job["accounts"] == [found.as_json() for found in accounts]
