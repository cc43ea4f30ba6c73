"""Whom training rows combine is kept in one file, and a file that is damaged is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.exceptions import ClientError

import known_people
from problems import BadInputError
from tests.support.folder_s3 import FolderS3

PEOPLE = {("S1", "Anna@stedi.test"): 3, ("S1", "anna@stedi.test"): 1, ("S2", "zoë@stedi.test"): 2**40}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Answer for S3 from a folder, and return that of the files."""
    monkeypatch.setattr(known_people, "client", lambda: FolderS3(tmp_path))
    return tmp_path / "lake" / known_people.PREFIX


@pytest.mark.parametrize("people", [PEOPLE, {}], ids=["some", "none"])
def test_what_is_kept_is_loaded_by_its_derivation(people: dict[tuple[str, str], int]) -> None:
    known_people.keep("bucket/lake", "a1", people)
    assert known_people.load("bucket/lake", "a1") == people
    assert known_people.load("bucket/lake", "b2") is None


def test_only_the_last_are_kept(folder: Path) -> None:
    for derivation in ("a1", "b2", "b2"):
        known_people.keep("bucket/lake", derivation, PEOPLE)
    assert [file.name for file in folder.iterdir()] == ["b2.parquet"]


@pytest.mark.parametrize("start", [0, 4, 40, -12])
def test_a_damaged_file_is_none(folder: Path, start: int) -> None:
    known_people.keep("bucket/lake", "a1", PEOPLE)
    (file,) = folder.iterdir()
    content = bytearray(file.read_bytes())
    content[start : start + 20] = bytes(20)
    file.write_bytes(content)
    assert known_people.load("bucket/lake", "a1") is None


def test_a_file_without_a_column_is_none(folder: Path) -> None:
    known_people.keep("bucket/lake", "a1", PEOPLE)
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes().replace(b"user", b"usex"))
    assert known_people.load("bucket/lake", "a1") is None


def test_a_refusal_names_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    class Denied(FolderS3):
        def get_object(self, **_: str) -> dict[str, object]:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")

        put_object = get_object

    monkeypatch.setattr(known_people, "client", lambda: Denied(Path()))
    with pytest.raises(BadInputError, match=r"s3://bucket/lake/parsed/.*/a1\.parquet cannot be read: .*AccessDenied"):
        known_people.load("bucket/lake", "a1")
    with pytest.raises(BadInputError, match=r"below s3://bucket/lake/parsed/.* cannot be written .*AccessDenied"):
        known_people.keep("bucket/lake", "a1", PEOPLE)
