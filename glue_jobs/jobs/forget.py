"""Erase one person, or several at once, from the whole lakehouse, and verify by searching everything that is left.

A request takes two runs of this job with the same arguments. The first run erases records from landing files and
quarantine, query results, log streams, and rows of the Iceberg tables. The second run sees what the first committed: it
deletes every file and version that no table refers to any longer, verifies, writes the report and deletes the request.
Both are idempotent: they may be killed at any moment and run again. The request stores what identifies the person,
since the customer records with that information are erased.

The e-mail address is only in the request, never in an argument or a log line. Neither are object names, which may be
addresses: messages show file numbers instead.
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
from bucket_objects import DAMAGED, UNDECODABLE, Bucket, Version, erase_records, map_concurrently
from canonical import canonical, folded
from iceberg_tables import Tables, subject_keys
from json_records import LongRecordError
from lease import LeaseError
from log_streams import Logs
from person import EMAIL, KINDS, OWNER, WIDE, Person, Record, parse
from person_export import Export
from problems import BadInputError
from text_search import SearchTerms

CODE: Final = "glue/"
WAREHOUSE: Final = "warehouse/"
QUARANTINE: Final = "quarantine/"
PARSED: Final = "parsed/"
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
    """The arguments of one run."""

    database: str
    bucket: str
    """Bucket of the lakehouse, with its prefix if it shares the bucket: see s3_root."""
    request: str
    dry_run: bool
    subject_key_secret: str
    refusal_key_secret: str
    job_name: str
    job_run_id: str
    lease: str
    """Id of the operation that started the run; empty if the run is its own operation."""
    export: bool = False
    """Whether the run exports all data about the person and changes nothing."""
    log_groups: tuple[str, ...] = ()
    """Names of the jobs' log groups in CloudWatch."""


@dataclass
class Findings:
    """Where the person was found, and which objects cannot be searched."""

    versions: list[tuple[Version, set[str]]] = field(default_factory=list)
    unsearchable: list[Version] = field(default_factory=list)
    log_streams: list[tuple[str, str]] = field(default_factory=list)
    """(log group, stream) of each."""
    objects: int = 0
    bytes: int = 0

    def below(self, prefix: str, *, current: bool = True) -> list[Version]:
        """Return the current (or noncurrent) versions with this key prefix."""
        return [v for v, _ in self.versions if v.key.startswith(prefix) and v.live == current]


