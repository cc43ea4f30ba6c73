"""Rows that cannot be used are set aside as they came; a few of them do not stop a run, more do."""

import json

import pytest
from conftest import AT, BEAR_ALL, UNUSABLE, customer, measured, moved

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
        assert f"  1 x {reason}, in s3://{lakehouse.bucket}/customer/landing/part.json" in message
    for personal in ("eve", "S1", "S5", "@"):
        assert personal not in message
    assert lakehouse.fates("customer_landing") == {
        "read": 7,
        "dropped the run was refused": 5,
        **{f"quarantined {reason}": 1 for reason in UNUSABLE["customer"].values()},
    }
    assert lakehouse.data_files("customer_trusted") == before
    assert lakehouse.branches("customer_trusted") == {"main"}


@pytest.mark.slow
def test_in_the_strict_profile_an_unusable_record_counts_against_consent(lakehouse):
    """anna's unusable record may withdraw; gina's Step Trainer has an owner whose record has no address."""
    lakehouse.create_tables()
    people = {"anna": "S1", "ben": "S2", "gina": "S3"}
    unusable = ['{"email": "anna@example.com"}', '{"serialNumber": "S3"}']
    lakehouse.land("customer", [*(customer(name, device) for name, device in people.items()), *unusable])
    lakehouse.land("accelerometer", [moved(name, AT) for name in people])
    lakehouse.land("step_trainer", [measured(device, AT) for device in people.values()])
    assert lakehouse.run_all("--profile", "strict", *BEAR_ALL) == {
        "customer_trusted": 2,
        "accelerometer_trusted": 2,
        "customers_curated": 2,
        "step_trainer_trusted": 1,
        "machine_learning_curated": 1,
    }
    assert lakehouse.fates("customer_landing")["dropped a quarantined record of the address may withdraw consent"] == 1
    steps = lakehouse.fates("step_trainer_landing")
    assert steps["dropped an owner of the Step Trainer did not agree"] == 1
    assert lakehouse.table("machine_learning_curated").first()["serialnumber"] == "S2"
