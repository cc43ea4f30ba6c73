"""Take the screenshots of the README: the top of the report of the last local run, in light and dark."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "build/local/runs/latest/report.html"
SIZE = "1200,1330"
SCHEMES = {"dark": ["--blink-settings=preferredColorScheme=0"], "light": []}


def main() -> None:
    """Write docs/report-light.png and docs/report-dark.png."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("error: there is no chromium on the PATH. Nothing was changed. Install it: apt-get install chromium")
    with tempfile.TemporaryDirectory() as profile:
        for scheme, options in SCHEMES.items():
            picture = ROOT / "docs" / f"report-{scheme}.png"
            command = [
                chromium,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--virtual-time-budget=10000",
                f"--user-data-dir={profile}",
                f"--window-size={SIZE}",
                f"--screenshot={picture}",
                *options,
                REPORT.as_uri(),
            ]
            subprocess.run(command, check=True, capture_output=True, timeout=120)
            print(picture.relative_to(ROOT))


if __name__ == "__main__":
    main()
