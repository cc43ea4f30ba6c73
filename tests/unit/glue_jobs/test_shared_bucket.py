"""The jobs' own requests to S3 in a shared bucket: they reach nothing beside their prefix."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

import dataset_card
import published_card
import refusals
import withdrawal
from bucket_objects import Bucket
from dataset_card import Facts

ROOT, PREFIX = "lake/teams/stedi", "teams/stedi/"
OTHERS = ["forget/refusals/theirs", "teams/stedi-two/forget/refusals/theirs", "warehouse/db/t/a", f"{PREFIX[:-1]}-a"]


@pytest.fixture
def s3(account: None) -> Iterator[Any]:
    """A bucket with objects of other teams, each with an earlier version; at the end they are unchanged."""
    client = boto3.client("s3")
    client.create_bucket(Bucket="lake")
    client.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
    for key in OTHERS * 2:
        client.put_object(Bucket="lake", Key=key, Body=b"theirs")
    before = versions(client, "")
    yield client
    assert [v for v in versions(client, "") if v[0] in OTHERS] == before


def versions(s3: Any, prefix: str) -> list[tuple[str, str, bool]]:
    found = s3.list_object_versions(Bucket="lake", Prefix=prefix)
    listed = [*found.get("Versions", []), *found.get("DeleteMarkers", [])]
    return sorted((v["Key"], v["VersionId"], v["IsLatest"]) for v in listed)


def test_keys_are_relative_to_the_prefix(s3: Any) -> None:
    bucket = Bucket(s3, ROOT)
    bucket.write("forget/reports/r.json", b"1")
    bucket.write("forget/reports/r.json", b"2")
    (version,) = bucket.versions()
    assert (version.key, version.current) == ("forget/reports/r.json", True)
    assert [key for key, *_ in versions(s3, PREFIX)] == [f"{PREFIX}forget/reports/r.json"]
    assert bucket.read("forget/reports/r.json") == b"2"
    assert bucket.open(version).read() == b"2"
    assert bucket.read("forget/reports/none.json") is None
    bucket.replace(version, io.BytesIO(b"3"), "forget/reports/s.json")
    assert [v.key for v in bucket.versions()] == ["forget/reports/s.json"]
    assert bucket.purge(["forget/reports/s.json"], current=True) == 1
    assert versions(s3, PREFIX) == []


def test_refusals_are_saved_and_loaded_below_the_prefix(s3: Any) -> None:
    refusals.save(Bucket(s3, ROOT), ["ours"])
    assert refusals.load(ROOT) == {"ours"}
    assert refusals.load("lake") == {"theirs"}


def test_the_dataset_card_is_written_and_compared_below_the_prefix(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = iter(("wr_1", "wr_2"))

    def gather(_: object, __: str, last: Facts | None) -> Facts:
        run = next(runs)
        before = dataset_card.before(last, run)
        return Facts(run, "2026-11-26T18:00:00+00:00", 1, {}, {}, 0, {}, before=before)

    monkeypatch.setattr(published_card, "gather", gather)
    for _ in range(2):
        published_card.write(None, database="db", bucket=ROOT)  # type: ignore[arg-type]
    below = f"{PREFIX}training/dataset_card"
    assert {key for key, *_ in versions(s3, PREFIX)} == {f"{below}.md", f"{below}.json"}
    card = s3.get_object(Bucket="lake", Key=f"{below}.md")
    assert card["ContentType"] == "text/markdown; charset=utf-8"
    assert "Compared with the run `wr_1`" in card["Body"].read().decode()


def test_what_no_reader_reaches_is_deleted_below_the_prefix(s3: Any) -> None:
    for content in (b"1", b"2"):
        s3.put_object(Bucket="lake", Key=f"{PREFIX}warehouse/db/t/a", Body=content)
    s3.put_object(Bucket="lake", Key=f"{PREFIX}warehouse/db/t/orphan", Body=b"3")
    later = datetime.now(UTC) + timedelta(hours=1)
    kept = [f"s3://{ROOT}/warehouse/db/t/a"]
    withdrawal.delete_unreachable(ROOT, "warehouse/db/t/", lambda: kept, before=later)
    assert [(key, latest) for key, *_, latest in versions(s3, PREFIX)] == [(f"{PREFIX}warehouse/db/t/a", True)]
