"""Whether a step of a resumed run has its table already."""

import json

import pytest

import resumption
from problems import BadInputError

BRANCH, MAIN = 5, 4
RESUMES = {"run_id": "wr_1", "branch": "run_wr_1", "resumes_from": "customer_trusted_to_curated"}


class Aws:
    """Glue and S3 with the metadata of one table."""

    def __init__(self, refs, published_by="wr_0"):
        summary = {"lakehouse.workflow-run-id": published_by}
        snapshots = [{"snapshot-id": MAIN, "summary": summary}, {"snapshot-id": BRANCH}]
        self.metadata = {"refs": refs, "current-snapshot-id": MAIN, "snapshots": snapshots}

    def client(self, _service):
        return self

    def get_table(self, DatabaseName, Name):  # noqa: N803
        assert (DatabaseName, Name) == ("lake", "accelerometer_trusted")
        return {"Table": {"Parameters": {"metadata_location": "s3://bucket/a/b.metadata.json"}}}

    def get_object(self, Bucket, Key):  # noqa: N803
        assert (Bucket, Key) == ("bucket", "a/b.metadata.json")
        return {"Body": self}

    def read(self):
        return json.dumps(self.metadata)


def is_written(monkeypatch, aws, table="accelerometer_trusted", **changes):
    monkeypatch.setattr(resumption, "boto3", aws)
    return resumption.is_written("lake", table, **RESUMES | changes)


def test_table_before_the_failed_step_is_on_the_branch_or_published(monkeypatch):
    assert is_written(monkeypatch, Aws({"run_wr_1": {"type": "branch", "snapshot-id": BRANCH}}))
    assert is_written(monkeypatch, Aws({}, published_by="wr_1")), "the run was killed while it published"


@pytest.mark.parametrize("refs", [{}, {"run_wr_1": {"type": "tag"}}, {"run_wr_2": {"type": "branch"}}])
def test_table_that_is_gone_stops_the_run(monkeypatch, refs):
    with pytest.raises(
        BadInputError, match=r"accelerometer_trusted is no longer on the branch of the run wr_1.*make run"
    ):
        is_written(monkeypatch, Aws(refs))


@pytest.mark.parametrize("table", ["customers_curated", "step_trainer_trusted", "machine_learning_curated"])
def test_the_failed_step_and_those_after_it_are_written_anew(monkeypatch, table):
    assert not is_written(monkeypatch, None, table)


def test_run_that_resumes_none_writes_everything(monkeypatch):
    assert not is_written(monkeypatch, None, resumes_from="")
