"""What `make try-docs` runs is complete and fits the code; the walk itself takes minutes and is no test."""

from __future__ import annotations

import re
import subprocess

import pytest

from tools import try_docs


def test_the_commands_are_valid_bash() -> None:
    done = subprocess.run(["bash", "-n"], input=try_docs.script(), text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_no_blank_is_left_open() -> None:
    assert re.findall(r"<[a-z][\w ]+>|path/to", try_docs.script()) == []


@pytest.mark.parametrize("page", try_docs.PAGES)
def test_each_page_is_walked_from_the_first_apply_to_the_last_destroy(page: str) -> None:
    of_page = "".join(part for part in try_docs.script().split("# docs/") if part.startswith(page))
    assert re.search(r"^(make|terraform) apply", of_page, re.MULTILINE)
    assert "make destroy ENV=dev" in of_page


@pytest.mark.parametrize("file", try_docs.EDITED)
def test_what_is_edited_is_there(file: str) -> None:
    old, new = try_docs.EDITED[file]
    assert (try_docs.ROOT / file).read_text(encoding="utf-8").count(old) >= 1
    assert old != new


@pytest.mark.parametrize(
    "asked",
    [
        "PendingConfirmation",  # an unconfirmed subscription: nobody hears of a failure
        "aws lakeformation get-data-lake-settings",  # grants of IAM alone do not do where it governs
        "aws glue list-jobs --region",  # no Glue in the region
        '"<owner>@<id>/<name>@<id>"',  # the subject of GitHub's tokens
        "kms_key_arns",  # else neither CI nor the boundary knows the key
    ],
)
def test_a_first_deployment_is_told_what_else_would_stop_it(asked: str) -> None:
    page = (try_docs.ROOT / "docs/operating.md").read_text(encoding="utf-8")
    assert asked in page.split("## First deployment on a real account")[1].split("## Everyday work")[0]
