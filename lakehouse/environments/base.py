"""What the commands need from an environment."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar

from lakehouse.console import Display
from lakehouse.errors import LakehouseError
from lakehouse.job_logs import JobLogs
from lakehouse.landing import FolderData
from lakehouse.landing_bucket import S3Folder
from lakehouse.lease_holder import LeaseHolder
from lakehouse.project import Project
from lakehouse.terraform import Outputs, Terraform
from lakehouse.workflow import JobRun, Workflow

Confirm = Callable[[str], bool]
"""Asks the operator a question; True means yes."""


class Environment(ABC):
    """One environment of the lakehouse. Commands call the same methods on both kinds, in the same order."""

    poll_seconds: ClassVar[float]
    """Seconds between two requests for the state of a run."""
    one_command_at_a_time: ClassVar[bool]
    """Whether `lock` keeps all other commands out. If so, a lease held by another command is stale."""
    run_applies: ClassVar[bool]
    """Whether a run applies the repository first."""

    def __init__(self, project: Project, display: Display) -> None:
        self.project = project
        self.display = display

    @property
    def name(self) -> str:
        """Name of the environment: its folder in terraform/environments."""
        return self.project.environment

    # Access

    @property
    @abstractmethod
    def option(self) -> str:
        """Option of make that selects this environment: ` ENV=dev`, or empty for the default."""

    @abstractmethod
    def lock(self, purpose: str) -> AbstractContextManager[None]:
        """Keep out other commands that a lease may not stop yet, because there is no bucket for it."""

    @abstractmethod
    def connect(self, *, start: bool = False, keep: bool = True) -> AbstractContextManager[None]:
        """Connect to AWS. The embedded AWS is started if `start`; one that was started stays if `keep`."""

    @abstractmethod
    def is_running(self) -> bool:
        """Whether the AWS of the environment is running."""

    @abstractmethod
    def still_running(self) -> str:
        """Return what an interrupted command leaves running: a line to append to its message, or nothing."""

    @abstractmethod
    def stop(self) -> bool:
        """Stop the AWS of the environment and remove its data; False if it was not running."""

    def in_fresh_shell(self, message: str) -> str:
        """Return a message with commands of the AWS CLI that reach this environment from any shell."""
        return message

    @abstractmethod
    def become_analyst(self, outputs: Outputs) -> None:
        """Write analyst.env, with which a shell reaches what analysts may; on AWS say how to assume their role."""

    # Terraform

    @abstractmethod
    def terraform(self, profile: str | None = None) -> Terraform:
        """Return Terraform for this environment; `profile` sets the variable of that name."""

    @abstractmethod
    def profile(self, requested: str | None) -> str | None:
        """Return the profile to apply; None leaves the choice to the variables of the environment."""

    @abstractmethod
    def may_be_deployed(self) -> bool:
        """Whether Terraform may have state for this environment. False means that it has none."""

    @abstractmethod
    def deploy(self, profile: str | None, confirm: Confirm, saved: Path | None = None) -> Outputs:
        """Apply a saved plan or a new one; on AWS the operator approves a new one first."""

    @abstractmethod
    def confirm_destroy(self, confirm: Confirm) -> None:
        """On AWS, show what `make destroy` would delete, and ask."""

    @abstractmethod
    def confirm_deletion(self, confirm: Confirm, question: str) -> None:
        """On AWS, ask before files are deleted."""

    @abstractmethod
    def refuse_schedule(self) -> None:
        """Raise a LakehouseError if nothing would start the runs of a schedule."""

    # Runs

    @property
    @abstractmethod
    def run_command(self) -> str:
        """What to type to run the jobs on data for the first time."""

    @abstractmethod
    def landed_command(self, data: str) -> str:
        """Return what to type to run the jobs on data that is in the landing zone."""

    @abstractmethod
    def run_input(self, source: Path | S3Folder | None) -> FolderData | S3Folder | None:
        """Return the landing data that a run uploads first; None if it reads the landing zone as it is.

        Data in a bucket is validated later, with the credentials of the environment.
        """

    @abstractmethod
    def deploy_for_run(self, profile: str | None, take_deployed_lease: Callable[[], None]) -> Outputs:
        """Make sure before a run that the environment is deployed with a profile; None accepts any."""

    @abstractmethod
    def interrupt_run(self, workflow: Workflow, run_id: str, outputs: Outputs, lease: LeaseHolder) -> str:
        """Handle Ctrl-C during a run; return the message for the operator."""

    @abstractmethod
    def abandon_run(self, workflow: Workflow, run_id: str) -> None:
        """Handle a run that the command can no longer follow."""

    @abstractmethod
    def log_of(self, job: JobRun) -> str:
        """Return where the log of a job run is."""

    @abstractmethod
    def job_logs(self) -> AbstractContextManager[JobLogs]:
        """Return the logs of the jobs, readable while the context lasts."""

    @abstractmethod
    def work_folder(self, run_id: str) -> Path:
        """Return the folder on this machine with code and settings of a job run."""

    @abstractmethod
    def rerun_job(self, run_id: str, outputs: Outputs, operation: str) -> int:
        """Run a job run again from its work folder, with its output on the terminal; return its exit code.

        `operation` is the id of the lease that the job joins.
        """


def ask(confirm: Confirm, question: str) -> None:
    """Raise a LakehouseError unless the operator says yes."""
    if not confirm(question):
        raise LakehouseError("Nothing was changed.")
