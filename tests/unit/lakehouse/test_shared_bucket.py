"""The operator's commands and the erasure's bucket in a shared bucket: they reach nothing beside their prefix."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import boto3
import pytest

from lakehouse import file_numbers, landing
from lakehouse.erasure import ErasureJob
from lakehouse.file_name_lookup import find_names
from lakehouse.lease import KEY, Lease, Operation
from lakehouse.s3_root import split
from lakehouse.terraform import Outputs

ROOT, PREFIX = "lake/teams/stedi", "teams/stedi/"
OTHERS = ["customer/landing/a.json", "teams/stedi-two/customer/landing/a.json", KEY]


@pytest.fixture
def s3(account: None) -> Iterator[Any]:
    """A bucket with objects of other teams; at the end they are unchanged."""
    client = boto3.client("s3")
    client.create_bucket(Bucket="lake")
    client.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
    for key in OTHERS:
        client.put_object(Bucket="lake", Key=key, Body=b"{}")
    before = versions(client, OTHERS)
    yield client
    assert versions(client, OTHERS) == before


def versions(s3: Any, wanted: list[str]) -> list[tuple[str, str]]:
    found = s3.list_object_versions(Bucket="lake")
    return [
        (v["Key"], v["VersionId"]) for v in found["Versions"] + found.get("DeleteMarkers", []) if v["Key"] in wanted
    ]


def keys(s3: Any) -> set[str]:
    return {item["Key"] for item in s3.list_objects_v2(Bucket="lake")["Contents"]} - set(OTHERS)


def test_a_root_is_a_bucket_or_a_prefix_in_it() -> None:
    assert split("lake") == ("lake", "")
    assert split(ROOT) == ("lake", PREFIX)


def test_outputs_have_the_root_and_those_of_earlier_versions_the_bucket(outputs: Outputs) -> None:
    values = {"lakehouse": {"value": vars(outputs) | {"root": ROOT}}}
    assert Outputs.of(values, "dev") == replace(outputs, bucket=ROOT)
    assert Outputs.of({"lakehouse": {"value": vars(outputs)}}, "dev") == outputs


def test_landing_data_replaces_that_of_the_lakehouse(s3: Any, landing_folder: Path) -> None:
    s3.put_object(Bucket="lake", Key=f"{PREFIX}customer/landing/stale.json", Body=b"{}")
    data = landing.find(landing_folder)
    assert landing.stale_keys(s3, ROOT, data) == [f"{PREFIX}customer/landing/stale.json"]
    landing.replace(s3, ROOT, data)
    assert keys(s3) == {f"{PREFIX}{key}" for key in data.files}


def test_an_erasure_request_is_below_the_prefix(s3: Any, outputs: Outputs) -> None:
    job = ErasureJob(Mock(), s3, replace(outputs, bucket=ROOT), 0, "op")
    request, resumed = job.request(["ann@x.org"])
    assert not resumed
    assert keys(s3) == {f"{PREFIX}forget/requests/{request}.json"}
    assert job.request(["ann@x.org"], accept=["a"]) == (request, True)
    (version,) = versions(s3, [f"{PREFIX}forget/requests/{request}.json"])
    stored = s3.get_object(Bucket="lake", Key=version[0])["Body"].read()
    assert json.loads(stored) == {"emails": ["ann@x.org"], "accept": ["a"]}


def test_names_are_looked_up_below_the_prefix(s3: Any) -> None:
    key = f"{PREFIX}customer/landing/b.json"
    s3.put_object(Bucket="lake", Key=key, Body=b"{}")
    numbers = {name: file_numbers.of(f"s3://lake/{name}") for name in (key, *OTHERS)}
    assert find_names(s3, ROOT, " ".join(numbers.values())) == {numbers[key]: key}


def test_the_lease_is_below_the_prefix(s3: Any) -> None:
    lease = Lease(s3, Mock(), ROOT, Operation("one", "ann", "make apply"))
    lease.take()
    lease.release()  # ends the thread that renews it
    assert keys(s3) == {f"{PREFIX}{KEY}"}


def test_messages_mask_landing_files_below_a_prefix() -> None:
    uri = f"s3://{ROOT}/customer/landing/ann@x.org.json"
    assert file_numbers.mask_names(f"Cannot read {uri}.").startswith(f"Cannot read {file_numbers.of(uri)}. ")
