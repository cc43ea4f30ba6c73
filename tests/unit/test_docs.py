"""The commands that `make try-docs` runs are complete and match the code; running them takes minutes."""

from __future__ import annotations

import re
import subprocess

import pytest

from tools import try_docs


def test_the_commands_are_valid_bash() -> None:
    done = subprocess.run(["bash", "-n"], input=try_docs.script(), text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_placeholder_is_filled_in() -> None:
    assert re.findall(r"<[a-z][\w ]+>|path/to", try_docs.script()) == []


@pytest.mark.parametrize("page", try_docs.PAGES)
def test_each_page_runs_from_the_first_apply_to_the_last_destroy(page: str) -> None:
    blocks = re.split(r"^# (?=\S+\.md, line \d)", try_docs.script(), flags=re.MULTILINE)
    of_page = "".join(block for block in blocks if block.startswith(f"{page}, line "))
    assert re.search(r"^(make|terraform) (apply|run-pipeline)", of_page, re.MULTILINE)
    assert re.search(r"^(make destroy ENV=dev|make down|terraform destroy)", of_page, re.MULTILINE)


def test_every_example_that_needs_nothing_made_by_hand_is_tried() -> None:
    examples = {str(path.relative_to(try_docs.ROOT)) for path in try_docs.ROOT.glob("terraform/examples/*/README.md")}
    assert examples - set(try_docs.EXAMPLES) == {"terraform/examples/adoption/README.md"}


@pytest.mark.parametrize("file", try_docs.EDITED)
def test_edited_text_exists(file: str) -> None:
    old, new = try_docs.EDITED[file]
    assert (try_docs.ROOT / file).read_text(encoding="utf-8").count(old) >= 1
    assert old != new


@pytest.mark.parametrize(
    "asked",
    [
        "PendingConfirmation",  # an unconfirmed subscription delivers no failure messages
        "aws lakeformation get-data-lake-settings",  # where Lake Formation controls access, IAM is not enough
        "aws glue list-jobs --region",  # no Glue in the region
        '"<owner>@<id>/<name>@<id>"',  # the subject of GitHub's tokens
        "kms_key_arns",  # otherwise neither CI nor the boundary allows the key
    ],
)
def test_first_deployment_mentions_what_could_stop_it(asked: str) -> None:
    page = (try_docs.ROOT / "docs/operating.md").read_text(encoding="utf-8")
    assert asked in page.split("## First deployment on a real account")[1].split("## Everyday work")[0]
