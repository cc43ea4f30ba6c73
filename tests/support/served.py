"""An embedded AWS that runs in the process of the tests."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from moto import settings
from moto.moto_api._internal.models import moto_api_backend

from embedded_aws import EmbeddedAws
from embedded_aws.server import build_server, embedded_aws_at, listen


@dataclass(frozen=True)
class Aws:
    """An embedded AWS, with the bucket and the database of one test."""

    embedded: EmbeddedAws
    name: str
    """Name of the bucket and of the database."""

    @property
    def endpoint(self) -> str:
        return self.embedded.endpoint

    @property
    def root(self) -> tuple[str, str]:
        """The access key of the root user."""
        return self.embedded.credentials.access_key_id, self.embedded.credentials.secret_access_key

    def client(self, service: str, **options: Any) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=self.embedded.region,
            aws_access_key_id=self.root[0],
            aws_secret_access_key=self.root[1],
            config=Config(retries={"total_max_attempts": 1}, **options),
        )

    def objects(self, prefix: str = "") -> list[str]:
        listed = self.client("s3").list_objects_v2(Bucket=self.name, Prefix=prefix)
        return [item["Key"] for item in listed.get("Contents", [])]

    def user(self, *statements: dict[str, Any]) -> tuple[str, str]:
        """Return the access key of a new user with these permissions, which apply once IAM is enforced."""
        iam, name = self.client("iam"), f"user-{uuid.uuid4().hex[:8]}"
        iam.create_user(UserName=name)
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]}
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def enforce_iam(self, *, on: bool) -> None:
        settings.INITIAL_NO_AUTH_ACTION_COUNT = 0 if on else float("inf")

    @classmethod
    def new(cls, embedded: EmbeddedAws) -> Aws:
        """Create a bucket, and a database with its tables in that bucket."""
        aws = cls(embedded, f"lake-{uuid.uuid4().hex[:8]}")
        aws.client("s3").create_bucket(Bucket=aws.name)
        aws.client("glue").create_database(
            DatabaseInput={"Name": aws.name, "LocationUri": f"s3://{aws.name}/warehouse/{aws.name}"}
        )
        return aws


def empty_account() -> None:
    """Remove the leftovers of other tests: moto keeps all accounts in the process."""
    moto_api_backend.reset()


@contextmanager
def serve(build: Path) -> Iterator[EmbeddedAws]:
    """Serve an embedded AWS in this process."""
    listener = listen(0)
    embedded = embedded_aws_at(listener)
    server, runtime = build_server(listener, embedded, build)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield embedded
    runtime.close()
    server.shutdown()
