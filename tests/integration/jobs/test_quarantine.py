"""Rows that cannot be used are quarantined as they arrived; only more of them than the limit stop a run."""

import json
import shutil

import pytest

import file_numbers
from embedded_aws.job_process import error_message
from lakehouse.report import explain_failure
from lakehouse.workflow import JobRun, WorkflowRun
from tests.support.jobs import AT, NO_QUARANTINE_LIMIT, UNUSABLE, customer, measured, moved
from tests.support.project import REPOSITORY

FOUR_BAD_FILES = REPOSITORY.parent / "shared" / "cases" / "four-bad-files"
JOBS = {
    "customer": "customer_landing_to_trusted",
    "accelerometer": "accelerometer_landing_to_trusted",
    "step_trainer": "step_trainer_landing_to_trusted",
}


def quarantined(lakehouse, table, job_run_id):
    files = (lakehouse.folder / "quarantine" / table / job_run_id).glob("part-*.json")
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


@pytest.mark.parametrize("entity", JOBS)
def test_row_is_set_aside_as_it_came_with_what_is_known_of_it(first_run, entity):
    table, run_id = f"{entity}_landing", first_run.jobs[JOBS[entity]]
    rows = quarantined(first_run.lakehouse, table, run_id)
    assert {row["record"]: row["reason"] for row in rows} == UNUSABLE[entity]
    assert len(rows) == len(UNUSABLE[entity])
    for row in rows:
        assert row.keys() == {
            *("source_table", "file", "record", "reason", "workflow_run_id", "job_run_id", "quarantined_at"),
        }
        assert row["file"] == f"s3://{first_run.lakehouse.bucket}/{entity}/landing/part.json"
        assert (row["source_table"], row["workflow_run_id"], row["job_run_id"]) == (table, first_run.id, run_id)
        assert row["quarantined_at"] > AT


@pytest.mark.parametrize("limit", [{"share": 0.28, "rows": 10}, {"share": 1, "rows": 1}], ids=["share", "count"])
def test_more_than_the_limit_refuses_the_run_in_words_that_quote_no_row(first_run, limit):
    lakehouse = first_run.lakehouse
    before = lakehouse.data_files("customer_trusted")
    with pytest.raises(SystemExit) as refused:
        lakehouse.run("customer_landing_to_trusted", "--quarantine_limits", json.dumps({"customer_landing": limit}))
    message = str(refused.value)
    assert "customer_landing has 2 rows of 7 that cannot be used, so nothing was published" in message
    for reason in UNUSABLE["customer"].values():
        assert f"  1 x {reason}, in {file_numbers.of('customer/landing/part.json')}\n" in message
    for personal in ("eve", "S1", "S5", "@", "part.json"):
        assert personal not in message
    assert lakehouse.outcomes("customer_landing") == {
        "read": 7,
        "dropped the run was refused": 5,
        **{f"quarantined {reason}": 1 for reason in UNUSABLE["customer"].values()},
    }
    assert lakehouse.data_files("customer_trusted") == before
    assert lakehouse.branches("customer_trusted") == {"main"}


def told(refused):
    """Return the lines of the message that the operator sees of a refused job, by way of stderr, Glue and report."""
    around = ["12:00:00.123 WARN Utils: before", "java.lang.Exception: before", "\tat x.Y.z(Y.java:1)"]
    message = error_message([*around, *str(refused.value).splitlines(), "12:00:01.000 WARN Utils: after"], 1)
    job = JobRun("customer_landing_to_trusted", "FAILED", "jr_1", message=message)
    text = explain_failure(WorkflowRun("wr_1", "COMPLETED", None, (job,)), {}, lambda _: "output.log")
    start, end = "customer_landing_to_trusted FAILED:\n", "\n  Log:"
    return text[text.index(start) + len(start) : text.index(end)].splitlines()


def test_headline_and_largest_groups_of_problems_survive_however_many_there_are(lakehouse):
    lakehouse.create_tables("customer_trusted")
    for number in range(1, 14):
        lakehouse.land("customer", ["no JSON"] * number, file=f"{number:02}.json")
    with pytest.raises(SystemExit) as refused:
        lakehouse.run("customer_landing_to_trusted")
    headline, *groups, more, place, remedy = told(refused)
    assert headline == (
        "  customer_trusted: customer_landing has 91 rows of 91 that cannot be used, so nothing was published:"
    )
    folder = f"s3://{lakehouse.bucket}/customer/landing"
    numbers = range(13, 3, -1)
    assert groups == [
        f"    {number} x a line is not one JSON object, in {file_numbers.of(f'{folder}/{number:02}.json')}"
        for number in numbers
    ]
    assert more == f"    ... and 3 more groups, {91 - sum(numbers)} rows"
    assert place.startswith(f"  They are in quarantine at s3://{lakehouse.bucket}/quarantine/customer_landing/")
    assert remedy.endswith("or raise the Terraform variable quarantine_limits, and run again.")


@pytest.mark.skipif(not FOUR_BAD_FILES.is_dir(), reason="../shared/cases/four-bad-files is not on this machine")
def test_four_bad_files_are_told_with_their_number_first(lakehouse):
    lakehouse.create_tables("customer_trusted")
    shutil.copytree(FOUR_BAD_FILES, lakehouse.folder)
    with pytest.raises(SystemExit) as refused:
        lakehouse.run("customer_landing_to_trusted")
    headline, *groups, place, _ = told(refused)
    assert headline == (
        "  customer_trusted: customer_landing has 4 rows of 44 that cannot be used, so nothing was published:"
    )
    folder = f"s3://{lakehouse.bucket}/customer/landing"
    numbers = [file_numbers.of(f"{folder}/customer-{n}.json") for n in range(4)]
    assert groups == [f"    1 x a line is not one JSON object, in {number}" for number in numbers]
    assert place.startswith("  They are in quarantine at ")


@pytest.mark.slow
def test_in_the_strict_profile_an_unusable_record_counts_against_consent(lakehouse):
    """anna's unusable record may withdraw; gina's Step Trainer has an owner whose record has no address."""
    lakehouse.create_tables()
    people = {"anna": "S1", "ben": "S2", "gina": "S3"}
    unusable = ['{"email": "anna@example.com"}', '{"serialNumber": "S3"}']
    lakehouse.land("customer", [*(customer(name, device) for name, device in people.items()), *unusable])
    lakehouse.land("accelerometer", [moved(name, AT) for name in people])
    lakehouse.land("step_trainer", [measured(device, AT) for device in people.values()])
    assert lakehouse.run_all("--profile", "strict", *NO_QUARANTINE_LIMIT) == {
        "customer_trusted": 2,
        "accelerometer_trusted": 2,
        "customers_curated": 2,
        "step_trainer_trusted": 1,
        "machine_learning_curated": 1,
    }
    assert (
        lakehouse.outcomes("customer_landing")["dropped a quarantined record of the address may withdraw consent"] == 1
    )
    steps = lakehouse.outcomes("step_trainer_landing")
    assert steps["dropped an owner of the Step Trainer did not agree"] == 1
    assert lakehouse.table("machine_learning_curated").first()["serialnumber"] == "S2"
