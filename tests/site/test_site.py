"""The site of the documents in Chromium: navigation, search, light, dark, narrow. `make test-site` builds it first."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from functools import partial
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.support import browser
from tests.support.colours import contrast, luminance
from tests.support.project import REPOSITORY

SITE = REPOSITORY / "build" / "site"
DARK = "--blink-settings=preferredColorScheme=0"
LIGHT = "--blink-settings=preferredColorScheme=1"
ELSEWHERE = re.compile(
    r"""(?:src|srcset)=["']?(?:https?:)?//|<link[^>]+href=["']?(?:https?:)?//|url\(["']?(?:https?:)?//"""
)

# Runs in the page after PREPARE, and leaves what it has measured in the document.
PROBE = """
<script>
addEventListener("error", (event) => (window.broken ??= []).push(String(event.message)));
addEventListener("securitypolicyviolation", (event) => (window.blocked ??= []).push(event.blockedURI));
const settled = (found, then, tries = 150) =>
  found() || !tries ? then() : setTimeout(() => settled(found, then, tries - 1), 100);
addEventListener("load", () => {
  PREPARE
});
const report = (more) => {
  const box = document.createElement("pre");
  const style = getComputedStyle(document.body);
  box.id = "measured";
  box.textContent = JSON.stringify({
    broken: window.broken ?? [],
    blocked: window.blocked ?? [],
    title: document.title,
    path: location.pathname,
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    width: document.documentElement.clientWidth,
    text: style.color,
    paper: style.backgroundColor,
    loaded: performance.getEntriesByType("resource").map((entry) => entry.name),
    ...more,
  });
  document.body.append(box);
  parent.postMessage(box.textContent, "*");
};
</script>
"""
MEASURE = "setTimeout(() => report({}), 500);"
FRAME = """<!doctype html>
<iframe src="PATH" style="width: WIDTHpx; height: 900px; border: 0"></iframe>
<pre id="measured"></pre>
<script>addEventListener("message", (event) => (document.getElementById("measured").textContent = event.data));</script>
"""


