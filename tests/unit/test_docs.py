"""The documents: every command is run by `make try-docs` or a test, or says what it needs; the site has every page."""

from __future__ import annotations

import re
import subprocess
import textwrap
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from tools import build_site, try_docs

COMMAND = re.compile(
    r"^(make|aws|gh|git|terraform|source|export|pre-commit|python|spark-submit|\.venv/\S+)(?= |$)", re.MULTILINE
)
CHECKS = ".github/workflows/checks.yml"
TRAINING = "tests/training/test_training.py"
ELSEWHERE = {  # the beginning of a block, what runs it, and how one sees that
    "make test\n": (CHECKS, "make test\n"),
    "make lint\nmake checkov": (CHECKS, "make checkov"),
    "make setup\n": ("Makefile", "\nsetup: $(READY)"),
    "make schedule ENV=dev": ("tests/unit/lakehouse/test_schedule.py", "NIGHTLY"),
    "make rerun ENV=dev": ("tests/e2e/test_runs.py", '"resume"'),
    "make runs ENV=dev\nmake compare": ("tests/e2e/test_runs.py", '"rollback", "--run"'),
    "make name ENV=dev": ("tests/e2e/test_bring_your_own.py", '"name", "--number"'),
    "make run-pipeline\nmake train": (TRAINING, '"train.py"'),
    "make analyst\nsource build/local/analyst.env\n.venv-training": (TRAINING, '"--tag", tag'),
}


def test_the_commands_are_valid_bash() -> None:
    done = subprocess.run(["bash", "-n"], input=try_docs.script(), text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_placeholder_is_filled_in() -> None:
    assert re.findall(r"<[a-z][\w ]+>|path/to", try_docs.script()) == []


def test_single_pages_can_be_tried() -> None:
    assert (
        re.findall(r"^# (\S+), line", try_docs.script(["docs/tutorial.md"]), re.MULTILINE) == ["docs/tutorial.md"] * 5
    )


@pytest.mark.parametrize("page", try_docs.PAGES)
def test_a_page_alone_meets_the_embedded_aws_before_any_other(page: str) -> None:
    start = re.search(
        r"^(make (run-pipeline|apply|analyst)\b(?!.*ENV=)|terraform|aws)", try_docs.script([page]), re.MULTILINE
    )
    assert start is not None
    assert start[1].startswith("make")


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


def pages() -> list[str]:
    """Return the pages that people read, as paths."""
    return sorted(str(file.relative_to(build_site.ROOT)) for file in build_site.files() if file.suffix == ".md")


def blocks(page: str) -> Iterator[tuple[str, str]]:
    """Yield language and text of each block of a page."""
    text = (try_docs.ROOT / page).read_text(encoding="utf-8")
    for found in re.finditer(r"^( *)```(\w*)\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL):
        yield found[2], textwrap.dedent(found[3])


@pytest.mark.parametrize("page", pages())
def test_every_command_is_run_somewhere_or_says_what_it_needs(page: str) -> None:
    left = []
    for language, text in blocks(page):
        if language in ("python", "hcl", "sql", "mermaid") or not COMMAND.search(text):
            continue
        if language == "bash":
            assert page in try_docs.PAGES, f"{page} has commands marked bash, so `make try-docs` must know it"
        elif not text.startswith("# Needs ") and not any(text.startswith(begin) for begin in ELSEWHERE):
            left.append(text)
    assert left == []


@pytest.mark.parametrize("begin", ELSEWHERE)
def test_what_is_run_elsewhere_is(begin: str) -> None:
    file, seen = ELSEWHERE[begin]
    assert any(text.startswith(begin) for page in pages() for _, text in blocks(page))
    assert seen in (try_docs.ROOT / file).read_text(encoding="utf-8")


def navigation(entries: list[Any]) -> Iterator[str]:
    """Yield the pages of a navigation."""
    for entry in entries:
        for value in entry.values():
            yield from navigation(value) if isinstance(value, list) else [value]


def test_every_page_of_docs_is_in_the_navigation_once() -> None:
    site = tomllib.loads((try_docs.ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
    listed = list(navigation(site["nav"]))
    assert len(listed) == len(set(listed))
    assert set(listed) <= set(pages())
    docs = {page for page in pages() if re.fullmatch(r"docs/[\w-]+\.md", page)}
    assert docs - set(listed) == set()


def test_the_readme_lists_every_page_of_docs() -> None:
    text = (try_docs.ROOT / "README.md").read_text(encoding="utf-8").split("## Documents")[1]
    named = set(re.findall(r"\]\((docs/[\w-]+\.md)\)", text))
    assert named == {page for page in pages() if re.fullmatch(r"docs/[\w-]+\.md", page)}


def test_the_tutorial_keeps_its_promise() -> None:
    """A result in two commands, a query in three, a chart in four, a model in six."""
    lines = [line for _, text in blocks("docs/tutorial.md") for line in text.splitlines()]
    commands = [line for line in lines if not line.startswith("#")]
    assert [re.split(r"[ ](?=[<A-Z])", command)[0] for command in commands] == [
        "git clone",
        "make run-pipeline",
        "make query",
        "make report",
        "make train",
        "make down",
    ]
