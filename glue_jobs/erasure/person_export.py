"""Export all data about a person with its sources (right of access, Article 15 of the GDPR)."""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from bucket_objects import Bucket, Version, map_concurrently
from iceberg_tables import Tables
from person import Person, parse


class Export:
    """The data that an erasure would find, gathered instead of erased."""

    def __init__(
        self, bucket: Bucket, tables: Tables, person: Person, landing: Mapping[str, str], quarantine: str
    ) -> None:
        self._bucket = bucket
        self._tables = tables
        self._person = person
        self._landing = landing
        self._quarantine = quarantine

    def content(
        self,
        found: Iterable[tuple[Version, Collection[str]]],
        unsearchable: Iterable[Version],
        log_streams: Iterable[tuple[str, str]],
        keys: Collection[str],
    ) -> dict[str, Any]:
        """Return all data as one JSON object.

        Records are included in full. For objects and log streams that also hold other people's data, and for the files
        of the tables, it has only the source and the kinds of identifiers found there.
        """
        sources = [source for source in map_concurrently(found, self._source) if source]
        return {
            "subject": sorted(self._person.emails),
            "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "identifiers": {kind: sorted(values) for kind, values in self._person.identifiers.items()},
            "shared_with_others": {kind: sorted(values) for kind, values in self._person.shared.items()},
            "records": [source for source in sources if "records" in source],
            "tables": self._tables.records_of(self._person, keys),
            "also_found_in": [source for source in sources if "records" not in source],
            "log_streams": [f"{group}:{stream}" for group, stream in log_streams],
            "not_looked_into": [self._address(version) for version in unsearchable],
        }

    def _source(self, found: tuple[Version, Collection[str]]) -> dict[str, Any]:
        version, kinds = found
        source = {"source": self._address(version), "version": version.id, "current": version.current}
        table = next((name for name, prefix in self._landing.items() if version.key.startswith(prefix)), None)
        if version.marker or not (table or version.key.startswith(self._quarantine)):
            return source | {"kinds": sorted(kinds)}
        records = []
        for line in self._bucket.records(version):
            text = line.decode("utf-8", "replace")
            if self._person.owns(table, text) if table else self._person.owns_quarantined_record(text):
                records.append(_as_stored(text))
        return source | ({"records": records} if records else {"kinds": sorted(kinds)})

    def _address(self, version: Version) -> str:
        return f"s3://{self._bucket.name}/{version.key}"


def _as_stored(text: str) -> Any:
    """Return a record as a JSON object, or as text if it is not one or has a key twice."""
    record, content = parse(text), text.strip().strip("\ufeff,").strip()
    return text.strip() if record is None or len(record) > len(dict(record)) else json.loads(content, strict=False)
