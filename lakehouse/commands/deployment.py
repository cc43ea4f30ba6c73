"""Provision and remove an environment: plan, apply, destroy, down."""

from __future__ import annotations

import shlex
from pathlib import Path

from lakehouse import preflight
from lakehouse.commands.operation import exclusive, take_lease_if_deployed
from lakehouse.environments import Confirm, Environment
from lakehouse.errors import LakehouseError


def apply(environment: Environment, profile: str | None, confirm: Confirm, saved: Path | None = None) -> None:
    """Provision the environment, from a saved plan if one is given."""
    if saved and not saved.is_file():
        raise LakehouseError(
            f"There is no plan {saved}, so nothing was applied. "
            f"Make it: make plan ENV={environment.name} PLAN={shlex.quote(str(saved))}"
        )
    preflight.check(environment.project.root, environment.display)
    with exclusive(environment, "make apply", start=True) as lease:
        take_lease_if_deployed(environment, lease)
        environment.deploy(profile, confirm, saved)
    environment.display.say(f"Upload data and run the jobs: {environment.run_command}")


def plan(environment: Environment, profile: str | None, save: Path | None = None) -> None:
    """Show what an apply would change; save the plan, and its text beside it, if a path is given.

    An embedded AWS that is started for a plan is stopped again.
    """
    preflight.check(environment.project.root, environment.display)
    with exclusive(environment, "make plan", start=True, keep=False):
        terraform = environment.terraform(environment.profile(profile))
        terraform.plan(save=save)
        if save:
            save.with_name(f"{save.name}.txt").write_text(terraform.show(save), encoding="utf-8")
    if save:
        plan = shlex.quote(str(save))
        environment.display.say(f"Read {plan}.txt, then apply it: make apply{environment.option} PLAN={plan}")


def destroy(environment: Environment, confirm: Confirm) -> None:
    """Destroy everything that Terraform created in the environment."""
    if not environment.is_running():
        environment.display.say("The embedded AWS is not running, so there is nothing to destroy.")
        return
    with exclusive(environment, "make destroy") as lease:
        take_lease_if_deployed(environment, lease)
        environment.confirm_destroy(confirm)
        lease.check()
        environment.terraform().destroy()


def down(environment: Environment) -> None:
    """Stop the embedded AWS and remove all its data."""
    stopped = environment.stop()
    environment.display.say(
        "The embedded AWS is stopped and its data removed." if stopped else "The embedded AWS was not running."
    )
