"""The permissions boundary of every role that CI creates allows every action that the module's policies grant."""

import re
from pathlib import Path

TERRAFORM = Path(__file__).resolve().parents[2] / "terraform"
ACTION = re.compile(r'"([a-z0-9]+:[A-Z][A-Za-z]+)"')


def actions(*files: Path) -> set[str]:
    """Return every action in policy documents, without condition keys, which look alike."""
    lines = [line for file in files for line in file.read_text().splitlines() if not re.match(r"\s*variable\s*=", line)]
    return {action for line in lines for action in ACTION.findall(line)}


def test_every_granted_action_is_within_the_boundary() -> None:
    granted = actions(
        # The policy of landing.tf is for operators: CI creates no role that has it.
        *(file for file in (TERRAFORM / "modules" / "iam").glob("*.tf") if file.name != "landing.tf"),
        TERRAFORM / "modules" / "catalog" / "optimizers.tf",
        TERRAFORM / "modules" / "jobs" / "arrival.tf",
    )
    assert {
        "s3:GetObject",
        "glue:NotifyEvent",
        "glue:UpdateTable",
        "athena:StartQueryExecution",
        "ec2:DeleteTags",
    } <= granted
    assert granted - {"sts:AssumeRole"} <= actions(TERRAFORM / "bootstrap" / "boundary.tf")
