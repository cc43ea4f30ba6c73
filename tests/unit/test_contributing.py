"""What the contributor's documents name exists: files, links, functions, make targets and their knobs, decisions."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DECISIONS = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
INDEX = ROOT / "docs/decisions/README.md"
DOOR = [
    *(ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "docs/architecture.md")),
    ROOT / ".github/pull_request_template.md",
    INDEX,
    *DECISIONS,
]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *DOOR]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")

SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
FUNCTION = re.compile(r"(?:[A-Za-z]\w*\.)?([a-z_]\w*)\(\)")
SUFFIXES = (".py", ".sql", ".tf", ".hcl", ".json", ".md", ".toml", ".yml", ".yaml", ".txt", ".sh")
NOT_IN_GIT = ("build/", ".venv", "/")  # what the tools make, and paths of AWS and of URLs
IN_THE_BUCKET = ("customer/", "parsed/", "quarantine/", "operations/")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def paths(text: str) -> set[str]:
    """Return the paths that a text has in backticks, each with `*` where it leaves a blank."""
    words = {word for span in SPAN.findall(FENCE.sub("", text)) for word in span.split()}
    words = {word.rpartition("=")[2] for word in words}  # of a knob its value
    files = {word for word in words if "/" in word.strip("/") or word.endswith(("/", *SUFFIXES))}
    known = {file for file in files if not file.startswith((*NOT_IN_GIT, *IN_THE_BUCKET)) and "://" not in file}
    return {re.sub(r"<[^>]+>", "*", file) for file in known}


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def is_there(path: str, beside: Path) -> bool:
    return any(any(folder.glob(path.rstrip("/"))) for folder in (ROOT, beside))


@pytest.mark.parametrize("page", DOOR, ids=name_of)
def test_every_path_in_backticks_exists(page: Path) -> None:
    found = paths(page.read_text(encoding="utf-8"))
    assert sorted(path for path in found if not is_there(path, page.parent)) == []


def test_paths_are_seen() -> None:
    assert {"ddl/*.audit.sql", "glue_jobs/shared/job.py", "lakehouse/"} <= paths(
        (ROOT / "docs/architecture.md").read_text()
    )
    assert not is_there("glue_jobs/shared/jab.py", ROOT)
    assert not is_there("ddl/*.rules.sql", ROOT)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if link.startswith(("https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_function_that_architecture_names_is_in_the_file_beside_it() -> None:
    missing, seen = [], 0
    for line in re.split(r"\n\n|\n(?=\|)|;", (ROOT / "docs/architecture.md").read_text(encoding="utf-8")):
        files = [ROOT / path for path in paths(line) if path.endswith(".py")]
        code = "\n".join(file.read_text(encoding="utf-8") for file in files if file.exists())
        functions = [match[1] for span in SPAN.findall(line) if (match := FUNCTION.fullmatch(span))]
        seen += len(functions)
        missing += [
            f"{function}() in {line.strip()}" for function in functions if code and f"def {function}(" not in code
        ]
    assert missing == []
    assert seen >= 10


@pytest.mark.parametrize("page", DOOR, ids=name_of)
def test_every_make_target_that_is_named_exists_and_takes_the_knobs(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    commands = [span for span in SPAN.findall(text) if span.startswith("make ")]
    commands += [line for block in FENCE.findall(text) for line in block.split("\n") if re.match(r"\s*make \w", line)]
    wrong = []
    for command in commands:
        words = command.partition("#")[0].split()
        knobs = set(re.findall(r"\b([A-Z][A-Z_]+)=", command))
        taken = re.search(rf"^{re.escape(words[1])}\.knobs := (.*)$", MAKEFILE, re.MULTILINE) if words[1:] else None
        exists = not words[1:] or re.search(rf"^{re.escape(words[1])}:", MAKEFILE, re.MULTILINE)
        if not exists or knobs - set(taken[1].split() if taken else []):
            wrong.append(command)
    assert wrong == []


def test_each_policy_is_applied_where_architecture_says() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8").partition("Where each policy is applied:")[2]
    rows = re.findall(r"^\| `(glue_jobs/(?:jobs|erasure)/\w+\.py)` \| (.+) \|$", text, re.MULTILINE)
    named = {(file, policy) for file, policies in rows for policy in SPAN.findall(policies)}
    declared = json.loads((ROOT / "glue_jobs/policies.json").read_text(encoding="utf-8"))["policies"]
    code = {name_of(file): file.read_text(encoding="utf-8") for file in (ROOT / "glue_jobs").glob("*/*.py")}
    asked = {(file, p) for file, text in code.items() for p in declared if re.search(rf"\bpolicies\.{p}\b", text)}
    assert named == asked
    assert {policy for _, policy in named} == declared.keys()


def test_decisions_are_numbered_without_a_gap_and_listed() -> None:
    assert [int(file.name[:4]) for file in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    rows = re.findall(r"^\| (\d+) \| \[(.+)\]\((.+)\) \| (\S+) \|$", INDEX.read_text(encoding="utf-8"), re.MULTILINE)
    heads = [re.match(r"# (\d+)\. (.+)\n\n- Date: (\S+)\n", file.read_text(encoding="utf-8")) for file in DECISIONS]
    assert [(head[1], head[2], file.name, head[3]) for head, file in zip(heads, DECISIONS, strict=True) if head] == rows


@pytest.mark.parametrize("file", DECISIONS, ids=name_of)
def test_a_decision_is_one_page_of_context_decision_and_consequences(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert re.search(r"^- Date: \d{4}-\d\d-\d\d\n- Status: (accepted|superseded by \d+)", text, re.MULTILINE)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
    assert text.count("\n") <= 60


def test_git_hooks_run_what_make_lint_runs() -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    entries = {hook["entry"]: hook.get("stages") for hook in repository["hooks"]}
    assert entries.pop("make lint") == ["pre-push"]
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert recipe
    lint = {line.strip().removeprefix("@").replace("$(BIN)", ".venv/bin") for line in recipe[1].splitlines()}
    assert entries.keys() <= lint
    assert repository["repo"] == "local"


def test_a_changelog_has_what_is_not_released_first() -> None:
    versions = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert versions[0] == "Unreleased"
