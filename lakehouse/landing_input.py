"""The landing data of a command: what DATA names, or the sample."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lakehouse import aws, landing, landing_bucket, sample
from lakehouse.console import Display
from lakehouse.landing import FolderData, LandingData
from lakehouse.landing_bucket import BucketData, S3Folder
from lakehouse.landing_look import look
from lakehouse.project import Project
from lakehouse.tables import PROFILES
from lakehouse.terraform import Outputs


def landing_data(project: Project, display: Display, folder: Path | None) -> FolderData:
    """Return the landing data of a folder, or of the sample, which is generated once."""
    if folder is None:
        folder = project.sample
        if not all((folder / name).is_file() for name in (sample.EXPECTED, sample.STEPS)):
            with display.step("Sample data") as tell:
                tell(landing_rows(sample.generate(folder)))
    data = landing.find(folder)
    look(project.root / "ddl", display, data.files)
    _tell_left_out(display, data)
    return data


def data_in_bucket(display: Display, outputs: Outputs, source: S3Folder) -> BucketData:
    """Return the landing data in another bucket."""
    s3 = aws.session(outputs.region).client("s3", config=aws.CONFIG)
    data = landing_bucket.find(s3, source, outputs.bucket)
    _tell_left_out(display, data)
    return data


def landing_rows(expected: Mapping[str, Mapping[str, int]]) -> str:
    """Return how many rows of each landing table a sample has, given the rows that `sample.generate` expects."""
    rows = expected[PROFILES[0]]
    return ", ".join(f"{rows[table]:,} {table}" for table in rows if table.endswith("_landing"))


def upload(display: Display, outputs: Outputs, data: LandingData) -> None:
    """Make the landing zone hold exactly this data."""
    with display.step("Landing zone") as tell:
        landing.replace(aws.session(outputs.region).client("s3", config=aws.CONFIG), outputs.bucket, data, tell)
        tell(f"{len(data.files)} files, {data.megabytes:.1f} MB, from {data.name}")


def _tell_left_out(display: Display, data: LandingData) -> None:
    if data.left_out:
        display.say(f"Left out of the landing data by their names: {landing.shown(data.left_out)}")
