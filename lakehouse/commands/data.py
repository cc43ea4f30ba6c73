"""What the lakehouse holds: landing, counts, name."""

from __future__ import annotations

from pathlib import Path

from lakehouse import aws, landing, tables
from lakehouse.commands.file_names import names_in
from lakehouse.commands.operation import exclusive, take_lease
from lakehouse.environments import Confirm, Environment
from lakehouse.errors import DataError, LakehouseError
from lakehouse.landing_bucket import S3Folder
from lakehouse.landing_input import data_in_bucket, landing_data, upload
from lakehouse.report import rows_table


def replace_landing_zone(environment: Environment, source: Path | S3Folder | None, confirm: Confirm) -> None:
    """Make the landing zone hold exactly the data of a folder, or of another bucket."""
    if source is None:
        raise DataError(
            f"DATA is missing: the folder, or s3://<bucket>/<prefix>, that is to replace the landing zone of "
            f"{environment.name}. Nothing was changed. Run: make landing{environment.option} DATA=<folder>"
        )
    display = environment.display
    # A folder is validated before anything else, a bucket with the credentials of the environment.
    found = source if isinstance(source, S3Folder) else landing_data(environment.project, display, source)
    with exclusive(environment, "make landing") as lease:
        outputs = environment.terraform().outputs()
        data = data_in_bucket(display, outputs, found) if isinstance(found, S3Folder) else found
        take_lease(lease, outputs)
        s3 = aws.session(outputs.region).client("s3", config=aws.CONFIG)
        if stale := landing.stale_keys(s3, outputs.bucket, data):
            question = f"Delete {len(stale)} files from the landing zone that are not in {data.name}?"
            environment.confirm_deletion(confirm, question)
        lease.check()
        upload(display, outputs, data)
    display.say(f"Run the jobs on it: {environment.landed_command(data.name)}")


def counts(environment: Environment) -> None:
    """Print the row counts of the tables as they are; those of landing tables as the last run read them."""
    with environment.connect():
        outputs = environment.terraform().outputs()
        published = tables.publications(aws.session(outputs.region), outputs.database)
    rows = tables.rows(published)
    environment.display.show(rows_table(rows))
    environment.display.tell_event("counts", None, tables=rows)
    if outdated := tables.outdated(published):
        heading = f"The tables do not come from one run. To publish all of them: make run-pipeline{environment.option}"
        raise LakehouseError("\n  ".join([heading, *outdated]))


def name(environment: Environment, number: str) -> None:
    """Print the name of the file that a message refers to by a number."""
    with environment.connect():
        keys = names_in(environment.terraform().outputs(), number)
    if not keys:
        raise LakehouseError(
            f"No file of {environment.name} has the number {number!r}. Copy it from the message: "
            f"make name{environment.option} NUMBER=file-..."
        )
    for key in keys.values():
        environment.display.say(key)
