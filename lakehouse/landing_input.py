"""The landing data of a command: the folder that DATA names, or the sample."""

from __future__ import annotations

from pathlib import Path

from lakehouse import aws, landing, sample
from lakehouse.console import Display
from lakehouse.landing import LandingData
from lakehouse.project import Project
from lakehouse.terraform import Outputs


def landing_data(project: Project, display: Display, folder: Path | None) -> LandingData:
    """Return the landing data of a folder, or of the sample, which is generated once."""
    if folder is None:
        folder = project.sample
        if not all((folder / name).is_file() for name in (sample.EXPECTED, sample.STEPS)):
            with display.step("Sample data"):
                sample.generate(folder)
    data = landing.find(folder)
    if data.left_out:
        display.say(f"Left out of the landing data by their names: {landing.shown(data.left_out)}")
    return data


def upload(display: Display, outputs: Outputs, data: LandingData) -> None:
    """Make the landing zone hold exactly this data."""
    with display.step("Landing zone") as tell:
        landing.replace(aws.session(outputs.region).client("s3", config=aws.CONFIG), outputs.bucket, data)
        tell(f"{len(data.files)} files, {data.megabytes:.1f} MB, from {data.folder}")
