from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from lakehouse.sandbox.mirror import Changes, Mirror

BUCKET = "lake"


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client(
            "s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b", aws_session_token="c"
        )
        client.create_bucket(Bucket=BUCKET)
        yield client


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    return Mirror(BUCKET, tmp_path / "lake")


def objects(s3: Any) -> dict[str, bytes]:
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
    return {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


def files(mirror: Mirror) -> dict[str, bytes]:
    paths = (path for path in mirror.directory.rglob("*") if path.is_file())
    return {path.relative_to(mirror.directory).as_posix(): path.read_bytes() for path in paths}


def write(mirror: Mirror, key: str, content: bytes) -> None:
    path = mirror.directory / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_pull_makes_the_directory_equal_to_the_bucket(s3: Any, mirror: Mirror) -> None:
    write(mirror, "left/over/file", b"from an earlier sandbox")
    s3.put_object(Bucket=BUCKET, Key="a/b.json", Body=b"1")
    s3.put_object(Bucket=BUCKET, Key="folder marker/", Body=b"")
    assert mirror.pull(s3) == Changes(written=["a/b.json"], removed=["left/over/file"])
    assert files(mirror) == {"a/b.json": b"1"}
    assert not (mirror.directory / "left").exists()


def test_only_what_changed_is_copied(s3: Any, mirror: Mirror) -> None:
    s3.put_object(Bucket=BUCKET, Key="same", Body=b"1")
    s3.put_object(Bucket=BUCKET, Key="changed", Body=b"1")
    s3.put_object(Bucket=BUCKET, Key="gone", Body=b"1")
    mirror.pull(s3)
    mirror.release()
    s3.put_object(Bucket=BUCKET, Key="changed", Body=b"2")
    s3.delete_object(Bucket=BUCKET, Key="gone")
    assert mirror.pull(s3) == Changes(written=["changed"], removed=["gone"])
    assert files(mirror) == {"same": b"1", "changed": b"2"}
    assert mirror.push(s3) == Changes()


def test_what_is_committed_lies_in_the_bucket_before_and_what_it_replaces_goes_after(s3: Any, mirror: Mirror) -> None:
    s3.put_object(Bucket=BUCKET, Key="old", Body=b"1")
    mirror.pull(s3)
    (mirror.directory / "old").unlink()
    write(mirror, "new", b"2")
    seen: list[dict[str, bytes]] = []
    mirror.push(s3, lambda _: seen.append(objects(s3)))
    assert seen == [{"old": b"1", "new": b"2"}]
    assert objects(s3) == {"new": b"2"}


def test_only_a_directory_that_nobody_uses_is_settled(s3: Any, mirror: Mirror) -> None:
    settled: list[int] = []
    mirror.pull(s3, lambda: settled.append(1))
    mirror.pull(s3, lambda: settled.append(2))
    assert settled == [1]


def test_push_brings_new_changed_and_removed_files_to_the_bucket(s3: Any, mirror: Mirror) -> None:
    for key in ("kept", "changed", "removed"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"1")
    mirror.pull(s3)
    write(mirror, "new/file", b"2")
    write(mirror, "changed", b"longer")
    (mirror.directory / "removed").unlink()
    assert mirror.push(s3) == Changes(written=["changed", "new/file"], removed=["removed"])
    assert objects(s3) == {"kept": b"1", "changed": b"longer", "new/file": b"2"}
    assert mirror.push(s3) == Changes()


def test_a_rewrite_of_the_same_size_is_noticed(s3: Any, mirror: Mirror) -> None:
    s3.put_object(Bucket=BUCKET, Key="hint", Body=b"1")
    mirror.pull(s3)
    write(mirror, "hint", b"2")
    os.utime(mirror.directory / "hint", ns=(1, 1))
    assert mirror.push(s3).written == ["hint"]
    assert objects(s3) == {"hint": b"2"}


def test_many_removed_files_go_in_batches(s3: Any, mirror: Mirror) -> None:
    mirror.pull(s3)
    for number in range(1001):
        write(mirror, f"f{number}", b"")
    mirror.push(s3)
    for number in range(1001):
        (mirror.directory / f"f{number}").unlink()
    assert len(mirror.push(s3).removed) == 1001
    assert objects(s3) == {}


def test_a_second_job_does_not_remove_what_the_first_is_writing(s3: Any, mirror: Mirror) -> None:
    s3.put_object(Bucket=BUCKET, Key="table", Body=b"1")
    mirror.pull(s3)
    write(mirror, "half/written", b"...")
    write(mirror, "table", b"newer")
    s3.put_object(Bucket=BUCKET, Key="landing", Body=b"1")
    mirror.pull(s3)
    assert files(mirror) == {"table": b"newer", "half/written": b"...", "landing": b"1"}
    mirror.release()
    mirror.release()
    s3.put_object(Bucket=BUCKET, Key="table", Body=b"outside")
    mirror.pull(s3)
    assert files(mirror) == {"table": b"outside", "landing": b"1"}


def test_what_the_role_may_not_read_is_not_there(s3: Any, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.put_object(Bucket=BUCKET, Key="open", Body=b"1")
    s3.put_object(Bucket=BUCKET, Key="secret", Body=b"1")
    allowed = s3.get_object

    def get_object(Bucket: str, Key: str) -> Any:  # noqa: N803
        if Key == "secret":
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "GetObject")
        return allowed(Bucket=Bucket, Key=Key)

    monkeypatch.setattr(s3, "get_object", get_object)
    assert mirror.pull(s3) == Changes(written=["open"], unreadable=["secret"])
    assert files(mirror) == {"open": b"1"}
    assert mirror.push(s3) == Changes()


def test_a_refused_removal_is_an_error(s3: Any, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.put_object(Bucket=BUCKET, Key="kept", Body=b"1")
    mirror.pull(s3)
    (mirror.directory / "kept").unlink()
    refusal = {"Errors": [{"Key": "kept", "Code": "AccessDenied", "Message": "no"}]}
    monkeypatch.setattr(s3, "delete_objects", lambda **_: refusal)
    with pytest.raises(ClientError, match="AccessDenied"):
        mirror.push(s3)


def test_a_key_can_not_lead_out_of_the_directory(s3: Any, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    page = {"Contents": [{"Key": key, "ETag": "1"} for key in ("../outside", "a//b", "/root", "./x")]}

    class Paginator:
        def paginate(self, **_: str) -> list[dict[str, Any]]:
            return [page]

    monkeypatch.setattr(s3, "get_paginator", lambda _: Paginator())
    assert mirror.pull(s3) == Changes()


def test_size_is_that_of_the_files(s3: Any, mirror: Mirror) -> None:
    s3.put_object(Bucket=BUCKET, Key="a/b", Body=b"12345")
    mirror.pull(s3)
    assert mirror.size() == 5
