"""Landing data generated from a seed: the documented shape, known defects, and row counts known by construction.

The data is a sequence of *scenes*. A scene is one situation of one to five customers (one agreed, one withdrew,
neighbours share a device, ...) with e-mail addresses, serial numbers and instants of its own. So no row of one scene
joins a row of another, and the row count of a table is the sum over the scenes. Each scene *states* its outcome under
each profile when it is generated: how many of its customer records are trusted and curated, and from which instant on
the movements of each person and the steps of each device count. Each reading is checked against that statement when it
is written. So `expected.json` states the intent of the generator and does not imitate the jobs: no consent is read
back, no records are compared, nothing is joined across customers, and memory use does not depend on the size.

The people walk, so that there is something to learn: `steps.parquet` has the moment of each step, with the e-mail
address and the serial number by which it joins the readings. The public STEDI data has no such label, and no signal.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.errors import DataError
from lakehouse.gait import Walk
from lakehouse.tables import PROFILES

CUSTOMERS = 400
READINGS_PER_CUSTOMER = 30
SEED = 1
EXPECTED = "expected.json"
STEPS = "steps.parquet"

START = 1_700_000_000_000  # epoch milliseconds of the first instant
BEAT = 100  # milliseconds between two readings of a device
LANES = 10  # instants reserved for a scene in each beat: the maximum of people in one scene
SCENES_PER_BLOCK = BEAT // LANES  # scenes at the same time
FUTURE = 4_070_908_800_000  # 2099-01-01
ALWAYS = 0

DUPLICATE_RECORDS = 0.02
DUPLICATE_READINGS = 0.003
MOST_LINES_PER_FILE = 10_000

FIRST_NAMES = ("Ada", "Alan", "Barbara", "Claude", "Donald", "Edsger", "Frances", "Grace", "Hedy", "John", "Margaret")
LAST_NAMES = (
    "Berg",
    "Costa",
    "Dubois",
    "Fischer",
    "Garcia",
    "Ito",
    "Jensen",
    "Kim",
    "Novak",
    "Okafor",
    "Perez",
    "Sato",
)
# Movements of one instant differ by one of these, times SPREAD.
MOVEMENTS = [(x, y, z) for x in (-1.0, 0.0, 1.0) for y in (-1.0, 0.0, 1.0) for z in (-1.0, 0.0)]
SPREAD = 0.05
NO_CONSENT: Sequence[Mapping[str, Any]] = (
    {},
    {"shareWithResearchAsOfDate": None},
    {"shareWithResearchAsOfDate": 0},
    {"shareWithResearchAsOfDate": ""},
    {"shareWithResearchAsOfDate": FUTURE},
)

Counts = dict[str, dict[str, int]]

SCHEMA = pa.schema(
    [
        pa.field("email", pa.string(), nullable=False),
        pa.field("serialnumber", pa.string(), nullable=False),
        pa.field("steptime", pa.int64(), nullable=False),  # epoch milliseconds
    ]
)


@dataclass(frozen=True)
class Outcome:
    """The expected outcome of a scene under one profile."""

    trusted: int = 0
    """Number of trusted customer records."""
    curated: int = 0
    """Number of curated customer records."""
    movements_from: Mapping[str, int] = field(default_factory=dict)
    """Instant from which movements count, by e-mail address; without an entry none count."""
    steps_from: Mapping[str, int] = field(default_factory=dict)
    """Instant from which steps count, by serial number; without an entry none count."""


@dataclass(frozen=True)
class Person:
    """A person with an e-mail address, who uses one or more devices one after the other."""

    name: str
    email: str
    serials: tuple[str, ...]
    lane: int
    moves: bool = True

    def serial_at(self, progress: float) -> str:
        """Return the serial number of the device in use at a share of the time, from 0 to less than 1."""
        return self.serials[int(progress * len(self.serials))]


@dataclass(frozen=True)
class Scene:
    """One situation: its people, their customer records, and the expected outcomes."""

    people: Sequence[Person]
    records: Sequence[Mapping[str, Any]]
    published: Outcome
    consent_date: Outcome
    strict: Outcome


def generate(
    folder: Path, *, seed: int = SEED, customers: int = CUSTOMERS, readings_per_customer: int = READINGS_PER_CUSTOMER
) -> Counts:
    """Write landing data and `expected.json` to a folder; return the row counts by profile and table.

    An existing sample is replaced; any other folder that is not empty is refused. Equal arguments give equal bytes.
    """
    if customers < 1 or readings_per_customer < 1:
        raise DataError("A sample needs at least one customer and one reading per customer. Nothing was written.")
    if folder.exists() and any(folder.iterdir()) and not (folder / EXPECTED).is_file():
        raise DataError(
            f"{folder} contains files that are not a sample. Nothing was written. Name an empty or new folder."
        )

    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        expected = _Generator(unfinished, seed, customers, readings_per_customer).run()
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return expected


class _Generator:
    """Generates scenes, writes their rows and adds up their outcomes."""

    def __init__(self, folder: Path, seed: int, customers: int, readings_per_customer: int) -> None:
        self.folder = folder
        self.seed = seed
        self.random = Random(seed)  # noqa: S311 made-up data
        self.customers = customers
        self.beats = readings_per_customer
        self.scenes = 0
        self.people = 0
        self.expected: Counts = {profile: Counter() for profile in PROFILES}

    def run(self) -> Counts:
        """Write all data; return the expected row counts."""
        lines = min(max(self.customers * self.beats // 4, 50), MOST_LINES_PER_FILE)
        with (
            _Lines(self.folder, "customer", lines) as customers,
            _Lines(self.folder, "accelerometer", lines) as movements,
            _Lines(self.folder, "step_trainer", lines) as steps,
            _Steps(self.folder) as truth,
        ):
            for scene in self._all_scenes():
                for record in scene.records:
                    customers.write(json.dumps(record), twice=self._now_and_then(DUPLICATE_RECORDS))
                self._readings(scene, movements, steps, truth)
                for profile in PROFILES:
                    outcome: Outcome = getattr(scene, profile)
                    self.expected[profile]["customer_trusted"] += outcome.trusted
                    self.expected[profile]["customers_curated"] += outcome.curated
            written = {
                "customer_landing": customers.written,
                "accelerometer_landing": movements.written,
                "step_trainer_landing": steps.written,
            }
        self.expected = {profile: written | counts for profile, counts in self.expected.items()}
        (self.folder / EXPECTED).write_text(json.dumps(self.expected, indent=2) + "\n", encoding="utf-8")
        return self.expected

    # Scenes

    def _all_scenes(self) -> Iterator[Scene]:
        """Yield each scene once, while there are people left for it, then scenes by their weights."""
        yield self._stranger()
        for scene, people, _ in SCENES:
            if self.people + people <= self.customers:
                yield self._next(scene)
        scenes, needed, weights = zip(*SCENES, strict=True)
        while left := self.customers - self.people:
            index = self.random.choices(range(len(SCENES)), weights)[0]
            yield self._next(scenes[index] if needed[index] <= left else _Generator.agreed)

    def _next(self, scene: Callable[[_Generator], Scene]) -> Scene:
        self.scenes += 1
        return scene(self)

    def _stranger(self) -> Scene:
        """Return readings of a device and an e-mail address that are in no customer record."""
        return Scene([self._person(known=False)], [], Outcome(), Outcome(), Outcome())

    def agreed(self) -> Scene:
        """Agreed between two readings, or at the exact instant of one."""
        me = self._person()
        since = self._instant(me)
        return Scene(
            [me],
            [self._record(me, since)],
            published=Outcome(1, 1, {me.email: ALWAYS}, {me.serials[0]: ALWAYS}),
            consent_date=Outcome(1, 1, {me.email: since}, {me.serials[0]: ALWAYS}),
            strict=Outcome(1, 1, {me.email: since}, {me.serials[0]: since}),
        )

    def refused(self) -> Scene:
        """Did not agree, in one of the ways in which the data expresses that."""
        me = self._person()
        return Scene([me], [self._record(me, None)], Outcome(), Outcome(), Outcome())

    def agreed_but_never_moved(self) -> Scene:
        """Agreed, but has only step readings: trusted, not curated."""
        me = self._person(moves=False)
        outcome = Outcome(trusted=1)
        return Scene([me], [self._record(me, self._instant(me))], outcome, outcome, outcome)

    def agreed_too_late(self) -> Scene:
        """Agreed after the last reading."""
        me = self._person()
        return Scene(
            [me],
            [self._record(me, self._at(me, self.beats))],
            published=Outcome(1, 1, {me.email: ALWAYS}, {me.serials[0]: ALWAYS}),
            consent_date=Outcome(trusted=1),
            strict=Outcome(trusted=1),
        )

    def withdrew(self) -> Scene:
        """Agreed, then has a later record without consent."""
        me = self._person()
        since = self._instant(me)
        return Scene(
            [me],
            self._two_records(me, since, None),
            published=Outcome(1, 1, {me.email: ALWAYS}, {me.serials[0]: ALWAYS}),
            consent_date=Outcome(1, 1, {me.email: since}, {me.serials[0]: ALWAYS}),
            strict=Outcome(),
        )

    def agreed_in_the_end(self) -> Scene:
        """Did not agree, then has a later record with consent."""
        me = self._person()
        since = self._instant(me)
        return Scene(
            [me],
            self._two_records(me, None, since),
            published=Outcome(1, 1, {me.email: ALWAYS}, {me.serials[0]: ALWAYS}),
            consent_date=Outcome(1, 1, {me.email: since}, {me.serials[0]: ALWAYS}),
            strict=Outcome(1, 1, {me.email: since}, {me.serials[0]: since}),
        )

    def renewed(self) -> Scene:
        """Agreed twice, in two records: the later record has the later date."""
        me = self._person()
        first, second = sorted((self._instant(me), self._instant(me)))
        return Scene(
            [me],
            self._two_records(me, first, second),
            published=Outcome(2, 2, {me.email: ALWAYS}, {me.serials[0]: ALWAYS}),
            consent_date=Outcome(2, 2, {me.email: first}, {me.serials[0]: ALWAYS}),
            strict=Outcome(1, 1, {me.email: second}, {me.serials[0]: second}),
        )

    def changed_device(self) -> Scene:
        """Agreed twice, in two records with two devices: the later record has only the second device."""
        me = self._person(devices=2)
        first, second = sorted((self._instant(me), self._instant(me)))
        return Scene(
            [me],
            self._two_records(me, first, second),
            published=Outcome(2, 2, {me.email: ALWAYS}, dict.fromkeys(me.serials, ALWAYS)),
            consent_date=Outcome(2, 2, {me.email: first}, dict.fromkeys(me.serials, ALWAYS)),
            strict=Outcome(1, 1, {me.email: second}, {me.serials[1]: second}),
        )

    def all_owners_agreed(self) -> Scene:
        """Three people share a serial number, and all agreed, one after the other."""
        us = self._owners(3)
        since = {person.email: self._instant(person) for person in us}
        serial = us[0].serials[0]
        everybody = dict.fromkeys(since, ALWAYS)
        return Scene(
            us,
            [self._record(person, since[person.email]) for person in us],
            published=Outcome(3, 3, everybody, {serial: ALWAYS}),
            consent_date=Outcome(3, 3, since, {serial: ALWAYS}),
            strict=Outcome(3, 3, since, {serial: max(since.values())}),
        )

    def an_owner_refused(self) -> Scene:
        """Five people share a serial number, and two agreed."""
        us = self._owners(5)
        since = {person.email: self._instant(person) for person in us[:2]}
        serial = us[0].serials[0]
        return Scene(
            us,
            self._shuffled(*(self._record(person, since.get(person.email)) for person in us)),
            published=Outcome(2, 2, dict.fromkeys(since, ALWAYS), {serial: ALWAYS}),
            consent_date=Outcome(2, 2, since, {serial: ALWAYS}),
            strict=Outcome(2, 2, since),
        )

    def same_instants(self) -> Scene:
        """Two people agreed, each with their own device, always measured in the same millisecond."""
        one = self._person()
        other = self._person(lane=one.lane)
        since = {person.email: self._instant(person) for person in (one, other)}
        serials = {person.serials[0]: since[person.email] for person in (one, other)}
        return Scene(
            [one, other],
            [self._record(person, since[person.email]) for person in (one, other)],
            published=Outcome(2, 2, dict.fromkeys(since, ALWAYS), dict.fromkeys(serials, ALWAYS)),
            consent_date=Outcome(2, 2, since, dict.fromkeys(serials, ALWAYS)),
            strict=Outcome(2, 2, since, serials),
        )

    def same_instants_as_one_who_refused(self) -> Scene:
        """One person agreed and one did not, always measured in the same millisecond."""
        one = self._person()
        other = self._person(lane=one.lane)
        since, serial = self._instant(one), one.serials[0]
        return Scene(
            [one, other],
            [self._record(one, since), self._record(other, None)],
            published=Outcome(1, 1, {one.email: ALWAYS}, {serial: ALWAYS}),
            consent_date=Outcome(1, 1, {one.email: since}, {serial: ALWAYS}),
            strict=Outcome(1, 1, {one.email: since}, {serial: since}),
        )

    # Building blocks of scenes

    def _person(self, *, lane: int = 0, devices: int = 1, moves: bool = True, known: bool = True) -> Person:
        first, last = self.random.choice(FIRST_NAMES), self.random.choice(LAST_NAMES)
        if known:
            self.people += 1
            address = f"{first}.{last}.{self.people}@example.com"
        else:
            address = f"{first}.{last}@example.net"
        serials = tuple(str(uuid.UUID(int=self.random.getrandbits(128), version=4)) for _ in range(devices))
        return Person(f"{first} {last}", address, serials, lane, moves)

    def _owners(self, count: int) -> list[Person]:
        people = [self._person(lane=lane) for lane in range(count)]
        return [Person(person.name, person.email, people[0].serials, person.lane) for person in people]

    def _at(self, person: Person, beat: int) -> int:
        """Return the instant of a reading of a person."""
        block, turn = divmod(self.scenes, SCENES_PER_BLOCK)
        return START + (block * (self.beats + 2) + beat) * BEAT + turn * LANES + person.lane

    def _instant(self, person: Person) -> int:
        """Return an instant of consent: exactly that of a reading, or just after the reading before it."""
        instant = self._at(person, self.random.randrange(self.beats))
        return instant - self.random.choice((0, BEAT - 1))

    def _record(self, person: Person, agreed: int | None, *, serial: str | None = None, **dates: int) -> dict[str, Any]:
        """Return a customer record; optional fields are absent now and then."""
        registered = START - self.random.randrange(1, 30 * 86_400_000)
        optional = {
            "phone": f"555{self.random.randrange(10**7):07}",
            # Years like these occur in the public STEDI data.
            "birthDay": f"{self.random.randrange(1000, 2000)}-01-01",
            "shareWithPublicAsOfDate": registered,
            "shareWithFriendsAsOfDate": registered,
        }
        absent = {"phone": 0.02, "birthDay": 0.02, "shareWithPublicAsOfDate": 0.5, "shareWithFriendsAsOfDate": 0.5}
        return {
            "customerName": person.name,
            "email": person.email,
            "serialNumber": serial or person.serials[0],
            "registrationDate": registered,
            "lastUpdateDate": self.random.randrange(registered, START),
            **{key: value for key, value in optional.items() if not self._now_and_then(absent[key])},
            **dates,
            **({"shareWithResearchAsOfDate": agreed} if agreed is not None else self.random.choice(NO_CONSENT)),
        }

    def _two_records(self, person: Person, agreed: int | None, agreed_later: int | None) -> list[dict[str, Any]]:
        """Return an earlier and a later record, with the first and the last device, in random order.

        The later one was updated later, or updated at the same time and registered later.
        """
        earlier = self._record(person, agreed)
        if self._now_and_then(0.7):
            dates = {"lastUpdateDate": earlier["lastUpdateDate"] + 1}
        else:
            dates = {"lastUpdateDate": earlier["lastUpdateDate"], "registrationDate": earlier["registrationDate"] + 1}
        return self._shuffled(earlier, self._record(person, agreed_later, serial=person.serials[-1], **dates))

    def _shuffled(self, *records: dict[str, Any]) -> list[dict[str, Any]]:
        """Return records in random order: the order of lines has no meaning."""
        return self.random.sample(records, len(records))

    def _now_and_then(self, share: float) -> bool:
        return self.random.random() < share

    # Readings

    def _readings(self, scene: Scene, movements: _Lines, steps: _Lines, truth: _Steps) -> None:
        """Write the readings of a scene with the steps behind them, and count those that each profile keeps."""
        walks = {person: self._walk(person) for person in scene.people}
        for person, walk in walks.items():
            truth.write(person, self._at(person, 0), BEAT * self.beats, walk)
        for beat in range(self.beats):
            for lane in sorted({person.lane for person in scene.people}):
                together = [person for person in scene.people if person.lane == lane]
                instant = self._at(together[0], beat)
                moved = [
                    (person, self._movements(person, walks[person], instant, beat, movements)) for person in together
                ]
                stepped = [(person, self._step(person, walks[person], instant, beat, steps)) for person in together]
                self._count(scene, instant, moved, [(person, serial) for person, serial in stepped if serial])

    def _walk(self, person: Person) -> Walk:
        """Return the walk of a person: one for all who share a device, since one foot passes it.

        It has random numbers of its own: how people walk changes no row count.
        """
        random = Random(f"{self.seed} {person.serials[0]}")  # noqa: S311 made-up data
        start = self._at(person, 0) - person.lane
        return Walk(random, start, start + self.beats * BEAT)

    def _movements(self, person: Person, walk: Walk, instant: int, beat: int, out: _Lines) -> int:
        """Write the movements at an instant, up to three different ones; return how many."""
        if not person.moves:
            return 0
        # The last reading is never missing: a person who agreed in time has a reading since then.
        count = self.random.choices((0, 1, 2, 3), (6, 4, 20, 70))[0] or (1 if beat == self.beats - 1 else 0)
        key = out.style("timestamp", "timeStamp")
        moved = walk.movement(instant)
        for apart in self.random.sample(MOVEMENTS, count):
            x, y, z = (round(value + SPREAD * each, 3) for value, each in zip(moved, apart, strict=True))
            line = f'{{"user":"{person.email}","{key}":{instant},"x":{x},"y":{y},"z":{z}}}'
            out.write(line, twice=self._now_and_then(DUPLICATE_READINGS))
        return count

    def _step(self, person: Person, walk: Walk, instant: int, beat: int, out: _Lines) -> str | None:
        """Write the step at an instant; return the serial number of its device, or None for the few without a step."""
        if self._now_and_then(0.02):
            return None
        serial = person.serial_at(beat / self.beats)
        distance = walk.distance(instant, (self.random.randrange(201, 301) - 250.5) / 49.5)
        line = f'{{"sensorReadingTime":{instant},"serialNumber":"{serial}","distanceFromObject":{distance}}}'
        out.write(line, twice=self._now_and_then(DUPLICATE_READINGS))
        return serial

    def _count(
        self, scene: Scene, instant: int, moved: list[tuple[Person, int]], stepped: list[tuple[Person, str]]
    ) -> None:
        """Add the readings at an instant to the counts of the tables that keep them."""
        for profile in PROFILES:
            outcome: Outcome = getattr(scene, profile)
            trusted_moves = Counter(
                {
                    person: count
                    for person, count in moved
                    if instant >= outcome.movements_from.get(person.email, FUTURE)
                }
            )
            trusted_steps = [person for person, serial in stepped if instant >= outcome.steps_from.get(serial, FUTURE)]
            all_moves = trusted_moves.total()
            counts = self.expected[profile]
            counts["accelerometer_trusted"] += all_moves
            counts["step_trainer_trusted"] += len(trusted_steps)
            counts["machine_learning_curated"] += {
                "published": len(trusted_steps) * all_moves,  # of any customer
                "consent_date": len(trusted_steps) * max(all_moves, 1),  # a step without a movement is kept
                "strict": sum(trusted_moves[person] for person in trusted_steps),
            }[profile]


class _Lines:
    """Writes the lines of an entity to files of limited length, in the styles that occur in real data."""

    def __init__(self, folder: Path, entity: str, lines_per_file: int) -> None:
        self.folder = folder / entity / "landing"
        self.entity = entity
        self.lines_per_file = lines_per_file
        self.written = 0

    def __enter__(self) -> _Lines:
        self.folder.mkdir(parents=True)
        self.file = self._open(1)
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def style(self, modern: str, old: str) -> str:
        """Return the style of the next line: every other file has the old one."""
        return old if (self.written // self.lines_per_file) % 2 else modern

    def write(self, line: str, *, twice: bool = False) -> None:
        """Write a line once or twice."""
        for _ in range(2 if twice else 1):
            if self.written and self.written % self.lines_per_file == 0:
                self.file.close()
                self.file = self._open(self.written // self.lines_per_file + 1)
            self.file.write(line + self.style("\n", ",\n"))
            self.written += 1

    def _open(self, number: int) -> TextIO:
        return (self.folder / f"{self.entity}-{number:05}.json").open("w", encoding="utf-8")


class _Steps:
    """Writes the moment of each step, in batches."""

    ROWS = 50_000

    def __init__(self, folder: Path) -> None:
        self.path = folder / STEPS
        self.rows: list[tuple[str, str, int]] = []

    def __enter__(self) -> _Steps:
        self.file = pq.ParquetWriter(self.path, SCHEMA, compression="zstd")
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self.file.close()

    def write(self, person: Person, start: int, span: int, walk: Walk) -> None:
        """Write the steps of a person while their device measures."""
        for step in walk.steps:
            at = round(step.at)
            if start <= at < start + span:
                self.rows.append((person.email, person.serial_at((at - start) / span), at))
        if len(self.rows) >= self.ROWS:
            self._flush()

    def _flush(self) -> None:
        columns = zip(*self.rows, strict=True) if self.rows else ((), (), ())
        self.file.write_table(
            pa.table([pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)], SCHEMA)
        )
        self.rows = []


SCENES: Sequence[tuple[Callable[[_Generator], Scene], int, int]] = (
    # scene, number of people, weight
    (_Generator.agreed, 1, 40),
    (_Generator.refused, 1, 36),
    (_Generator.agreed_but_never_moved, 1, 3),
    (_Generator.agreed_too_late, 1, 4),
    (_Generator.withdrew, 1, 4),
    (_Generator.agreed_in_the_end, 1, 4),
    (_Generator.renewed, 1, 3),
    (_Generator.changed_device, 1, 2),
    (_Generator.all_owners_agreed, 3, 1),
    (_Generator.an_owner_refused, 5, 1),
    (_Generator.same_instants, 2, 2),
    (_Generator.same_instants_as_one_who_refused, 2, 1),
)
