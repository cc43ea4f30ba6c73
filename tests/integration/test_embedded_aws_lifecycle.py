"""The embedded AWS as a background process: started once, found again, stopped without leftovers."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
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

import embedded_aws


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "a project"  # with a space, as users have them
    folder.mkdir()
    yield folder
    embedded_aws.down(folder)


def client(running: embedded_aws.EmbeddedAws, service: str) -> Any:
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


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def start_sleeping_job(running: embedded_aws.EmbeddedAws) -> None:
    """Start a job that sleeps, and return when it is running."""
    s3, iam, glue = (client(running, service) for service in ("s3", "iam", "glue"))
    s3.create_bucket(Bucket="code")
    s3.put_object(Bucket="code", Key="job.py", Body=b"import time; print('ann@example.org'); time.sleep(60)")
    iam.create_role(RoleName="jobs", AssumeRolePolicyDocument="{}")
    command = {"Name": "glueetl", "ScriptLocation": "s3://code/job.py"}
    glue.create_job(Name="sleep", Role="jobs", Command=command)
    run_id = glue.start_job_run(JobName="sleep")["JobRunId"]
    eventually(lambda: glue.get_job_run(JobName="sleep", RunId=run_id)["JobRun"]["JobRunState"] == "RUNNING")


def test_up_starts_status_finds_and_down_removes_it(root: Path) -> None:
    running = embedded_aws.up(root)
    assert running.endpoint.startswith("http://127.0.0.1:")
    assert client(running, "sts").get_caller_identity()["Account"] == running.account_id
    assert embedded_aws.up(root) == running
    assert embedded_aws.status(root) == running

    start_sleeping_job(running)
    eventually(lambda: len(processes_in(root)) == 3)  # server, guard, script
    assert embedded_aws.down(root)
    assert embedded_aws.status(root) is None
    assert not embedded_aws.down(root)
    eventually(lambda: processes_in(root) == [])


def stop_job(root: Path) -> None:
    """Stop the process group of the job, as `kill -STOP` does."""

    def script() -> psutil.Process | None:
        return next((each for each in processes_in(root) if each.cmdline()[1:2] == ["job.py"]), None)

    eventually(lambda: script() is not None)  # between fork and exec it still has the guard's command line
    os.killpg(os.getpgid(script().pid), signal.SIGSTOP)


@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
def test_jobs_are_killed_with_a_killed_server(root: Path, stopped: bool) -> None:
    running = embedded_aws.up(root)
    start_sleeping_job(running)
    eventually(lambda: len(processes_in(root)) == 3)
    if stopped:
        stop_job(root)
    psutil.Process(running.pid).kill()
    eventually(lambda: processes_in(root) == [])
    assert embedded_aws.status(root) is None


def test_a_suspended_job_can_be_stopped(root: Path) -> None:
    running = embedded_aws.up(root)
    start_sleeping_job(running)
    stop_job(root)
    glue = client(running, "glue")
    run_id = glue.get_job_runs(JobName="sleep")["JobRuns"][0]["Id"]
    glue.batch_stop_job_run(JobName="sleep", JobRunIds=[run_id])
    eventually(lambda: glue.get_job_run(JobName="sleep", RunId=run_id)["JobRun"]["JobRunState"] == "STOPPED")
    assert len(processes_in(root)) == 1


def test_two_concurrent_starts_start_one_server(root: Path) -> None:
    with ThreadPoolExecutor() as pool:
        first, second = pool.map(embedded_aws.up, [root, root])
    assert first == second


def test_a_free_port_can_be_chosen_and_a_used_one_is_refused(root: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(embedded_aws.EmbeddedAwsError, match=rf"Port {port} .* in use"):
            embedded_aws.up(root, port)
        assert processes_in(root) == []
    assert embedded_aws.up(root, port).endpoint == f"http://127.0.0.1:{port}"


def leftovers(root: Path) -> set[str]:
    """Create the files that embedded AWS, jobs, Terraform and tools leave in a project; return those to keep."""
    stays = {
        "cache/spark-1.jsa",
        "dev/runs/wr_1/run.json",
        "local/forget-1.json",
        "local/runs/wr_1/run.json",
        "local/sample/customer/landing/customers-1.json",
        "local/embedded_aws.lock",
        "local/unknown.file",
        "terraform.rc",
    }
    goes = {
        "cache/spark-1.2.partial",
        "local/.terraform.tfstate.lock.info",
        "local/analyst.env",
        "local/aws.env",
        "local/aws.env.1.partial",
        "local/jobs/jr_1/output.log",
        "local/jobs/jr_1/tmp/blockmgr-1/0c/shuffle_0_0_0.data",
        "local/s3/lake/customer/landing/customers.json",
        "local/embedded_aws.json.1.partial",
        "local/embedded_aws.log",
        "local/terraform.log",
        "local/terraform.tfstate",
        "local/terraform.tfstate.backup",
    }
    for name in stays | goes:
        path = root / "build" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("ann@example.org")
    return stays


def test_down_removes_the_leftovers_of_a_crash(root: Path) -> None:
    stays = leftovers(root)
    assert not embedded_aws.down(root)
    assert files_in(root / "build") == stays


def test_a_start_removes_the_leftovers_of_a_crash(root: Path) -> None:
    stays = leftovers(root)
    embedded_aws.up(root)
    assert files_in(root / "build") == stays | {"local/embedded_aws.json", "local/embedded_aws.log"}


def test_after_a_failure_the_logs_can_be_kept(root: Path) -> None:
    logs = {"local/jobs/jr_1/output.log", "local/embedded_aws.log", "local/terraform.log"}
    stays = leftovers(root)
    embedded_aws.down(root, keep_logs=True)
    assert files_in(root / "build") == stays | logs
    embedded_aws.down(root)
    assert files_in(root / "build") == stays


def test_data_that_cannot_be_removed_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leftovers(root)

    def refuse(path: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted", str(path))

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(PermissionError):
        embedded_aws.down(root)


def test_files_that_a_dying_job_still_writes_are_removed_too(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stays, remove, tries = leftovers(root), shutil.rmtree, 0

    def interrupted(path: Path) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OSError(errno.ENOTEMPTY, "Directory not empty", str(path))
        remove(path)

    monkeypatch.setattr(shutil, "rmtree", interrupted)
    embedded_aws.down(root)
    assert files_in(root / "build") == stays


def kill(running: embedded_aws.EmbeddedAws) -> None:
    process = psutil.Process(running.pid)
    process.kill()
    process.wait()


def test_a_terminated_server_leaves_no_data(root: Path) -> None:
    running = embedded_aws.up(root)
    start_sleeping_job(running)
    assert list(root.glob("build/local/jobs/*/job.py"))
    psutil.Process(running.pid).terminate()
    eventually(lambda: processes_in(root) == [])
    assert files_in(root / "build") == {"local/embedded_aws.lock"}


def test_the_next_command_removes_the_data_of_a_killed_server(root: Path) -> None:
    first = embedded_aws.up(root)
    start_sleeping_job(first)
    kill(first)
    assert list(root.glob("build/local/jobs/*/job.py"))
    second = embedded_aws.up(root)
    assert files_in(root / "build") == {"local/embedded_aws.lock", "local/embedded_aws.json", "local/embedded_aws.log"}
    assert second.credentials.access_key_id != first.credentials.access_key_id
    assert client(second, "s3").list_buckets()["Buckets"] == []
    stays = leftovers(root)
    kill(second)
    assert not embedded_aws.down(root)
    assert files_in(root / "build") == stays
    eventually(lambda: processes_in(root) == [])


def test_the_copy_of_a_project_has_an_embedded_aws_of_its_own(root: Path) -> None:
    original, copy = embedded_aws.up(root), root.with_name("copy")
    leftovers(root)
    shutil.copytree(root, copy)
    assert embedded_aws.status(copy) is None
    assert not embedded_aws.down(copy)
    assert not (copy / "build/local/jobs").exists()
    assert embedded_aws.status(root) == original
    assert (root / "build/local/jobs").exists()


@pytest.mark.parametrize("command", ["up", "down"])
def test_the_embedded_aws_of_a_moved_project_is_stopped_and_its_data_removed(root: Path, command: str) -> None:
    before = embedded_aws.up(root)
    stays = leftovers(root)
    moved = root.rename(root.with_name("moved"))
    try:
        assert embedded_aws.status(moved) is None, "its server still uses the old path"
        if command == "down":
            assert embedded_aws.down(moved)
            assert files_in(moved / "build") == stays
        else:
            assert embedded_aws.up(moved).pid != before.pid
            assert not (moved / "build/local/jobs").exists()
        assert not psutil.pid_exists(before.pid) or psutil.Process(before.pid).status() == psutil.STATUS_ZOMBIE
        assert not root.exists()
    finally:
        embedded_aws.down(moved)


def test_a_server_does_not_wipe_the_folder_of_another(root: Path) -> None:
    running = embedded_aws.up(root)
    (root / "build/local/embedded_aws.json").write_text(json.dumps({"pid": running.pid + 1}))
    stays = leftovers(root)
    psutil.Process(running.pid).terminate()
    eventually(lambda: processes_in(root) == [])
    assert files_in(root / "build") > stays


def test_existing_and_new_files_are_readable_by_the_owner_only(root: Path) -> None:
    stays = leftovers(root)
    for path in [root / "build", *(root / "build").rglob("*")]:
        path.chmod(0o777 if path.is_dir() else 0o666)
    outside = root / "outside"
    outside.mkdir(mode=0o755)
    (root / "build/link").symlink_to(outside)
    start_sleeping_job(embedded_aws.up(root))
    modes = {path: path.lstat().st_mode & 0o777 for path in [root / "build", *(root / "build").rglob("*")]}
    del modes[root / "build/link"]
    assert len(modes) > len(stays)
    assert {path: oct(mode) for path, mode in modes.items() if mode & 0o077} == {}
    assert outside.stat().st_mode & 0o777 == 0o755


def test_another_process_with_the_same_id_is_not_touched(root: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(60)", "embedded_aws.server"]
    with subprocess.Popen(command, cwd=root) as other:
        state = {
            "folder": str(root / "build" / "local"),
            "endpoint": "http://127.0.0.1:1",
            "pid": other.pid,
            "created": psutil.Process(other.pid).create_time() - 100,
            "region": "us-east-1",
            "account_id": "123456789012",
            "credentials": {"access_key_id": "a", "secret_access_key": "b", "session_token": None},
        }
        local = root / "build" / "local"
        local.mkdir(parents=True)
        (local / "embedded_aws.json").write_text(json.dumps(state))
        assert embedded_aws.status(root) is None
        assert not embedded_aws.down(root)
        assert other.poll() is None
        other.kill()


def test_the_users_aws_settings_do_not_reach_the_server(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "a profile that does not exist")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    running = embedded_aws.up(root)
    environ = psutil.Process(running.pid).environ()
    assert "AWS_PROFILE" not in environ
    assert "AWS_ENDPOINT_URL" not in environ
    monkeypatch.delenv("AWS_PROFILE")
    assert client(running, "s3").list_buckets()["Buckets"] == []


def test_environ_is_sufficient_for_a_client(root: Path) -> None:
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environ = clean | embedded_aws.up(root).environ()
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "123456789012"


def presigned(running: embedded_aws.EmbeddedAws, operation: str, **parameters: str) -> bytes:
    """Return request line and Host header of a pre-signed request."""
    url = urlsplit(client(running, "s3").generate_presigned_url(operation, parameters, ExpiresIn=60))
    method = {"list_buckets": "GET", "create_bucket": "PUT", "put_object": "PUT"}[operation]
    return f"{method} {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\n".encode()


def test_a_response_is_sent_in_one_write(root: Path) -> None:
    running = embedded_aws.up(root)
    address = urlsplit(running.endpoint)
    for _ in range(20):
        with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
            connection.sendall(presigned(running, "list_buckets") + b"\r\n")
            answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200")
            assert answer.endswith(b"</ListAllMyBucketsResult>")


def test_a_client_that_expects_100_continue_gets_it(root: Path) -> None:
    running = embedded_aws.up(root)
    client(running, "s3").create_bucket(Bucket="lake")
    address = urlsplit(running.endpoint)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        head = presigned(running, "put_object", Bucket="lake", Key="k")
        connection.sendall(head + b"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 100")
        connection.sendall(b"123456789")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
