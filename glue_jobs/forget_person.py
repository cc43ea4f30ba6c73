"""Who is to be forgotten: what identifies the person, and what of a text is theirs.

Texts are compared as people read them: JSON escapes decoded, and in the form in which addresses are compared.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import address

KINDS: Final = {"email": "email", "name": "customername", "phone": "phone", "serial number": "serialnumber"}
"""What identifies a person, by the column that holds it. A birthday identifies nobody by itself."""

OWNER: Final = {"customer_landing": "email", "accelerometer_landing": "user", "step_trainer_landing": "serialnumber"}
"""Key of a landing record that says whose it is."""

SHORTEST: Final = 5  # characters; a shorter value is found everywhere and identifies nobody
BOUND: Final = 16  # characters of a text that Iceberg keeps as the bounds of a column
ESCAPE: Final = re.compile(r'\\(u[0-9a-fA-F]{4}|["\\/bfnrt])')
SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
NESTED_ESCAPES: Final = 3  # a record in quarantine is JSON in JSON
EMAIL: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
ADDRESS: Final = re.compile(r"[\w!#$%&'*+/=?^`{|}~.-]+@[\w.-]+")  # as RFC 5322 writes it without quotes


class Record(list[tuple[str, Any]]):
    """The keys and values of a JSON object in their order, repeated keys included."""

    def texts(self, name: str) -> set[str]:
        """Return the values of a key in any letter case; neither empty ones nor objects nor arrays."""
        values = (value for key, value in self if key.lower() == name)
        return {text for value in values if isinstance(value, (str, bool)) and (text := normal(str(value)))}


def normal(text: str) -> str:
    """Return a value as it is compared."""
    return address.canonical(text)


def plain(text: str) -> str:
    """Return a text as people read it: letter case folded, and escapes decoded, also those of JSON in JSON."""
    for _ in range(NESTED_ESCAPES):
        if "\\" not in text:
            break
        text = ESCAPE.sub(_unescape, text)
    if SURROGATE.search(text):  # a character beyond the first 65,536 comes as two escapes
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return address.folded(text)


def parse(line: str) -> Record | None:
    """Return the JSON object of a line as the pipeline reads it: white space, marks, a comma around it."""
    text = line.strip(" \t\r\n\f\v\ufeff").removesuffix(",").rstrip()
    if not text.startswith("{"):
        return None
    try:
        # Numbers stay as they are written: a phone or serial number may come as one.
        found = json.loads(text, object_pairs_hook=Record, parse_int=str, parse_float=str, strict=False)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, Record) else None


@dataclass(frozen=True)
class Person:
    """What identifies one person, and nobody else.

    `shared` counts the values that other customers' records carry too: these are not searched for. `foreign` are other
    customers' values that contain one of the person's, as joann@x.org contains ann@x.org.
    """

    email: str
    spellings: frozenset[str] = frozenset()
    """The address as it was found, letter case and white space included."""
    identifiers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    shared: Mapping[str, frozenset[str]] = field(default_factory=dict)
    foreign: frozenset[str] = frozenset()
    bounds: frozenset[str] = frozenset()
    """What Iceberg would keep of a long identifier as a bound, where no other customer's value begins alike."""

    @classmethod
    def of(cls, email: str) -> "Person":
        """Return a person of whom nothing but the address is known."""
        return cls(normal(email), frozenset({email}), {"email": frozenset({normal(email)})})

    def with_records(self, records: Iterable[Record]) -> "Person":
        """Return the person with what their customer records say of them."""
        found = {kind: set(values) for kind, values in self.identifiers.items()}
        for kind, values in self.shared.items():  # whether they are still shared is asked anew
            found.setdefault(kind, set()).update(values)
        spellings = set(self.spellings)
        for record in records:
            for kind, column in KINDS.items():
                found.setdefault(kind, set()).update(record.texts(column))
            spellings.update(str(value) for key, value in record if key.lower() == KINDS["email"])
        usable = {
            kind: frozenset(value for value in values if len(value) >= SHORTEST or kind == "email")
            for kind, values in found.items()
        }
        return replace(self, spellings=frozenset(spellings), identifiers=usable, shared={})

    def beside(self, others: Iterable[Record]) -> "Person":
        """Return the person without what other customers' records carry too."""
        shared: dict[str, set[str]] = {kind: set() for kind in self.identifiers}
        foreign, bounds = set(self.foreign), {value for value in self.values() if len(value) > BOUND}
        for record in others:
            for kind, column in KINDS.items():
                for text in record.texts(column):
                    if kind != "email":
                        shared.setdefault(kind, set()).update(self.identifiers.get(kind, frozenset()) & {text})
                    if any(value in text and value != text for value in self.values()):
                        foreign.add(text)
                    bounds = {value for value in bounds if value[: BOUND - 1] != text[: BOUND - 1]}
        return Person(
            self.email,
            self.spellings,
            {kind: values - shared.get(kind, set()) for kind, values in self.identifiers.items()},
            {kind: frozenset(values) for kind, values in shared.items() if values},
            frozenset(foreign),
            frozenset(bound for value in bounds for bound in _bounds(value)),
        )

    def beside_lines(self, text: str) -> "Person":
        """Return the person beside other people's values, one a line, that contain one of the person's."""
        readable, values = plain(text), self.values()
        if not any(value in readable for value in values):
            return self
        lines = {line for line in readable.split("\n") if any(value in line and value != line for value in values)}
        return replace(self, foreign=self.foreign | {line for line in lines if not self.kinds_in(line)})

    def values(self) -> set[str]:
        """Return all identifiers of all kinds."""
        return {value for values in self.identifiers.values() for value in values}

    def owns(self, table: str, line: str) -> bool:
        """Tell whether a line of a landing table is a record of the person's.

        A record says by its key whose it is. One whose key is missing or no address, and a line that is no record, is
        the person's if it holds anything that identifies them.
        """
        if not self.kinds_in(line):
            return False
        record = parse(line)
        if record is None:
            return True
        owners = record.texts(OWNER[table])
        if OWNER[table] == "serialnumber":
            return bool(owners & self.identifiers.get("serial number", frozenset())) or not owners
        others = {owner for owner in owners if EMAIL.fullmatch(owner)} - {self.email}
        return self.email in owners or not others

    def owns_quarantined(self, line: str) -> bool:
        """Tell whether a line of the quarantine holds a record of the person's."""
        entry = parse(line)
        if entry is None:
            return bool(self.kinds_in(line))
        tables, records = entry.texts("source_table"), [v for k, v in entry if k.lower() == "record"]
        table = next(iter(tables & OWNER.keys()), None)
        if table is None:
            return bool(self.kinds_in(line))
        return any(self.owns(table, str(record)) for record in records)

    def kinds_in(self, text: str) -> set[str]:
        """Return which kinds of identifiers a text holds, each as a word of its own."""
        readable = plain(text)
        return {
            kind
            for kind, values in self.identifiers.items()
            if any(value in readable and self._stands_in(readable, value) for value in values)
        }

    def _stands_in(self, text: str, value: str) -> bool:
        """Tell whether a text holds a value as a word, elsewhere than at the end of other people's addresses."""
        for longer in self.foreign:
            if longer.endswith(value) and ADDRESS.fullmatch(longer):  # what ' or $ begins is no word of its own
                text = text.replace(longer, " ")
        return _as_word(value).search(text) is not None

    def kinds_in_binary(self, data: bytes) -> set[str]:
        """Return which kinds of identifiers binary data holds, where a length may stand like a letter beside one."""
        readable = plain(data.decode("utf-8", "replace"))
        found = {
            kind
            for kind, values in self.identifiers.items()
            for value in values
            if value in readable and _without(readable, self.foreign, value)
        }
        return found | ({"truncated identifier"} if any(bound in readable for bound in self.bounds) else set())

    def longest(self) -> int:
        """Return the most bytes that an identifier may take, each character an escape of an escape."""
        return 32 * max(map(len, self.values() | {""})) + 32

    def to_json(self) -> dict[str, Any]:
        """Return the person for the request, from which an interrupted run goes on."""
        return {
            "spellings": sorted(self.spellings),
            "identifiers": {kind: sorted(values) for kind, values in self.identifiers.items()},
            "shared": {kind: sorted(values) for kind, values in self.shared.items()},
            "foreign": sorted(self.foreign),
            "bounds": sorted(self.bounds),
        }

    @classmethod
    def from_json(cls, email: str, known: Mapping[str, Any]) -> "Person":
        """Return the person that a request tells."""
        return cls(
            normal(email),
            frozenset(known["spellings"]),
            {kind: frozenset(values) for kind, values in known["identifiers"].items()},
            {kind: frozenset(values) for kind, values in known["shared"].items()},
            frozenset(known["foreign"]),
            frozenset(known["bounds"]),
        )


def _bounds(value: str) -> set[str]:
    """Return a long text as Iceberg's lower bound, and as its upper bound, whose last character is the next one."""
    cut = value[:BOUND]
    following = {chr(ord(last) + 1).lower() for last in (cut[-1], cut[-1].upper()[-1])}
    return {cut, *(cut[:-1] + last for last in following)}


def _as_word(value: str) -> re.Pattern[str]:
    """Return the pattern of a value that is not part of a longer word, number or address."""
    if "@" in value:
        return re.compile(rf"(?<![\w.%+-]){re.escape(value)}(?![\w-]|\.\w)")
    return re.compile(rf"(?<!\w)(?<!\d\.){re.escape(value)}(?!\w|\.\d)")


def _without(text: str, foreign: Collection[str], value: str) -> bool:
    """Tell whether a text holds a value elsewhere than within other people's."""
    for longer in foreign:
        if value in longer:
            text = text.replace(longer, "")
    return value in text


def _unescape(match: re.Match[str]) -> str:
    escape = match[1]
    if escape[0] == "u":
        return chr(int(escape[1:], 16))
    return escape if escape in '"\\/' else " "
