"""The figures of the report, as Plotly draws them in the browser: Plotly's own JSON, without colours of text and paper.

This module runs in an environment of its own, since only the report needs plotly, which is larger than all else that
an operator installs.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import plotly
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

# Of Okabe and Ito, so that colour-blind readers tell them apart, on paper as well as on a dark screen.
PUBLISHED, DROPPED, QUARANTINED = "#0072B2", "#E69F00", "#D55E00"
LINES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00")
OPACITY = 0.45

Facts = Mapping[str, Any]


def library() -> str:
    """Return the JavaScript of the library, to be inlined."""
    return str(get_plotlyjs())


def version() -> str:
    """Return the version of the library."""
    return str(plotly.__version__)


def row_flows(facts: Facts) -> list[str]:
    """Return the Sankey diagrams from the landing zone to the last tables, with the reasons of dropped rows.

    One for each group of tables with common rows: the few customers would be invisible beside their many readings.
    """
    rows = {table["name"]: table["rows"] for table in (*facts["landing"], *facts["tables"])}
    return [_row_flow(group, rows) for group in _groups(facts["accounts"])]


def _groups(accounts: Sequence[Facts]) -> list[list[Facts]]:
    """Return the accounts, those together that share a table."""
    groups: list[tuple[set[str], list[Facts]]] = []
    for account in accounts:
        places = {account["table"], account["target"]}
        joined = [group for group in groups if group[0] & places]
        groups = [group for group in groups if not group[0] & places]
        names = places.union(*(group[0] for group in joined))
        groups.append((names, [*(each for group in joined for each in group[1]), account]))
    return [group for _, group in groups]


def _row_flow(accounts: Sequence[Facts], rows: Mapping[str, int | None]) -> str:
    nodes: dict[tuple[str, str], int] = {}
    labels: list[str] = []
    colours: list[str] = []
    links: list[tuple[int, int, int, str, str]] = []

    def node(kind: str, name: str, count: int | None, colour: str) -> int:
        if (kind, name) not in nodes:
            nodes[kind, name] = len(nodes)
            labels.append(name if count is None else f"{name} {count:,}")
            colours.append(colour)
        return nodes[kind, name]

    for account in accounts:
        source, target = account["table"], account["target"]
        start = node("table", source, rows.get(source), PUBLISHED)
        if account["published"]:
            end = node("table", target, rows.get(target), PUBLISHED)
            links.append((start, end, account["published"], PUBLISHED, f"published in {target}"))
        for outcome, colour in (("dropped", DROPPED), ("quarantined", QUARANTINED)):
            for reason, count in account[outcome].items():
                end = node(f"{outcome} of {source}", reason, count, colour)
                links.append((start, end, count, colour, f"{outcome}: {reason}"))
    figure = go.Figure(
        go.Sankey(
            arrangement="snap",
            node={"label": labels, "color": colours, "pad": 24, "thickness": 14, "line": {"width": 0}},
            link={
                "source": [link[0] for link in links],
                "target": [link[1] for link in links],
                "value": [link[2] for link in links],
                "color": [_faded(link[3]) for link in links],
                "label": [link[4] for link in links],
            },
            valueformat=",d",
        )
    )
    return _json(figure, height=140 + 36 * len(links), margin={"l": 8, "r": 8, "t": 16, "b": 16})


def times(facts: Facts) -> str:
    """Return the seconds of each job, as bars."""
    jobs = [job for job in facts["jobs"] if job["seconds"] is not None][::-1]
    bar = go.Bar(
        x=[job["seconds"] for job in jobs],
        y=[job["name"] for job in jobs],
        orientation="h",
        marker_color=PUBLISHED,
        text=[f"{job['seconds']:g} s" for job in jobs],
        textposition="auto",
        hovertemplate="%{y}: %{x} s<extra></extra>",
    )
    figure = go.Figure(bar)
    figure.update_xaxes(title="seconds", rangemode="tozero", automargin=True)
    figure.update_yaxes(automargin=True)
    return _json(figure, height=90 + 34 * len(jobs))


def history(facts: Facts) -> str | None:
    """Return the rows of each table over its publications, as lines; None with fewer than two of each."""
    figure = go.Figure()
    for number, table in enumerate(facts["tables"]):
        if len(table["history"]) > 1:
            figure.add_scatter(
                x=[datetime.fromtimestamp(entry["at"] / 1000, UTC).isoformat() for entry in table["history"]],
                y=[entry["rows"] for entry in table["history"]],
                name=table["name"],
                mode="lines+markers",
                line_color=LINES[number % len(LINES)],
            )
    if not figure.data:
        return None
    figure.update_layout(legend={"orientation": "h", "y": -0.25})
    figure.update_yaxes(title="rows", rangemode="tozero", automargin=True, tickformat=",d")
    return _json(figure, height=360)


def histogram(column: Facts) -> str:
    """Return the histogram of a column."""
    edges, counts = column["histogram"]["edges"], column["histogram"]["counts"]
    centres, widths = [edges[0]], [1.0]
    if edges[0] < edges[-1]:
        centres = [(low + high) / 2 for low, high in itertools.pairwise(edges)]
        widths = [high - low for low, high in itertools.pairwise(edges)]
    x: Sequence[Any] = centres
    if column["unit"].startswith("ms since"):
        x = [datetime.fromtimestamp(centre / 1000, UTC).isoformat() for centre in centres]
    bar = go.Bar(x=x, y=counts, width=widths, marker_color=PUBLISHED, hovertemplate="%{x}: %{y:,d}<extra></extra>")
    figure = go.Figure(bar)
    figure.update_layout(bargap=0)
    figure.update_xaxes(automargin=True, nticks=4)
    figure.update_yaxes(automargin=True, nticks=3, tickformat="~s")
    return _json(figure, height=150, margin={"l": 8, "r": 8, "t": 8, "b": 8})


def _json(figure: go.Figure, height: int, margin: Mapping[str, int] | None = None) -> str:
    figure.update_layout(template="none", height=height, margin=margin or {"l": 8, "r": 8, "t": 16, "b": 8})
    text: str = json.dumps(json.loads(figure.to_json()), separators=(",", ":"))  # its ids and spaces left out
    return text.replace("</", "<\\/")


def _faded(colour: str) -> str:
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},{OPACITY})"
