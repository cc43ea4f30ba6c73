"""From where a failed run continues, and what keeps it from continuing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lakehouse import resumption
from lakehouse.errors import LakehouseError
from lakehouse.history import Attempt, Run
from lakehouse.resumption import STEPS, Inputs, TableState
from lakehouse.run_facts import RunFacts
from lakehouse.tables import TABLE_OF_JOB
from lakehouse.workflow import JobRun

LANDED = {"customer_landing": {"files": 1, "bytes": 10, "digest": "aa"}}
POLICIES = {"training_match": "timestamp", "customer_records": "each"}
WRITTEN = TableState(main=1, main_run="wr_0", branch=2, parent=1, policies=POLICIES)
RUN = Run("wr_1", data={"name": "sample", **LANDED})


def attempt(state: str = "FAILED", facts: RunFacts | None = None, **jobs: str) -> Attempt:
    found = {name: JobRun(name, state) for name, state in jobs.items()}
    return Attempt("wr_1", state, None, None, None, found, facts or RunFacts())


def inputs(**states: TableState) -> Inputs:
    return Inputs(POLICIES, LANDED, dict.fromkeys(TABLE_OF_JOB.values(), WRITTEN) | states)


def changes(found: Inputs, run: Run = RUN, first: str = STEPS[3]) -> list[str]:
    return resumption.changes(run, first, found)


def test_a_run_continues_with_the_first_job_that_has_not_succeeded() -> None:
    jobs = dict.fromkeys(STEPS, "NOT_STARTED") | {STEPS[0]: "SUCCEEDED", STEPS[1]: "FAILED"}
    assert resumption.first_step([attempt(**jobs)], RUN) == STEPS[1]
    assert resumption.first_step([attempt(**jobs), attempt(**jobs | {STEPS[1]: "SUCCEEDED"})], RUN) == STEPS[2]
    assert resumption.first_step([attempt(**{STEPS[0]: "SUCCEEDED"})], RUN) == STEPS[1], "Glue lists started jobs only"


def test_a_job_of_all_steps_continues_with_the_last_step_that_recorded_rows() -> None:
    failed = [attempt(all_steps="FAILED")]
    assert resumption.first_step(failed, RUN) == STEPS[0]
    assert (
        resumption.first_step(failed, replace(RUN, rows=dict.fromkeys(list(TABLE_OF_JOB.values())[:3], 1))) == STEPS[2]
    )


def test_nothing_has_changed() -> None:
    assert changes(inputs()) == []


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (
            replace(inputs(), landing={"customer_landing": {"files": 2, "bytes": 10, "digest": "bb"}}),
            "customer_landing: 1 files then, 2 now, or other contents",
        ),
        (
            replace(inputs(), policies={**POLICIES, "training_match": "timestamp_and_customer"}),
            "policy training_match: timestamp then, timestamp_and_customer now",
        ),
        (
            inputs(accelerometer_trusted=replace(WRITTEN, branch=None, parent=None)),
            "accelerometer_trusted: a later run or an erasure has discarded what this run wrote",
        ),
        (
            inputs(customers_curated=replace(WRITTEN, main=9, main_run="wr_5")),
            "customers_curated: published again since by wr_5",
        ),
    ],
)
def test_each_changed_input_is_named(found: Inputs, line: str) -> None:
    assert changes(found) == [line]
    assert changes(found, first=STEPS[0]) == [], "every job reads anew"


def test_a_table_that_the_run_has_published_or_that_was_empty_has_not_changed() -> None:
    published = TableState(main=2, main_run="wr_1", policies=POLICIES)
    first_ever = replace(WRITTEN, main=None, main_run="", parent=None)
    assert changes(inputs(customer_trusted=published, customers_curated=first_ever)) == []
    unread = inputs(machine_learning_curated=TableState(main=9, main_run="wr_5"))
    assert changes(unread) == [], "the tables of the failed job and of those after it do not matter"


@pytest.mark.parametrize(
    ("attempts", "says"),
    [
        ([], r"Glue no longer knows the run wr_1.* Nothing was run\. .*make run-pipeline ENV=dev"),
        ([attempt("SUCCEEDED")], r"wr_1 succeeded, so there is nothing to repeat\. Nothing was run"),
        ([attempt(facts=RunFacts(compares="strict"))], r"only a comparison.* Nothing was run.*make compare ENV=dev"),
    ],
)
def test_a_run_that_cannot_continue_is_refused(attempts: list[Attempt], says: str) -> None:
    with pytest.raises(LakehouseError, match=says):
        resumption.refuse_what_cannot_continue("wr_1", attempts, " ENV=dev")


def test_the_policies_of_the_deployed_jobs_are_defaults_profile_and_single_ones() -> None:
    def of(arguments: dict[str, Any]) -> dict[str, str]:
        return resumption.effective_policies(arguments)

    assert of({})["training_match"] == "timestamp"
    assert of({"--profile": "strict"})["training_match"] == "timestamp_and_customer"
    single = of({"--profile": "strict", "--policies": '{"training_match": "timestamp"}'})
    assert (single["training_match"], single["customer_records"]) == ("timestamp", "latest")
