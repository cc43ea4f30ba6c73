"""Numbers that stand for file names in messages: a name may be an e-mail address, and logs are kept."""

import hashlib
import re
from typing import Final
from urllib.parse import unquote, urlsplit

NUMBER: Final = re.compile(r"\bfile-[0-9a-f]{12}\b")
LANDING: Final = re.compile(r"s3a?://(?:[^\s/]+/)+landing/\S*[^\s,.:;'\")\]}]")
"""URI of a landing file as Spark prints it: percent-encoded, so a blank ends it."""
REMEDY: Final = "`make name NUMBER=file-...` tells the name"


def of(place: str) -> str:
    """Return the number of an object, given its key or its URI, which may be percent-encoded."""
    key = unquote(urlsplit(place).path.lstrip("/")) if "://" in place else place
    return f"file-{hashlib.sha256(key.encode()).hexdigest()[:12]}"


def mask_names(text: str) -> str:
    """Replace the URIs of landing files in a text by file numbers, and say how to look the names up."""
    masked, found = LANDING.subn(lambda match: of(match[0]), text)
    return f"{masked} {REMEDY}." if found else text
