"""Numbers for the names of files: a name may be somebody's address, and messages and logs are kept."""

import hashlib
import re
from typing import Final
from urllib.parse import unquote, urlsplit

NUMBER: Final = re.compile(r"\bfile-[0-9a-f]{12}\b")
LANDING: Final = re.compile(r"s3a?://[^\s/]+/[^\s/]+/landing/\S*[^\s,.:;'\")\]}]")
"""Address of a landing file, as Spark says it: percent-encoded, so that a blank ends it."""
REMEDY: Final = "`make name NUMBER=file-...` tells the name"


def of(place: str) -> str:
    """Return the number of an object, given by its key or by its address, which may be percent-encoded."""
    key = unquote(urlsplit(place).path.lstrip("/")) if "://" in place else place
    return f"file-{hashlib.sha256(key.encode()).hexdigest()[:12]}"


def hide(text: str) -> str:
    """Return a text with numbers in the place of the addresses of landing files, and what tells their names."""
    hidden, found = LANDING.subn(lambda match: of(match[0]), text)
    return f"{hidden} {REMEDY}." if found else text