class Handler(SimpleHTTPRequestHandler):
    """Serves the site, each page with the probe, and notes what was asked for."""

    probe = ""
    frame = ""
    asked: list[str] = []  # noqa: RUF012 - of the class: a request has a handler of its own

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.asked.append(path)
        file = SITE / path.lstrip("/")
        if path == "/frame.html":
            self._send(self.frame)
        elif file.suffix == ".html" and file.is_file():
            self._send(file.read_text(encoding="utf-8").replace("<head>", f"<head>{self.probe}", 1))
        else:
            super().do_GET()

    def _send(self, html: str) -> None:
        content = html.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the standard library
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    browser.chromium()
    if not (SITE / "index.html").is_file():
        pytest.skip("there is no build/site: make test-site builds it")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(SITE))) as running:
        Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def browse(
    server: ThreadingHTTPServer, folder: Path, page: str, *options: str, then: str = MEASURE, frame: int = 0
) -> dict[str, Any]:
    """Open a page, do something, and return what the page then measures; nothing may leave this machine."""
    Handler.probe, Handler.asked = PROBE.replace("PREPARE", then), []
    Handler.frame = FRAME.replace("WIDTH", str(frame)).replace("PATH", page)
    origin = f"http://127.0.0.1:{server.server_address[1]}"
    command = [
        browser.chromium(),
        "--headless=new",
        "--no-sandbox",  # which root has not
        "--disable-gpu",
        "--disable-background-networking",
        "--hide-scrollbars",
        "--virtual-time-budget=20000",
        f"--user-data-dir={folder / 'profile'}",
        *options,
        "--dump-dom",
        f"{origin}/{'frame.html' if frame else page}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'<pre id="measured">(.+?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stdout[-2000:]
    measured: dict[str, Any] = json.loads(unescape(found[1]))
    assert measured["broken"] == measured["blocked"] == []
    assert [name for name in measured["loaded"] if not name.startswith((origin, "blob:", "data:"))] == []
    return measured


def test_no_page_names_a_script_style_font_or_image_of_another_machine() -> None:
    if not SITE.is_dir():
        pytest.skip("there is no build/site: make test-site builds it")
    pages = [*SITE.rglob("*.html"), *SITE.rglob("*.css")]
    assert len(pages) > 40
    assert {
        str(page): found[0] for page in pages if (found := ELSEWHERE.search(page.read_text(encoding="utf-8")))
    } == {}


@pytest.mark.parametrize("options", [LIGHT, DARK], ids=["light", "dark"])
def test_it_follows_the_system_to_light_or_dark(server: ThreadingHTTPServer, tmp_path: Path, options: str) -> None:
    measured = browse(server, tmp_path, "docs/consent.html", "--window-size=1400,900", options)
    assert measured["title"] == "What consent means - STEDI lakehouse"
    assert (luminance(measured["paper"]) < 0.1) is (options == DARK)
    assert contrast(measured["text"], measured["paper"]) > 7


def test_the_reader_can_choose_the_other(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    choose = f"document.querySelector('label[for=__palette_1]').click(); {MEASURE}"
    measured = browse(server, tmp_path, "docs/consent.html", "--window-size=1400,900", LIGHT, then=choose)
    assert luminance(measured["paper"]) < 0.1


def test_one_gets_from_the_start_to_a_page_by_the_navigation(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    go = (
        "const seen = sessionStorage.getItem('gone');"
        "const links = [...document.querySelectorAll('.md-nav--primary a.md-nav__link')];"
        "if (seen) { report({ links: JSON.parse(seen) }); } else {"
        " sessionStorage.setItem('gone', JSON.stringify(links.map((a) => a.textContent.trim())));"
        " links.find((a) => a.textContent.trim() === 'Tables').click(); }"
    )
    measured = browse(server, tmp_path, "index.html", "--window-size=1400,900", then=go)
    assert measured["path"] == "/docs/tables.html"
    assert {"Tutorial", "Operate", "Train a step detector", "Commands", "Decision records"} <= set(measured["links"])


def test_the_search_finds_a_page(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    look = (
        "document.querySelector('.md-search__button, [for=__search]').click();"
        "const root = () => document.querySelector('[data-md-component=search]')?.shadowRoot ?? document;"
        "const all = () => [document, ...[...document.querySelectorAll('*')].map((e) => e.shadowRoot).filter(Boolean)];"
        "const first = (css) => all().map((r) => r.querySelector(css)).find(Boolean);"
        "settled(() => first('input[type=text], input[type=search], input[role=combobox]'), () => {"
        " const input = first('input[type=text], input[type=search], input[role=combobox]');"
        " input.value = 'pseudonym'; input.dispatchEvent(new InputEvent('input', { bubbles: true, composed: true }));"
        " const hits = () => all().flatMap((r) => [...r.querySelectorAll('a[href]')])"
        "  .filter((a) => /h=pseudonym|[?#].*pseudonym/.test(a.href)).map((a) => a.href);"
        " settled(() => hits().length, () => report({ hits: hits() })); });"
    )
    measured = browse(server, tmp_path, "index.html", "--window-size=1400,900", then=look)
    assert any("0009-pseudonyms-by-hmac.html" in hit for hit in measured["hits"]), measured["hits"]


def test_diagrams_are_drawn(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    drawn = (
        "const diagrams = () => document.querySelectorAll('div.mermaid');"
        "settled(() => diagrams().length, () => report({ heights: [...diagrams()].map((d) => d.offsetHeight) }));"
    )
    measured = browse(server, tmp_path, "docs/architecture.html", "--window-size=1400,900", then=drawn)
    assert [height > 300 for height in measured["heights"]] == [True]


@pytest.mark.parametrize("page", ["index.html", "docs/operating.html", "docs/tables.html", "docs/reference.html"])
def test_nothing_overflows_on_a_phone(server: ThreadingHTTPServer, tmp_path: Path, page: str) -> None:
    measured = browse(server, tmp_path, page, "--window-size=800,1000", frame=360)
    assert measured["width"] == 360
    assert measured["overflow"] <= 0