class Erasure:
    """One run of an erasure request."""

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
            raise BadInputError(f"There is no request {arguments.request}. Create one: make forget EMAIL=...")
        self._request: dict[str, Any] = json.loads(content)
        emails = [str(email) for email in self._request.get("emails", [])]
        if not emails or not all(EMAIL.fullmatch(canonical(email)) for email in emails):
            raise BadInputError(f"Request {arguments.request} has no e-mail address. Create one: make forget EMAIL=...")
        self._accepted = {key.removeprefix(bucket.prefix) for key in self._request.get("accept", [])}
        known = self._request.get("person")
        self.person = Person.from_json(emails, known) if known else Person.of(*emails)

    def run(self) -> None:
        """Perform the next step of the request; if the first step cannot start, the request is deleted."""
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
        self._refuse_unsearchable(findings)
        rows = self._tables.rows_of(self.person, keys)
        found = bool(findings.versions or findings.log_streams or any(rows.values()))
        refused = self._request.get("refusals", self._refusals() if found else [])
        if found and not self._arguments.dry_run:
            refusals.save(self._bucket, refused)  # while the records that show the refusal still exist
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
            "parsed_rows": self._erase_parsed_rows(findings),
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
            job, run = self._arguments.job_name, self._arguments.job_run_id
            self._tables.record_erasure(job=job, job_run_id=run, at=time.time_ns() // 1_000_000)
            self._tables.erase(self.person, keys)
            self._tables.seal(self._request["stale_inputs"])
            self._tables.write_card(self._arguments.bucket, self._masked)  # which the next run searches too
            self._request["erased"] = erased
            self._save()
            print("Erased. The next run of the same request purges unreferenced files and verifies.")

    def _identify(self) -> set[str]:
        """Find what identifies the person and nobody else; return their pseudonyms."""
        self._records = list(self._records_of_person())
        self.person = self.person.with_records(self._records)
        self.person = self.person.without_shared(self._records_of_others())
        owners = {*self._owners_of_readings(), *self._tables.owners_of_readings()}
        self.person = self.person.with_other_owners(owner for owner in owners if not self.person.is_own_address(owner))
        return subject_keys(self.person, self._tables.secrets)

    def _refusals(self) -> list[str]:
        """Return the serial number pseudonyms of the shared Step Trainers of those persons who do not consent."""
        shared = self.person.shared.get("serial number", frozenset())
        if not shared:
            return []
        prefixes = (self._landing["customer_landing"], QUARANTINE)
        current = [v for prefix in prefixes for v in self._bucket.versions(prefix) if v.live]
        records = list(self._customer_records(current, SearchTerms(self.person.emails)))
        secret = pseudonyms.key(self._arguments.refusal_key_secret)
        found = set()
        for one in map(Person.of, self.person.emails):
            if not refusals.agrees(filter(one.owns_customer, records), now=time.time_ns() // 1_000_000):
                theirs = filter(one.owns_customer, self._records)
                numbers = {number for record in theirs for number in record.texts(KINDS["serial number"])}
                found |= {pseudonyms.of(secret, number) for number in numbers & shared}
        return sorted(found)

    def _refuse_unsearchable(self, findings: Findings) -> None:
        """Raise a BadInputError if an object cannot be searched or rewritten, so that it may hold the person's data.

        Objects that the erasure deletes anyway need not be searched: query results, parsed rows, and noncurrent
        versions of the lakehouse's own objects.
        """
        lines_of = (*self._landing.values(), QUARANTINE)
        deleted = (RESULTS, PARSED, WAREHOUSE)
        blind = [
            v
            for v in findings.unsearchable
            if not v.key.startswith(deleted) and (v.current or not v.key.startswith(lines_of))
        ]
        if blind:
            raise BadInputError(
                f"{self._listed(blind)} cannot be searched: they are compressed, encrypted, damaged or not text. They "
                "may hold the person's data. Nothing was erased. Delete or replace them, or accept those that are to "
                "stay: ACCEPT=key,key"
            )
        wide = [v for v, kinds in findings.versions if WIDE in kinds and v.current and v.key.startswith(lines_of)]
        if wide:
            raise BadInputError(
                f"{self._listed(wide)} mention the person in UTF-16 or UTF-32, which cannot be rewritten. Nothing was "
                "erased. Convert them to UTF-8 or delete them, and run the same command again."
            )

    def _erase_lines(self, findings: Findings, prefix: str, table: str | None) -> dict[str, int]:
        """Rewrite the objects that hold records of the person, and delete all their earlier versions.

        `table` is None for the quarantine, where each record names the table that it was meant for.
        """
        owns = (lambda line: self.person.owns(table, line)) if table else self.person.owns_quarantined
        rewritten = list(map_concurrently(findings.below(prefix), lambda version: self._rewrite(version, owns, prefix)))
        noncurrent = self._noncurrent(findings, prefix)
        if not self._arguments.dry_run:
            self._bucket.delete(noncurrent)  # versions that were not deleted with their object
        return {
            "rows": sum(lines for lines, _ in rewritten),
            "objects_rewritten": sum(lines > 0 and left for lines, left in rewritten),
            "objects_deleted": sum(lines > 0 and not left for lines, left in rewritten),
            "versions": len(noncurrent),
        }

    def _rewrite(self, version: Version, owns: Callable[[str], bool], prefix: str) -> tuple[int, bool]:
        """Rewrite an object without the person's records, or delete it if it holds nothing else.

        An object named after the person that also holds other people's records is renamed.
        """
        with self._readable(version), self._bucket.open(version) as source, TemporaryFile() as copy:
            erased, anything_left = erase_records(source, None if self._arguments.dry_run else copy, owns)
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
        """Return a random name for an object, the same one when the run is repeated."""
        return uuid.uuid5(uuid.UUID(self._request["names"]), version.key).hex

    @contextmanager
    def _readable(self, version: Version) -> Iterator[None]:
        """Raise a BadInputError that names the file if one of its records is too long to hold in memory."""
        try:
            yield
        except LongRecordError as error:
            raise BadInputError(
                f"{self._number(version)} has {error}. It may be one object around all others, or truncated. "
                "Write each record as an object of its own, or remove the file, and run the same request again. "
                f"{file_numbers.REMEDY}."
            ) from error

    def _erase_results(self, findings: Findings) -> dict[str, int]:
        """Delete the query results that mention the person; a query can be run again."""
        results = {v.key.removesuffix(".metadata") for v in findings.below(RESULTS)}
        results |= {v.key for v in findings.unsearchable if v.live and v.key.startswith(RESULTS)}
        noncurrent = self._noncurrent(findings, RESULTS)
        if not self._arguments.dry_run:
            self._bucket.delete(noncurrent)
            self._bucket.purge((key for result in results for key in (result, f"{result}.metadata")), current=True)
        return {"objects_deleted": len(results), "versions": len(noncurrent)}

    def _erase_parsed_rows(self, findings: Findings) -> dict[str, int]:
        """Delete the files of parsed rows that mention the person; the next run makes them again."""
        blind = [v for v in findings.unsearchable if v.live and v.key.startswith(PARSED)]
        current = list(dict.fromkeys([*findings.below(PARSED), *blind]))
        noncurrent = self._noncurrent(findings, PARSED)
        if not self._arguments.dry_run:
            self._bucket.delete(noncurrent)
            self._bucket.purge((version.key for version in current), current=True)
        return {"objects_deleted": len(current), "versions": len(noncurrent)}

    @staticmethod
    def _noncurrent(findings: Findings, prefix: str) -> list[Version]:
        """Return the noncurrent versions that mention the person or cannot be searched."""
        blind = [v for v in findings.unsearchable if v.key.startswith(prefix) and not v.live]
        return list(dict.fromkeys([*findings.below(prefix, current=False), *blind]))

    def _erase_elsewhere(self, findings: Findings) -> dict[str, int]:
        """Delete noncurrent versions and exports; the verification reports current objects of unknown origin."""
        known = (*self._landing.values(), QUARANTINE, RESULTS, PARSED, WAREHOUSE)
        others = [v for v, _ in findings.versions if not v.key.startswith(known)]
        noncurrent = [v for v in others if not v.live and not v.key.startswith(CODE)]  # CODE is read-only to this job
        exports = [v.key for v in others if v.live and v.key.startswith(EXPORTS)]
        if not self._arguments.dry_run:
            self._bucket.delete(noncurrent)
            self._bucket.purge(exports, current=True)
        return {"objects_left": len(others) - len(noncurrent) - len(exports), "versions": len(noncurrent)}

    def _erase_logs(self, findings: Findings) -> int:
        """Delete the log streams that mention the person."""
        if not self._arguments.dry_run:
            self._logs.delete(findings.log_streams)
        return len(findings.log_streams)

    def _records_of_person(self) -> Iterator[Record]:
        """Return the person's customer records in all versions of all files."""
        prefixes = (self._landing["customer_landing"], QUARANTINE)
        versions = [v for prefix in prefixes for v in self._bucket.versions(prefix) if not v.marker]
        records = list(self._customer_records(versions, SearchTerms(self.person.emails)))
        for version in (*self._bucket.versions(WAREHOUSE), *self._bucket.versions(PARSED)):
            if version.key.endswith(".parquet") and not version.marker and "/customer" in version.key:
                rows = self._bucket.rows(version, list(KINDS.values()), KINDS["email"], self.person.is_own_address)
                records += (Record(row.items()) for row in rows)
        return filter(self.person.owns_customer, records)

    def _records_of_others(self) -> Iterator[Record]:
        """Return the current customer records of other people that may share one of the person's values."""
        alike = SearchTerms(part for value in self.person.values() for part in (value, value[:15]))
        prefixes = (self._landing["customer_landing"], QUARANTINE)
        versions = [v for prefix in prefixes for v in self._bucket.versions(prefix) if v.current and not v.marker]
        for record in (*self._customer_records(versions, alike), *self._tables.customers(alike)):
            emails = record.texts(KINDS["email"])
            if any(EMAIL.fullmatch(address) and not self.person.is_own_address(address) for address in emails):
                yield record

    def _customer_records(self, versions: Sequence[Version], wanted: SearchTerms) -> Iterator[Record]:
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

        for records in map_concurrently(versions, read):
            yield from records

    def _owners_of_readings(self) -> set[str]:
        """Return the owners of landing zone readings that may hold one of the person's values."""
        wanted = SearchTerms(self.person.values())
        prefixes = [prefix for table, prefix in self._landing.items() if table != "customer_landing"]
        versions = [v for prefix in prefixes for v in self._bucket.versions(prefix) if v.live]

        def read(version: Version) -> set[str]:
            found = set()
            with suppress(*DAMAGED):
                for window in self._bucket.windows(version, wanted.longest):
                    for text, _ in wanted.texts(window):
                        found |= {canonical(str(json.loads(match[1]))) for match in OWNER_OF_READING.finditer(text)}
            return found

        return set().union(*map_concurrently(versions, read))

    def _export(self) -> None:
        """Export all data about the person with its sources, and change nothing."""
        keys = self._identify()
        findings = self._look()
        export = Export(self._bucket, self._tables, self.person, self._landing, QUARANTINE)
        content = export.content(findings.versions, findings.unsearchable, findings.log_streams, keys)
        text = json.dumps(content, indent=2, ensure_ascii=False, default=str)
        self._bucket.write(f"{EXPORTS}{self._arguments.request}.json", f"{text}\n".encode())
        if "person" not in self._request:
            self._bucket.purge([self._request_key], current=True)

    # The second run

    def _finish(self) -> None:
        purged = self._purge_warehouse()
        findings = self._look()
        places = [
            f"{self._number(version)}{'' if version.current else ', noncurrent'}: {', '.join(sorted(kinds))}"
            for version, kinds in [*findings.versions, *((blind, {UNDECODABLE}) for blind in findings.unsearchable)]
        ]
        places += [f"log stream {stream} of {group}" for group, stream in findings.log_streams]
        if places:
            del self._request["erased"]
            self._save()  # the next run starts from the beginning
            shown = places[:SHOWN] + ([f"and {len(places) - SHOWN} more"] if len(places) > SHOWN else [])
            raise BadInputError(
                "\n  ".join([f"{len(places)} places still mention the person, or cannot be searched:", *shown])
                + "\nRemove objects that do not belong to the lakehouse, or accept those that cannot be searched, and "
                f"run the same command again. {file_numbers.REMEDY}."
            )
        self._end(self._request["erased"], purged, findings)

    def _purge_warehouse(self) -> dict[str, int]:
        """Delete all files that no current table metadata refers to, and all noncurrent versions.

        A file younger than this run is kept: it may belong to a commit in progress.
        """
        now = datetime.now(UTC)
        versions = list(self._bucket.versions(WAREHOUSE))  # listed before the files that the tables refer to
        referenced: set[str] = set()
        locations = []
        for location, files in self._tables.files().items():
            locations.append(self._key(location.rstrip("/")) + "/")
            keys = {self._key(file) for file in files}
            metadata = [key for key in keys if key.endswith(".metadata.json")]
            keys |= {self._key(path) for key in metadata for path in _statistics(self._bucket.read(key) or b"{}")}
            referenced |= keys
        orphans = [
            v
            for v in versions
            if v.current
            and not v.marker
            and v.modified < now
            and v.key not in referenced
            and v.key.startswith(tuple(locations))
        ]
        noncurrent = [v for v in versions if v.marker or not v.current]
        self._bucket.delete(noncurrent)
        self._bucket.delete(orphans)
        return {"objects": len(orphans), "versions": len(noncurrent)}

    # Of both

    def _look(self) -> Findings:
        """Look for everything that identifies the person in every version of every object but the request."""
        versions = [v for v in self._bucket.versions() if v.key != self._request_key]  # which is deleted last
        with_content = [version for version in versions if not version.marker]  # a delete marker has only a key
        findings = Findings(objects=len(with_content), bytes=sum(version.size for version in with_content))
        kinds = map_concurrently(versions, lambda version: self._bucket.kinds_in(version, self.person))
        for version, found in zip(versions, kinds, strict=True):
            named = found - {UNDECODABLE}
            if named:
                findings.versions.append((version, named))
            if UNDECODABLE in found and not version.key.startswith(CODE) and version.key not in self._accepted:
                findings.unsearchable.append(version)
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

    def _masked(self, text: str) -> str:
        """Return a text for the log, without what identifies the person."""
        return file_numbers.mask_names(redact(text, self.person))

    def _number(self, version: Version) -> str:
        """Return the number of an object's whole key, as other jobs and `make name` have it."""
        return file_numbers.of(f"{self._bucket.prefix}{version.key}")

    def _listed(self, versions: Sequence[Version]) -> str:
        """Return the number of objects and their file numbers, for a message."""
        numbers = sorted(set(map(self._number, versions)))
        shown = ", ".join(numbers[:SHOWN]) + (", ..." if len(numbers) > SHOWN else "")
        return f"{len(numbers)} objects ({shown}; {file_numbers.REMEDY})"

    def _key(self, address: str) -> str:
        return address.partition("://")[2].removeprefix(f"{self._bucket.name}/")


def redact(text: str, person: Person) -> str:
    """Replace everything in a text that identifies the person, in any letter case."""
    for value in sorted(person.values(), key=len, reverse=True):
        text = re.sub(re.escape(value), "***", text, flags=re.IGNORECASE)
    # Folding may lengthen a letter, so a folded value may be at another position than in the text.
    return "***" if any(value in folded(text) for value in person.values()) else text


def _count(findings: Findings, prefix: str) -> dict[str, int]:
    return {
        "objects": len(findings.below(prefix)),
        "versions": len(findings.below(prefix, current=False)),
    }


def _statistics(metadata: bytes) -> Iterator[str]:
    """Return the URIs of the statistics files that a table's metadata refers to."""
    for kind in ("statistics", "partition-statistics"):
        yield from (entry["statistics-path"] for entry in json.loads(metadata).get(kind, []))


def parse_arguments(argv: Sequence[str]) -> Arguments:
    """Parse `--key value` pairs; arguments that Glue adds are ignored."""
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
    """Run the job. No message identifies the person, not even that of an unexpected error."""
    arguments = parse_arguments(sys.argv[1:])
    erasure = None
    held = lease.for_job_run(
        arguments.bucket, given=arguments.lease, job=arguments.job_name, job_run_id=arguments.job_run_id
    )
    try:
        held.take()
        secrets = pseudonyms.keys(arguments.subject_key_secret) if arguments.subject_key_secret else []
        spark = SparkSession.builder.getOrCreate()
        spark.sparkContext.setLogLevel("WARN")  # below WARN, Spark logs filter conditions with values
        bucket = Bucket(boto3.client("s3"), arguments.bucket)
        logs = Logs(boto3.client("logs"), arguments.log_groups)
        erasure = Erasure(arguments, bucket, Tables(spark, arguments.database, secrets), logs)
        erasure.run()
    except (BadInputError, LeaseError) as error:
        sys.exit(f"forget: {error}")
    except Exception:  # noqa: BLE001 - shown in full, but for what identifies the person
        shown = traceback.format_exc()
        sys.exit(file_numbers.mask_names(redact(shown, erasure.person) if erasure else shown))
    finally:
        if arguments.lease:  # the command may start another run
            held.hand_on()
        else:
            held.release()


if __name__ == "__main__":
    main()
