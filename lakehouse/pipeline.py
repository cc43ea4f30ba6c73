"""What the commands do, from the first look at the arguments to the last line of the report."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.live import Live

from lakehouse import accounts, aws, embedded_aws, landing, private, sample, tables
from lakehouse.claim import Claim, machine_lock
from lakehouse.console import Display
from lakehouse.errors import CommandInterruptedError, DataError, LakehouseError, NotDeployedError, WorkflowError
from lakehouse.forgetting import Forgetting, addresses, summary
from lakehouse.landing import LandingData
from lakehouse.names import named
from lakehouse.project import Project
from lakehouse.report import (
    FAILED,
    Report,
    accounts_table,
    differences,
    expected_rows,
    explain_failure,
    explain_interruption,
    jobs_table,
    rows_table,
)
from lakehouse.terraform import Outputs, Terraform
from lakehouse.workflow import JobRun, Workflow, WorkflowRun, refuse_second_run

LOCAL_PAUSE = 0.4
AWS_PAUSE = 5.0


@dataclass(frozen=True)
class Operator:
    """Does the commands on one environment of a project."""

    project: Project
    display: Display
    port: int = 0
    """Of the embedded AWS, when a command starts it; 0 takes a free one."""

    # The commands

    def apply(self, profile: str | None, confirm: Callable[[str], bool], saved: Path | None = None) -> None:
        """Provision the environment, by a saved plan if given; any but the local one only after a look at a plan."""
        if saved and not saved.is_file():
            raise LakehouseError(
                f"There is no plan {saved}. "
                f"Make one: make plan ENV={self.project.environment} PLAN={shlex.quote(str(saved))}"
            )
        with self._alone("make apply", start=True) as claim:
            self._claim_deployed(claim)
            if self.project.is_local:
                self._apply_locally(profile or tables.PROFILES[0], saved)
            else:
                self._apply_on_aws(profile, confirm, saved)

    def _apply_on_aws(self, profile: str | None, confirm: Callable[[str], bool], saved: Path | None) -> None:
        terraform = self._terraform(profile)
        if saved:
            terraform.apply(saved)
            return
        plan = self.project.build / "apply.tfplan"
        try:
            terraform.plan(save=plan)
            self._ask(confirm, f"Apply this plan to {self.project.environment}?")
            terraform.apply(plan)
        finally:
            plan.unlink(missing_ok=True)

    def plan(self, profile: str | None, save: Path | None = None) -> None:
        """Show what an apply would change, and save the plan if asked to.

        An embedded AWS that is started for this does not stay.
        """
        if not self.project.is_local:
            self._save_plan(self._terraform(profile), save)
            return
        with self._alone("make plan", start=True, keep=False):
            self._save_plan(self._terraform(profile or tables.PROFILES[0]), save)

    def destroy(self, confirm: Callable[[str], bool]) -> None:
        """Destroy everything that Terraform made in the environment."""
        if self.project.is_local and embedded_aws.status(self.project.root) is None:
            self.display.say("The embedded AWS is not up, so there is nothing to destroy.")
            return
        with self._alone("make destroy") as claim:
            self._claim_deployed(claim)
            terraform = self._terraform(None)
            if not self.project.is_local:
                terraform.plan("-destroy")
                self._ask(confirm, f"Destroy all of this in {self.project.environment}, data included?")
            claim.check()
            terraform.destroy()

    def down(self) -> None:
        """Stop the embedded AWS and remove all that it held."""
        if not self.project.is_local:
            raise LakehouseError(f"Only ENV=local has an embedded AWS to stop, not {self.project.environment}.")
        was_up = embedded_aws.down(self.project.root)
        self.display.say("The embedded AWS is stopped, its data removed." if was_up else "The embedded AWS was not up.")

    def landing(self, folder: Path | None, confirm: Callable[[str], bool]) -> None:
        """Make the landing zone hold exactly a folder's data."""
        if folder is None:
            raise DataError(
                f"Say which data is to replace the landing zone of {self.project.environment}: "
                f"make landing{self._env} DATA=<folder>"
            )
        data = self._landing_data(folder)
        with self._alone("make landing") as claim:
            outputs = self._terraform(None).outputs()
            self._claim(claim, outputs.region, outputs.bucket, outputs.workflow)
            s3 = aws.session(outputs.region).client("s3", config=aws.CONFIG)
            stale = landing.stale_keys(s3, outputs.bucket, data)
            if stale and not self.project.is_local:
                self._ask(confirm, f"Delete {len(stale)} files from the landing zone that are not in {data.folder}?")
            claim.check()
            self._upload(outputs, data)

    def counts(self) -> None:
        """Print the rows of the tables as they are now; of landing tables those that the last run read."""
        with self._embedded_aws(start=False):
            outputs = self._terraform(None).outputs()
            published = tables.publications(aws.session(outputs.region), outputs.database)
        self.display.console.print(rows_table(tables.rows(published)))
        if outdated := tables.outdated(published):
            lines = "\n  ".join(
                ["The tables do not belong together; make run-pipeline brings them in line:", *outdated]
            )
            raise LakehouseError(lines)

    def run(self, folder: Path | None, profile: str | None) -> None:
        """Run the pipeline; locally provision and upload first. Anything but a complete success is an error."""
        if self.project.is_local:
            self._run_locally(folder, profile or tables.PROFILES[0])
        else:
            self._run_on_aws(folder, profile)

    def forget(
        self,
        email: str,
        confirm: Callable[[str], bool],
        *,
        dry_run: bool,
        file: Path | None = None,
        accept: Sequence[str] = (),
    ) -> None:
        """Erase a person or those of a file from the whole lakehouse: a dry run, a question, the erasure, a report."""
        emails = addresses(email, file)
        environment, who = self.project.environment, _who(emails)
        with self._forgetting("make forget") as (forgetting, claim):
            request, resumed = forgetting.request(emails, accept)
            self.display.say(f"Request {request}{', taken up again' if resumed else ''}: {who} in {environment}")
            report = self._run_forget_job(forgetting, request, dry_run=True)
            found, begun = report["erased"]["found"], report["erased"]["resumed"]
            if dry_run or not (found or begun):
                return
            if found:
                self._ask(confirm, f"Erase {who} from {environment} for good?")
            claim.check()
            forgetting.request(emails, accept, request)  # the dry run deleted it, unless an erasure had begun
            self._run_forget_job(forgetting, request, dry_run=False)

    def export(self, email: str) -> None:
        """Write everything that is held about a person to a file, each thing with its source."""
        emails = addresses(email, None)
        with self._forgetting("make export") as (forgetting, _):
            request, _ = forgetting.request(emails)
            self.display.say(f"Request {request}: {_who(emails)} in {self.project.environment}")
            path = self.project.build / f"export-{request}.json"
            private.write(path, forgetting.export(request, self._say_job_run))
            self.display.say(
                f"All that is held about this person: {path}. It is personal data: hand it over, delete it."
            )

    def name(self, number: str) -> None:
        """Print the name of the file that a message gives the number of."""
        with self._embedded_aws(start=False):
            keys = self._names(self._terraform(None).outputs(), number)
        if not keys:
            raise LakehouseError(f"No file of {self.project.environment} has the number {number!r}.")
        for key in keys.values():
            self.display.say(key)

    @contextmanager
    def _forgetting(self, purpose: str) -> Iterator[tuple[Forgetting, Claim]]:
        """Hold the environment for the job that forgets people."""
        with self._alone(purpose) as claim:
            outputs = self._terraform(None).outputs()
            self._claim(claim, outputs.region, outputs.bucket, outputs.workflow)
            session = aws.session(outputs.region)
            job = Forgetting(
                session.client("glue", config=aws.CONFIG),
                session.client("s3", config=aws.CONFIG),
                outputs,
                LOCAL_PAUSE if self.project.is_local else AWS_PAUSE,
                claim.id,
            )
            try:
                yield job, claim
            except LakehouseError as error:
                raise type(error)(self._with_names(outputs, str(error))) from error

    def _run_forget_job(self, forgetting: Forgetting, request: str, *, dry_run: bool) -> dict[str, Any]:
        """Run the job that a request asks for; show its report, write it to a file and return it."""
        report = forgetting.run(request, dry_run=dry_run, on_change=self._say_job_run)
        path = self.project.build / f"forget-{request}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        self.display.say("\n".join([*summary(report), f"Report: {path}"]))
        return report

    # Their parts

    def _with_names(self, outputs: Outputs, message: str) -> str:
        """Return a message with the names of the files in it, on a terminal; anywhere else it may be kept as a log."""
        keys = self._names(outputs, message) if self.display.console.is_terminal else {}
        return "\n  ".join([message, *(f"{number} is {key}" for number, key in keys.items())])

    @staticmethod
    def _names(outputs: Outputs, text: str) -> dict[str, str]:
        return named(aws.session(outputs.region).client("s3", config=aws.CONFIG), outputs.bucket, text)

    def _say_job_run(self, run: JobRun) -> None:
        self.display.say(f"  {run.name} {run.state}")

    @property
    def _report(self) -> Path:
        return self.project.build / "run.json"

    def _run_locally(self, folder: Path | None, profile: str) -> None:
        data = self._landing_data(folder)
        expected = expected_rows(data.folder, profile)
        with self._alone("make run-pipeline", start=True) as claim:
            self._claim_deployed(claim)  # before its scripts and its input are changed
            outputs = self._apply_locally(profile)
            self._claim(claim, outputs.region, outputs.bucket, outputs.workflow)
            self._upload(outputs, data)
            self._run_workflow(outputs, expected, claim)

    def _run_on_aws(self, folder: Path | None, profile: str | None) -> None:
        environment = self.project.environment
        if folder is not None:
            raise LakehouseError(
                f"A run in {environment} takes the landing zone as it is. To replace it by {folder} first: "
                f"make landing ENV={environment} DATA={shlex.quote(str(folder))}"
            )
        with self._alone("make run-pipeline") as claim:
            outputs = self._terraform(None).outputs()
            deployed, _ = self._workflow(outputs).deployed_policies()
            if profile not in (None, deployed):
                raise LakehouseError(
                    f"{environment} is deployed with profile {deployed}, not {profile}. To change it first: "
                    f"make apply ENV={environment} PROFILE={profile}"
                )
            self._claim(claim, outputs.region, outputs.bucket, outputs.workflow)
            self._run_workflow(outputs, None, claim)

    def _run_workflow(self, outputs: Outputs, expected: dict[str, int] | None, claim: Claim) -> None:
        """Start the workflow, follow it to its end and report: a success is five tables and every row reconciled."""
        workflow = self._workflow(outputs)
        profile, overridden = workflow.deployed_policies()
        claim.check()
        run_id = workflow.start(claim.id)
        claim.hand_on(workflow.name, run_id)
        run = self._follow(workflow, run_id, outputs, claim)
        claim.take_back()
        session = aws.session(outputs.region)
        published = tables.publications(session, outputs.database)
        report = Report.of(run, profile, published, accounts.of_run(session, outputs.audit_database, run.id))
        wrong: list[str] = []
        if run.succeeded:
            if missing := report.missing():
                wrong = ["All jobs succeeded, but the run is not complete:", *missing]
            elif expected and not overridden and (differing := differences(expected, report.tables)):
                wrong = ["The jobs succeeded, but not with the rows that DATA must give:", *differing]
        if wrong:
            report = replace(report, status=FAILED)
        report.write(self._report)
        self.display.console.print(rows_table(report.tables, report))
        if report.accounts:
            self.display.console.print(accounts_table(report.accounts))
        for line in report.empty():
            self.display.warn(line)
        if not run.succeeded:
            raise WorkflowError(self._with_names(outputs, explain_failure(run, self.project, published)))
        if wrong:
            raise WorkflowError("\n  ".join(wrong))
        verified = ", row counts as expected" if expected and not overridden else ""
        self.display.say(f"Succeeded in {report.seconds} s with profile {profile}{verified}. Report: {self._report}")

    def _follow(self, workflow: Workflow, run_id: str, outputs: Outputs, claim: Claim) -> WorkflowRun:
        """Show a run until its end; locally one that can be followed no longer is stopped."""
        latest = WorkflowRun(run_id, "RUNNING", None, tuple(JobRun(name) for name in workflow.jobs))

        def see(run: WorkflowRun) -> None:
            nonlocal latest
            latest = run
            show(run)

        try:
            with self._watch(run_id) as show:
                return workflow.follow(run_id, see)
        except KeyboardInterrupt:
            if not self.project.is_local:
                raise CommandInterruptedError(
                    f"Interrupted. The workflow run {run_id} goes on without this command; what it publishes: "
                    f"make counts{self._env}. To stop it: "
                    f"aws glue stop-workflow-run --name {workflow.name} --run-id {run_id}"
                ) from None
            stopped = workflow.stop_and_wait(run_id)
            claim.take_back()
            raise CommandInterruptedError(
                explain_interruption(stopped, tables.publications(aws.session(outputs.region), outputs.database))
            ) from None
        except BaseException:
            if self.project.is_local:
                with suppress(BotoCoreError, ClientError):
                    workflow.stop(run_id)
            raise

    @contextmanager
    def _watch(self, run_id: str) -> Iterator[Callable[[WorkflowRun], None]]:
        """Yield what shows a run as it is now: a table that changes on a terminal, lines anywhere else."""
        self.display.say(f"Workflow run {run_id}")
        if self.display.console.is_terminal:
            with Live(console=self.display.console, refresh_per_second=4, transient=True) as live:
                yield lambda run: live.update(jobs_table(run))
        else:
            yield self._say_changes()

    def _say_changes(self) -> Callable[[WorkflowRun], None]:
        """Return what prints a line for each job that changed its state."""
        states: dict[str, str] = {}

        def say(run: WorkflowRun) -> None:
            for job in run.jobs:
                if job.id and states.get(job.name) != job.state:
                    states[job.name] = job.state
                    took = f" ({job.seconds:.1f} s)" if job.seconds is not None else ""
                    self.display.say(f"  {job.name} {job.state}{took}")

        return say

    @staticmethod
    def _save_plan(terraform: Terraform, save: Path | None) -> None:
        """Plan; with a place to save it write the plan there, and its text for people beside it."""
        terraform.plan(save=save)
        if save:
            save.with_name(f"{save.name}.txt").write_text(terraform.show(save), encoding="utf-8")

    def _apply_locally(self, profile: str, saved: Path | None = None) -> Outputs:
        terraform = self._terraform(profile)
        outputs = terraform.apply(saved)
        self._write_exports(outputs, terraform)
        return outputs

    def _upload(self, outputs: Outputs, data: LandingData) -> None:
        with self.display.step("Landing zone") as tell:
            landing.replace(aws.session(outputs.region).client("s3", config=aws.CONFIG), outputs.bucket, data)
            tell(f"{len(data.files)} files, {data.megabytes:.1f} MB, from {data.folder}")

    def _landing_data(self, folder: Path | None) -> LandingData:
        """Return the data of a folder, or of the sample, generated if need be."""
        if folder is None:
            folder = self.project.sample
            if not (folder / sample.EXPECTED).is_file():
                with self.display.step("Sample data"):
                    sample.generate(folder)
        data = landing.find(folder)
        if data.left_out:
            self.display.say(f"Left out of the landing data by their names: {landing.shown(data.left_out)}")
        return data

    @contextmanager
    def _alone(self, purpose: str, *, start: bool = False, keep: bool = True) -> Iterator[Claim]:
        """Work on the environment while no other command does; say what is left behind when this one is interrupted.

        The embedded AWS is started by wish; one that this command started stays only if it is to be kept.
        """
        purpose += self._env
        with machine_lock(self.project, purpose):
            try:
                with (
                    self._embedded_aws(start=start, keep=keep),
                    Claim(purpose, is_local=self.project.is_local) as claim,
                ):
                    yield claim
            except KeyboardInterrupt:
                raise CommandInterruptedError(
                    f"Interrupted: {purpose} did not get to its end.{self._still_up()}"
                ) from None
            except CommandInterruptedError as interrupted:
                raise CommandInterruptedError(f"{interrupted}{self._still_up()}") from None

    def _claim_deployed(self, claim: Claim) -> None:
        """Take the lease of the environment, where it is deployed; where it is not, there is nothing yet to take.

        What then guards it is, locally, the lock of this machine, and on AWS that a saved plan is applied: Terraform
        refuses one that was made before another command has changed anything.
        """
        if self.project.is_local and not (self.project.build / "terraform.tfstate").is_file():
            return
        with suppress(NotDeployedError):
            self._claim(claim, *self._terraform(None).place())

    def _claim(self, claim: Claim, region: str, bucket: str, workflow: str) -> None:
        """Take the lease of an environment, unless this command has it; a run that is about to take it comes first."""
        if not claim.taken:
            session = aws.session(region)
            claim.take(session, bucket)
            refuse_second_run(session.client("glue", config=aws.CONFIG), workflow)

    def _still_up(self) -> str:
        if not self.project.is_local:
            return ""
        box = embedded_aws.status(self.project.root)
        return (
            f"\nThe embedded AWS is still up at {box.endpoint}: make down stops it."
            if box
            else "\nNothing is left running."
        )

    @property
    def _env(self) -> str:
        """How a command names this environment."""
        return "" if self.project.is_local else f" ENV={self.project.environment}"

    def _workflow(self, outputs: Outputs) -> Workflow:
        glue = aws.session(outputs.region).client("glue", config=aws.CONFIG)
        return Workflow(glue, outputs, pause=LOCAL_PAUSE if self.project.is_local else AWS_PAUSE)

    def _terraform(self, profile: str | None) -> Terraform:
        return Terraform(self.project, self.display, profile=profile)

    def _ask(self, confirm: Callable[[str], bool], question: str) -> None:
        if not confirm(question):
            raise LakehouseError("Nothing was changed.")

    @contextmanager
    def _embedded_aws(self, *, start: bool, keep: bool = True) -> Iterator[None]:
        """Work in the embedded AWS's environment, locally; on AWS in the environment as it is.

        An embedded AWS that this very command started does not outlive its failure.
        """
        if not self.project.is_local:
            yield
            return
        box = embedded_aws.status(self.project.root)
        was_up = box is not None
        if box is None and not start:
            raise LakehouseError("The embedded AWS is not up. Start it with: make apply")
        try:
            if box is None:
                with self.display.step("Embedded AWS") as tell:
                    box = embedded_aws.up(self.project.root, self.port)
                    tell(f"up at {box.endpoint}")
            with aws.process_environment(aws.only(box.environ())):
                yield
            if not (was_up or keep):
                embedded_aws.down(self.project.root)
        except BaseException:
            if not was_up:
                embedded_aws.down(self.project.root, keep_logs=True)
            raise

    def _write_exports(self, outputs: Outputs, terraform: Terraform) -> None:
        """Write aws.env: with it in a shell, any AWS client talks to the embedded AWS, and Terraform plans as we do."""
        reach = {key: value for key, value in os.environ.items() if key.startswith("AWS_") or key.upper() == "NO_PROXY"}
        names = {
            "STEDI_DATABASE": outputs.database,
            "STEDI_AUDIT_DATABASE": outputs.audit_database,
            "STEDI_BUCKET": outputs.bucket,
            "STEDI_WORKFLOW": outputs.workflow,
            "STEDI_FORGET_JOB": outputs.forget_job,
            "STEDI_WORKGROUP": outputs.athena_workgroup,
        }
        pyiceberg = {
            "TYPE": "glue",
            "GLUE__ENDPOINT": reach["AWS_ENDPOINT_URL"],
            "GLUE__REGION": outputs.region,
            "S3__ENDPOINT": reach["AWS_ENDPOINT_URL"],
            "S3__REGION": outputs.region,
            "S3__ACCESS_KEY_ID": reach["AWS_ACCESS_KEY_ID"],
            "S3__SECRET_ACCESS_KEY": reach["AWS_SECRET_ACCESS_KEY"],
        }
        exports = {
            **reach,
            **names,
            **{f"PYICEBERG_CATALOG__DEFAULT__{key}": value for key, value in pyiceberg.items()},
            **terraform.variables(),
        }
        unset = tuple(name for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN") if name not in reach)
        aws.write_exports(self.project.build / "aws.env", exports, unset)


def _who(emails: Sequence[str]) -> str:
    """Return the address of one person, or how many people there are."""
    return emails[0] if len(emails) == 1 else f"{len(emails)} people"
