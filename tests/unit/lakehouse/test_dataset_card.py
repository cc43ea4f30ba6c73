"""The dataset card: what it says, and that its front matter is what Hugging Face reads."""

from __future__ import annotations

from dataclasses import asdict, replace
from io import BytesIO
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from lakehouse import aws, dataset_card, tables
from lakehouse.athena import QueryError
from lakehouse.console import Display
from lakehouse.dataset_card import Facts, render
from lakehouse.environments import LocalEnvironment
from lakehouse.project import Project
from lakehouse.reconciliation import Reconciliation
from lakehouse.terraform import Outputs
from tests.support.operator_fakes import printed
from tests.support.project import REPOSITORY

DDL = (REPOSITORY / "ddl" / "machine_learning_curated.sql").read_text()
FACTS = Facts(
    run="wr_2",
    made_at="2026-11-26T18:00:00+00:00",
    rows=18_632,
    subjects={"none": 0, "test": 40, "train": 180, "validation": 36},
    split_rows={"none": 2, "test": 3000, "train": 13_000, "validation": 2630},
    steps=1200,
    measured={
        "distancefromobject": [270.5, 20.25, 201, 300],
        "x": [0.1, 0.4, -1, 1],
        "y": [None] * 4,
        "z": [0, 1, 2, 3],
    },
    policies={"training_match": "timestamp"},
    profile="published",
    of_two_people=1047,
    shared_serial_numbers=9,
    snapshots={"machine_learning_curated": 42, "customer_trusted": 7},
    tag="run_wr_2",
)
ACCOUNTS = [
    Reconciliation("a", "customer_landing", 10, 5, {"no consent to research": 3, "exact duplicate": 1}, {"bad": 1}),
    Reconciliation("b", "accelerometer_landing", 4, 2, {"exact duplicate": 2}),
]


def card(facts: Facts = FACTS, before: Facts | None = None) -> str:
    return render(facts, DDL, ACCOUNTS, asdict(before) if before else None)


def test_the_front_matter_is_yaml_with_columns_and_splits() -> None:
    _, front, _ = card().split("---\n", 2)
    read = yaml.safe_load(front)
    assert read["size_categories"] == ["10K<n<100K"]
    assert [feature["name"] for feature in read["dataset_info"]["features"]] == [
        "serialnumber", "sensorreadingtime", "distancefromobject", "x", "y", "z", "subjectkey",
    ]  # fmt: skip
    assert read["dataset_info"]["features"][1]["dtype"] == "int64"
    assert read["dataset_info"]["splits"] == [
        {"name": "test", "num_examples": 3000},
        {"name": "train", "num_examples": 13_000},
        {"name": "validation", "num_examples": 2630},
    ]
    empty = replace(FACTS, rows=0, split_rows={}, subjects={})
    assert yaml.safe_load(card(empty).split("---\n", 2)[1])["dataset_info"]["splits"] == []


def test_every_section_says_what_it_knows() -> None:
    text = card()
    for said in (
        "18,632 rows. Published by the run `wr_2`",
        "| distancefromobject | int | unknown |",
        "| sensorreadingtime | bigint | epoch milliseconds, UTC |",
        "profile `published`. Consent was judged as of the time of the run",
        "| training_match | timestamp | readings of the same millisecond |",
        "| test | 40 | 3000 |",
        "| customer_landing | no consent to research | 3 |",
        "| customer_landing | bad | 1 |",
        "- 1,047 rows pair the step of one person with the movement of another.",
        "- 9 serial numbers belong to several customers.",
        "- 3 exact duplicates were left out.",
        "`training_steps` has 1,200 steps",
        "| machine_learning_curated | 42 |",
        "by the tag `run_wr_2`",
        "run `wr_2`, snapshot 42",
        "There is no card of an earlier run",
    ):
        assert said in text, said


def test_missing_labels_and_tags_are_said() -> None:
    text = card(replace(FACTS, steps=0, tag=None))
    assert "There is no label. The public STEDI data has no signal either" in text
    assert "No tag shows these rows: an erasure, a withdrawal" in text
    assert "by the tag" not in text


def test_drift_compares_with_the_last_run() -> None:
    text = card(before=replace(FACTS, run="wr_1", rows=9, measured={"x": [0.2, 0.4, -1, 1]}))
    assert "Compared with the run `wr_1`:" in text
    assert "| rows | 9 | 18632 |" in text
    assert "| x, mean | 0.2 | 0.1 |" in text
    assert "| distancefromobject, mean |  | 270.5 |" in text


def test_the_table_is_the_last_one() -> None:
    assert list(tables.TABLE_OF_JOB.values())[-1] == dataset_card.TRAINING


def test_a_run_stands_without_its_card(
    project: Project, display: Display, outputs: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise QueryError("Athena refused the query")

    monkeypatch.setattr(dataset_card, "publish", refused)
    monkeypatch.setattr(aws, "session", lambda _: None)
    dataset_card.refresh(LocalEnvironment(project, display), outputs)
    assert "WARNING: The dataset card could not be written" in printed(display)
    assert "Athena refused the query" in printed(display)


class Bucket:
    """A session and its S3, with the objects of a bucket."""

    def __init__(self, **objects: str) -> None:
        self.objects = {f"training/dataset_card.{end}": text for end, text in objects.items()}

    def client(self, service: str, config: object) -> Any:
        assert (service, config) == ("s3", aws.CONFIG)
        return self

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - as in boto3
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "no such key"}}, "GetObject")
        return {"Body": BytesIO(self.objects[Key].encode())}


@pytest.mark.parametrize(
    ("bucket", "found"),
    [
        (Bucket(json='{"run": "wr_2"}', md="# Card"), "# Card"),
        (Bucket(json='{"run": "wr_3"}', md="# Card"), None),
        (Bucket(), None),
    ],
)
def test_the_card_of_a_run_is_the_one_in_the_bucket_if_it_is_of_that_run(
    bucket: Any, found: str | None, outputs: Outputs
) -> None:
    assert dataset_card.of_run(bucket, outputs, "wr_2") == found
