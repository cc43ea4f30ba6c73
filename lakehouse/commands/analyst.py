"""Let data scientists in: analyst."""

from __future__ import annotations

from lakehouse.environments import Environment
from lakehouse.errors import LakehouseError


def become_analyst(environment: Environment) -> None:
    """Write analyst.env; raise a LakehouseError where nobody may assume the role of the analysts."""
    with environment.connect():
        outputs = environment.terraform().outputs()
        if not outputs.analyst_role_arn:
            raise LakehouseError(
                f"{environment.name} has no role for analysts, so nothing was written. Name the principals that may "
                f"assume it in analyst_role_principals of terraform/environments/{environment.name}, then run: "
                f"make apply{environment.option}"
            )
        environment.become_analyst(outputs)
