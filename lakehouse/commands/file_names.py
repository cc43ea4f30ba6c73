"""Names for the file numbers in messages of the jobs."""

from __future__ import annotations

from lakehouse import aws
from lakehouse.console import Display
from lakehouse.file_name_lookup import find_names
from lakehouse.terraform import Outputs


def names_in(outputs: Outputs, text: str) -> dict[str, str]:
    """Return the object keys for the file numbers in a text, by number."""
    return find_names(aws.session(outputs.region).client("s3", config=aws.CONFIG), outputs.bucket, text)


def add_file_names(display: Display, outputs: Outputs, message: str) -> str:
    """Append the names of the files in a message, on a terminal only: output elsewhere may be kept as a log."""
    keys = names_in(outputs, message) if display.console.is_terminal else {}
    return "\n  ".join([message, *(f"{number} is {key}" for number, key in keys.items())])
