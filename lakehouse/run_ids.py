"""Ids of runs as people read and type them: `wr_1f0c2a3b` instead of 67 characters."""

from __future__ import annotations

import re
from collections.abc import Sequence

SHOWN_DIGITS = 8
# In a path, or as an argument of the AWS CLI, an id stays whole.
_RUN = re.compile(rf"(?<!/)(?<!--run-id )\b([a-z]+_[0-9a-f]{{{SHOWN_DIGITS}}})[0-9a-f]+")


def short(text: str) -> str:
    """Return a text with the ids of workflow and job runs cut to their first digits; a retry keeps its suffix."""
    return _RUN.sub(r"\1", text)


def matching(ids: Sequence[str], typed: str) -> list[str]:
    """Return the ids that a typed one means: itself, else those that it begins, or shortens."""
    return [typed] if typed in ids else [each for each in ids if each.startswith(typed) or short(each) == typed]
