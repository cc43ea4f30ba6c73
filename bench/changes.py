"""What changes in the landing data between one run and the next: new readings, new customers, withdrawn consents."""

from __future__ import annotations

import itertools
import re
import shutil
import time
from pathlib import Path

from bench import copies
from bench.copies import READINGS, SHIFT, TIME, Copies
from lakehouse.errors import DataError
from lakehouse.landing import ENTITIES

NOTHING_NEW = "nothing new"
NEW_READINGS = "1 % new readings"
NEW_CUSTOMERS = "1 % new customers with their readings"
WITHDRAWALS = "1 % new readings, 1 % of consents withdrawn"
PART = (
    100  # one in so many readings is repeated later, one customer comes for so many, one in so many withdraws consent
)
CONSENT = re.compile(rb'("shareWithResearchAsOfDate": ?)[1-9]\d*')


def make(source: Path, landing: Copies, folder: Path) -> dict[str, Copies]:
    """Return the landing data of the runs that follow the run on `landing`, a number of copies of a source, in order.

    Each holds what the one before it holds, except for what its title names. New readings are new files, in which the
    customers of all copies move later than before. New customers are those of further copies, who have moved later than
    before, too: some of them agreed. Withdrawals replace the customer files, as an export of all customers does: by
    default each record of a customer counts, so a further record would withdraw nothing.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shift = copies.shift_of(source)
    repeated = _Repeated(source, shift)
    more = repeated.add_to(landing, folder / "readings", number=1)
    joined = repeated.add_customers_to(more, folder / "customers", number=2)
    withdrawn = repeated.add_to(joined, folder / "withdrawals", number=3)
    for file in copies.files_of(withdrawn.folder, "customer"):
        content = file.read_bytes()
        file.unlink()  # it is a link to that of the landing data
        file.write_bytes(_withdrawn(content))
    return {
        NOTHING_NEW: landing,
        NEW_READINGS: more,
        NEW_CUSTOMERS: joined,
        WITHDRAWALS: copies.in_folder(withdrawn.folder, landing.times),
    }


class _Repeated:
    """The readings of a source in PART parts by instant: what pairs the two sensors stays together."""

    def __init__(self, source: Path, shift: int) -> None:
        self._source, self._shift = source, shift
        lines = {
            entity: [
                (line, found[0])
                for file in copies.files_of(source, entity)
                for line in file.read_bytes().splitlines()
                if (found := TIME.findall(line))
            ]
            for entity in READINGS
        }
        instants = sorted({instant for of_entity in lines.values() for _, instant in of_entity})
        self._heads = {head for head, _ in instants}
        part_of = {instant: index % PART for index, instant in enumerate(instants)}
        self._parts = {entity: [b""] * PART for entity in READINGS}
        for entity, of_entity in lines.items():
            parts: list[list[bytes]] = [[] for _ in range(PART)]
            for line, instant in of_entity:
                parts[part_of[instant]].append(line + b"\n")
            self._parts[entity] = [b"".join(part) for part in parts]
        self._last = int(b"".join(instants[-1]))

    def add_to(self, landing: Copies, folder: Path, *, number: int) -> Copies:
        """Write a folder with links to the landing data and new files: a part of each copy, `number` shifts later."""
        moved = self._begin(landing, folder, number)
        for entity in READINGS:
            with (folder / entity / "landing" / f"new-{number}.json").open("wb") as out:
                for copy in range(landing.times):
                    # Each copy repeats another part, so no two have readings of one instant.
                    out.write(copies.copy(self._parts[entity][copy % PART], copy, moved, self._heads))
        return copies.in_folder(folder, landing.times)

    def add_customers_to(self, landing: Copies, folder: Path, *, number: int) -> Copies:
        """Write a folder with links to the landing data and new files: further copies of all, `number` shifts later."""
        moved = self._begin(landing, folder, number)
        for entity in ENTITIES:
            content = b"".join(
                file.read_bytes().rstrip(b"\n") + b"\n" for file in copies.files_of(self._source, entity)
            )
            heads = {head for head, _ in TIME.findall(content)}
            with (folder / entity / "landing" / f"new-{number}.json").open("wb") as out:
                for copy in range(landing.times, landing.times + -(-landing.times // PART)):
                    out.write(copies.copy(content, copy, moved, heads))
        return copies.in_folder(folder, landing.times)

    def _begin(self, landing: Copies, folder: Path, number: int) -> int:
        """Make a folder with links to the landing data; return by how many times SHIFT new readings are later."""
        moved = number * self._shift
        if self._last + moved * SHIFT > time.time() * 1000:
            raise DataError(
                f"The landing data has readings of the last {moved * SHIFT / 86_400_000:.1f} days, so later ones would "
                "be in the future. Nothing was run. Choose older DATA, or leave out INCREMENTAL."
            )
        for entity in ENTITIES:
            target = folder / entity / "landing"
            target.mkdir(parents=True)
            for file in copies.files_of(landing.folder, entity):
                (target / file.name).symlink_to(file.resolve())
        return moved


def _withdrawn(customers: bytes) -> bytes:
    """Return customer records of which one in PART of those with consent has withdrawn it."""
    number = itertools.count()
    return CONSENT.sub(lambda match: match[0] if next(number) % PART else match[1] + b"0", customers)
