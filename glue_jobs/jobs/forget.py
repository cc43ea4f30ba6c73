"""Erases a person, or several at once, from the whole lakehouse, then looks through everything that is left.

A request takes two runs of this job with the same arguments. The first erases: landing files and quarantine line by
line, query results, log streams, and the rows of the Iceberg tables. The second sees what the first has committed: it
deletes every file and version that no table needs any longer, verifies, writes the report, and deletes the request.
Either may be killed at any moment and run again. The request remembers what identifies the person, since that is gone
with the customer records.

The address is in the request only, never in an argument or a line of the log. Nor is an object's name, which may be
somebody's address: messages give a number of it.
"""

import argparse
import json
import re
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from tempfile import TemporaryFile
from typing import Any, Final

import boto3
from pyspark.sql import SparkSession

import file_numbers
import lease
import pseudonyms
import refusals
import table_contract
from canonical import canonical, folded
from forget_export import Export
from forget_logs import Logs
from forget_objects import DAMAGED, UNDECODABLE, Bucket, Version, each, sift
from forget_person import EMAIL, KINDS, OWNER, WIDE, Person, Record, parse
from forget_search import Needles
from forget_tables import Tables, subject_keys
from json_records import LongRecordError
from lease import LeaseError
from problems import BadInputError

CODE: Final = "glue/"
WAREHOUSE: Final = "warehouse/"
QUARANTINE: Final = "quarantine/"
RESULTS: Final = "athena-results/"
REQUESTS: Final = "forget/requests/"
REPORTS: Final = "forget/reports/"
EXPORTS: Final = "forget/exports/"
SHOWN: Final = 20
OWNER_OF_READING: Final = re.compile(
    r'"(?:user|serialNumber)"\s*:\s*("(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*")', re.IGNORECASE
)


@dataclass(frozen=True)
class Arguments:
    """What a run is told."""

    database: str
    bucket: str
    request: str
    dry_run: bool
    subject_key_secret: str
    refusal_key_secret: str
    job_name: str
    job_run_id: str
    lease: str
    """Id of the operation that started the run; empty where the run is an operation of its own."""
    export: bool = False
    """Whether the run gathers what is held about the person and changes nothing."""
    log_groups: tuple[str, ...] = ()
    """Names of the jobs' log groups in CloudWatch."""


@dataclass
class Findings:
    """Where the person was found, and where nobody can look."""

    versions: list[tuple[Version, set[str]]] = field(default_factory=list)
    unlookable: list[Version] = field(default_factory=list)
    log_streams: list[tuple[str, str]] = field(default_factory=list)
    """Log group and stream of each."""
    objects: int = 0
    bytes: int = 0

    def below(self, prefix: str, *, current: bool = True) -> list[Version]:
        """Return the current versions, or the others, whose key begins so."""
        return [v for v, _ in self.versions if v.key.startswith(prefix) and v.live == current]


