"""Headless Chromium, for the tests of pages."""

from __future__ import annotations

import shutil

import pytest

NAMES = ("chromium", "google-chrome")
"""Debian's, and the one on GitHub's runners."""


def chromium() -> str:
    """Return the browser's path; skip the test if there is none."""
    if found := next(filter(None, map(shutil.which, NAMES)), None):
        return found
    pytest.skip(f"there is no {' or '.join(NAMES)} on the PATH: apt-get install {NAMES[0]}")
