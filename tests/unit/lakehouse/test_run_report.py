"""The report of a run: what its page says without scripts, which values it may show, and when it is deleted."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest

from lakehouse import lineage
from lakehouse.commands import run_report
from lakehouse.console import Display
from lakehouse.environments import open_environment
from lakehouse.errors import LakehouseError
from lakehouse.project import Project
from lakehouse.run_report import facts, page, queries
from lakehouse.run_report.queries import Column
from tests.support.project import ICEBERG_TABLES, REPOSITORY
from tests.support.report_facts import RUN
from tests.support.report_facts import facts as example

COLUMNS = [
    Column("email", "string", "", "yes"),
    Column("subjectkey", "string", "", "pseudonym"),
    Column("sharewithresearchasofdate", "long", "", "yes"),
    Column("serialnumber", "string", "", "no"),
    Column("x", "double", "", "no"),
]


class Text(HTMLParser):
    """The text of a page, and the tags that are left open."""

    VOID = ("meta", "br", "link", "img")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open += [] if tag in self.VOID else [tag]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.words += data.split()


def text(shown: dict[str, Any]) -> str:
    parsed = Text(page.html(shown, {}, "", "0"))
    assert not parsed.open
    return " ".join(parsed.words)


def test_the_page_says_every_number_without_a_figure() -> None:
    said = text(example())
    for part in (
        "customer_landing 956 read published in customer_trusted 482",
        "customer_landing dropped: no consent 470",
        "customer_landing quarantined: no e-mail address 2",
        "accelerometer_trusted trusted 40,981 +819 (+2.0%) 512.4 kB +10,248 (+2.0%) 1",
        "2,700 of 43,681 pairs combine",
        "x double Movement along the x axis of the phone; the source states no unit. unknown not personal 0.0% -4 4",
        "subjectkey string Pseudonym of the customer. \N{EN DASH} pseudonym 0.0%",
        "machine_learning_curated : 2 rules passed every row of machine_learning_curated is complete",
        "a rule of strict (only if training_match = other)",
        "customers_curated customer_trusted 482 rows, snapshot 17",
        "all SUCCEEDED 48.2 600",
        "published the profile published the defaults 482 40,981 464 14,460 43,681 this run",
        "strict the profile strict training_match timestamp_and_customer",
    ):
        assert part in said, said


def test_the_first_screen_says_what_was_kept_and_whether_it_can_be_trusted() -> None:
    shown = example()
    said = text(shown)
    for part in (
        "Profile published as declared",
        "Customer records 482 of 956 kept by the consent policies",
        "Rows of two people 2,700 of 43,681",
        "Checks 10 rules passed every row accounted for, 2 quarantined",
    ):
        assert part in said, said
    shown["run"]["policies"] = {"training_match": "timestamp_and_customer"}
    shown["accounts"][0]["published"] -= 3
    shown["tables"][0]["published"] = False
    said = text(shown)
    assert "Profile published with training_match = timestamp_and_customer" in said
    assert "Checks not passed, or unknown 3 rows missing , 2 quarantined" in said
    shown["accounts"], shown["tables"][-1]["before"] = [], None
    said = text(shown)
    assert "Training rows 43,681 no run before to compare with" in said
    assert "rows accounted for: unknown" in said


def test_the_page_loads_nothing() -> None:
    html = page.html(example(), {"figure-time": "{}"}, "", "0")
    assert not re.search(r"https?://|\bsrc=|<link|@import|url\(", html)


def test_a_reason_is_text_and_no_html() -> None:
    shown = example()
    shown["accounts"][0]["dropped"] = {"<script>alert(1)</script> & more": 1}
    assert "dropped: <script>alert(1)</script> & more 1" in text(shown)


@pytest.mark.parametrize("table", ICEBERG_TABLES)
def test_each_rule_of_a_table_is_told_and_when_it_does_not_apply(table: str) -> None:
    text = (REPOSITORY / "ddl" / f"{table}.audit.sql").read_text(encoding="utf-8")
    told, shown = facts.rules_of(text, {}), example()
    assert [rule.keys() for rule in told] == [shown["tables"][0]["rules"][0].keys()] * len(told)
    said = html.unescape(page._rules({"tables": [{"name": table, "published": True, "rules": told}]}))
    for rule in told:
        assert rule["name"] in said
        assert rule["applies"] != bool(rule["policies"])
        assert all(f"{name} = {value}" in said for name, value in rule["policies"].items())


def test_a_table_that_the_run_did_not_publish_is_named() -> None:
    shown = example()
    shown["tables"][1] |= {
        "published": False,
        "rows": None,
        "bytes": None,
        "files": None,
        "before": None,
        "history": [],
    }
    shown["tables"][1]["columns"] = [
        {key: column[key] for key in ("name", "type", "comment", "unit", "personal")}
        for column in shown["tables"][1]["columns"]
    ]
    shown["pairs"] = None
    said = text(shown)
    assert "Not published by this run, or its snapshot has expired since: accelerometer_trusted." in said
    assert "Unknown: the training table has no snapshot of the run, or one without this number." in said


def test_pairs_of_two_people_are_none_by_policy() -> None:
    shown = example()
    shown["pairs"] = {"rows": 100, "paired": 90, "two_people": 0, "by_policy": True}
    assert "None of 100. By the policy training_match = timestamp_and_customer" in text(shown)


def test_the_dataset_card_is_a_section_without_its_front_matter() -> None:
    html = page.html(example(), {}, "", "0")
    card = html.partition('<h2 id="card">Dataset card</h2>')[2]
    assert "<h3>Consent</h3>" in card
    assert "<td>training_match</td>" in card
    assert "pretty_name" not in html
    assert '<li><a href="#card">Dataset card</a></li>' in html
    assert html.count("<h1") == 1


def test_html_in_a_dataset_card_is_text() -> None:
    shown = example() | {"card": "A reason: <script>alert(1)</script>\n"}
    assert "A reason: <script>alert(1)</script>" in text(shown)
    assert "<script>alert" not in page.html(shown, {}, "", "0")


def test_a_report_of_an_earlier_run_has_no_dataset_card() -> None:
    assert "There is none of this run: a later run, a rollback or an erasure has replaced it." in text(
        example() | {"card": None}
    )


def snapshot(**report: str) -> Any:
    properties = {lineage.PREFIX + name.replace("_", "-"): value for name, value in report.items()}
    return SimpleNamespace(snapshot_id=7, summary=SimpleNamespace(additional_properties=properties))


@pytest.mark.parametrize(
    ("own", "match", "found"),
    [
        (snapshot(rows_of_two_people="3"), "timestamp", (10, 8, 3, False)),
        (snapshot(rows_of_two_people="0"), "timestamp_and_customer", (10, 8, 0, True)),
        (snapshot(), "timestamp", None),
        (None, "timestamp", None),
    ],
)
def test_pairs_are_as_the_job_has_recorded_them(own: Any, match: str, found: tuple[int, int, int, bool] | None) -> None:
    table = {"name": "machine_learning_curated", "rows": 10, "columns": [{"name": "x", "nulls": 2}]}
    pairs = facts._pairs(own, {"training_match": match}, [table])
    assert (None if pairs is None else tuple(pairs.values())) == found


def test_a_figure_is_hidden_from_screen_readers_and_its_table_is_not() -> None:
    html = page.html(example(), {"figure-time": '{"data": []}'}, "", "0")
    assert '<div class="plot" data-figure="figure-time" aria-hidden="true"></div>' in html
    assert "<caption>Time and cost</caption>" in html
    assert '<html lang="en">' in html
    assert html.count("<h1") == 1


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        (11, 10, "+1 (+10.0%)"),
        (9, 10, "-1 (-10.0%)"),
        (10, 10, "no change"),
        (10, 0, "+10"),
        (10, None, page.NONE),
        (None, 10, page.NONE),
    ],
)
def test_change(now: int | None, before: int | None, said: str) -> None:
    assert page.change(now, before) == said


@pytest.mark.parametrize(("count", "said"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2_500_000, "2.5 MB")])
def test_size(count: int, said: str) -> None:
    assert page.size(count) == said


def test_only_numbers_that_are_not_personal_are_asked_for() -> None:
    assert [column.name for column in COLUMNS if column.shown] == ["x"]
    sql = queries.summary('"d"."t"', COLUMNS)
    assert re.findall(r"min\(\"(\w+)\"\)|max\(\"(\w+)\"\)", sql) == [("x", ""), ("", "x")]
    assert sql.count("count(") == 1 + len(COLUMNS)


def test_an_unmarked_column_counts_as_personal() -> None:
    fields = [
        SimpleNamespace(name="a", field_type="double", doc=None),
        SimpleNamespace(name="b", field_type="double", doc="Without a mark."),
        SimpleNamespace(name="c", field_type="double", doc="Marked. Personal data: no."),
    ]
    table: Any = SimpleNamespace(schema=lambda: SimpleNamespace(fields=fields))
    assert [(column.personal, column.shown, column.comment) for column in facts.columns_of(table)] == [
        ("yes", False, ""),
        ("yes", False, "Without a mark."),
        ("no", True, "Marked."),
    ]


def test_bins_cover_the_range() -> None:
    edges = queries.edges(201, 300)
    assert (edges[0], edges[-1], len(edges)) == (201, 300, queries.BINS + 1)
    assert queries.edges(5, 5) == [5, 5]
    assert "least(" in queries.histograms("t", {"x": (201, 300)})
    assert "SELECT 'x' AS name, 0 AS bin" in queries.histograms("t", {"x": (5, 5)})


@pytest.mark.parametrize(
    ("comment", "unit"),
    [
        ("Time of the measurement, epoch milliseconds, UTC.", "ms since 1970, UTC"),
        ("Movement along the x axis; the source states no unit.", "unknown"),
        ("Name of the customer.", ""),
    ],
)
def test_unit(comment: str, unit: str) -> None:
    assert facts.unit(comment) == unit


def test_a_report_needs_its_renderer(project: Project, display: Display) -> None:
    with pytest.raises(LakehouseError, match=r"There is no \.venv-report/bin/python.*Run: make report"):
        run_report.report(open_environment(project, display, 0), "")


@pytest.fixture
def runs(project: Project) -> Project:
    for run_id in (RUN, "wr_0999", "wr_1"):
        folder = project.runs / run_id
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps({"run_id": run_id}))
        (folder / "report.html").write_text("<html>")
        (folder / "report.json").write_text("{}")
    (project.runs / "latest").symlink_to("wr_1")
    return project


@pytest.mark.parametrize(("named", "found"), [("", "wr_1"), ("latest", "wr_1"), ("wr_01", RUN), (RUN, RUN)])
def test_a_run_is_named_by_the_beginning_of_its_id(runs: Project, display: Display, named: str, found: str) -> None:
    environment: Any = open_environment(runs, display, 0)
    assert run_report._run(environment, None, None, named)["run_id"] == found  # type: ignore[arg-type]


def test_an_ambiguous_or_missing_run_is_refused(runs: Project, display: Display) -> None:
    environment: Any = open_environment(runs, display, 0)
    with pytest.raises(LakehouseError, match="RUN='wr_0' is the beginning of 2 runs: wr_01234567, wr_0999"):
        run_report._run(environment, None, None, "wr_0")  # type: ignore[arg-type]
    (runs.runs / "latest").unlink()
    with pytest.raises(LakehouseError, match=r"has followed no run of local\. Run: make run-pipeline, or name"):
        run_report._run(environment, None, None, "")  # type: ignore[arg-type]


def test_reports_are_deleted_and_run_json_stays(runs: Project) -> None:
    assert run_report.discard(runs) == 3
    assert sorted(path.name for path in runs.runs.rglob("*") if path.is_file()) == ["run.json"] * 3
    assert run_report.discard(runs) == 0
