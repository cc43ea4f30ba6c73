"""What the commands need from an environment."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar

from lakehouse.console import Display
from lakehouse.errors import LakehouseError
from lakehouse.landing import LandingData
from lakehouse.lease_holder import LeaseHolder
from lakehouse.project import Project
from lakehouse.terraform import Outputs, Terraform
from lakehouse.workflow import JobRun, Workflow

Confirm = Callable[[str], bool]
"""Puts a question to the operator; True is a yes."""


class Environment(ABC):
    """One environment of the lakehouse. Commands call the same methods in the same order on each kind of it."""

    poll_seconds: ClassVar[float]
    """Seconds between two requests for the state of a run."""
    one_command_at_a_time: ClassVar[bool]
    """Whether `lock` keeps other commands out, so that a lease held by a command is left over from a dead one."""

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
        """What a make command takes to work on this environment: ` ENV=dev`, or nothing for the default."""

    @abstractmethod
    def lock(self, purpose: str) -> AbstractContextManager[None]:
        """Keep other commands of this checkout out, where there may be no bucket for a lease yet."""

    @abstractmethod
    def connect(self, *, start: bool = False, keep: bool = True) -> AbstractContextManager[None]:
        """Reach the AWS of the environment; `start` and `keep` it running, where it is this machine's to start."""

    @abstractmethod
    def is_running(self) -> bool:
        """Whether the AWS of the environment is there to be worked on."""

    @abstractmethod
    def still_running(self) -> str:
        """Return what an interrupted command leaves running, as a line to append to its message; may be empty."""

    @abstractmethod
    def stop(self) -> bool:
        """Stop the AWS of the environment and remove its data; False if it was not running."""

    # Terraform

    @abstractmethod
    def terraform(self, profile: str | None = None) -> Terraform:
        """Return Terraform for this environment; `profile` sets the variable of that name."""

    @abstractmethod
    def profile(self, requested: str | None) -> str | None:
        """Return the profile to apply; None leaves the choice to the variables of the environment."""

    @abstractmethod
    def may_be_deployed(self) -> bool:
        """Whether Terraform may have state for this environment; False is certain."""

    @abstractmethod
    def deploy(self, profile: str | None, confirm: Confirm, saved: Path | None = None) -> Outputs:
        """Apply a saved plan, or a new one that the operator has approved where that matters."""

    @abstractmethod
    def confirm_destroy(self, confirm: Confirm) -> None:
        """Show what `make destroy` would delete and ask, where data can be lost that nothing restores."""

    @abstractmethod
    def confirm_deletion(self, confirm: Confirm, question: str) -> None:
        """Ask before files are deleted, where they can be ones that nothing restores."""

    # Runs

    @abstractmethod
    def run_input(self, folder: Path | None) -> LandingData | None:
        """Return the landing data that a run uploads first; None if it takes the landing zone as it is."""

    @abstractmethod
    def deploy_for_run(self, profile: str | None, take_deployed_lease: Callable[[], None]) -> Outputs:
        """Make sure that the environment is deployed with a profile before a run; None accepts any."""

    @abstractmethod
    def interrupt_run(self, workflow: Workflow, run_id: str, outputs: Outputs, lease: LeaseHolder) -> str:
        """Handle Ctrl-C during a run; return what that means for the run and the tables."""

    @abstractmethod
    def abandon_run(self, workflow: Workflow, run_id: str) -> None:
        """Handle a run that the command can no longer follow."""

    @abstractmethod
    def log_of(self, job: JobRun) -> str:
        """Return where the log of a job run is."""

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
