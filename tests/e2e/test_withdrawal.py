"""Somebody withdraws consent: the next run leaves nothing of them below the tables, in no version of any object."""

import json
import time
from collections.abc import Iterator

import pytest

from lakehouse import sample
from tests.e2e.test_forget import Bucket
from tests.support.project import Project, iam_enforced

pytestmark = pytest.mark.slow


@pytest.fixture
def enforced(project: Project) -> Iterator[Project]:
    """A lakehouse whose jobs may do what their role may, and nothing else."""
    with iam_enforced(project):
        yield project


def test_no_version_of_a_file_of_the_tables_shows_who_has_withdrawn(enforced: Project) -> None:
    data = enforced.root / "data"
    sample.generate(data)
    run = ("run", "--data", str(data), "--profile", "strict")
    enforced.succeed(*run)
    email, other = enforced.table("customers_curated").column("email").to_pylist()[:2]
    shown = {key for key in Bucket(enforced).containing([email]) if key.startswith("warehouse/")}
    assert len({key.split("/")[2] for key in shown}) == 3, "both tables of customers, and the readings"

    bucket, s3 = enforced.environment()["STEDI_BUCKET"], enforced.client("s3")
    for key in shown:  # as a job leaves files that was killed before it committed them
        if key.endswith(".parquet"):
            s3.copy_object(Bucket=bucket, Key=f"{key}.copy.parquet", CopySource={"Bucket": bucket, "Key": key})
    landing = data / "customer" / "landing"
    landed = (json.loads(line) for file in sorted(landing.iterdir()) for line in file.read_text().splitlines())
    record = next(record for record in landed if record.get("email") == email)
    withdrawn = record | {"shareWithResearchAsOfDate": None, "lastUpdateDate": int(time.time() * 1000)}
    (landing / "withdrawn.json").write_text(f"{json.dumps(withdrawn)}\n")
    (data / "expected.json").unlink()  # the rows before
    enforced.succeed(*run)
    assert not {key for key in Bucket(enforced).containing([email]) if key.startswith("warehouse/")}
    assert other in enforced.table("customers_curated").column("email").to_pylist()
