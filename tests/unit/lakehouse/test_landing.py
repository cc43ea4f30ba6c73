"""What is accepted as landing data, and what is in the landing zone afterwards."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path
from typing import Any

import boto3
import pytest

from lakehouse import landing
from lakehouse.errors import DataError


@pytest.fixture
def s3(account: None) -> Any:
    client = boto3.client("s3")
    client.create_bucket(Bucket="lake")
    return client


def keys(s3: Any) -> set[str]:
    return {item["Key"] for item in s3.list_objects_v2(Bucket="lake").get("Contents", [])}


def test_takes_both_layouts_nested_folders_and_compressed_files(landing_folder: Path) -> None:
    shutil.rmtree(landing_folder / "step_trainer" / "landing")
    (landing_folder / "step_trainer" / "2026").mkdir()
    (landing_folder / "step_trainer" / "2026" / "steps.json.gz").write_bytes(gzip.compress(b"{}\n"))
    found = landing.find(landing_folder)
    assert set(found.files) == {
        "customer/landing/customer.json",
        "accelerometer/landing/accelerometer.json",
        "step_trainer/landing/2026/steps.json.gz",
    }


def test_leaves_out_what_spark_would_leave_out(landing_folder: Path) -> None:
    folder = landing_folder / "customer" / "landing"
    for name in ("_temporary", "x._COPYING_", "_dt=2026"):
        (folder / name).mkdir()
    (folder / "_dt=2026" / "_k=v.json").write_text("{}\n")
    hidden = (".hidden.json", "_started.json", "_temporary/part.json", "x._COPYING_/copy.json")
    for name in (*hidden, "README.md", "empty.json"):
        (folder / name).write_text("" if name == "empty.json" else "{}\n")
    (landing_folder / "customer" / "beside.json").write_text("{}\n")
    found = landing.find(landing_folder)
    assert [key for key in found.files if key.startswith("customer/")] == [
        "customer/landing/customer.json",
        "customer/landing/_dt=2026/_k=v.json",
    ]
    assert {file.name for file in found.left_out} == {
        ".hidden.json",
        "_started.json",
        "part.json",
        "copy.json",
        "README.md",
        "beside.json",
    }


@pytest.mark.parametrize(
    "name", ["a b", "a=b", "50%", "100%25", "#1?", "+&;'", "{x}*[y]", "18:57:11.425Z", "\u00e9\U0001f600", "n" * 240]
)
def test_a_file_of_any_name_gets_there(s3: Any, landing_folder: Path, name: str) -> None:
    (landing_folder / "customer" / "landing" / f"{name}.json").write_text('{"a": 1}\n')
    data = landing.find(landing_folder)
    landing.replace(s3, "lake", data)
    landing.replace(s3, "lake", data)  # nor is it taken for a stale one
    assert s3.get_object(Bucket="lake", Key=f"customer/landing/{name}.json")["Body"].read() == b'{"a": 1}\n'


@pytest.mark.parametrize("name", [b"line\nfeed", b"\x01", b"no utf-8 \xff"])
def test_refuses_a_name_that_no_object_can_have(landing_folder: Path, name: bytes) -> None:
    Path(os.fsdecode(os.fsencode(landing_folder / "customer" / "landing") + b"/" + name + b".json")).write_text("{}\n")
    with pytest.raises(DataError, match="has a character in its name"):
        landing.find(landing_folder)


def test_refuses_a_name_that_is_too_long_for_an_object(landing_folder: Path) -> None:
    deep = (landing_folder / "customer" / "landing").joinpath(*["folder" * 40] * 5)
    deep.mkdir(parents=True)
    (deep / "part.json").write_text("{}\n")
    with pytest.raises(DataError, match="a key longer than S3's 1024 bytes"):
        landing.find(landing_folder)


def test_follows_links_but_not_in_circles(landing_folder: Path) -> None:
    elsewhere = (landing_folder / "customer" / "landing").rename(landing_folder / "elsewhere")
    (landing_folder / "customer" / "landing").symlink_to(elsewhere)
    (elsewhere / "circle").symlink_to(elsewhere)
    (elsewhere / "again").symlink_to(landing_folder / "step_trainer" / "landing")
    assert [key for key in landing.find(landing_folder).files if key.startswith("customer/")] == [
        "customer/landing/customer.json",
        "customer/landing/again/step_trainer.json",
    ]


def test_refuses_a_link_to_nowhere(landing_folder: Path) -> None:
    (landing_folder / "customer" / "landing" / "gone.json").symlink_to("nowhere")
    with pytest.raises(DataError, match=r"cannot be read: .*gone\.json"):
        landing.find(landing_folder)


def test_refuses_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere does not exist.*DATA must be a folder"):
        landing.find(tmp_path / "nowhere")


def test_refuses_a_file(tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text("{}")
    with pytest.raises(DataError, match=r"data\.json is a file"):
        landing.find(tmp_path / "data.json")


def test_refuses_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"is empty.*customer/landing/"):
        landing.find(tmp_path)


def test_names_every_entity_that_is_missing(landing_folder: Path) -> None:
    shutil.rmtree(landing_folder / "accelerometer")
    (landing_folder / "step_trainer" / "landing" / "step_trainer.json").write_text("")
    with pytest.raises(DataError, match="has no data for: accelerometer, step_trainer"):
        landing.find(landing_folder)


def test_refuses_a_file_that_cannot_be_read(landing_folder: Path) -> None:
    (landing_folder / "customer" / "landing" / "broken.json.gz").write_text("not compressed")
    with pytest.raises(DataError, match=r"broken\.json\.gz cannot be read"):
        landing.find(landing_folder)


def test_landing_zone_holds_exactly_the_data(s3: Any, landing_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing, "KEYS_PER_DELETE", 2)
    stale = {f"customer/landing/old-{number}.json" for number in range(5)} | {"step_trainer/landing/a/b.json"}
    others = {"glue/scripts/landing.py", "warehouse/stedi/customer_trusted/metadata/v1.json", "customer/notes.txt"}
    for key in stale | others:
        s3.put_object(Bucket="lake", Key=key, Body=b"old")
    s3.put_object(Bucket="lake", Key="customer/landing/customer.json", Body=b"old")

    data = landing.find(landing_folder)
    assert set(landing.stale_keys(s3, "lake", data)) == stale
    landing.replace(s3, "lake", data)

    assert keys(s3) == set(data.files) | others
    assert s3.get_object(Bucket="lake", Key="customer/landing/customer.json")["Body"].read() == b"{}\n"


def test_a_large_file_is_uploaded_in_parts(s3: Any, landing_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing, "IN_PARTS", 5)
    (landing_folder / "customer" / "landing" / "large.json").write_text('{"a": 1}\n')
    uploaded: list[str] = []
    upload_file = s3.upload_file
    monkeypatch.setattr(s3, "upload_file", lambda *a, **k: (uploaded.append(a[2]), upload_file(*a, **k)))
    landing.replace(s3, "lake", landing.find(landing_folder))
    assert uploaded == ["customer/landing/large.json"], "the others, of 3 bytes each, are not"
    assert s3.get_object(Bucket="lake", Key=uploaded[0])["Body"].read() == b'{"a": 1}\n'


def test_an_upload_tells_how_far_it_is(s3: Any, landing_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing, "IN_PARTS", 500_000)
    (landing_folder / "customer" / "landing" / "large.json").write_bytes(b"1" * 900_000)
    (landing_folder / "customer" / "landing" / "small.json").write_bytes(b"1" * 100_000)
    told: list[tuple[str, float | None]] = []
    landing.replace(s3, "lake", landing.find(landing_folder), lambda *given: told.append(given))
    assert len(told) == 5, "one for each file"
    assert told[-1] == ("1.0 of 1.0 MB", 1.0)
    shares = [share for _, share in told if share is not None]
    assert shares == sorted(shares)


def test_nothing_is_deleted_when_an_upload_fails(s3: Any, landing_folder: Path) -> None:
    s3.put_object(Bucket="lake", Key="customer/landing/old.json", Body=b"old")
    data = landing.find(landing_folder)
    (landing_folder / "customer" / "landing" / "customer.json").unlink()
    with pytest.raises(FileNotFoundError):
        landing.replace(s3, "lake", data)
    assert "customer/landing/old.json" in keys(s3)
