"""The dataset card: what it says, and that its front matter is what Hugging Face reads."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError, EndpointConnectionError

from lakehouse import aws, card_copy, dataset_card, tables
from lakehouse.console import Display
from lakehouse.dataset_card import Facts, render
from lakehouse.environments import LocalEnvironment
from lakehouse.project import Project
from lakehouse.tables import Publication
from lakehouse.terraform import Outputs
from tests.support.operator_fakes import printed

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
    columns=[
        ("sensorreadingtime", "bigint", "Time of the measurement, epoch milliseconds, UTC. Personal data: no."),
        ("distancefromobject", "int", "Distance to the object; the source states no unit. Personal data: no."),
        ("subjectkey", "string", "Pseudonym of the customer. Personal data: pseudonym."),
    ],
    policies=[("training_match", "timestamp", "readings of the same millisecond")],
    profile="published",
    exclusions=[
        ("customer_landing", "no consent to research", 3),
        ("customer_landing", "exact duplicate", 1),
        ("customer_landing", "bad", 1),
        ("accelerometer_landing", "exact duplicate", 2),
    ],
    duplicates=3,
    of_two_people=1047,
    shared_serial_numbers=9,
    snapshots={"machine_learning_curated": 5227345694039285299, "customer_trusted": 7},
    tag="run_wr_2",
)


def card(facts: Facts = FACTS, before: Facts | None = None) -> str:
    return render(replace(facts, before=asdict(before) if before else None))


def test_the_front_matter_is_yaml_with_columns_and_splits() -> None:
    _, front, _ = card().split("---\n", 2)
    read = yaml.safe_load(front)
    assert read["size_categories"] == ["10K<n<100K"]
    assert [feature["name"] for feature in read["dataset_info"]["features"]] == [
        "sensorreadingtime",
        "distancefromobject",
        "subjectkey",
    ]
    assert [feature["dtype"] for feature in read["dataset_info"]["features"]] == ["int64", "int32", "string"]
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
        "| --- | ---: | ---: |",
        "| test | 40 | 3,000 |",
        "| customer_landing | no consent to research | 3 |",
        "| customer_landing | bad | 1 |",
        "- 1,047 rows pair the step of one person with the movement of another.",
        "- 9 serial numbers belong to several customers.",
        "- 3 exact duplicates were left out.",
        "`training_steps` has 1,200 steps",
        "| machine_learning_curated | 5227345694039285299 |",
        "by the tag `run_wr_2`",
        "run `wr_2`, snapshot 5227345694039285299",
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
    assert "| rows | 9 | 18,632 |" in text
    assert "| x, mean | 0.2 | 0.1 |" in text
    assert "| distancefromobject, mean |  | 270.5 |" in text


def test_the_next_card_compares_with_the_last_one_of_another_run() -> None:
    text = replace(FACTS, before={"run": "wr_1"}).to_json()
    last = dataset_card.last(text)
    assert last is not None
    assert last.before == {"run": "wr_1"}
    found = dataset_card.before(last, "wr_3")
    assert found is not None
    assert (found["run"], found["rows"], found["measured"]["y"]) == ("wr_2", 18_632, [None] * 4)
    assert "before" not in found, "otherwise each card would hold all that were before it"
    assert dataset_card.before(last, "wr_2") is None
    assert dataset_card.before(None, "wr_2") is None


@pytest.mark.parametrize("damaged", ["", "[]", "{}", '{"run": "wr_1"}'])
def test_a_damaged_card_does_not_keep_the_next_one_from_being_written(damaged: str) -> None:
    assert dataset_card.last(damaged) is None


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

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:  # noqa: N803
        self.objects[Key] = Body.decode()


def refreshed(
    bucket: Any,
    project: Project,
    display: Display,
    outputs: Outputs,
    *,
    steps: int | None = None,
    snapshot: int = 5227345694039285299,
) -> str | None:
    """Copy the card of a bucket whose training table has a snapshot, and return the copy, if there is one."""
    published = {
        "machine_learning_curated": Publication(1, "wr_2", snapshot),
        "customer_trusted": Publication(1, "", 7),
    }
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(aws, "session", lambda _: bucket)
        patched.setattr(tables, "publications", lambda *_: published)
        card_copy.refresh(LocalEnvironment(project, display), outputs, steps=steps)
    copy = project.build / "dataset_card.md"
    return copy.read_text() if copy.exists() else None


def test_the_card_of_the_tables_as_they_are_is_copied(project: Project, display: Display, outputs: Outputs) -> None:
    bucket = Bucket(json=FACTS.to_json(), md="# Card")
    assert refreshed(bucket, project, display, outputs) == "# Card"
    assert "WARNING" not in printed(display)


def test_a_label_that_a_command_publishes_is_in_the_card(project: Project, display: Display, outputs: Outputs) -> None:
    first = replace(FACTS, steps=0)
    bucket = Bucket(json=first.to_json(), md=render(first))
    copy = refreshed(bucket, project, display, outputs, steps=1200)
    assert copy == bucket.objects["training/dataset_card.md"] == render(FACTS)
    assert json.loads(bucket.objects["training/dataset_card.json"])["steps"] == 1200


@pytest.mark.parametrize("bucket", [Bucket(), Bucket(json=FACTS.to_json(), md="# Card")])
def test_a_card_that_could_not_be_written_is_told(
    bucket: Any, project: Project, display: Display, outputs: Outputs
) -> None:
    assert refreshed(bucket, project, display, outputs, steps=9, snapshot=43) is None
    said = printed(display)
    assert "WARNING: The dataset card could not be written, so training/dataset_card.md is out of date." in said
    assert "The reason is in the log of the job that ended last." in said


def test_a_run_stands_without_a_copy_of_its_card(project: Project, display: Display, outputs: Outputs) -> None:
    def refused(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")

    session = SimpleNamespace(client=lambda *_, **__: SimpleNamespace(get_object=refused))
    assert refreshed(session, project, display, outputs) is None
    assert "WARNING: The dataset card could not be copied from training/dataset_card.md: Could not" in printed(display)


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
    assert card_copy.of_run(bucket, outputs, "wr_2") == found
