"""An environment in an AWS account; the shell says which account and credentials."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NoReturn

from lakehouse import analyst, aws
from lakehouse.environments.base import Confirm, Environment, ask
from lakehouse.errors import LakehouseError
from lakehouse.job_logs import CloudWatchLogs, JobLogs
from lakehouse.landing_bucket import S3Folder
from lakehouse.lease_holder import LeaseHolder
from lakehouse.terraform import Outputs, Terraform
from lakehouse.workflow import JobRun, Workflow


class AwsEnvironment(Environment):
    """An environment with data that cannot be generated again: commands show a change and ask before they make it."""

    poll_seconds = 5.0
    one_command_at_a_time = False
    run_applies = False

    @property
    def option(self) -> str:
        """` ENV=dev`."""
        return f" ENV={self.name}"

    def lock(self, purpose: str) -> AbstractContextManager[None]:  # noqa: ARG002
        """Do nothing: the lease keeps other commands out, on any machine.

        Until there is a bucket for it, saved plans do: Terraform refuses a plan that is older than another change.
        """
        return nullcontext()

    def connect(self, *, start: bool = False, keep: bool = True) -> AbstractContextManager[None]:  # noqa: ARG002
        """Use the environment variables of the shell as they are."""
        return nullcontext()

    def is_running(self) -> bool:
        """Return True."""
        return True

    def still_running(self) -> str:
        """Return nothing: a command starts nothing on this machine."""
        return ""

    def stop(self) -> bool:
        """Refuse: AWS cannot be stopped."""
        self._only_local("down")

    def become_analyst(self, outputs: Outputs) -> None:
        """Write the names of what analysts use, and print how to assume their role."""
        profile = f"stedi-{self.name}-analyst"
        path = self.project.build / "analyst.env"
        aws.write_exports(path, analyst.exports(outputs, {"AWS_REGION": outputs.region}))
        self.display.say(
            f"""Analysts of {self.name} use the role {outputs.analyst_role_arn}. Once, in ~/.aws/config:

[profile {profile}]
role_arn = {outputs.analyst_role_arn}
source_profile = default
region = {outputs.region}
duration_seconds = {analyst.SECONDS}

Then in each shell:

eval "$(aws configure export-credentials --profile {profile} --format env)"
source {shlex.quote(str(path))}"""
        )

    def terraform(self, profile: str | None = None) -> Terraform:
        """Return Terraform with the backend that backend.hcl names."""
        return Terraform(self.project, self.display, profile=profile)

    def profile(self, requested: str | None) -> str | None:
        """Return what was requested."""
        return requested

    def may_be_deployed(self) -> bool:
        """Return True: the state is remote, so only Terraform can check."""
        return True

    def deploy(self, profile: str | None, confirm: Confirm, saved: Path | None = None) -> Outputs:
        """Apply a saved plan without asking, since it has been reviewed; otherwise show a new one and ask."""
        terraform = self.terraform(profile)
        if saved:
            return terraform.apply(saved)
        plan = self.project.build / "apply.tfplan"
        try:
            terraform.plan(save=plan)
            ask(confirm, f"Apply this plan to {self.name}?")
            return terraform.apply(plan)
        finally:
            plan.unlink(missing_ok=True)

    def confirm_destroy(self, confirm: Confirm) -> None:
        """Show the plan and ask."""
        self.terraform().plan("-destroy")
        ask(confirm, f"Destroy all of this in {self.name}, data included?")

    def confirm_deletion(self, confirm: Confirm, question: str) -> None:
        """Ask."""
        ask(confirm, question)

    def refuse_schedule(self) -> None:
        """Accept: Glue starts the runs."""

    @property
    def run_command(self) -> str:
        """Return two commands: a run reads the landing zone as it is."""
        return f"make landing{self.option} DATA=folder && make run-pipeline{self.option}"

    def landed_command(self, data: str) -> str:  # noqa: ARG002
        """Return the run, which reads the landing zone as it is."""
        return f"make run-pipeline{self.option}"

    def run_input(self, source: Path | S3Folder | None) -> None:
        """Refuse data: only `make landing`, which asks first, replaces the landing zone."""
        if source is not None:
            raise LakehouseError(
                f"A run in {self.name} reads the landing zone as it is, so nothing was run. To replace it with "
                f"{source} first: make landing{self.option} DATA={shlex.quote(str(source))}"
            )

    def deploy_for_run(self, profile: str | None, take_deployed_lease: Callable[[], None]) -> Outputs:  # noqa: ARG002
        """Check the deployed profile; change nothing."""
        outputs = self.terraform().outputs()
        glue = aws.session(outputs.region).client("glue", config=aws.CONFIG)
        deployed, _ = Workflow(glue, outputs, pause=self.poll_seconds).deployed_policies()
        if profile not in (None, deployed):
            raise LakehouseError(
                f"{self.name} is deployed with profile {deployed}, not {profile}, so nothing was run. "
                f"To change it first: make apply{self.option} PROFILE={profile}"
            )
        return outputs

    def interrupt_run(self, workflow: Workflow, run_id: str, outputs: Outputs, lease: LeaseHolder) -> str:  # noqa: ARG002
        """Leave the run in progress, with its lease."""
        return (
            f"Interrupted. The workflow run {run_id} continues without this command. To watch it: "
            f"make logs{self.option} FOLLOW=1. To see what it publishes: make counts{self.option}. To stop it: "
            f"aws glue stop-workflow-run --name {workflow.name} --run-id {run_id}"
        )

    def abandon_run(self, workflow: Workflow, run_id: str) -> None:
        """Leave the run in progress."""

    def log_of(self, job: JobRun) -> str:
        """Return the log group and stream in CloudWatch."""
        return f"CloudWatch, log group {job.log_group or '/aws-glue/jobs'}/error, stream {job.id}"

    def job_logs(self) -> AbstractContextManager[JobLogs]:
        """Return those in CloudWatch."""
        outputs = self.terraform().outputs()
        return nullcontext(CloudWatchLogs(aws.session(outputs.region), outputs))

    def work_folder(self, run_id: str) -> Path:  # noqa: ARG002
        """Refuse: there is none."""
        self._only_local("rerun-job")

    def rerun_job(self, run_id: str, outputs: Outputs, operation: str) -> int:  # noqa: ARG002
        """Refuse: there is no work folder."""
        self._only_local("rerun-job")

    def _only_local(self, target: str) -> NoReturn:
        raise LakehouseError(
            f"make {target} works on the embedded AWS only, not on {self.name}. Nothing was changed. "
            f"Run: make {target} ENV=local"
        )
