"""Landing data in another bucket: what is accepted, and that the landing zone then holds exactly that."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from lakehouse import landing, landing_bucket
from lakehouse.errors import DataError
from lakehouse.landing_bucket import S3Folder, find

SOURCE = S3Folder("seed", "starter/")
LAKE = "lake/teams/stedi"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        for bucket in ("seed", "lake"):
            client.create_bucket(Bucket=bucket)
        client.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
        for entity in landing.ENTITIES:
            put(client, f"starter/{entity}/landing/{entity}.json")
        yield client


def put(s3: Any, key: str, content: bytes = b"{}\n", **options: Any) -> None:
    s3.put_object(Bucket="seed", Key=key, Body=content, **options)


def keys(s3: Any, bucket: str = "lake") -> set[str]:
    return {item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])}


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("s3://seed/a/b", S3Folder("seed", "a/b/")),
        ("s3://seed/a/", S3Folder("seed", "a/")),
        ("s3://seed", S3Folder("seed", "")),
        ("s3://seed/", S3Folder("seed", "")),
        ("s3://seed.example/with space", S3Folder("seed.example", "with space/")),
        ("data/s3://x", None),
        ("s3", None),
        ("/data", None),
    ],
)
def test_a_uri_names_a_bucket_and_a_prefix(text: str, folder: S3Folder | None) -> None:
    assert S3Folder.parse(text) == folder


@pytest.mark.parametrize("text", ["s3://", "s3:/seed/a", "s3:///a", "S3://seed/a", "s3a://seed/a", "s3://Seed/a"])
def test_a_uri_without_a_bucket_is_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"names no bucket, so nothing was done\. Write DATA=s3://<bucket>/<prefix>"):
        S3Folder.parse(text)


def test_the_landing_zone_holds_exactly_the_data(s3: Any) -> None:
    s3.put_object(Bucket="lake", Key="teams/stedi/customer/landing/old.json", Body=b"old")
    s3.put_object(Bucket="lake", Key="teams/sales/customer/landing/other.json", Body=b"other")
    put(s3, "starter/customer/landing/2026/more.json.gz", gzip.compress(b"{}\n"))
    data = find(s3, SOURCE, LAKE)
    assert data.name == "s3://seed/starter"
    assert landing.stale_keys(s3, LAKE, data) == ["teams/stedi/customer/landing/old.json"]
    landing.replace(s3, LAKE, data)
    assert keys(s3) == {
        "teams/sales/customer/landing/other.json",
        "teams/stedi/accelerometer/landing/accelerometer.json",
        "teams/stedi/customer/landing/2026/more.json.gz",
        "teams/stedi/customer/landing/customer.json",
        "teams/stedi/step_trainer/landing/step_trainer.json",
    }
    assert len(keys(s3, "seed")) == 4, "the source is as before"
    versions = s3.list_object_versions(Bucket="lake", Prefix="teams/stedi/customer/landing/old.json")
    assert (len(versions["Versions"]), len(versions["DeleteMarkers"])) == (1, 1), "as after an upload: it can be undone"


def test_an_object_comes_without_metadata_and_tags(s3: Any) -> None:
    """As from a folder: they may hold personal data, which an erasure would not find."""
    key = "customer/landing/customer.json"
    put(s3, f"starter/{key}", b'{"a": 1}\n', Metadata={"owner": "ada@example.org"}, Tagging="owner=ada")
    landing.replace(s3, "lake", find(s3, SOURCE, "lake"))
    copied = s3.get_object(Bucket="lake", Key=key)
    assert (copied["Body"].read(), copied["Metadata"]) == (b'{"a": 1}\n', {})
    assert s3.get_object_tagging(Bucket="lake", Key=key)["TagSet"] == []


def test_takes_files_without_the_folder_landing(s3: Any) -> None:
    s3.delete_object(Bucket="seed", Key="starter/step_trainer/landing/step_trainer.json")
    put(s3, "starter/step_trainer/2026/steps.json")
    assert "step_trainer/landing/2026/steps.json" in find(s3, SOURCE, LAKE).files


def test_leaves_out_what_a_folder_would_leave_out(s3: Any) -> None:
    names = ("landing/_temporary/part.json", "landing/.hidden.json", "landing/README.md", "beside.json")
    for name in names:
        put(s3, f"starter/customer/{name}")
    put(s3, "starter/customer/landing/empty.json", b"")
    put(s3, "starter/customer/landing/", b"")  # a folder, as the console makes it
    data = find(s3, SOURCE, LAKE)
    assert [key for key in data.files if key.startswith("customer/")] == ["customer/landing/customer.json"]
    assert set(data.left_out) == {f"s3://seed/starter/customer/{name}" for name in names}


def test_refuses_a_table_without_data(s3: Any) -> None:
    s3.delete_object(Bucket="seed", Key="starter/customer/landing/customer.json")
    put(s3, "starter/customer/landing/customer.csv")
    with pytest.raises(DataError, match=r"no data for: customer\. Left out .*customer\.csv.*Nothing was copied"):
        find(s3, SOURCE, LAKE)


def test_refuses_a_bucket_that_is_not_there(s3: Any) -> None:
    with pytest.raises(DataError, match=r"s3://nowhere cannot be listed: there is no such bucket\. Nothing was copied"):
        find(s3, S3Folder("nowhere", ""), LAKE)


@pytest.mark.parametrize("source", ["s3://lake", "s3://lake/teams", "s3://lake/teams/stedi", "s3://lake/teams/stedi/x"])
def test_refuses_the_lakehouse_itself(s3: Any, source: str) -> None:
    with pytest.raises(DataError, match=r"overlaps the lakehouse s3://lake/teams/stedi itself\. Nothing was copied"):
        find(s3, S3Folder.parse(source) or SOURCE, LAKE)


def test_another_folder_of_the_same_bucket_is_a_source(s3: Any) -> None:
    for entity in landing.ENTITIES:
        s3.put_object(Bucket="lake", Key=f"teams/stedi-raw/{entity}/{entity}.json", Body=b"{}")
    assert len(find(s3, S3Folder("lake", "teams/stedi-raw/"), LAKE).files) == 3


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"no gzip at all", "is not gzip"), (gzip.compress(b"{}", mtime=0)[:10], "ends before its first byte")],
)
def test_refuses_a_broken_archive(s3: Any, content: bytes, says: str) -> None:
    put(s3, "starter/customer/landing/broken.json.gz", content)
    with pytest.raises(DataError, match=rf"broken\.json\.gz {says}.*Nothing was copied"):
        find(s3, SOURCE, LAKE)


def test_refuses_an_object_in_an_archive_tier(s3: Any) -> None:
    put(s3, "starter/customer/landing/cold.json", StorageClass="DEEP_ARCHIVE")
    with pytest.raises(DataError, match=r"cold\.json is archived \(DEEP_ARCHIVE\)\. Nothing was copied\. Restore it"):
        find(s3, SOURCE, LAKE)


def test_refuses_a_key_that_gets_too_long_in_the_landing_zone(s3: Any) -> None:
    put(s3, f"starter/customer/{'n' * 1000}.json")
    s3.delete_object(Bucket="seed", Key="starter/customer/landing/customer.json")
    with pytest.raises(DataError, match="a key longer than S3's 1024 bytes"):
        find(s3, SOURCE, LAKE)


def test_an_object_that_changes_meanwhile_is_not_copied(s3: Any) -> None:
    class Moved:
        """S3, where an object has changed between listing and copying: moto copies it nonetheless."""

        def copy_object(self, **request: Any) -> None:
            assert request["CopySourceIfMatch"] == data.files["customer/landing/customer.json"].etag
            raise ClientError({"Error": {"Code": "PreconditionFailed", "Message": "changed"}}, "CopyObject")

    data = find(s3, SOURCE, LAKE)
    with pytest.raises(DataError, match=r"was not copied: it has changed since it was listed\. No file was deleted"):
        data.put(Moved(), "customer/landing/customer.json", {"Bucket": "lake", "Key": "x"}, print)  # type: ignore[arg-type]


def test_a_very_large_object_is_copied_in_parts(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing_bucket, "LARGEST_COPY", 2)
    landing.replace(s3, "lake", find(s3, SOURCE, "lake"))
    assert s3.get_object(Bucket="lake", Key="customer/landing/customer.json")["Body"].read() == b"{}\n"
