"""The facts of the dataset card: counts and numbers in one pass, and the rows that were left out."""

import statistics
from collections.abc import Sequence

import pytest
from pyspark.sql import Row, SparkSession

import published_card
import reconciliation
from published_card import add, count, exclusions, measure, summarize
from reconciliation import RowCount
from tests.support.jobs import made_of

TRAINING = "struct<serialnumber:string,subjectkey:string,distancefromobject:int,x:double,y:double,z:double>"
SPLIT = "struct<subject:string,split:string>"


def training_row(serial: str | None, distance: int, x: float | None, key: str | None = None) -> dict[str, object]:
    return {"serialnumber": serial, "subjectkey": key, "distancefromobject": distance, "x": x, "y": x, "z": 9.81}


def test_rows_and_subjects_are_counted_by_split_and_measured_over_all(spark: SparkSession) -> None:
    rows = [
        training_row("S1", 201, 0.5),
        training_row("S1", 300, -1.5),
        training_row("S2", 250, 1e6),
        training_row(None, 222, 1e6 + 1, key="ab12"),
        training_row("S1", 299, None),  # without a movement, so in no split
        training_row("S9", 205, None),
    ]
    split = [{"subject": "S1", "split": "train"}, {"subject": "S2", "split": "test"}]
    split.append({"subject": "ab12", "split": "test"})
    counts = measure(made_of(spark, TRAINING, rows), made_of(spark, SPLIT, split))
    assert [(row["split"], row["rows"], row["subjects"]) for row in counts] == [
        ("none", 2, 2), ("test", 2, 2), ("train", 2, 1),
    ]  # fmt: skip
    for column in ("distancefromobject", "x", "z"):
        values = [float(row[column]) for row in rows if row[column] is not None]  # type: ignore[arg-type]
        expected = [statistics.mean(values), statistics.stdev(values), min(values), max(values)]
        assert summarize([row[column] for row in counts]) == pytest.approx(expected, rel=1e-12, abs=1e-12), column


def test_numbers_of_new_rows_are_added_to_those_of_the_last_card(spark: SparkSession) -> None:
    before = [training_row("S1", 201, 0.5), training_row("S2", 250, 1e6), training_row("S1", 299, None)]
    new = [training_row("S2", 300, -1.5), training_row("S3", 222, 1e6 + 1)]
    split = [{"subject": subject, "split": part} for subject, part in (("S1", "train"), ("S2", "test"), ("S3", "test"))]
    for known, gained in ((before, new), (before[:1], new), (before, [])):
        of_known, of_gained, of_all = (
            measure(made_of(spark, TRAINING, rows), made_of(spark, SPLIT, split))
            for rows in (known, gained, [*known, *gained])
        )
        whole = count(of_all)
        subjects = {name: number for name, number in whole["subjects"].items() if name != published_card.NO_SPLIT}
        found = add(count(of_known), of_gained, subjects)
        assert {**found, "measured": None} == {**whole, "measured": None}
        for column, numbers in found["measured"].items():
            assert numbers == pytest.approx(whole["measured"][column], rel=1e-12), column


def part(values: Sequence[float]) -> Row:
    if not values:
        return Row(n=0, mean=None, variance=None, least=None, most=None)
    mean, variance = statistics.mean(values), statistics.pvariance(values)
    return Row(n=len(values), mean=mean, variance=variance, least=min(values), most=max(values))


def test_a_column_without_values_or_with_one_has_no_deviation() -> None:
    assert summarize([]) == summarize([part([])]) == [None] * 4
    assert summarize([part([]), part([7.5])]) == [7.5, None, 7.5, 7.5]
    assert summarize([part([7.5]), part([8.5])]) == [8, pytest.approx(0.5**0.5), 7.5, 8.5]


def test_rows_left_out_are_those_of_the_published_tables_in_the_order_of_the_jobs() -> None:
    of_customers = [
        RowCount("customer_landing", "read", "", 100),
        RowCount("customer_landing", "published", "", 93),
        RowCount("customer_landing", "dropped", "exact duplicate", 2),
        RowCount("customer_landing", "quarantined", "bad", 5),
        RowCount("", "output", "", 93),
    ]
    of_training = [
        RowCount("step_trainer_trusted", "dropped", "unpaired", 1),
        RowCount("accelerometer_trusted", "dropped", "unpaired", 9),
    ]
    reports = [{reconciliation.COUNTS: reconciliation.to_json(counts)} for counts in (of_customers, of_training)]
    assert exclusions([reports[0], {"of": "an earlier edition"}, reports[1]]) == [
        ("customer_landing", "bad", 5),
        ("customer_landing", "exact duplicate", 2),
        ("step_trainer_trusted", "unpaired", 1),
        ("accelerometer_trusted", "unpaired", 9),
    ]


def test_policies_that_are_not_declared_any_longer_are_left_out() -> None:
    ((name, value, meaning),) = published_card._policies({"training_match": "timestamp", "gone": "1"})
    assert (name, value) == ("training_match", "timestamp")
    assert meaning
