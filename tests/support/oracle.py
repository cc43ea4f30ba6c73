"""The expected content of the five tables, computed in plain Python without Spark or any code of the jobs.

Written from the table of profiles in README.md and from the DDL. It expects landing data without unusable lines; these
have an oracle of their own in tests/support/hostile.py.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter, defaultdict, namedtuple
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Customer = namedtuple(
    "Customer",
    "customername email phone birthday serialnumber registrationdate lastupdatedate "
    "sharewithresearchasofdate sharewithpublicasofdate sharewithfriendsasofdate",
)
Movement = namedtuple("Movement", "user timestamp x y z")
Step = namedtuple("Step", "sensorreadingtime serialnumber distancefromobject")
Training = namedtuple("Training", "serialnumber sensorreadingtime distancefromobject x y z subjectkey")
COLUMNS = {
    "customer_trusted": Customer._fields,
    "accelerometer_trusted": Movement._fields,
    "customers_curated": Customer._fields,
    "step_trainer_trusted": Step._fields,
    "machine_learning_curated": Training._fields,
}


@dataclass(frozen=True)
class Profile:
    """A column of the table in README.md, under "What counts as consent"."""

    movements_since_consent: bool = False
    steps_since_consent: bool = False
    latest_record_decides: bool = False
    all_owners_must_agree: bool = False
    pairs_of_one_customer: bool = False
    lone_steps_are_kept: bool = False


PROFILES = {
    "published": Profile(),
    "consent_date": Profile(movements_since_consent=True, lone_steps_are_kept=True),
    "strict": Profile(
        movements_since_consent=True,
        steps_since_consent=True,
        latest_record_decides=True,
        all_owners_must_agree=True,
        pairs_of_one_customer=True,
    ),
}


def tables(landing: Path, profile: str, *, now: int) -> dict[str, Counter[tuple[Any, ...]]]:
    """Return the expected rows of each table with their counts for landing data at `now`, epoch milliseconds."""
    rules = PROFILES[profile]
    customers = set(_rows(landing, "customer", Customer))  # exact duplicates count once
    movements = set(_rows(landing, "accelerometer", Movement))
    steps = set(_rows(landing, "step_trainer", Step))

    deciding = _latest(customers, now) if rules.latest_record_decides else customers
    trusted = [record for record in deciding if 0 < (record.sharewithresearchasofdate or 0) <= now]
    since: dict[str, int] = {}  # the first consent of each customer
    for record in trusted:
        address = _address(record.email)
        since[address] = min(record.sharewithresearchasofdate, since.get(address, now))

    trusted_movements = [
        movement
        for movement in movements
        if (agreed := since.get(_address(movement.user)))
        and (movement.timestamp >= agreed or not rules.movements_since_consent)
    ]
    movers = {_address(movement.user) for movement in trusted_movements}
    curated = [record for record in trusted if _address(record.email) in movers]

    owners = defaultdict(set)  # of each Step Trainer, whether they agreed or not
    for record in customers:
        owners[record.serialnumber].add(_address(record.email))
    counting = {
        serial
        for serial in {record.serialnumber for record in curated}
        if all(owner in since for owner in owners[serial]) or not rules.all_owners_must_agree
    }
    trusted_steps = [
        step
        for step in steps
        if step.serialnumber in counting
        and (
            all(step.sensorreadingtime >= since[owner] for owner in owners[step.serialnumber])
            if rules.steps_since_consent
            else True
        )
    ]
    return {
        "customer_trusted": Counter(trusted),
        "accelerometer_trusted": Counter(trusted_movements),
        "customers_curated": Counter(curated),
        "step_trainer_trusted": Counter(trusted_steps),
        "machine_learning_curated": Counter(_pairs(trusted_steps, trusted_movements, curated, rules)),
    }


def _pairs(
    steps: Iterable[Step], movements: Iterable[Movement], curated: Iterable[Customer], rules: Profile
) -> Iterator[Training]:
    owned = {(_address(record.email), record.serialnumber) for record in curated}
    at = defaultdict(list)
    for movement in movements:
        at[movement.timestamp].append(movement)
    for step in steps:
        partners = [
            movement
            for movement in at[step.sensorreadingtime]
            if (_address(movement.user), step.serialnumber) in owned or not rules.pairs_of_one_customer
        ]
        if rules.lone_steps_are_kept and not partners:
            partners = [Movement(None, None, None, None, None)]
        for movement in partners:
            yield Training(
                step.serialnumber,
                step.sensorreadingtime,
                step.distancefromobject,
                movement.x,
                movement.y,
                movement.z,
                None,  # no profile has pseudonyms
            )


def _latest(customers: Iterable[Customer], now: int) -> Iterator[Customer]:
    """Yield the latest record of each address by update time, then by registration time.

    An address with an undated record without consent has no latest record.
    """

    def age(record: Customer) -> tuple[int, int]:
        return record.lastupdatedate or 0, record.registrationdate or 0

    by_address = defaultdict(list)
    for record in customers:
        by_address[_address(record.email)].append(record)
    for records in by_address.values():
        undated = [record for record in records if not record.lastupdatedate]
        if any(not 0 < (record.sharewithresearchasofdate or 0) <= now for record in undated):
            continue
        latest, *others = sorted(records, key=age, reverse=True)
        assert not others or age(others[0]) < age(latest), "the documents say which record decides"
        yield latest


def _address(spelling: str) -> str:
    """Return the canonical form of an address."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", spelling.strip()).casefold())


def _rows(landing: Path, entity: str, kind: type) -> Iterator[Any]:
    """Yield the rows of an entity's JSON lines: keys in any letter case, an optional comma; empty values are absent."""
    for file in sorted((landing / entity / "landing").rglob("*.json")):
        for line in filter(str.strip, file.read_text(encoding="utf-8").split("\n")):
            found = {key.lower(): value for key, value in json.loads(line.removesuffix(",")).items()}
            yield kind(*(None if found.get(column) == "" else found.get(column) for column in kind._fields))
