"""The jobs write the dataset card themselves: whoever starts a run, the card is of the tables as they are."""

import json

import pytest

from iceberg import Table
from tests.integration.jobs.test_withdrawal import land
from tests.support.folder_s3 import FolderS3
from tests.support.jobs import JOBS, READ, FirstRun, Lakehouse


def card_of(lakehouse: Lakehouse) -> str:
    return (lakehouse.folder / "training/dataset_card.md").read_text()


def current(lakehouse: Lakehouse) -> dict[str, int]:
    heads = {name: Table(lakehouse.spark, lakehouse.name(name)).snapshot() for name in JOBS.values()}
    return {name: head.id for name, head in heads.items()}


def run(lakehouse: Lakehouse, run_id: str, *arguments: str) -> None:
    for job in JOBS:
        lakehouse.run(job, "--WORKFLOW_RUN_ID", run_id, *arguments)


def test_the_card_of_a_run_says_what_was_published_and_what_was_left_out(first_run: FirstRun) -> None:
    lakehouse = first_run.lakehouse
    facts = lakehouse.card_facts()
    left_out = {
        (source, " ".join(outcome.split(" ")[1:]), rows)
        for source, outcomes in READ.items()
        for outcome, rows in outcomes.items()
        if outcome.startswith(("dropped", "quarantined"))
    }
    assert {tuple(each) for each in facts["exclusions"]} == left_out
    assert list(dict.fromkeys(source for source, *_ in facts["exclusions"])) == list(READ)
    assert facts["duplicates"] == 3
    ((split,),) = lakehouse.table("training_split").select("split").collect()
    assert (facts["run"], facts["rows"], facts["before"]) == (first_run.id, 1, None)
    assert (facts["subjects"], facts["split_rows"]) == ({split: 1}, {split: 1})
    assert facts["measured"]["distancefromobject"] == [200, None, 200, 200]
    assert facts["measured"]["x"] == [0.5, None, 0.5, 0.5]
    assert (facts["profile"], facts["of_two_people"], facts["steps"]) == ("published", 0, 0)
    assert facts["snapshots"] == current(lakehouse)
    assert facts["tag"] == f"run_{first_run.id}"
    text = card_of(lakehouse)
    assert f"Published by the run `{first_run.id}`" in text
    assert "| sensorreadingtime | bigint | epoch milliseconds, UTC |" in text
    assert "| training_match | timestamp | readings of the same millisecond |" in text
    for personal in ("anna", "S1", "555-", "Somebody"):
        assert personal not in text + json.dumps(facts), personal


@pytest.mark.slow
def test_each_run_and_each_rollback_has_its_card(lakehouse: Lakehouse, capsys: pytest.CaptureFixture[str]) -> None:
    lakehouse.create_tables()
    for number, people in enumerate((["anna"], ["anna", "ben"]), start=1):
        land(lakehouse, *people)
        run(lakehouse, f"wr_{number}")
        first, *_ = lakehouse.card_facts()["measured"]["x"]
    assert "WARNING: The dataset card" not in capsys.readouterr().out
    second = lakehouse.card_facts()
    assert (second["run"], second["rows"], sum(second["subjects"].values())) == ("wr_2", 2, 2)
    assert (second["before"]["run"], second["before"]["rows"]) == ("wr_1", 1)
    assert "Compared with the run `wr_1`:" in card_of(lakehouse)
    assert f"| x, mean | {second['before']['measured']['x'][0]:.4g} | {first:.4g} |" in card_of(lakehouse)

    lakehouse.run("rollback", "--run", "wr_1", "--started_by", "ada@laptop")
    back = lakehouse.card_facts()
    assert (back["run"], back["rows"], back["before"]["run"], back["tag"]) == ("wr_1", 1, "wr_2", "run_wr_1")
    assert back["snapshots"] == current(lakehouse)

    lakehouse.run("machine_learning_curated")  # by hand
    alone = lakehouse.card_facts()
    assert alone["run"].startswith("jr_")
    assert alone["exclusions"] == back["exclusions"], "those of the other tables still hold"


def test_a_run_stands_if_its_card_cannot_be_written(
    lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Denied(FolderS3):
        def put_object(self, **request: object) -> None:
            if str(request["Key"]).startswith("training/"):
                raise PermissionError(f"not at s3://{lakehouse.bucket}/customer/landing/anna@example.com.json")
            super().put_object(**request)  # type: ignore[arg-type]

    monkeypatch.setattr("tests.support.jobs.FolderS3", Denied)
    lakehouse.create_tables()
    land(lakehouse, "anna")
    run(lakehouse, "wr_1")
    assert not (lakehouse.folder / "training").exists()
    assert lakehouse.table("machine_learning_curated").count() == 1
    said = capsys.readouterr().out
    warning = (
        "WARNING: The dataset card could not be written, so training/dataset_card.md is out of date: PermissionError"
    )
    assert warning in said
    assert "anna@example.com" not in said
