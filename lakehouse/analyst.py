"""The door for data scientists: what a shell needs to read the training table, with the analyst policy and no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lakehouse import aws
from lakehouse.terraform import Outputs

SECONDS: Final = 12 * 60 * 60
"""Lifetime of a session: the longest that AWS and the role allow."""


def exports(outputs: Outputs, reach: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of analyst.env; `reach` are the AWS_* variables with which the shell reaches AWS."""
    names = {
        "STEDI_DATABASE": outputs.database,
        "STEDI_BUCKET": outputs.bucket,
        "STEDI_WORKGROUP": outputs.analyst_workgroup,
    }
    return {**reach, **names, **aws.pyiceberg(reach, outputs.region)}
