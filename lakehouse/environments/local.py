"""The environment on the embedded AWS of this machine."""

from __future__ import annotations

import os
import re
import shlex
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from lakehouse import analyst, aws, embedded_aws, tables
from lakehouse.checkout_lock import checkout_lock
from lakehouse.console import Display
from lakehouse.environments.base import Confirm, Environment
from lakehouse.errors import LakehouseError, WorkflowError
from lakehouse.job_logs import CloudWatchLogs, JobLogs, KeptLogs
from lakehouse.landing import FolderData
from lakehouse.landing_bucket import S3Folder
from lakehouse.landing_input import landing_data
from lakehouse.lease_holder import LeaseHolder
from lakehouse.project import Project
from lakehouse.report import explain_interruption
from lakehouse.run_ids import matching, short
from lakehouse.terraform import Outputs, Terraform
from lakehouse.workflow import JobRun, Workflow

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient

TERRAFORM_SECONDS = 300
AWS_COMMAND = re.compile(r"aws glue [\w-]+( --[\w-]+ [\w-]+)+")


class LocalEnvironment(Environment):
    """An environment that a command can build again from nothing, so no command asks before it changes it."""

    poll_seconds = 0.4
    one_command_at_a_time = True
    run_applies = True

    def __init__(self, project: Project, display: Display, port: int = 0) -> None:
        super().__init__(project, display)
        self.port = port
        """Of the embedded AWS, when a command starts it; 0 takes a free one."""

    @property
    def option(self) -> str:
        """Nothing: ENV=local is the default."""
        return ""

    def lock(self, purpose: str) -> AbstractContextManager[None]:
        """Take the lock of the checkout: before the first apply there is no bucket for a lease."""
        return checkout_lock(self.project.root / "build" / "operation.lock", purpose)

    @contextmanager
    def connect(self, *, start: bool = False, keep: bool = True) -> Iterator[None]:
        """Point this process to the embedded AWS and to no other.

        An embedded AWS that this command started is stopped again if the command fails, unless a run has failed.
        """
        running = embedded_aws.status(self.project.root)
        was_up = running is not None
        if running is None and not start:
            raise LakehouseError("The embedded AWS is not running. Start it: make apply")
        try:
            if running is None:
                with self.display.step("Embedded AWS") as tell:
                    running = embedded_aws.up(self.project.root, self.port)
                    tell(f"up at {running.endpoint}")
            with aws.process_environment(aws.only(running.environ())):
                yield
            if not (was_up or keep):
                embedded_aws.down(self.project.root)
        except WorkflowError:  # `make rerun` continues the failed run, whose tables are here
            raise
        except BaseException:
            if not was_up:
                embedded_aws.down(self.project.root, keep_logs=True)
            raise

    def is_running(self) -> bool:
        """Whether the embedded AWS is running."""
        return embedded_aws.status(self.project.root) is not None

    def still_running(self) -> str:
        """Say whether the embedded AWS is running."""
        running = embedded_aws.status(self.project.root)
        return (
            f"\nThe embedded AWS is still up at {running.endpoint}. To stop it: make down"
            if running
            else "\nNothing is left running."
        )

    def stop(self) -> bool:
        """Stop the embedded AWS."""
        return embedded_aws.down(self.project.root)

    def in_fresh_shell(self, message: str) -> str:
        """Let the AWS CLI reach the embedded AWS: a shell by itself may have the user's account."""
        exports = (self.project.build / "aws.env").relative_to(self.project.root)
        return AWS_COMMAND.sub(rf"(source {exports} && \g<0>)", message)

    def become_analyst(self, outputs: Outputs) -> None:
        """Assume the role of the analysts, for which the embedded AWS evaluates IAM, and write its credentials."""
        sts = aws.session(outputs.region).client("sts", config=aws.CONFIG)
        issued = sts.assume_role(
            RoleArn=str(outputs.analyst_role_arn), RoleSessionName="analyst", DurationSeconds=analyst.SECONDS
        )["Credentials"]
        own = {
            "AWS_ACCESS_KEY_ID": issued["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": issued["SecretAccessKey"],
            "AWS_SESSION_TOKEN": issued["SessionToken"],
        }
        path = self.project.build / "analyst.env"
        reach = _reach() | own
        exports = analyst.exports(outputs, reach) | {"HADOOP_TOKEN": embedded_aws.hadoop_token(reach)}
        aws.write_exports(path, exports, ("AWS_PROFILE",))
        self.display.say(
            f"Analyst's credentials for 12 hours: {path}. They read the training table and nothing else. In a shell: "
            "source build/local/analyst.env"
        )

    def terraform(self, profile: str | None = None) -> Terraform:
        """Return Terraform with state in build/local."""
        # -reconfigure: the folder may have been copied or moved, and there is no state to migrate.
        options = ("-reconfigure",)
        return Terraform(self.project, self.display, profile=profile, seconds=TERRAFORM_SECONDS, init_options=options)

    def profile(self, requested: str | None) -> str | None:
        """Return what was requested, or the default."""
        return requested or tables.PROFILES[0]

    def may_be_deployed(self) -> bool:
        """Whether there is a Terraform state."""
        return (self.project.build / "terraform.tfstate").is_file()

    def deploy(self, profile: str | None, confirm: Confirm, saved: Path | None = None) -> Outputs:  # noqa: ARG002
        """Apply without a question, and write aws.env."""
        terraform = self.terraform(self.profile(profile))
        outputs = terraform.apply(saved)
        self._write_exports(outputs, terraform)
        return outputs

    def confirm_destroy(self, confirm: Confirm) -> None:
        """Ask nothing."""

    def confirm_deletion(self, confirm: Confirm, question: str) -> None:
        """Ask nothing."""

    def refuse_schedule(self) -> None:
        """Refuse: triggers fire while the embedded AWS is up, but none by the clock."""
        raise LakehouseError(
            "The embedded AWS starts no run by the clock, so nothing was written. Name an environment on AWS: "
            "make schedule ENV=dev CRON='0 3 * * ? *'"
        )

    @property
    def run_command(self) -> str:
        """Return the run, which uploads a sample if it is given nothing else."""
        return "make run-pipeline"

    def landed_command(self, data: str) -> str:
        """Return the run with the data: without it, the run would upload the sample."""
        return f"make run-pipeline DATA={shlex.quote(data)}"

    def run_input(self, source: Path | S3Folder | None) -> FolderData | S3Folder:
        """Return the data of a folder, or of the sample, or the bucket that has the data."""
        return source if isinstance(source, S3Folder) else landing_data(self.project, self.display, source)

    def deploy_for_run(self, profile: str | None, take_deployed_lease: Callable[[], None]) -> Outputs:
        """Apply; where a lakehouse is deployed already, its lease comes before any change to scripts and input."""
        take_deployed_lease()
        return self.deploy(profile, confirm=lambda _: True)

    def interrupt_run(self, workflow: Workflow, run_id: str, outputs: Outputs, lease: LeaseHolder) -> str:
        """Stop the run, wait until it has stopped, and release its lease."""
        stopped = workflow.stop_and_wait(run_id)
        lease.take_back()
        return explain_interruption(stopped, tables.publications(aws.session(outputs.region), outputs.database))

    def abandon_run(self, workflow: Workflow, run_id: str) -> None:
        """Stop the run."""
        with suppress(BotoCoreError, ClientError):
            workflow.stop(run_id)

    def log_of(self, job: JobRun) -> str:
        """Return the log in the work folder of the run."""
        return str(self.project.build / "jobs" / str(job.id) / "output.log")

    @contextmanager
    def job_logs(self) -> Iterator[JobLogs]:
        """Return those in CloudWatch, or what the last embedded AWS left, such as after a run that failed."""
        if not self.is_running():
            yield KeptLogs(self.project.build / "jobs")
            return
        with self.connect():
            outputs = self.terraform().outputs()
            yield CloudWatchLogs(aws.session(outputs.region), outputs)

    def work_folder(self, run_id: str) -> Path:
        """Return the work folder of a job run; it is there until the embedded AWS is stopped."""
        jobs = self.project.build / "jobs"
        known = sorted(path.parent.name for path in jobs.glob("*/spark.properties"))
        meant = matching(known, run_id) if run_id else []
        if len(meant) != 1:
            listed = ", ".join(map(short, known))
            raise LakehouseError(
                f"RUN={run_id!r} is no job run of the embedded AWS, so nothing was run. "
                + (f"There are: {listed}" if known else "There are none yet: make apply run-pipeline")
            )
        return jobs / meant[0]

    def rerun_job(self, run_id: str, outputs: Outputs, operation: str) -> int:
        """Run the script in the work folder of the run, with the permissions of its role and a run id of its own.

        It gets no workflow: it reads the published tables, publishes its own table, and adds nothing to what is
        recorded about the run.
        """
        session = aws.session(outputs.region)
        job, arguments = _find_job_run(session.client("glue", config=aws.CONFIG), outputs, run_id)
        sts = session.client("sts", config=aws.CONFIG)
        issued = sts.assume_role(RoleArn=job["Role"], RoleSessionName="rerun-job")["Credentials"]
        own = {"--JOB_NAME": job["Name"], "--JOB_RUN_ID": f"rerun_{uuid.uuid4().hex}", "--lease": operation}
        variables = {key: value for key, value in os.environ.items() if key.startswith("AWS_")} | {
            "AWS_ACCESS_KEY_ID": issued["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": issued["SecretAccessKey"],
            "AWS_SESSION_TOKEN": issued["SessionToken"],
        }
        script = PurePosixPath(job["Command"]["ScriptLocation"]).name
        return embedded_aws.rerun_job(self.work_folder(run_id), script, arguments | own, variables)

    def _write_exports(self, outputs: Outputs, terraform: Terraform) -> None:
        """Write aws.env, with which any AWS client of a shell reaches the embedded AWS, and Terraform plans as here."""
        reach = _reach()
        names = {
            "STEDI_DATABASE": outputs.database,
            "STEDI_AUDIT_DATABASE": outputs.audit_database,
            "STEDI_BUCKET": outputs.bucket,
            "STEDI_WORKFLOW": outputs.workflow,
            "STEDI_FORGET_JOB": outputs.forget_job,
            "STEDI_WORKGROUP": outputs.athena_workgroup,
            "HADOOP_TOKEN": embedded_aws.hadoop_token(reach),
        }
        exports = {**reach, **names, **aws.pyiceberg(reach, outputs.region), **terraform.variables()}
        session = ("AWS_SESSION_TOKEN", "PYICEBERG_CATALOG__DEFAULT__S3__SESSION_TOKEN")  # that analyst.env has set
        unset = tuple(name for name in ("AWS_PROFILE", *session) if name not in reach)
        aws.write_exports(self.project.build / "aws.env", exports, unset)


def _reach() -> dict[str, str]:
    """Return the environment variables with which this process reaches the embedded AWS."""
    return {key: value for key, value in os.environ.items() if key.startswith("AWS_") or key.upper() == "NO_PROXY"}


def _find_job_run(glue: GlueClient, outputs: Outputs, run_id: str) -> tuple[Any, dict[str, str]]:
    """Return the job of a job run, and the arguments of the run."""
    for name in outputs.jobs.values():
        with suppress(glue.exceptions.EntityNotFoundException):
            run = glue.get_job_run(JobName=name, RunId=run_id)["JobRun"]
            return glue.get_job(JobName=name)["Job"], run["Arguments"]
    raise LakehouseError(
        f"RUN={run_id!r} is a run of the erasure job, which only its own command starts again, since it asks first. "
        "Nothing was run. Run: make forget EMAIL=name@example.org"
    )
