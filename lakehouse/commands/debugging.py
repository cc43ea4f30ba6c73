"""Debug a job of a local run."""

from __future__ import annotations

from lakehouse.commands.operation import exclusive, take_lease
from lakehouse.environments import Environment
from lakehouse.errors import LakehouseError
from lakehouse.run_ids import short


def rerun_job(environment: Environment, run_id: str) -> None:
    """Run a job of a local run again from its work folder, with the output on the terminal."""
    folder = environment.work_folder(run_id)
    run_id = folder.name
    with exclusive(environment, "make rerun-job") as lease:
        outputs = environment.terraform().outputs()
        take_lease(lease, outputs)
        environment.display.say(f"Running the code in {folder}, outside the workflow of {short(run_id)}")
        code = environment.rerun_job(run_id, outputs, lease.id)
    command = f"make rerun-job RUN={short(run_id)}"
    if code:
        raise LakehouseError(f"The job exited with code {code}. Edit the code in {folder}, then run: {command}")
    environment.display.say(
        "The job succeeded and published its table. To bring all tables in line again: make run-pipeline"
    )
