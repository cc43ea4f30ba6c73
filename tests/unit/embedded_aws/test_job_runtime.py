from __future__ import annotations

from pathlib import Path

from werkzeug.exceptions import NotFound

from embedded_aws.callers import Callers
from embedded_aws.connection import EmbeddedAws
from embedded_aws.job_run import JobRun, JobSpec
from embedded_aws.job_runtime import JobRuntime


def test_a_run_without_a_work_folder_fails_with_one_message(tmp_path: Path) -> None:
    (tmp_path / "local").touch()
    runtime = JobRuntime(tmp_path, Callers(NotFound(), EmbeddedAws("http://127.0.0.1:9", 0)))
    run = JobRun(JobSpec("job", "role", "s3://lake/job.py"), {})
    ended: list[JobRun] = []
    runtime._run(run, ended.append)
    assert (ended, run.state) == ([run], "FAILED")
    place = runtime.jobs_folder / run.id
    assert run.error == f"{place} cannot be used: Not a directory. Fix the cause and run again."
