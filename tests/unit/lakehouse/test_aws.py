"""The environment that decides which AWS is reached."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import boto3
import pytest

from lakehouse import aws

BOX = {"AWS_ENDPOINT_URL": "http://127.0.0.1:5000", "AWS_ACCESS_KEY_ID": "box", "AWS_SECRET_ACCESS_KEY": "it's $ecret"}


def test_a_local_run_cannot_reach_the_account_of_the_shell() -> None:
    shell = {
        "PATH": "/bin",
        "AWS_PROFILE": "prod",
        "AWS_SESSION_TOKEN": "real",
        "AWS_ENDPOINT_URL_S3": "https://s3.example.com",
        "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/prod",
        "AWS_ACCESS_KEY_ID": "real",
        "no_proxy": "internal",
    }
    environment = aws.only(BOX, shell)
    assert {key: value for key, value in environment.items() if key.startswith("AWS_")} == BOX | {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    assert environment["PATH"] == "/bin"
    assert environment["NO_PROXY"] == "internal,127.0.0.1,localhost"


def test_boto3_takes_exactly_that_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("[default]\nregion = eu-west-1\naws_access_key_id = real\naws_secret_access_key = real\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "not-there")
    with aws.process_environment(aws.only(BOX)):
        session = aws.session("us-east-1")
        assert session.client("s3").meta.endpoint_url == BOX["AWS_ENDPOINT_URL"]
        credentials = session.get_credentials()
        assert credentials is not None
        assert credentials.access_key == "box"
    assert os.environ["AWS_PROFILE"] == "not-there"
    assert "AWS_ENDPOINT_URL" not in os.environ


def test_the_environment_comes_back_after_an_error() -> None:
    before = dict(os.environ)

    def fail_inside() -> None:
        with aws.process_environment({"ONLY": "this"}):
            assert dict(os.environ) == {"ONLY": "this"}
            raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        fail_inside()
    assert dict(os.environ) == before


def test_retries_follow_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    client = boto3.Session(region_name="us-east-1").client("glue", config=aws.CONFIG)
    assert client.meta.config.retries == {"mode": "standard", "total_max_attempts": 2}


def test_a_shell_can_source_the_exports(tmp_path: Path) -> None:
    path = tmp_path / "build" / "aws.env"
    aws.write_exports(path, BOX, unset=("AWS_PROFILE",))
    done = subprocess.run(
        ["bash", "-c", f"source '{path}'; env -0"],
        env={"PATH": os.environ["PATH"], "AWS_PROFILE": "prod"},
        capture_output=True,
        text=True,
        check=True,
    )
    variables = dict(line.split("=", 1) for line in done.stdout.split("\0") if line)
    assert {key: value for key, value in variables.items() if key.startswith("AWS_")} == BOX
    assert path.stat().st_mode & 0o777 == 0o600
