"""A look at landing data before it is uploaded: files that no job could use are told at once, not by a job."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from lakehouse.console import Display
from lakehouse.errors import DataError
from lakehouse.landing import ENTITIES, prefix, shown

HEAD = 64 * 1024  # bytes that decide the form of a file, as in the jobs
COLUMN = re.compile(r"^[ \t]+`?([a-z_][a-z0-9_]*)`?[ \t]+\S.* COMMENT ", re.MULTILINE)
DECODER = json.JSONDecoder()


def look(ddl: Path, display: Display, files: Mapping[str, Path]) -> None:
    """Raise a DataError if no file of a table begins with a record of it; on a terminal, warn of single such files.

    Elsewhere output may be kept, and a file name can be an address; there the job tells, by number. Messages quote
    nothing of the files.
    """
    for entity in ENTITIES:
        own = [file for key, file in files.items() if key.startswith(prefix(entity))]
        columns = _columns(ddl / f"{entity}_landing.sql")
        useless = {file: problem for file in own if (problem := _problem(file, columns))}
        if own and len(useless) == len(own):
            file, problem = next(iter(useless.items()))
            more = f" So are the other {len(own) - 1} files of {entity}." if len(own) > 1 else ""
            raise DataError(
                f"{file}, line 1: {problem}{more} Nothing was uploaded. "
                "Correct the data, or name another folder, and run the command again."
            )
        if useless and display.live:
            display.warn(f"{len(useless)} files of {entity} do not begin with a record of it: {shown(list(useless))}")


def _columns(ddl: Path) -> set[str]:
    return set(COLUMN.findall(ddl.read_text(encoding="utf-8"))) if ddl.is_file() else set()


def _problem(file: Path, columns: Collection[str]) -> str | None:
    """Return why none of the first records of a file is one of the table, if that is so."""
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as content:
        head = content.read(HEAD)
    if b"\0" in head:
        return "this is not UTF-8 text."
    text = head.decode(errors="replace").strip().removeprefix("\ufeff")
    if not text:
        return None
    records = [record for line in text.splitlines() if (record := _object(line)) is not None]
    if not records:
        start = text.removeprefix("[").lstrip()
        try:
            found, _ = DECODER.raw_decode(start)
        except json.JSONDecodeError as error:
            long = len(head) == HEAD and start.startswith("{")
            return None if long else f"this is not a JSON object ({error.msg})."
        records = [found] if isinstance(found, dict) else []
    if not records:
        return "this is not a JSON object."
    if columns and not any(key.lower() in columns for record in records for key in record):
        return f"this object has none of the columns {', '.join(sorted(columns))}."
    return None


def _object(line: str) -> dict[str, Any] | None:
    try:
        found, _ = DECODER.raw_decode(line.strip().removeprefix("[").lstrip())
    except json.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None
