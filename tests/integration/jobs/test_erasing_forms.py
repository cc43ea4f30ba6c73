"""Erasure of a person from landing files of every form, record by record, even if the job is killed repeatedly."""

from __future__ import annotations

import gzip
import io
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucket_objects import Bucket, erase_records
from canonical import canonical
from forget import Arguments, Erasure
from log_streams import Logs
from person import Person, Record
from problems import BadInputError

ANN = {"email": " Ann.Lee@x.org", "customerName": "Ann Müller-Lee", "phone": "8015551212", "serialNumber": "S-77-A"}
OTHERS = [
    {"email": f"bob{number}@x.org", "note": 'ann }{ ],[ "\\', "nested": {"a": [{}, {"b": None}]}} for number in range(5)
]
PEOPLE = [ANN, *OTHERS[:2], ANN, ANN, *OTHERS[2:], ANN | {"email": None}]
READINGS = [{"user": user, "x": n} for n, user in enumerate(["bob@x.org", "ANN.lee@x.org", "ann.lee@x.org"] * 2)]
Form = Callable[[list[dict[str, Any]]], bytes]


def lines(records: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\r\n" for record in records)


def concatenated(records: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(record, ensure_ascii=False) for record in records).encode()


def array(records: list[dict[str, Any]]) -> bytes:
    return json.dumps(records).encode()


def array_of_lines(records: list[dict[str, Any]]) -> bytes:
    return b"\xef\xbb\xbf[\n" + b",\n".join(json.dumps(record).encode() for record in records) + b"\n]\n"


def pretty_printed(records: list[dict[str, Any]]) -> bytes:
    return "".join(f"{json.dumps(record, indent=2)}\n" for record in records).encode()


def pretty_printed_array(records: list[dict[str, Any]]) -> bytes:
    return json.dumps(records, indent="\t").encode()


def packed(records: list[dict[str, Any]]) -> bytes:
    content = io.BytesIO()
    with gzip.GzipFile(fileobj=content, mode="wb", mtime=0) as file:
        file.write(concatenated(records))
    return content.getvalue()


FORMS = [lines, concatenated, array, array_of_lines, pretty_printed, pretty_printed_array, packed]


class KilledError(Exception):
    """Ends a run in a test."""


class World:
    """A versioned bucket with Ann's records and readings in one form, and the job that erases them."""

    def __init__(self, form: Form) -> None:
        self.s3 = boto3.client("s3", region_name="us-east-1")
        self.s3.create_bucket(Bucket="lake")
        self.s3.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
        records = {"customer/landing/people": PEOPLE, "accelerometer/landing/readings": READINGS}
        others = {"customer/landing/people": OTHERS, "accelerometer/landing/readings": READINGS[::3]}
        alone = {"customer/landing/ann": [ANN, ANN]}
        self.before = {key: form(content) for key, content in (records | alone).items()}
        self.after = {key: form(content) for key, content in others.items()}
        self.earlier = form([ANN])
        self.s3.put_object(Bucket="lake", Key="forget/requests/r1.json", Body=b'{"emails": ["ann.lee@x.org"]}')
        self.fill()

    def fill(self) -> None:
        """Upload all files again, each with an earlier version."""
        bucket = Bucket(self.s3, "lake")
        bucket.delete(version for version in bucket.versions() if "/landing/" in version.key)
        for key, content in self.before.items():
            self.s3.put_object(Bucket="lake", Key=key, Body=self.earlier)
            self.s3.put_object(Bucket="lake", Key=key, Body=content)

    def erase(self, *, dry_run: bool = False, kill: Callable[[], None] | None = None) -> dict[str, dict[str, int]]:
        """Erase from the landing zone as the job does; `kill` is called before and after each change."""
        s3 = boto3.client("s3", region_name="us-east-1")
        others = dict.fromkeys(("subject_key_secret", "refusal_key_secret", "job_name", "job_run_id", "lease"), "")
        arguments = Arguments(database="db", bucket="lake", request="r1", dry_run=dry_run, **others)
        job = Erasure(arguments, Bucket(s3, "lake"), Mock(), Logs(Mock(), ()))
        if kill:
            for when in ("before-call", "after-call"):
                for change in ("PutObject", "DeleteObjects"):
                    s3.meta.events.register(f"{when}.s3.{change}", lambda **_: kill())
        job.person = Person.of("ann.lee@x.org").with_records([*job._records_of_person(), Record(ANN.items())])
        findings = job._look()
        return {table: job._erase_lines(findings, prefix, table) for table, prefix in job._landing.items()}

    def current(self) -> dict[str, bytes]:
        listed = self.s3.list_objects_v2(Bucket="lake", Prefix="").get("Contents", [])
        keys = [item["Key"] for item in listed if "/landing/" in item["Key"]]
        return {key: self.s3.get_object(Bucket="lake", Key=key)["Body"].read() for key in keys}

    def versions(self) -> list[str]:
        found = self.s3.list_object_versions(Bucket="lake")
        keys = [version["Key"] for version in [*found["Versions"], *found.get("DeleteMarkers", [])]]
        return sorted(key for key in keys if "/landing/" in key)


@pytest.fixture(params=FORMS, ids=lambda form: form.__name__)
def world(request: pytest.FixtureRequest, account: None, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.chdir(Path(__file__).resolve().parents[3] / "ddl")
    return World(request.param)


def test_every_record_of_the_persons_goes_and_the_file_stays_in_its_form(world: World) -> None:
    would = world.erase(dry_run=True)
    assert world.current() == world.before
    assert world.erase() == would | {
        "customer_landing": {"rows": 6, "objects_rewritten": 1, "objects_deleted": 1, "versions": 2},
        "accelerometer_landing": {"rows": 4, "objects_rewritten": 1, "objects_deleted": 0, "versions": 1},
    }
    assert world.current() == world.after, "every other record byte for byte"
    assert world.versions() == sorted(world.after)
    assert sum(table["rows"] for table in world.erase().values()) == 0


LOCAL_PARTS = st.text("aBcéÉñß\u03c3\u03a3\u0130\u0131\ufb01\u0301.'+1", min_size=1, max_size=8).filter(
    lambda text: text[0] != "\u0301"
)
SPELLINGS: list[Callable[[str], str]] = [
    str,
    str.upper,
    str.swapcase,
    str.title,
    lambda text: unicodedata.normalize("NFC", text),
    lambda text: unicodedata.normalize("NFD", text.upper()),
    lambda text: f" \t{text}\n",
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
@settings(max_examples=30, derandomize=True, deadline=None)
@given(LOCAL_PARTS, st.data())
def test_however_a_person_is_spelt_and_wherever_they_stand_all_others_keep_every_byte(
    form: Form, local: str, data: st.DataObject
) -> None:
    email = f"{local}@x.org"
    spelt = [text for spell in SPELLINGS if canonical(text := spell(email)) == canonical(email)]
    own = st.sampled_from(spelt).map(lambda text: {"user": text, "note": "one of several"})
    foreign = st.sampled_from([f"q{email}", f"{local}q@x.org", f"{local}@x.organic", "bob@x.org", "", "@"])
    others = foreign.map(lambda text: {"user": text, "of": [{"a": '}"{'}]})
    records = data.draw(st.lists(st.one_of(own, others), min_size=1, max_size=12))
    left = [record for record in records if "of" in record]
    written = io.BytesIO()
    owns = Person.of(email).with_records(()).owns
    landed = io.BufferedReader(io.BytesIO(form(records)))
    erased, anything_left = erase_records(landed, written, lambda line: owns("accelerometer_landing", line))
    assert (erased, anything_left) == (len(records) - len(left), bool(left))
    if left:
        content = written.getvalue()
        unpack = gzip.decompress if form is packed else bytes
        assert unpack(content) == unpack(form(left))


@pytest.mark.parametrize("world", [array], indirect=True)
def test_a_record_that_is_too_long_is_told_with_its_file_before_anything_is_erased(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("json_records.LONGEST", 100_000)
    key = "customer/landing/of ann.lee@x.org"
    world.s3.put_object(Bucket="lake", Key=key, Body=b'[{"email": "ann.lee@x.org"}, {"a": [' + b"1," * 60_000 + b"0]}]")
    before = world.current()
    said = r"file-\w{12} has a record of more than 100,000 bytes\..* run the same request again"
    with pytest.raises(BadInputError, match=said):
        world.erase()
    assert world.current() == before


@pytest.mark.slow
def test_a_run_that_is_killed_at_any_change_leaves_whole_files_and_the_next_makes_it_good(world: World) -> None:
    for changes in range(100):
        left = changes

        def kill() -> None:
            nonlocal left
            if not left:
                raise KilledError
            left -= 1

        world.fill()
        try:
            world.erase(kill=kill)
        except KilledError:
            assert all(content in (world.before[key], world.after.get(key)) for key, content in world.current().items())
            world.erase()
        else:
            break
        finally:
            assert (world.current(), world.versions()) == (world.after, sorted(world.after))
    assert changes >= 10, "before and after each of two uploads and of the deletions of versions"