class Forgetting:
    """One run of the job."""

    def __init__(self, arguments: Arguments, bucket: Bucket, tables: Tables, logs: Logs) -> None:
        self._arguments = arguments
        self._bucket = bucket
        self._tables = tables
        self._logs = logs
        self._request_key = f"{REQUESTS}{arguments.request}.json"
        self._landing = {
            table: table_contract.load(table)
            .location_in(bucket=bucket.name, database=arguments.database)
            .removeprefix(f"s3://{bucket.name}/")
            for table in OWNER
        }
        content = bucket.read(self._request_key)
        if content is None:
            raise BadInputError(f"There is no request {arguments.request}. Make one: make forget EMAIL=...")
        self._request: dict[str, Any] = json.loads(content)
        emails = [str(email) for email in self._request.get("emails", [])]
        if not emails or not all(EMAIL.fullmatch(canonical(email)) for email in emails):
            raise BadInputError(f"Request {arguments.request} names no e-mail address.")
        self._accepted = set(self._request.get("accept", []))
        known = self._request.get("person")
        self.person = Person.from_json(emails, known) if known else Person.of(*emails)

    def run(self) -> None:
        """Do the next step of the request; one that cannot begin leaves no request behind."""
        try:
            if self._arguments.export:
                self._export()
            elif "erased" in self._request and not self._arguments.dry_run:
                self._finish()
            else:
                self._erase()
        except BadInputError:
            if "person" not in self._request:
                self._bucket.purge([self._request_key], current=True)
            raise

    # The first run

    def _erase(self) -> None:
        resumed = "person" in self._request
        keys = self._identify()
        findings = self._look()
        self._refuse_unlookable(findings)
        rows = self._tables.rows_of(self.person, keys)
        found = bool(findings.versions or findings.log_streams or any(rows.values()))
        refused = self._request.get("refusals", self._refusals() if found else [])
        if found and not self._arguments.dry_run:
            refusals.save(self._bucket, refused)  # while there still is what shows it
            self._request |= {"person": self.person.to_json(), "refusals": refused}
            self._request.setdefault("names", uuid.uuid4().hex)
            self._request.setdefault("stale_inputs", self._tables.stale_inputs())
            self._save()
        snapshots = self._tables.snapshots() if found else {}
        erased = {
            "found": found,
            "resumed": resumed,
            "landing": {table: self._erase_lines(findings, prefix, table) for table, prefix in self._landing.items()},
            "quarantine": self._erase_lines(findings, QUARANTINE, None),
            "query_results": self._erase_results(findings),
            "tables": {table: {"rows": rows.get(table, 0), "snapshots": n} for table, n in snapshots.items()},
            "warehouse": _count(findings, WAREHOUSE),
            "elsewhere": self._erase_elsewhere(findings),
            "log_streams": self._erase_logs(findings),
            "kept_because_shared": {kind: len(values) for kind, values in self.person.shared.items()},
            "refusals_kept": refused,
        }
        if self._arguments.dry_run:
            self._report({"erased": erased, "purged": None, "verification": None})
            if not resumed:
                self._bucket.purge([self._request_key], current=True)
        elif not found:
            self._end(erased, None, findings)
        else:
            self._tables.erase(self.person, keys)
            self._tables.seal(self._request["stale_inputs"])
            self._request["erased"] = erased
            self._save()
            print("Erased. The next run of the same request removes what no table needs any longer, and verifies.")

    def _identify(self) -> set[str]:
        """Learn what identifies the person and nobody else; return their pseudonyms."""
        self._records = list(self._records_of_person())
        self.person = self.person.with_records(self._records)
        self.person = self.person.beside(self._records_of_others())
        owners = {*self._owners_of_readings(), *self._tables.owners_of_readings()}
        self.person = self.person.beside_owners(owner for owner in owners if not self.person.is_own(owner))
        return subject_keys(self.person, self._tables.secrets)

    def _refusals(self) -> list[str]:
        """Return, of each person who does not agree, the pseudonyms of their Step Trainers that others have too."""
        shared = self.person.shared.get("serial number", frozenset())
        if not shared:
            return []
        prefixes = (self._landing["customer_landing"], QUARANTINE)
        current = [v for prefix in prefixes for v in self._bucket.versions(prefix) if v.live]
        records = list(self._customer_records(current, Needles(self.person.emails)))
        secret = pseudonyms.key(self._arguments.refusal_key_secret)
        found = set()
        for one in map(Person.of, self.person.emails):
            if not refusals.agrees(filter(one.owns_customer, records), now=time.time_ns() // 1_000_000):
                theirs = filter(one.owns_customer, self._records)
                numbers = {number for record in theirs for number in record.texts(KINDS["serial number"])}
                found |= {pseudonyms.of(secret, number) for number in numbers & shared}
        return sorted(found)

    def _refuse_unlookable(self, findings: Findings) -> None:
        """Raise an error if an object cannot be looked into or rewritten: nobody knows whom it is about.

        What the erasure deletes anyway need not be looked into: query results, and what is not current of the
        lakehouse's own.
        """
        lines_of = (*self._landing.values(), QUARANTINE)
        deleted = (RESULTS, WAREHOUSE)
        blind = [
            v
            for v in findings.unlookable
            if not v.key.startswith(deleted) and (v.current or not v.key.startswith(lines_of))
        ]
        if blind:
            raise BadInputError(
                f"{_listed(blind)} cannot be looked into, being packed, encrypted, damaged or no text, so nobody knows "
                "whom they are about. Nothing was erased. Delete or replace them, or accept by name what is to stay: "
                "ACCEPT=key,key"
            )
        wide = [v for v, kinds in findings.versions if WIDE in kinds and v.current and v.key.startswith(lines_of)]
        if wide:
            raise BadInputError(
                f"{_listed(wide)} hold the person in UTF-16 or UTF-32, in which no record is erased. Nothing was "
                "erased. Replace them by UTF-8 or delete them, and give the same command again."
            )

    def _erase_lines(self, findings: Findings, prefix: str, table: str | None) -> dict[str, int]:
        """Rewrite the objects that hold lines of the person's, and delete all their earlier versions.

        Lines of the quarantine, where `table` is None, say themselves which table they were meant for.
        """
        owns = (lambda line: self.person.owns(table, line)) if table else self.person.owns_quarantined
        sifted = list(each(findings.below(prefix), lambda version: self._sift(version, owns, prefix)))
        noncurrent = self._noncurrent(findings, prefix)
        if not self._arguments.dry_run:
            self._bucket.delete(noncurrent)  # what was not deleted with its object
        return {
            "rows": sum(lines for lines, _ in sifted),
            "objects_rewritten": sum(lines > 0 and left for lines, left in sifted),
            "objects_deleted": sum(lines > 0 and not left for lines, left in sifted),
            "versions": len(noncurrent),
        }

    def _sift(self, version: Version, owns: Callable[[str], bool], prefix: str) -> tuple[int, bool]:
        """Rewrite one object without the person's lines, or delete one that holds nothing else.

        One that is named after the person and holds other people's lines gets another name.
        """
        with self._readable(version), self._bucket.open(version) as source, TemporaryFile() as copy:
            erased, anything_left = sift(source, None if self._arguments.dry_run else copy, owns)
            named = bool(self.person.kinds_in_data(version.key.encode(), binary=True))
            if (erased or named) and not self._arguments.dry_run:
                if anything_left:
                    copy.seek(0)
                    suffix = ".json.gz" if version.key.endswith(".gz") else ".json"
                    self._bucket.replace(version, copy, f"{prefix}{self._new_name(version)}{suffix}" if named else None)
                else:
                    self._bucket.purge([version.key], current=True)
            return erased, anything_left

    def _new_name(self, version: Version) -> str:
        """Return a random name for an object, the same one if the run is repeated."""
        return uuid.uuid5(uuid.UUID(self._request["names"]), version.key).hex

    @contextmanager
    def _readable(self, version: Version) -> Iterator[None]:
        """Raise a BadInputError that names the file if a record of it is too long to be looked at."""
        try:
            yield
        except LongRecordError as error:
            raise BadInputError(
                f"{file_numbers.of(version.key)} has {error}. It may be one object around all others, or cut off. "
                "Write each record as an object of its own, or remove the file, and run the same request again. "
                f"{file_numbers.REMEDY}."
            ) from error

    def _erase_results(self, findings: Findings) -> dict[str, int]:
        """Delete the query results that hold anything of the person's; anybody can ask again."""
        results = {v.key.removesuffix(".metadata") for v in findings.below(RESULTS)}
        results |= {v.key for v in findings.unlookable if v.live and v.key.startswith(RESULTS)}
        noncurrent = self._noncurrent(findings, RESULTS)
        if not self._arguments.dry_run:
            self._bucket.delete(noncurrent)
            self._bucket.purge((key for result in results for key in (result, f"{result}.metadata")), current=True)
        return {"objects_deleted": len(results), "versions": len(noncurrent)}

    @staticmethod
    def _noncurrent(findings: Findings, prefix: str) -> list[Version]:
        """Return the noncurrent versions that hold anything of the person's, or into which nobody can look."""
        blind = [v for v in findings.unlookable if v.key.startswith(prefix) and not v.live]
        return list(dict.fromkeys([*findings.below(prefix, current=False), *blind]))

    def _erase_elsewhere(self, findings: Findings) -> dict[str, int]:
        """Delete noncurrent versions; of current objects of unknown origin the verification complains."""
        known = (*self._landing.values(), QUARANTINE, RESULTS, WAREHOUSE)
        others = [v for v, _ in findings.versions if not v.key.startswith(known)]
        noncurrent = [v for v in others if not v.live and not v.key.startswith(CODE)]  # which this job may not touch
        exports = [v.key for v in others if v.live and v.key.startswith(EXPORTS)]
        if not self._arguments.dry_run:
            self._bucket.delete(noncurrent)
            self._bucket.purge(exports, current=True)
        return {"objects_left": len(others) - len(noncurrent) - len(exports), "versions": len(noncurrent)}

    def _erase_logs(self, findings: Findings) -> int:
        """Delete the log streams that hold anything of the person's."""
        if not self._arguments.dry_run:
            self._logs.delete(findings.log_streams)
        return len(findings.log_streams)

    def _records_of_person(self) -> Iterator[Record]:
        """Return the person's customer records in all versions of all files."""
        prefixes = (self._landing["customer_landing"], QUARANTINE)
        versions = [v for prefix in prefixes for v in self._bucket.versions(prefix) if not v.marker]
        records = list(self._customer_records(versions, Needles(self.person.emails)))
        for version in self._bucket.versions(WAREHOUSE):
            if version.key.endswith(".parquet") and not version.marker and "/customer" in version.key:
                rows = self._bucket.rows(version, list(KINDS.values()), KINDS["email"], self.person.is_own)
                records += (Record(row.items()) for row in rows)
        return filter(self.person.owns_customer, records)

    def _records_of_others(self) -> Iterator[Record]:
        """Return the customer records of other people, as they are now, that may carry one of the person's values."""
        alike = Needles(part for value in self.person.values() for part in (value, value[:15]))
        prefixes = (self._landing["customer_landing"], QUARANTINE)
        versions = [v for prefix in prefixes for v in self._bucket.versions(prefix) if v.current and not v.marker]
        for record in (*self._customer_records(versions, alike), *self._tables.customers(alike)):
            emails = record.texts(KINDS["email"])
            if any(EMAIL.fullmatch(address) and not self.person.is_own(address) for address in emails):
                yield record

    def _customer_records(self, versions: Sequence[Version], wanted: Needles) -> Iterator[Record]:
        def read(version: Version) -> list[Record]:
            found = []
            with self._readable(version):
                for content in wanted.hits(self._bucket.records(version)):
                    if (record := parse(content.decode("utf-8", "replace"))) is not None:
                        if version.key.startswith(QUARANTINE):
                            if "customer_landing" not in record.texts("source_table"):
                                continue
                            record = parse(str(dict(record).get("record", ""))) or Record()
                        found.append(record)
            return found

        for records in each(versions, read):
            yield from records

    def _owners_of_readings(self) -> set[str]:
        """Return whose the readings in the landing zone are, of those that may carry one of the person's values."""
        wanted = Needles(self.person.values())
        prefixes = [prefix for table, prefix in self._landing.items() if table != "customer_landing"]
        versions = [v for prefix in prefixes for v in self._bucket.versions(prefix) if v.live]

        def read(version: Version) -> set[str]:
            found = set()
            with suppress(*DAMAGED):
                for window in self._bucket.windows(version, wanted.longest):
                    for text, _ in wanted.texts(window):
                        found |= {canonical(str(json.loads(match[1]))) for match in OWNER_OF_READING.finditer(text)}
            return found

        return set().union(*each(versions, read))

    def _export(self) -> None:
        """Write all that is held about the person, each thing with its source, and leave everything as it is."""
        keys = self._identify()
        findings = self._look()
        export = Export(self._bucket, self._tables, self.person, self._landing, QUARANTINE)
        content = export.content(findings.versions, findings.unlookable, findings.log_streams, keys)
        text = json.dumps(content, indent=2, ensure_ascii=False, default=str)
        self._bucket.write(f"{EXPORTS}{self._arguments.request}.json", f"{text}\n".encode())
        if "person" not in self._request:
            self._bucket.purge([self._request_key], current=True)

    # The second run

    def _finish(self) -> None:
        purged = self._purge_warehouse()
        findings = self._look()
        places = [
            f"{file_numbers.of(version.key)}{'' if version.current else ', noncurrent'}: {', '.join(sorted(kinds))}"
            for version, kinds in [*findings.versions, *((blind, {UNDECODABLE}) for blind in findings.unlookable)]
        ]
        places += [f"log stream {stream} of {group}" for group, stream in findings.log_streams]
        if places:
            del self._request["erased"]
            self._save()  # the next run begins anew
            shown = places[:SHOWN] + ([f"and {len(places) - SHOWN} more"] if len(places) > SHOWN else [])
            raise BadInputError(
                "\n  ".join([f"The person is still in {len(places)} places, or nobody can look there:", *shown])
                + "\nRemove what is not the lakehouse's own, or accept by name what cannot be looked into, and give "
                f"the same command again. {file_numbers.REMEDY}."
            )
        self._end(self._request["erased"], purged, findings)

    def _purge_warehouse(self) -> dict[str, int]:
        """Delete all files that no current table metadata names, and all that is not current.

        A file that is younger than this run belongs to a commit that somebody is about to make.
        """
        now = datetime.now(UTC)
        versions = list(self._bucket.versions(WAREHOUSE))  # before the tables are asked what they need
        needed: set[str] = set()
        locations = []
        for location, files in self._tables.files().items():
            locations.append(self._key(location.rstrip("/")) + "/")
            keys = {self._key(file) for file in files}
            metadata = [key for key in keys if key.endswith(".metadata.json")]
            keys |= {self._key(path) for key in metadata for path in _statistics(self._bucket.read(key) or b"{}")}
            needed |= keys
        orphans = [
            v
            for v in versions
            if v.current
            and not v.marker
            and v.modified < now
            and v.key not in needed
            and v.key.startswith(tuple(locations))
        ]
        noncurrent = [v for v in versions if v.marker or not v.current]
        self._bucket.delete(noncurrent)
        self._bucket.delete(orphans)
        return {"objects": len(orphans), "versions": len(noncurrent)}

    # Of both

    def _look(self) -> Findings:
        """Look for everything that identifies the person in every version of every object but the request."""
        versions = [v for v in self._bucket.versions() if v.key != self._request_key]  # which goes last
        looked_into = [version for version in versions if not version.marker]  # of a marker there is only the key
        findings = Findings(objects=len(looked_into), bytes=sum(version.size for version in looked_into))
        kinds = each(versions, lambda version: self._bucket.kinds_in(version, self.person))
        for version, found in zip(versions, kinds, strict=True):
            named = found - {UNDECODABLE}
            if named:
                findings.versions.append((version, named))
            if UNDECODABLE in found and not version.key.startswith(CODE) and version.key not in self._accepted:
                findings.unlookable.append(version)
        findings.log_streams = self._logs.streams_with(self.person)
        return findings

    def _end(self, erased: dict[str, Any], purged: dict[str, int] | None, left: Findings) -> None:
        verification = {
            "objects": left.objects,
            "bytes": left.bytes,
            "log_streams": self._logs.searched,
            "findings": len(left.versions),
            "accepted": len(self._accepted),
        }
        self._report({"erased": erased, "purged": purged, "verification": verification})
        self._bucket.purge([self._request_key], current=True)

    def _report(self, content: dict[str, Any]) -> None:
        report = {
            "request": self._arguments.request,
            "dry_run": self._arguments.dry_run,
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
            **content,
        }
        text = json.dumps(report, indent=2)
        self._bucket.write(f"{REPORTS}{self._arguments.request}.json", f"{text}\n".encode())
        print(text)

    def _save(self) -> None:
        self._bucket.write(self._request_key, json.dumps(self._request).encode())

    def _key(self, address: str) -> str:
        return address.partition("://")[2].removeprefix(f"{self._bucket.name}/")


def redact(text: str, person: Person) -> str:
    """Return a text without anything that identifies the person, in any letter case."""
    for value in sorted(person.values(), key=len, reverse=True):
        text = re.sub(re.escape(value), "***", text, flags=re.IGNORECASE)
    # A letter whose folded form is longer than itself stands at another place than in the text.
    return "***" if any(value in folded(text) for value in person.values()) else text


def _listed(versions: Sequence[Version]) -> str:
    """Return how many objects these are, and their numbers."""
    numbers = sorted({file_numbers.of(version.key) for version in versions})
    shown = ", ".join(numbers[:SHOWN]) + (", ..." if len(numbers) > SHOWN else "")
    return f"{len(numbers)} objects ({shown}; {file_numbers.REMEDY})"


def _count(findings: Findings, prefix: str) -> dict[str, int]:
    return {
        "objects": len(findings.below(prefix)),
        "versions": len(findings.below(prefix, current=False)),
    }


def _statistics(metadata: bytes) -> Iterator[str]:
    """Return the addresses of the statistics files that a table's metadata names."""
    for kind in ("statistics", "partition-statistics"):
        yield from (entry["statistics-path"] for entry in json.loads(metadata).get(kind, []))


def parse_arguments(argv: Sequence[str]) -> Arguments:
    """Read `--key value` pairs and leave alone what Glue adds."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("--database", "--bucket", "--request"):
        parser.add_argument(name, required=True)
    for name in ("--dry_run", "--export"):
        parser.add_argument(name, default="false", choices=("true", "false"))
    for name in (
        "--subject_key_secret",
        "--refusal_key_secret",
        "--log_groups",
        "--JOB_NAME",
        "--JOB_RUN_ID",
        "--lease",
    ):
        parser.add_argument(name, default="")
    given, _ = parser.parse_known_args(argv)
    return Arguments(
        given.database,
        given.bucket,
        given.request,
        given.dry_run == "true",
        given.subject_key_secret,
        given.refusal_key_secret,
        given.JOB_NAME,
        given.JOB_RUN_ID,
        given.lease,
        given.export == "true",
        tuple(filter(None, given.log_groups.split(","))),
    )


def main() -> None:
    """Run the job. No message shows anything that identifies the person, not even that of an unforeseen error."""
    arguments = parse_arguments(sys.argv[1:])
    forgetting = None
    held = lease.for_job_run(
        arguments.bucket, given=arguments.lease, job=arguments.job_name, job_run_id=arguments.job_run_id
    )
    try:
        held.take()
        secrets = pseudonyms.keys(arguments.subject_key_secret) if arguments.subject_key_secret else []
        spark = SparkSession.builder.getOrCreate()
        spark.sparkContext.setLogLevel("WARN")  # below that, Spark logs the conditions that it searches by
        bucket = Bucket(boto3.client("s3"), arguments.bucket)
        logs = Logs(boto3.client("logs"), arguments.log_groups)
        forgetting = Forgetting(arguments, bucket, Tables(spark, arguments.database, secrets), logs)
        forgetting.run()
    except (BadInputError, LeaseError) as error:
        sys.exit(f"forget: {error}")
    except Exception:  # noqa: BLE001 - shown in full, but for what identifies the person
        shown = traceback.format_exc()
        sys.exit(file_numbers.mask_names(redact(shown, forgetting.person) if forgetting else shown))
    finally:
        if arguments.lease:  # the command's, which may need another run
            held.hand_on()
        else:
            held.release()


if __name__ == "__main__":
    main()
