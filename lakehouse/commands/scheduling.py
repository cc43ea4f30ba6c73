"""Set when an environment runs by itself."""

from __future__ import annotations

from lakehouse import schedule as schedules
from lakehouse.environments import Environment
from lakehouse.errors import LakehouseError


def schedule(environment: Environment, cron: str) -> None:
    """Write the schedule into the committed file of the environment; the next apply puts it into effect."""
    environment.refuse_schedule()
    if not cron.strip():
        raise LakehouseError(
            f"CRON is missing. Nothing was written. Run: make schedule{environment.option} CRON='0 3 * * ? *'"
        )
    expression = schedules.parse(cron)
    path = environment.project.terraform_root / "main.tf"
    if not schedules.write(path, expression):
        environment.display.say(f"{path} says so already.")
        return
    what = f"runs by {expression}, in UTC" if expression else "has no schedule"
    environment.display.say(
        f"{path}: {environment.name} {what}. Look at the change, then apply and commit it: "
        f"make plan{environment.option}, make apply{environment.option}"
    )
