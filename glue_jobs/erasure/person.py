"""The person to erase, or several at once: what identifies them, and which records and texts are theirs.

Texts are compared with escapes decoded and in the canonical form of addresses.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import pipeline
from canonical import canonical, folded
from text_search import SearchTerms, as_word, readings

KINDS: Final = {"email": "email", "name": "customername", "phone": "phone", "serial number": "serialnumber"}
"""Column of each kind of identifier. A birthday alone identifies nobody."""

OWNER: Final = pipeline.person_columns("address", "landing") | pipeline.person_columns("serial_number", "landing")
"""Key that identifies the person of a landing record, by table."""

SHORTEST: Final = 5  # characters; a shorter value occurs everywhere and identifies nobody
BOUND: Final = 16  # characters to which Iceberg truncates the column bounds of a text
EMAIL: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
ADDRESS: Final = re.compile(r"[\w!#$%&'*+/=?^`{|}~.-]+@(?:[^\W_]+(?:-+[^\W_]+)*\.)+(?:[^\W\d_]{2,}|xn--[a-z0-9-]+)")
"""An unquoted address of RFC 5322 at a possible domain; x.org-old is not one."""

FEW: Final = 16
"""Up to so many values are searched one by one; of more, only those that share a word with the text."""
WORD: Final = re.compile(r"[^\W_]+")
WIDE: Final = "not UTF-8"
"""Added to the kinds of identifiers found in UTF-16 or UTF-32 text, which cannot be rewritten."""


class Record(list[tuple[str, Any]]):
    """The (key, value) pairs of a JSON object in order, including repeated keys."""

    def texts(self, name: str) -> set[str]:
        """Return the non-empty scalar values of a key, in any letter case, in canonical form."""
        values = (value for key, value in self if key.lower() == name)
        return {text for value in values if isinstance(value, (str, bool)) and (text := canonical(str(value)))}


def plain(text: str) -> str:
    """Return a text with letter case folded and all escapes decoded."""
    *_, last = readings(text)
    return last


def parse(line: str) -> Record | None:
    """Parse the JSON object of a line as the pipeline does, ignoring white space, byte order marks and one comma."""
    text = line.strip(" \t\r\n\f\v\ufeff").removesuffix(",").rstrip()
    if not text.startswith("{"):
        return None
    try:
        # Numbers keep their spelling: a phone or serial number may be a JSON number.
        found = json.loads(text, object_pairs_hook=Record, parse_int=str, parse_float=str, strict=False)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, Record) else None


@dataclass(frozen=True)
class Identifier:
    """A value to search for."""

    kind: str
    text: str
    anchor: str
    """Its longest word: a text without it cannot hold the value."""
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class Person:
    """What identifies one person, or several who are erased together, and nobody else.

    `shared` are values that records of other customers hold too: they are not searched for. `foreign` are values of
    other people that contain one of the person's, as mary-ann@x.org contains ann@x.org.
    """

    emails: frozenset[str]
    spellings: frozenset[str] = frozenset()
    """The addresses as spelled in the records, with letter case and white space."""
    identifiers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    shared: Mapping[str, frozenset[str]] = field(default_factory=dict)
    foreign: frozenset[str] = frozenset()
    bounds: frozenset[str] = frozenset()
    """Column bounds to which Iceberg would truncate a long identifier, unless another customer's value starts alike."""

    @classmethod
    def of(cls, *emails: str) -> "Person":
        """Return one person, or several, of whom only the address is known."""
        addresses = frozenset(map(canonical, emails))
        return cls(addresses, frozenset(emails), {"email": addresses})

    def with_records(self, records: Iterable[Record]) -> "Person":
        """Return the person with the identifiers in their customer records."""
        found = {kind: set(values) for kind, values in self.identifiers.items()}
        for kind, values in self.shared.items():  # whether they are still shared is determined again
            found.setdefault(kind, set()).update(values)
        spellings = set(self.spellings)
        for record in records:
            for kind, column in KINDS.items():
                texts = record.texts(column)
                found.setdefault(kind, set()).update(filter(self.is_own_address, texts) if kind == "email" else texts)
            spellings.update(
                str(value)
                for key, value in record
                if key.lower() == KINDS["email"] and self.is_own_address(canonical(str(value)))
            )
        usable = {
            kind: frozenset(value for value in values if len(value) >= SHORTEST or kind == "email")
            for kind, values in found.items()
        }
        return replace(self, spellings=frozenset(spellings), identifiers=usable, shared={})

    def is_own_address(self, text: str) -> bool:
        """Tell whether an address is the person's: equal, or embedded in a text that is not a valid address.

        _jane@x.org_ and jane@x.org-old belong to jane@x.org; mary-jane@x.org is another person.
        """
        return text in self.emails or (
            not ADDRESS.fullmatch(text) and any(re.search(as_word(email), folded(text)) for email in self.emails)
        )

    def owns_customer(self, record: Record) -> bool:
        """Tell whether a customer record is the person's."""
        return any(map(self.is_own_address, record.texts(KINDS["email"])))

    def without_shared(self, others: Iterable[Record]) -> "Person":
        """Return the person without the values that records of other customers hold too."""
        shared: dict[str, set[str]] = {kind: set() for kind in self.identifiers}
        foreign, bounds = set(self.foreign), {value for value in self.values() if len(value) > BOUND}
        for record in others:
            for kind, column in KINDS.items():
                for text in record.texts(column):
                    if kind != "email":
                        shared.setdefault(kind, set()).update(self.identifiers.get(kind, frozenset()) & {text})
                    if self._is_longer(text):
                        foreign.add(text)
                    bounds = {value for value in bounds if value[: BOUND - 1] != text[: BOUND - 1]}
        return Person(
            self.emails,
            self.spellings,
            {kind: values - shared.get(kind, set()) for kind, values in self.identifiers.items()},
            {kind: frozenset(values) for kind, values in shared.items() if values},
            frozenset(foreign),
            frozenset(bound for value in bounds for bound in _bounds(value)),
        )

    def with_other_owners(self, owners: Iterable[str]) -> "Person":
        """Return the person with the addresses or serial numbers of other people's readings marked as foreign."""
        return replace(self, foreign=self.foreign | {owner for owner in owners if self._is_longer(owner)})

    def with_other_values(self, text: str) -> "Person":
        """Return the person with the lines of a text that contain one of the person's values marked as foreign."""
        readable = plain(text)
        if not any(identifier.anchor in readable for identifier in self._identifiers):
            return self
        lines = {line for line in readable.split("\n") if any(v.text in line != v.text for v in self._candidates(line))}
        return replace(self, foreign=self.foreign | {line for line in lines if not self.kinds_in(line)})

    def values(self) -> set[str]:
        """Return all identifiers of all kinds."""
        return {value for values in self.identifiers.values() for value in values}

    def owns(self, table: str, line: str) -> bool:
        """Tell whether a line of a landing table is a record of the person.

        The key of a record decides. A record whose key is missing or invalid, and a line that is not a record, is the
        person's if it holds any of their identifiers.
        """
        if not self.kinds_in(line):
            return False
        record = parse(line)
        if record is None:
            return True
        owners = record.texts(OWNER[table])
        if OWNER[table] == "serialnumber":
            return bool(owners & self.identifiers.get("serial number", frozenset())) or not owners
        others = {owner for owner in owners if EMAIL.fullmatch(owner) and not self.is_own_address(owner)}
        return bool(owners & self.emails) or not others

    def owns_quarantined(self, line: str) -> bool:
        """Tell whether a line of the quarantine holds a record of the person, or one from a file named after them.

        The latter is only a copy: the record itself stays in the landing zone, in a renamed file.
        """
        files = [str(value) for key, value in parse(line) or () if key.lower() == "file"]
        return any(map(self.kinds_in, files)) or self.owns_quarantined_record(line)

    def owns_quarantined_record(self, line: str) -> bool:
        """Tell whether a line of the quarantine holds a record of the person."""
        entry = parse(line)
        if entry is None:
            return bool(self.kinds_in(line))
        tables, records = entry.texts("source_table"), [v for k, v in entry if k.lower() == "record"]
        table = next(iter(tables & OWNER.keys()), None)
        if table is None:
            return bool(self.kinds_in(line))
        return any(self.owns(table, str(record)) for record in records)

    def kinds_in(self, text: str) -> set[str]:
        """Return the kinds of identifiers that a text holds as whole words."""
        return {
            identifier.kind
            for reading in readings(text)
            for identifier in self._candidates(reading)
            if self._occurs_in(reading, identifier)
        }

    def kinds_in_data(self, data: bytes, *, binary: bool = False) -> set[str]:
        """Return the kinds of identifiers in bytes of any encoding, in binary data even within words.

        In binary data a length byte next to a value may look like a letter.
        """
        found: set[str] = set()
        for text, wide in self._needles.texts(data):
            kinds = self.kinds_in(text) if wide or not binary else self._kinds_in_binary(text)
            found |= kinds | {WIDE} if wide and kinds else kinds
        return found

    @property
    def longest(self) -> int:
        """Maximum length of an encoded identifier in bytes."""
        return self._needles.longest

    @cached_property
    def _needles(self) -> SearchTerms:
        return SearchTerms(self.values() | self.bounds, self.spellings)

    @cached_property
    def _identifiers(self) -> list[Identifier]:
        return [
            Identifier(kind, text, max(WORD.findall(text), key=len, default=""), re.compile(as_word(text)))
            for kind, values in self.identifiers.items()
            for text in map(folded, values)
        ]

    @cached_property
    def _by_anchor(self) -> Mapping[str, list[Identifier]]:
        found: dict[str, list[Identifier]] = {}
        for identifier in self._identifiers:
            found.setdefault(identifier.anchor, []).append(identifier)
        return found

    def _candidates(self, text: str) -> Iterator[Identifier]:
        """Return the identifiers that a text may hold as words."""
        if len(self._identifiers) <= FEW:
            yield from (identifier for identifier in self._identifiers if identifier.anchor in text)
        else:
            for anchor in self._by_anchor.keys() & {*WORD.findall(text), ""}:
                yield from self._by_anchor[anchor]

    def _occurs_in(self, text: str, identifier: Identifier) -> bool:
        """Tell whether a text holds an identifier as a whole word outside other people's values."""
        if identifier.pattern.search(text) is None:
            return False
        for longer in self._longer:
            if identifier.text in longer:
                text = text.replace(longer, " ")
        return identifier.pattern.search(text) is not None

    def _kinds_in_binary(self, text: str) -> set[str]:
        found = set()
        for reading in readings(text):
            for identifier in self._identifiers:
                if identifier.text in reading and _without(reading, self._longer, identifier.text):
                    found.add(identifier.kind)
            if any(bound in reading for bound in self.bounds):
                found.add("truncated identifier")
        return found

    @cached_property
    def _longer(self) -> list[str]:
        return sorted(map(folded, self.foreign), key=len, reverse=True)

    def _is_longer(self, text: str) -> bool:
        """Tell whether another's value contains one of the person's, and is not a sentence with their address."""
        compared = folded(text)
        if not any(identifier.text in compared != identifier.text for identifier in self._identifiers):
            return False
        return ADDRESS.fullmatch(text) is not None or not any(email in text for email in self.emails)

    def to_json(self) -> dict[str, Any]:
        """Return the person as JSON for the request, from which an interrupted run resumes."""
        return {
            "spellings": sorted(self.spellings),
            "identifiers": {kind: sorted(values) for kind, values in self.identifiers.items()},
            "shared": {kind: sorted(values) for kind, values in self.shared.items()},
            "foreign": sorted(self.foreign),
            "bounds": sorted(self.bounds),
        }

    @classmethod
    def from_json(cls, emails: Iterable[str], known: Mapping[str, Any]) -> "Person":
        """Return the person stored in a request."""
        return cls(
            frozenset(map(canonical, emails)),
            frozenset(known["spellings"]),
            {kind: frozenset(values) for kind, values in known["identifiers"].items()},
            {kind: frozenset(values) for kind, values in known["shared"].items()},
            frozenset(known["foreign"]),
            frozenset(known["bounds"]),
        )


def _bounds(value: str) -> set[str]:
    """Return Iceberg's lower bound of a long text, and its upper bounds, which end in the next character."""
    cut = value[:BOUND]
    following = {chr(ord(last) + 1).lower() for last in (cut[-1], cut[-1].upper()[-1])}
    return {cut, *(cut[:-1] + last for last in following)}


def _without(text: str, foreign: Collection[str], value: str) -> bool:
    """Tell whether a text holds a value outside other people's values."""
    for longer in foreign:
        if value in longer:
            text = text.replace(longer, "")
    return value in text
