"""The lease on the S3 of the embedded AWS: of many that want it at once, exactly one gets it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest

import embedded_aws
from lakehouse.lease import Lease, LeaseError, Operation

CONTENDERS = 8
ROUNDS = 5
BUCKET = "lake"


@pytest.fixture
def lease_of(tmp_path: Path) -> Iterator[Callable[[str], Lease]]:
    box = embedded_aws.up(tmp_path)

    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=box.endpoint,
            region_name=box.region,
            aws_access_key_id=box.credentials.access_key_id,
            aws_secret_access_key=box.credentials.secret_access_key,
        )

    def lease_of(operation: str) -> Lease:
        named = Operation(operation, "ada@laptop", f"make {operation}", command=True)
        return Lease(client("s3"), client("glue"), BUCKET, named)

    client("s3").create_bucket(Bucket=BUCKET)
    yield lease_of
    embedded_aws.down(tmp_path)


def test_of_many_at_once_exactly_one_gets_it(lease_of: Callable[[str], Lease]) -> None:
    for turn in range(ROUNDS):  # the first where there is no lease yet, the others where one was released
        contenders = [lease_of(f"operation-{turn}-{number}") for number in range(CONTENDERS)]
        start = threading.Barrier(CONTENDERS)

        def contend(own: Lease, start: threading.Barrier = start) -> Lease | None:
            start.wait()
            try:
                own.take()
            except LeaseError:
                return None
            return own

        with ThreadPoolExecutor(CONTENDERS) as pool:
            winners = [own for own in pool.map(contend, contenders) if own]
        assert len(winners) == 1
        found = winners[0].read()
        assert found
        assert found.operation.id == winners[0].operation.id
        assert not found.free  # by the clock of S3, which the answer carries
        winners[0].release()
