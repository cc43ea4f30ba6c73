"""The schedule of an environment: the argument `schedule` of the module, in the environment's committed main.tf."""

from __future__ import annotations

import re
from pathlib import Path

from lakehouse.errors import LakehouseError

NONE = "none"
CRON = re.compile(r"cron\(([0-9A-Z*/,?L#W-]+ ){5}[0-9A-Z*/,?L#W-]+\)")
"""What the variable `schedule` in terraform/variables.tf allows."""
ARGUMENT = re.compile(r"^[ ]{2}schedule[ ]*=.*\n\n?", re.MULTILINE)
SOURCE = re.compile(r'^(module "lakehouse" \{\n[ ]{2}source[ ]*=[ ]*"[^"]*"\n\n)', re.MULTILINE)


def parse(text: str) -> str | None:
    """Return the cron expression for AWS; None for `none`, which means no schedule."""
    given = " ".join(text.split())
    if given.lower() == NONE:
        return None
    expression = given if given.startswith("cron(") else f"cron({given})"
    fields = expression.removeprefix("cron(").removesuffix(")").split()
    if not CRON.fullmatch(expression) or (len(fields) == 6 and (fields[2] == "?") == (fields[4] == "?")):
        raise LakehouseError(
            f"CRON={text!r} is no schedule. Nothing was written. Give six fields in UTC, minutes hours day-of-month "
            "month day-of-week year, with ? for one of the two days: CRON='0 3 * * ? *'. For no schedule: CRON=none"
        )
    return expression


def write(path: Path, expression: str | None) -> bool:
    """Set the schedule in the main.tf of an environment; return whether the file has changed."""
    before = path.read_text(encoding="utf-8")
    without = ARGUMENT.sub("", before)
    after = without if expression is None else SOURCE.sub(rf'\g<1>  schedule = "{expression}"\n\n', without, count=1)
    if expression is not None and after == without:
        raise LakehouseError(
            f'{path} has no module "lakehouse" with its source in the first line. Nothing was written. '
            f'Set there by hand: schedule = "{expression}"'
        )
    if after != before:
        path.write_text(after, encoding="utf-8")
    return after != before
