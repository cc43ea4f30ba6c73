"""The landing data of a command: the folder that DATA names, or the sample."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lakehouse import aws, landing, sample
from lakehouse.console import Display
from lakehouse.landing import LandingData
from lakehouse.landing_look import look
from lakehouse.project import Project
from lakehouse.tables import PROFILES
from lakehouse.terraform import Outputs


def landing_data(project: Project, display: Display, folder: Path | None) -> LandingData:
    """Return the landing data of a folder, or of the sample, which is generated once."""
    if folder is None:
        folder = project.sample
        if not (folder / sample.EXPECTED).is_file():
            with display.step("Sample data") as tell:
                tell(landing_rows(sample.generate(folder)))
    data = landing.find(folder)
    look(project.root / "ddl", display, data.files)
    if data.left_out:
        display.say(f"Left out of the landing data by their names: {landing.shown(data.left_out)}")
    return data


def landing_rows(expected: Mapping[str, Mapping[str, int]]) -> str:
    """Return how many rows of each landing table a sample has, given the rows that `sample.generate` expects."""
    rows = expected[PROFILES[0]]
    return ", ".join(f"{rows[table]:,} {table}" for table in rows if table.endswith("_landing"))


def upload(display: Display, outputs: Outputs, data: LandingData) -> None:
    """Make the landing zone hold exactly this data."""
    with display.step("Landing zone") as tell:
        landing.replace(aws.session(outputs.region).client("s3", config=aws.CONFIG), outputs.bucket, data, tell)
        tell(f"{len(data.files)} files, {data.megabytes:.1f} MB, from {data.folder}")
