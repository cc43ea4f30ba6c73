"""Rows that a job keeps for the next run are in a file by their name, and a file that is damaged is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.exceptions import ClientError

import kept_rows
from kept_rows import PEOPLE
from problems import BadInputError
from tests.support.folder_s3 import FolderS3

ROWS = [("S1", "Anna@stedi.test", 3), ("S1", "anna@stedi.test", 1), ("S2", "zoë@stedi.test", 2**40)]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Answer for S3 from a folder, and return that of the files."""
    monkeypatch.setattr(kept_rows, "client", lambda: FolderS3(tmp_path))
    return tmp_path / "lake" / PEOPLE.prefix


@pytest.mark.parametrize("rows", [ROWS, []], ids=["some", "none"])
def test_what_is_kept_is_loaded_by_its_name(rows: list[tuple[str, str, int]]) -> None:
    PEOPLE.keep("bucket/lake", "a1", rows)
    assert PEOPLE.load("bucket/lake", "a1") == rows
    assert PEOPLE.load("bucket/lake", "b2") is None


def test_others_are_deleted(folder: Path) -> None:
    for name in ("a1", "b2", "b2", "c3"):
        PEOPLE.keep("bucket/lake", name, ROWS)
    PEOPLE.delete_others("bucket/lake", {"b2", "c3", "d4"})
    assert sorted(file.name for file in folder.iterdir()) == ["b2.parquet", "c3.parquet"]
    PEOPLE.delete_others("bucket/lake", [])
    assert not [*folder.iterdir()]


@pytest.mark.parametrize("start", [0, 4, 40, -12])
def test_a_damaged_file_is_none(folder: Path, start: int) -> None:
    PEOPLE.keep("bucket/lake", "a1", ROWS)
    (file,) = folder.iterdir()
    content = bytearray(file.read_bytes())
    content[start : start + 20] = bytes(20)
    file.write_bytes(content)
    assert PEOPLE.load("bucket/lake", "a1") is None


def test_a_file_without_a_column_is_none(folder: Path) -> None:
    PEOPLE.keep("bucket/lake", "a1", ROWS)
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes().replace(b"user", b"usex"))
    assert PEOPLE.load("bucket/lake", "a1") is None


def test_a_refusal_names_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    class Denied(FolderS3):
        def get_object(self, **_: str) -> dict[str, object]:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")

        put_object = get_object

    monkeypatch.setattr(kept_rows, "client", lambda: Denied(Path()))
    with pytest.raises(BadInputError, match=r"s3://bucket/lake/parsed/.*/a1\.parquet cannot be read: .*AccessDenied"):
        PEOPLE.load("bucket/lake", "a1")
    with pytest.raises(BadInputError, match=r"below s3://bucket/lake/parsed/.* cannot be written .*AccessDenied"):
        PEOPLE.keep("bucket/lake", "a1", ROWS)
