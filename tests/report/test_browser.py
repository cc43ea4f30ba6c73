"""The report in Chromium: on a desk, in the dark, on a phone, and on paper. `make test-report` runs it."""

from __future__ import annotations

import json
import re
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.support import browser
from tests.support.colours import contrast, luminance
from tests.support.project import REPOSITORY
from tests.support.report_facts import facts

RENDERER = REPOSITORY / ".venv-report/bin/python"
DARK = "--blink-settings=preferredColorScheme=0"
DESK = "--window-size=1200,900"

# Runs in the page once it is drawn, and leaves what it has measured in the document.
MEASURE = """
<script>
addEventListener("error", (event) => (window.broken ??= []).push(String(event.message)));
</script>
"""
REPORT_BACK = """
<script>
PREPARE
const box = document.createElement("pre");
const plots = [...document.querySelectorAll(".plot")];
const style = getComputedStyle(document.body);
box.id = "measured";
box.textContent = JSON.stringify({
  broken: window.broken ?? [],
  drawn: "drawn" in document.documentElement.dataset,
  overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  width: document.documentElement.clientWidth,
  plots: plots.length,
  drawings: plots.filter((div) => div.querySelector("svg.main-svg")?.getBoundingClientRect().height > 50).length,
  widest: Math.max(...plots.map((div) => div.querySelector("svg.main-svg").getBoundingClientRect().width)),
  text: style.color,
  paper: style.backgroundColor,
  plotText: getComputedStyle(document.querySelector(".plot .xtick text")).fill,
  hidden: plots.every((div) => div.getAttribute("aria-hidden") === "true"),
  sankeys: document.querySelectorAll(".sankey").length,
  labels: [...document.querySelectorAll(".node-label")].map((label) => label.textContent),
  loaded: performance.getEntriesByType("resource").map((entry) => entry.name),
});
document.body.append(box);
parent.postMessage(box.textContent, "*");
</script>
"""
FRAME = """<!doctype html>
<iframe src="measured.html" style="width: WIDTHpx; height: 900px; border: 0"></iframe>
<pre id="measured"></pre>
<script>addEventListener("message", (event) => (document.getElementById("measured").textContent = event.data));</script>
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    browser.chromium()
    if not RENDERER.is_file():
        pytest.skip("there is no .venv-report: make test-report sets it up")
    folder = tmp_path_factory.mktemp("report")
    (folder / "facts.json").write_text(json.dumps(facts()))
    command = [RENDERER, "-m", "lakehouse.run_report.render", folder / "facts.json", folder / "report.html"]
    subprocess.run(command, cwd=REPOSITORY, check=True, timeout=60)
    return folder / "report.html"


def browse(page: Path, *options: str) -> str:
    command = [
        browser.chromium(),
        "--headless=new",
        "--no-sandbox",  # which root has not
        "--disable-gpu",
        "--hide-scrollbars",
        "--virtual-time-budget=10000",
        f"--user-data-dir={page.parent / 'profile'}",
        *options,
        page.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


def measure(report: Path, *options: str, prepare: str = "", frame: int = 0) -> dict[str, Any]:
    """Open a copy of the report that measures itself, in a frame of this width if one is given."""
    html = report.read_text(encoding="utf-8").replace("<head>", f"<head>{MEASURE}", 1)
    copy = report.with_name("measured.html")
    copy.write_text(html.replace("</body>", f"{REPORT_BACK.replace('PREPARE', prepare)}</body>"), encoding="utf-8")
    opened = copy
    if frame:
        opened = report.with_name("frame.html")
        opened.write_text(FRAME.replace("WIDTH", str(frame)), encoding="utf-8")
    found = re.search(r'<pre id="measured">(.*?)</pre>', browse(opened, "--dump-dom", *options), re.DOTALL)
    assert found
    measured: dict[str, Any] = json.loads(unescape(found[1]))
    assert measured["broken"] == []
    assert measured["drawn"]
    assert measured["drawings"] == measured["plots"] == 2 + 1 + 1 + 6  # flows, history, time, histograms
    assert measured["sankeys"] == 2
    assert measured["loaded"] == [], "it works offline"
    assert measured["hidden"], "a screen reader reads the tables instead"
    return measured


@pytest.mark.parametrize("options", [[], [DARK]], ids=["light", "dark"])
def test_on_a_desk(report: Path, options: list[str]) -> None:
    measured = measure(report, DESK, *options)
    assert measured["overflow"] == 0
    assert (luminance(measured["paper"]) < 0.1) is bool(options)
    for text in (measured["text"], measured["plotText"]):
        assert contrast(text, measured["paper"]) > 7
    assert any("no consent" in label and "470" in label for label in measured["labels"])


@pytest.mark.parametrize("width", [360, 500])
def test_on_a_phone(report: Path, width: int) -> None:
    measured = measure(report, "--window-size=800,1000", frame=width)
    assert measured["width"] == width
    assert measured["overflow"] == 0
    assert measured["widest"] <= width


@pytest.mark.parametrize("window", [DESK, "--window-size=500,900"])
def test_on_paper(report: Path, window: str) -> None:
    """Printed from a dark screen, it is dark on white, and the figures fill the paper, whatever the window's width."""
    measured = measure(report, window, DARK, prepare='dispatchEvent(new Event("beforeprint"));')
    assert measured["widest"] == 680
    assert (measured["text"], measured["paper"]) == ("rgb(0, 0, 0)", "rgb(255, 255, 255)")
    assert measured["plotText"] == "rgb(0, 0, 0)"
    printed = report.with_name("report.pdf")
    browse(report, f"--print-to-pdf={printed}", "--no-pdf-header-footer", DARK)
    content = printed.read_bytes()
    assert content.startswith(b"%PDF-")
    assert 3 <= len(re.findall(rb"/Type /Page\b", content)) <= 15
