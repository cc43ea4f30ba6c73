"""The embedded AWS as a background process: started once, found again, and gone without a trace."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import psutil
import pytest

from lakehouse import sandbox


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "a project"  # with a space, as people have them
    folder.mkdir()
    yield folder
    sandbox.down(folder)


def client(running: sandbox.Sandbox, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=running.endpoint,
        region_name=running.region,
        aws_access_key_id=running.credentials.access_key_id,
        aws_secret_access_key=running.credentials.secret_access_key,
    )


def processes_in(root: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(root) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, FileNotFoundError):
            continue
    return found


def eventually(condition: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def start_sleeping_job(running: sandbox.Sandbox) -> None:
    """Run a job that sleeps, and return when it does."""
    s3, iam, glue = (client(running, service) for service in ("s3", "iam", "glue"))
    s3.create_bucket(Bucket="code")
    s3.put_object(Bucket="code", Key="job.py", Body=b"import time; time.sleep(60)")
    iam.create_role(RoleName="jobs", AssumeRolePolicyDocument="{}")
    command = {"Name": "glueetl", "ScriptLocation": "s3://code/job.py"}
    glue.create_job(Name="sleep", Role="jobs", Command=command)
    run_id = glue.start_job_run(JobName="sleep")["JobRunId"]
    eventually(lambda: glue.get_job_run(JobName="sleep", RunId=run_id)["JobRun"]["JobRunState"] == "RUNNING")


def test_up_serves_and_is_found_again_and_down_leaves_nothing(root: Path) -> None:
    running = sandbox.up(root)
    assert running.endpoint.startswith("http://127.0.0.1:")
    assert client(running, "sts").get_caller_identity()["Account"] == running.account_id
    assert sandbox.up(root) == running
    assert sandbox.status(root) == running

    start_sleeping_job(running)
    eventually(lambda: len(processes_in(root)) == 3)  # server, guard, script
    assert sandbox.down(root)
    assert sandbox.status(root) is None
    assert not sandbox.down(root)
    eventually(lambda: processes_in(root) == [])


def test_jobs_die_with_a_server_that_is_killed(root: Path) -> None:
    running = sandbox.up(root)
    start_sleeping_job(running)
    eventually(lambda: len(processes_in(root)) == 3)
    psutil.Process(running.pid).kill()
    eventually(lambda: processes_in(root) == [])
    assert sandbox.status(root) is None


def test_two_at_once_start_one(root: Path) -> None:
    with ThreadPoolExecutor() as pool:
        first, second = pool.map(sandbox.up, [root, root])
    assert first == second


def test_the_port_can_be_chosen_but_not_shared(root: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(sandbox.SandboxError, match=rf"Port {port} .* in use"):
            sandbox.up(root, port)
        assert processes_in(root) == []
    assert sandbox.up(root, port).endpoint == f"http://127.0.0.1:{port}"


def test_a_fresh_start_forgets_what_the_last_one_held(root: Path) -> None:
    local = root / "build" / "local"
    (local / "s3" / "bucket").mkdir(parents=True)
    (root / "build" / "cache").mkdir()
    (root / "build" / "cache" / "spark-1.2.partial").touch()
    (root / "build" / "cache" / "spark-1.jsa").touch()
    for name in ("terraform.tfstate", "terraform.tfstate.backup", "aws.env"):
        (local / name).touch()
    sandbox.up(root)
    left = {path.name for path in local.iterdir()}
    assert "aws.env" in left
    assert not left & {"s3", "terraform.tfstate", "terraform.tfstate.backup"}
    assert [path.name for path in (root / "build" / "cache").iterdir()] == ["spark-1.jsa"]


def test_a_process_that_got_the_same_id_is_left_alone(root: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "lakehouse.sandbox.server"]) as other:
        state = {
            "endpoint": "http://127.0.0.1:1",
            "pid": other.pid,
            "created": psutil.Process(other.pid).create_time() - 100,
            "region": "us-east-1",
            "account_id": "123456789012",
            "credentials": {"access_key_id": "a", "secret_access_key": "b", "session_token": None},
        }
        local = root / "build" / "local"
        local.mkdir(parents=True)
        (local / "sandbox.json").write_text(json.dumps(state))
        assert sandbox.status(root) is None
        assert not sandbox.down(root)
        assert other.poll() is None
        other.kill()


def test_the_users_own_aws_settings_do_not_reach_the_server(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "a profile that does not exist")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    running = sandbox.up(root)
    environ = psutil.Process(running.pid).environ()
    assert "AWS_PROFILE" not in environ
    assert "AWS_ENDPOINT_URL" not in environ
    monkeypatch.delenv("AWS_PROFILE")
    assert client(running, "s3").list_buckets()["Buckets"] == []


def test_environ_is_all_that_a_client_needs(root: Path) -> None:
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environ = clean | sandbox.up(root).environ()
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "123456789012"


def test_an_answer_comes_in_one_piece(root: Path) -> None:
    address = urlsplit(sandbox.up(root).endpoint)
    for _ in range(20):
        with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: s3.amazonaws.com\r\n\r\n")
            answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200")
            assert answer.endswith(b"</ListAllMyBucketsResult>")


def test_a_client_that_waits_before_its_body_is_told_to_go_on(root: Path) -> None:
    address = urlsplit(sandbox.up(root).endpoint)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(
            b"PUT /test HTTP/1.1\r\nHost: s3.amazonaws.com\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
        )
        assert connection.recv(65536).startswith(b"HTTP/1.1 100")
