"""Landing data times N: copies with addresses, serial numbers and instants of their own, so counts grow N-fold."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from lakehouse import sample
from lakehouse.errors import DataError
from lakehouse.landing import ENTITIES

READINGS = ("accelerometer", "step_trainer")
IDENTITIES = (b'"user"', b'"email"', b'"serialNumber"')
SEPARATORS = (b":", b": ")
TIME = re.compile(rb": ?(\d{5})(\d{8})(?!\d)")  # epoch milliseconds
SHIFT = 10**8  # milliseconds: the first five digits of a time change, and the other eight stay
MOST_BYTES = 32 * 1024**2  # of a file of several copies
MARKER = "copies.json"
SAMPLE_CUSTOMERS = 1000
SAMPLE_READINGS = 30


@dataclass(frozen=True)
class Copies:
    """Landing data of one size."""

    folder: Path
    times: int
    bytes: int


def make(source: Path, folder: Path, times: int) -> Copies:
    """Write landing data with N copies of a source to a folder, unless it has them already."""
    made = {"source": str(source.resolve()), "times": times, "files": _fingerprint(source)}
    marker = folder / MARKER
    if not (marker.is_file() and json.loads(marker.read_text(encoding="utf-8")) == made):
        shutil.rmtree(folder, ignore_errors=True)
        shift = shift_of(source)
        for entity in ENTITIES:
            target = folder / entity / "landing"
            target.mkdir(parents=True)
            for file in files_of(source, entity):
                _write(file.read_bytes(), target, file.stem, times, shift)
        marker.write_text(json.dumps(made), encoding="utf-8")
    return in_folder(folder, times)


def in_folder(folder: Path, times: int) -> Copies:
    """Return the landing data that a folder has."""
    files = (file for entity in ENTITIES for file in files_of(folder, entity))
    return Copies(folder, times, sum(file.stat().st_size for file in files))


def plain_sample(folder: Path) -> Path:
    """Generate the project's sample and keep what a naive pipeline counts right; return the folder.

    Left out are the defects that the peers and DuckDB would count in another way than the lakehouse: exact duplicates,
    further records of an address or a device, a consent that is empty or in the future, and the older spelling.
    """
    if (folder / sample.EXPECTED).is_file():
        return folder
    raw = folder.with_name(f"{folder.name}-raw")
    sample.generate(raw, customers=SAMPLE_CUSTOMERS, readings_per_customer=SAMPLE_READINGS)
    for entity in ENTITIES:
        target = folder / entity / "landing"
        target.mkdir(parents=True, exist_ok=True)
        seen: set[object] = set()
        for file in files_of(raw, entity):
            lines = file.read_text(encoding="utf-8").splitlines()
            kept = [line for line in map(_plain, lines) if _is_first(line, entity, seen)]
            (target / file.name).write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
    shutil.copy(raw / sample.EXPECTED, folder)  # only to mark the folder as complete: the counts are the raw sample's
    shutil.rmtree(raw)
    return folder


def _plain(line: str) -> str:
    return line.removesuffix(",").replace('"timeStamp"', '"timestamp"')


def _is_first(line: str, entity: str, seen: set[object]) -> bool:
    """Tell whether a line is neither a duplicate nor a further record of a customer, and note it."""
    if entity != "customer":
        keys: set[object] = {line}
    else:
        record = json.loads(line)
        consent = record.get("shareWithResearchAsOfDate")
        if consent in ("", sample.FUTURE):
            return False
        keys = {record["email"].lower(), record["serialNumber"]}
    if keys & seen:
        return False
    seen |= keys
    return True


def files_of(folder: Path, entity: str) -> list[Path]:
    """Return the landing files of an entity."""
    return sorted((folder / entity / "landing").rglob("*.json"))


def _fingerprint(source: Path) -> list[list[object]]:
    files = [file for entity in ENTITIES for file in files_of(source, entity)]
    missing = [entity for entity in ENTITIES if not files_of(source, entity)]
    if missing:
        raise DataError(
            f"{source} has no *.json below {', '.join(f'{entity}/landing/' for entity in missing)}. Nothing was run. "
            "DATA must be a folder of uncompressed JSON lines, one object per line."
        )
    return [[str(file.relative_to(source)), file.stat().st_size, file.stat().st_mtime_ns] for file in files]


def shift_of(source: Path) -> int:
    """Return how far each copy is moved, as a multiple of SHIFT: further than the readings of the source reach."""
    first, last = 10**13, 0
    for entity in READINGS:
        for file in files_of(source, entity):
            times = [int(head + tail) for head, tail in TIME.findall(file.read_bytes())]
            first, last = min([first, *times]), max([last, *times])
    return max(0, last - first) // SHIFT + 1


def _write(content: bytes, target: Path, name: str, times: int, shift: int) -> None:
    """Write the copies of a file, several to a file."""
    if not content.endswith(b"\n"):
        content += b"\n"
    per_file = max(1, MOST_BYTES // len(content))
    copies = _copies(content, times, shift)
    for start in range(0, times, per_file):
        with (target / f"{name}-{start:04}.json").open("wb") as out:
            for _ in range(start, min(start + per_file, times)):
                out.write(next(copies))


def _copies(content: bytes, times: int, shift: int) -> Iterator[bytes]:
    """Yield the content itself, then copies with earlier instants: a later one could be in the future."""
    heads = {head for head, _ in TIME.findall(content)}
    yield content
    for number in range(1, times):
        yield copy(content, number, -number * shift, heads)


def copy(content: bytes, number: int, moved: int, heads: Collection[bytes]) -> bytes:
    """Return content with the identities of a copy, and with its instants moved by so many times SHIFT.

    `heads` are the first five digits of its instants. Only `bytes.replace` touches the content: a regular expression
    would take thirty times as long.
    """
    # In this order no result is replaced again.
    ordered = sorted(heads, reverse=moved > 0)
    for separator in SEPARATORS:
        for identity in IDENTITIES if number else ():
            before = identity + separator + b'"'
            content = content.replace(before, before + b"c%d." % number)
        for head in ordered:
            content = content.replace(separator + head, separator + b"%05d" % (int(head) + moved))
    return content
