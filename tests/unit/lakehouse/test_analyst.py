"""`make analyst`: credentials of the analysts' role on the embedded AWS, and how to assume it on AWS."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from embedded_aws import EmbeddedAws, hadoop_token
from lakehouse import aws
from lakehouse.commands import analyst
from lakehouse.console import Display
from lakehouse.environments import AwsEnvironment, Environment, LocalEnvironment
from lakehouse.environments import local as local_environment
from lakehouse.errors import LakehouseError
from lakehouse.project import Project
from lakehouse.terraform import Outputs
from tests.support.operator_fakes import KnownOutputs, printed

ROLE = "arn:aws:iam::123456789012:role/stedi-local-analyst"


@pytest.fixture
def deployed(outputs: Outputs) -> Outputs:
    return replace(outputs, analyst_workgroup="stedi-local-analyst", analyst_role_arn=ROLE)


class FakeSts:
    """STS that issues one session."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    def assume_role(self, **asked: Any) -> Any:
        self.asked = asked
        return {"Credentials": {"AccessKeyId": "ASIA1", "SecretAccessKey": "s/+", "SessionToken": "token=="}}


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> FakeSts:
    sts = FakeSts()

    class FakeSession:
        def client(self, service: str, **_: Any) -> Any:
            assert service == "sts"
            return sts

    monkeypatch.setattr(aws, "session", lambda _: FakeSession())
    return sts


def environment(kind: type[Environment], project: Project, display: Display, outputs: Outputs) -> Environment:
    environment = kind(project, display)
    environment.terraform = lambda: KnownOutputs(outputs)  # type: ignore[assignment,method-assign,misc]
    return environment


def test_writes_the_credentials_of_a_session_of_the_role_and_no_other(
    project: Project, display: Display, deployed: Outputs, sts: FakeSts, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = EmbeddedAws(endpoint="http://127.0.0.1:1", pid=1)
    monkeypatch.setattr(local_environment.embedded_aws, "status", lambda _: box)
    analyst.become_analyst(environment(LocalEnvironment, project, display, deployed))

    assert sts.asked == {"RoleArn": ROLE, "RoleSessionName": "analyst", "DurationSeconds": 43200}
    path = project.build / "analyst.env"
    lines = path.read_text().splitlines()
    for line in (
        "unset AWS_PROFILE",
        "export AWS_ENDPOINT_URL=http://127.0.0.1:1",
        "export AWS_ACCESS_KEY_ID=ASIA1",
        "export AWS_SECRET_ACCESS_KEY=s/+",
        "export AWS_SESSION_TOKEN=token==",
        "export STEDI_DATABASE=stedi_local",
        "export STEDI_WORKGROUP=stedi-local-analyst",
        "export PYICEBERG_CATALOG__DEFAULT__S3__SESSION_TOKEN=token==",
    ):
        assert line in lines
    (token,) = (line.removeprefix("export HADOOP_TOKEN=") for line in lines if "HADOOP_TOKEN" in line)
    assert hadoop_token.read(token) == ("ASIA1", "s/+"), "so Spark reads as the analyst too"
    assert box.credentials.access_key_id not in path.read_text()
    assert box.credentials.secret_access_key not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    assert str(path) in printed(display)


def test_on_aws_says_how_to_assume_the_role(root: Path, display: Display, deployed: Outputs) -> None:
    project = Project.at(root, "dev")
    analyst.become_analyst(environment(AwsEnvironment, project, display, deployed))
    said = printed(display)
    assert f"[profile stedi-dev-analyst]\nrole_arn = {ROLE}\n" in said
    assert 'eval "$(aws configure export-credentials --profile stedi-dev-analyst --format env)"' in said
    lines = (project.build / "analyst.env").read_text().splitlines()
    assert "export STEDI_WORKGROUP=stedi-local-analyst" in lines
    assert "export PYICEBERG_CATALOG__DEFAULT__TYPE=glue" in lines
    assert not [line for line in lines if "KEY" in line or "TOKEN" in line or "ENDPOINT" in line]


def test_without_a_role_nothing_is_written(root: Path, display: Display, outputs: Outputs) -> None:
    project = Project.at(root, "dev")
    with pytest.raises(LakehouseError, match=r"nothing was written.*analyst_role_principals.*make apply ENV=dev"):
        analyst.become_analyst(environment(AwsEnvironment, project, display, outputs))
    assert not (project.build / "analyst.env").exists()
