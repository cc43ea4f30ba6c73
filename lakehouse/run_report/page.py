"""The report as one HTML file: text and tables that need no script, and a figure where there is one.

Whatever a figure shows is in a table too, for a screen reader and for a browser without scripts.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

HERE = Path(__file__).parent
NONE = "\N{EN DASH}"

CUSTOMERS = "customer_landing"
SHORT = 12  # characters of a run's id that tell it from others
SAME_CUSTOMER = "<code>training_match = timestamp_and_customer</code>"

Facts = Mapping[str, Any]
Figures = Mapping[str, str]
"""Plotly's JSON by id of the figure; without it the tables stand alone."""


def html(facts: Facts, figures: Figures, library: str, version: str) -> str:
    """Return the page."""
    run = facts["run"]
    title = f"Run {run['run_id'][:SHORT]} of {run['database']}"
    sections = {
        "flow": ("Row flow", _flow(facts, figures)),
        "tables": ("Tables", _tables(facts, figures)),
        "people": ("Training rows of two people", _people(facts)),
        "columns": ("Columns", _columns(facts, figures)),
        "rules": ("Rules", _rules(facts)),
        "lineage": ("Lineage", _lineage(facts)),
        "time": ("Time and cost", _time(facts, figures)),
        "profiles": ("Profiles", _profiles(facts)),
        "card": ("Dataset card", _card(facts["card"])),
    }
    contents = "".join(f'<li><a href="#{key}">{name}</a></li>' for key, (name, _) in sections.items())
    body = "".join(
        f'<section aria-labelledby="{key}"><h2 id="{key}">{name}</h2>{text}</section>'
        for key, (name, text) in sections.items()
    )
    data = "".join(f'<script type="application/json" id="{key}">{figure}</script>' for key, figure in figures.items())
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{escape(title)}</title>
<style>{(HERE / "page.css").read_text(encoding="utf-8")}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
{_summary(facts)}
<nav aria-label="Contents"><ul>{contents}</ul></nav>
</header>
<main>{body}</main>
<footer><p>Made {_time_of(run["made_at"])} by <code>make report</code>. It holds no personal data: counts, and values of
columns that are marked as not personal. Figures: Plotly.js {escape(version)}, inlined; nothing is loaded.</p></footer>
{data}
<script>{library}</script>
<script>{(HERE / "page.js").read_text(encoding="utf-8")}</script>
</body>
</html>
"""


def size(count: int | None) -> str:
    """Return a number of bytes for people."""
    if count is None:
        return NONE
    value = float(count)
    for name in ("B", "kB", "MB", "GB"):
        if value < 1000 or name == "GB":
            break
        value /= 1000
    return f"{value:,.0f} {name}" if name == "B" else f"{value:,.1f} {name}"


def number(value: float | None) -> str:
    """Return a number for people; a dash if it is unknown."""
    if value is None:
        return NONE
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def change(now: int | None, before: int | None) -> str:
    """Return how much a number has changed."""
    if now is None or before is None:
        return NONE
    share = f" ({(now - before) / before:+.1%})" if before and now != before else ""
    return f"{now - before:+,}{share}" if now != before else "no change"


def _summary(facts: Facts) -> str:
    """Return what an executive, a data scientist and an auditor look for first."""
    run, training = facts["run"], facts["tables"][-1]
    kept = next((account for account in facts["accounts"] if account["table"] == CUSTOMERS), None)
    cards = {
        "Status": (_marked(good=run["status"] == "SUCCEEDED", text=str(run["status"])), _time_of(run["published_at"])),
        "Profile": (escape(str(run["profile"] or NONE)), escape(_overrides(facts))),
        "Customer records": (
            f"{number(kept['published'])} of {number(kept['read'])}" if kept else NONE,
            "kept by the consent policies",
        ),
        "Training rows": (
            number(training["rows"]),
            f"{change(training['rows'], training['before']['rows'])} since the run before"
            if training["before"]
            else "no run before to compare with",
        ),
        "Rows of two people": (_two_people(facts["pairs"]), "step of one, movement of another"),
        "Checks": _checks(facts),
    }
    shown = "".join(
        f"<div><dt>{name}</dt><dd>{value}</dd><dd class=note>{note}</dd></div>" for name, (value, note) in cards.items()
    )
    warnings = "".join(f'<p class="bad">{escape(line)}</p>' for line in run["warnings"] or [])
    spent = f"{number(run['seconds'])} s, {number(run['dpu_seconds'])} DPU-seconds"
    return f'<p class="dim">{_code(run["run_id"])}<br>{spent}</p><dl class="cards">{shown}</dl>{warnings}'


def _marked(*, good: bool, text: str) -> str:
    return f'<span class="{"good" if good else "bad"}">{escape(text)}</span>'


def _overrides(facts: Facts) -> str:
    """Return the policies of the run that are not those of its profile."""
    run = facts["run"]
    declared: Mapping[str, str] = next(
        (each["policies"] for each in facts["profiles"] if each["name"] == run["profile"]), {}
    )
    other = [f"{name} = {value}" for name, value in run["policies"].items() if declared.get(name, value) != value]
    return f"with {', '.join(other)}" if other else "as declared"


def _two_people(pairs: Facts | None) -> str:
    if pairs is None:
        return "unknown"
    return f"{number(pairs['two_people'])} of {number(pairs['paired'])}"


def _checks(facts: Facts) -> tuple[str, str]:
    """Return whether the rules passed, and whether each row that was read is accounted for."""
    passed = all(table["published"] for table in facts["tables"])
    rules = sum(rule["applies"] for table in facts["tables"] for rule in table["rules"])
    outcome = _marked(good=passed, text=f"{rules} rules passed" if passed else "not passed, or unknown")
    if not facts["accounts"]:
        return outcome, "rows accounted for: unknown"
    quarantined = sum(sum(account["quarantined"].values()) for account in facts["accounts"])
    lost = sum(
        account["read"] - account["published"] - sum(account["dropped"].values()) - sum(account["quarantined"].values())
        for account in facts["accounts"]
    )
    accounted = "every row accounted for" if not lost else _marked(good=False, text=f"{number(lost)} rows missing")
    return outcome, f"{accounted}, {number(quarantined)} quarantined"


def _figure(figures: Figures, key: str, caption: str, kind: str = "") -> str:
    """Return a figure; nothing if there is none. It is hidden from screen readers, which read the table."""
    if key not in figures:
        return ""
    shown = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f'<figure class="{kind}"><div class="plot" data-figure="{key}" aria-hidden="true"></div>{shown}</figure>'


def _table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()) -> str:
    """Return a table of cells that are HTML; `numbers` are the positions of columns that are aligned to the right."""
    right = set(numbers)
    head = "".join(f'<th scope="col"{" class=n" if at in right else ""}>{name}</th>' for at, name in enumerate(heads))
    body = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row">{cell}</th>' if not at else f"<td{' class=n' if at in right else ''}>{cell}</td>"
            for at, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _flow(facts: Facts, figures: Figures) -> str:
    rows = []
    for account in facts["accounts"]:
        lines = [(f"published in {account['target']}", account["published"])]
        lines += [(f"dropped: {reason}", count) for reason, count in account["dropped"].items()]
        lines += [(f"quarantined: {reason}", count) for reason, count in account["quarantined"].items()]
        for at, (outcome, count) in enumerate(lines):
            first = f"{_code(account['table'])} {number(account['read'])} read" if not at else _code(account["table"])
            rows.append([first, escape(outcome), number(count)])
    caption = "Every row that a job read is published, dropped for a reason, or quarantined."
    return (
        "<p>From the landing zone to the training table. A training row pairs a reading of each of its two sources, so "
        "its table has as many rows as pairs.</p>"
        + "".join(_figure(figures, key, "") for key in figures if key.startswith("figure-flow"))
        + "<p class=dim>Blue: published. Orange: dropped. Red: quarantined. Each diagram has a scale of its own.</p>"
        + _table(caption, ["Table", "Outcome", "Rows"], rows, [2])
    )


def _tables(facts: Facts, figures: Figures) -> str:
    rows = [
        [_code(table["name"]), "landing", number(table["rows"]), NONE, NONE, NONE, NONE] for table in facts["landing"]
    ]
    for table in facts["tables"]:
        before = table["before"] or {}
        rows.append(
            [
                _code(table["name"]),
                table["zone"],
                number(table["rows"]),
                change(table["rows"], before.get("rows")),
                size(table["bytes"]),
                change(table["bytes"], before.get("bytes")),
                number(table["files"]),
            ]
        )
    heads = ["Table", "Zone", "Rows", "Change", "Size", "Change in bytes", "Files"]
    past = [
        [
            _time_of(entry["at"]),
            _code(table["name"]),
            escape(entry["profile"]),
            number(entry["rows"]),
            size(entry["bytes"]),
        ]
        for table in facts["tables"]
        for entry in table["history"]
    ]
    gone = [table["name"] for table in facts["tables"] if not table["published"]]
    missing = (
        f'<p class="bad">Not published by this run, or its snapshot has expired since: {escape(", ".join(gone))}.</p>'
        if gone
        else ""
    )
    return (
        missing
        + _table("Tables after the run, compared with the publication before it", heads, rows, range(2, 7))
        + _figure(figures, "figure-history", "Rows at each publication that still has its snapshot")
        + _details(
            "Publications",
            _table(
                "Publications that still have their snapshot",
                ["Time", "Table", "Profile", "Rows", "Size"],
                past,
                [3, 4],
            ),
        )
    )


def _people(facts: Facts) -> str:
    pairs = facts["pairs"]
    if pairs is None:
        return "<p>Unknown: the training table has no snapshot of the run, or one without this number.</p>"
    if pairs["by_policy"]:
        return (
            f"<p><strong>None of {number(pairs['rows'])}.</strong> By the policy {SAME_CUSTOMER}, a step is paired "
            "with a movement of its owner only.</p>"
        )
    return (
        f"<p><strong>{number(pairs['two_people'])} of {number(pairs['paired'])} pairs</strong> combine the step of one "
        "person's Step Trainer with the movement of another person at the same millisecond: the customer who moved "
        f"does not own that Step Trainer. The policy {SAME_CUSTOMER} leaves them out.</p>"
    )


def _columns(facts: Facts, figures: Figures) -> str:
    about = (
        "Limits and histograms are of columns that are not personal data. Of all others, and of text, only the share "
        "of nulls is counted."
    )
    parts = [f"<p>{about}</p>"]
    marks = {"yes": "personal", "no": "not personal", "pseudonym": "pseudonym"}
    for table in facts["tables"]:
        rows = []
        for column in table["columns"]:
            key = f"figure-{table['name']}-{column['name']}"
            nulls = column.get("null_share")
            cells = {
                "Type": escape(column["type"]),
                "Meaning": escape(column["comment"]),
                "Unit": escape(column["unit"] or NONE),
                "Personal data": marks[column["personal"]],
                "Nulls": NONE if nulls is None else f"{nulls:.1%}",
                "Minimum": _value(column, "min"),
                "Maximum": _value(column, "max"),
                "Histogram": _histogram(column, figures, key),
            }
            values = "".join(
                f'<td data-name="{name}"{" class=n" if name in ("Nulls", "Minimum", "Maximum") else ""}>{cell}</td>'
                for name, cell in cells.items()
            )
            rows.append(f'<tr><th scope="row">{_code(column["name"])}</th>{values}</tr>')
        heads = ["Column", "Type", "Meaning", "Unit", "Personal data", "Nulls", "Minimum", "Maximum", "Histogram"]
        head = "".join(f'<th scope="col">{name}</th>' for name in heads)
        parts.append(
            f"<h3>{_code(table['name'])}</h3><p>{escape(table['description'])}</p>"
            f'<div class="wide columns" tabindex="0" role="region" aria-label="Columns of {table["name"]}"><table>'
            f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        )
    return "".join(parts)


def _value(column: Facts, limit: str) -> str:
    value = column.get(limit)
    if value is None:
        return NONE
    return _time_of(value) if column["unit"].startswith("ms since") else number(value)


def _histogram(column: Facts, figures: Figures, key: str) -> str:
    if "histogram" not in column:
        return NONE
    edges, counts = column["histogram"]["edges"], column["histogram"]["counts"]
    most = max(range(len(counts)), key=counts.__getitem__)
    time = column["unit"].startswith("ms since")
    shown = [_time_of(edge) if time else number(edge) for edge in edges]
    said = f"{len(counts)} bins; the fullest, from {shown[most]} to {shown[most + 1]}, has {number(counts[most])} rows"
    rows = [
        [f"{low} to {high}", number(count)]
        for (low, high), count in zip(itertools.pairwise(shown), counts, strict=True)
    ]
    return _figure(figures, key, "", "histogram") + _details(
        said, _table(f"Histogram of {column['name']}", ["Values", "Rows"], rows, [1])
    )


def _rules(facts: Facts) -> str:
    parts = [
        "<p>A table is published only if no row breaks a rule that applies under the policies of the run.</p>",
    ]
    for table in facts["tables"]:
        applied = [rule for rule in table["rules"] if rule["applies"]]
        left_out = [rule for rule in table["rules"] if not rule["applies"]]
        passed = "passed" if table["published"] else "not passed, or unknown"
        lines = "".join(
            f"<li>{escape(rule['name'])}"
            + (
                ' <span class="dim">(follows from the fingerprints of the rows in a quick audit)</span>'
                if rule["implied"]
                else ""
            )
            + "</li>"
            for rule in applied
        )
        others = "".join(
            f"<li>{escape(rule['name'])} <span class=dim>(only if "
            f"{escape(', '.join(f'{name} = {value}' for name, value in rule['policies'].items()))})</span></li>"
            for rule in left_out
        )
        parts.append(f"<h3>{_code(table['name'])}: {len(applied)} rules {passed}</h3><ul class=rules>{lines}</ul>")
        if others:
            parts.append(
                _details(
                    "1 rule does not apply" if len(left_out) == 1 else f"{len(left_out)} rules do not apply",
                    f"<ul class=rules>{others}</ul>",
                )
            )
    return "".join(parts)


def _lineage(facts: Facts) -> str:
    rows = [
        [
            _code(table["name"]),
            "<br>".join(
                f"{_code(source)} {number(count)} rows"
                + (f", snapshot {_code(table['made_from'][source])}" if source in table["made_from"] else "")
                for source, count in table["read"].items()
            )
            or NONE,
            _code(table["snapshot_id"] or NONE),
        ]
        for table in facts["tables"]
    ]
    return _table("What each table was made from", ["Table", "Read", "Snapshot"], rows)


def _time(facts: Facts, figures: Figures) -> str:
    rows = [
        [_code(job["name"]), escape(job["state"]), number(job["seconds"]), number(job["dpu_seconds"])]
        for job in facts["jobs"]
    ]
    run = facts["run"]
    rows.append(["all", escape(str(run["status"])), number(run["seconds"]), number(run["dpu_seconds"])])
    return (
        _figure(figures, "figure-time", "Seconds of each job")
        + _table("Time and cost", ["Job", "State", "Seconds", "DPU-seconds"], rows, [2, 3])
        + "<p>Cost = DPU-seconds / 3600, times the price of a DPU-hour in the region. On the embedded AWS it is what "
        "Glue would bill for the same durations.</p>"
    )


def _profiles(facts: Facts) -> str:
    names = [table["name"] for table in facts["tables"]]
    defaults = facts["profiles"][0]["policies"]
    rows = []
    for profile in facts["profiles"]:
        other = {name: value for name, value in profile["policies"].items() if value != defaults[name]}
        rows.append(
            [
                f"{_code(profile['name'])}<br>{escape(profile['description'])}",
                "<br>".join(f"{_code(name)} {escape(value)}" for name, value in other.items()) or "the defaults",
                *(number(profile["rows"].get(name)) for name in names),
                escape(profile["source"]) or "unknown: run with it to see",
            ]
        )
    heads = ["Profile", "Policies", *map(_code, names), "Rows from"]
    return _table("What each profile gives", heads, rows, range(2, 2 + len(names)))


def _card(markdown: str | None) -> str:
    """Return the dataset card as HTML, its sections one level below that of the page."""
    if markdown is None:
        return "<p>There is none of this run: a later run, a rollback or an erasure has replaced it.</p>"
    front = re.match(r"---\n.*?\n---\n", markdown, re.DOTALL)
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(markdown[front.end() :] if front else markdown)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = "h3"
    wide = '<div class="wide" tabindex="0" role="region" aria-label="Table of the dataset card"><table>'
    shown: str = parser.renderer.render(tokens, parser.options, {})
    return shown.replace("<table>", wide).replace("</table>", "</table></div>")


def _details(summary: str, content: str) -> str:
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _time_of(milliseconds: float | None) -> str:
    if milliseconds is None:
        return NONE
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
