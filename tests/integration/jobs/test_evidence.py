"""The consent decisions recorded for each run, and the pseudonyms of the training table."""

import hashlib
import hmac

import pytest

from tests.support.jobs import AT, IN_2099, SECRET, customer, measured, moved


def key(name):
    return hmac.new(SECRET, f"{name}@example.com".encode(), hashlib.sha256).hexdigest()


def test_each_decision_has_its_reason_under_the_key_of_the_subject(first_run):
    decisions = first_run.lakehouse.table("consent_decisions").where(f"workflow_run_id = '{first_run.id}'").collect()
    decided = {(d["subjectkey"], d["decision"], d["reason"], d["consentedat"], d["records"]) for d in decisions}
    assert decided == {
        (key("anna"), "kept", "", AT, 2),
        (key("ben"), "dropped", "no consent to research", None, 1),
        (key("cleo"), "dropped", "consent lies in the future", IN_2099, 1),
        (key("dora"), "kept", "", AT, 1),
    }
    assert {(d["job_run_id"], d["profile"]) for d in decisions} == {
        (first_run.jobs["customer_landing_to_trusted"], "published")
    }
    assert len(decisions) == len(decided)
    assert all(d["decided_at"] > AT for d in decisions)


def test_evidence_and_figures_hold_no_personal_data(first_run):
    for table in ("consent_decisions", "pipeline_runs"):
        told = repr(first_run.lakehouse.rows(table))
        for personal in ("@", "Somebody", "555-", "'S1'", "'S2'", "'S3'", "'S4'"):
            assert personal not in told


@pytest.mark.slow
def test_pseudonyms_are_the_same_in_every_run_and_stand_in_for_the_serial_number(lakehouse, frame):
    lakehouse.create_tables()
    people = {"anna": "S1", "ben": "S2"}
    for table, rows in {
        "customers_curated": [customer(name, device) for name, device in people.items()],
        "accelerometer_trusted": [moved(name, AT + n) for n, name in enumerate(people)],
        "step_trainer_trusted": [measured(device, AT + n) for n, device in enumerate(people.values())],
    }.items():
        lower = [{key.lower(): float(value) if key in "xyz" else value for key, value in row.items()} for row in rows]
        frame(table, *lower).writeTo(lakehouse.name(table)).append()
    for run in (1, 2):
        lakehouse.run("machine_learning_curated", "--policies", '{"training_subject": "pseudonym"}')
        assert len(lakehouse.snapshots("machine_learning_curated")) == run
        assert lakehouse.rows("machine_learning_curated") == [
            (None, AT + n, 200, 0.5, 0.0, -1.0, key(name)) for n, name in enumerate(people)
        ]
