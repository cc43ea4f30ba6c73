"""Erasure of one person from a small lakehouse: tables in Spark, objects and versions in an embedded AWS."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import importlib
import io
import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

import lease
import machine_learning_curated
import pseudonyms
import refusals
import table_contract
from embedded_aws import EmbeddedAws
from embedded_aws import spark as runtime
from embedded_aws.hadoop_token import token_file
from iceberg_tables import Tables
from person import Record
from policies import Policies
from tests.support.decoded import decoded
from tests.support.jobs import JOBS, SECRET, Lakehouse, made_of

REPLACED = b"the secret before it"
ANN = "ann.lee@x.org"
TABLES = list(JOBS.values())
T = 1_700_000_000_000
PARSED = "parsed/customer_landing/edition"


def customer(email: str, number: int, **values: Any) -> dict[str, Any]:
    return {
        "customerName": f"Customer {number}",
        "email": email,
        "phone": f"801555{number:04}",
        "birthDay": "1980-01-01",
        "serialNumber": f"serial-{number:04}-of-a-long-kind",
        "registrationDate": T,
        "lastUpdateDate": T,
        "shareWithResearchAsOfDate": T,
    } | values


CUSTOMERS = [
    customer("Ann.Lee@x.org", 1),
    customer(ANN, 1, phone="8015559999", serialNumber="serial-shared"),
    customer("bob@x.org", 2, serialNumber="serial-shared"),
    customer("joann.lee@x.org", 3),
    customer("carl@x.org", 4, shareWithResearchAsOfDate=0),
]
READINGS = [
    {"user": user, "timestamp": instant, "x": 1.0, "y": 2.0, "z": 3.0 + number}
    for number, user in enumerate([ANN, "Ann.Lee@x.org", "bob@x.org", "joann.lee@x.org", "carl@x.org"])
    for instant in (T, T + number)
]
STEPS = [
    {"sensorReadingTime": instant, "serialNumber": serial, "distanceFromObject": 7}
    for serial in ("serial-0001-of-a-long-kind", "serial-shared", "serial-0003-of-a-long-kind")
    for instant in (T, T + 1, T + 2, T + 3)
]
SECRETS = [ANN, "customer 1", "8015550001", "8015559999", "serial-0001-of-a-long-kind"]


@dataclass
class World:
    """A lakehouse and its bucket."""

    lakehouse: Lakehouse
    s3: Any
    logs: Any
    monkeypatch: pytest.MonkeyPatch
    secret: str

    def put(self, key: str, content: bytes) -> None:
        self.s3.put_object(Bucket=self.lakehouse.bucket, Key=key, Body=content)

    def get(self, key: str) -> bytes:
        content: bytes = self.s3.get_object(Bucket=self.lakehouse.bucket, Key=key)["Body"].read()
        return content

    def publish(self, policies: Policies = Policies()) -> None:  # noqa: B008 - it is frozen
        """Publish all tables again, as the pipeline makes them from the landing data of customers with consent."""
        agreed = [row for row in CUSTOMERS if row["shareWithResearchAsOfDate"]]
        rows = {
            "customer_trusted": agreed,
            "customers_curated": agreed,
            "accelerometer_trusted": [row for row in READINGS if row["user"] != "carl@x.org"],
            "step_trainer_trusted": STEPS,
        }
        self._publish(rows, policies)

    def _publish(self, rows: dict[str, list[dict[str, Any]]], policies: Policies) -> None:
        spark, name = self.lakehouse.spark, self.lakehouse.name
        for table, content in rows.items():
            schema = table_contract.load(table).schema
            values = [{key.lower(): value for key, value in row.items()} for row in content]
            self._overwrite(table, made_of(spark, schema, values), {}, policies)
        inputs = ("step_trainer_trusted", "accelerometer_trusted", "customers_curated")
        training = machine_learning_curated.transform(
            machine_learning_curated.pair(*(spark.table(name(table)) for table in inputs), policies=policies),
            pseudonyms.pseudonymizer(SECRET) if policies.training_subject == "pseudonym" else None,
        )
        read = {f"lakehouse.snapshot-read.{table}": self.snapshot(table) for table in inputs}
        self._overwrite("machine_learning_curated", training, read, policies)
        evidence = table_contract.load("consent_decisions").schema
        decided = [
            {"subjectkey": keyed(row["email"], secret), "decision": "kept", "records": 1}
            for row in CUSTOMERS
            for secret in (SECRET, REPLACED)
        ]
        self._overwrite("consent_decisions", made_of(spark, evidence, decided), {}, policies)

    def _overwrite(self, table: str, rows: DataFrame, properties: dict[str, str], policies: Policies) -> None:
        writer = rows.coalesce(1).writeTo(self.lakehouse.name(table))
        own = {"lakehouse.job": table, "lakehouse.policies": policies.to_json(), **properties}
        own |= {"lakehouse.derived-from.code": "1", "lakehouse.unchanged-since": "wr_0"}
        for key, value in own.items():
            writer = writer.option(f"snapshot-property.{key}", value)
        writer.overwrite(F.lit(True))

    def snapshot(self, table: str) -> str:
        refs = self.lakehouse.spark.table(f"{self.lakehouse.name(table)}.refs")
        return str(refs.where("name = 'main'").head()["snapshot_id"])

    def rows(self) -> dict[str, list[Row]]:
        return {table: sorted(self.lakehouse.table(table).collect(), key=repr) for table in TABLES}

    def request(self, email: str = ANN, accept: Sequence[str] = ()) -> None:
        self.put("forget/requests/r1.json", json.dumps({"emails": [email], "accept": accept}).encode())

    def forget(self, *arguments: str, runs: int = 2) -> dict[str, Any]:
        names = [
            "--subject_key_secret",
            self.secret,
            "--refusal_key_secret",
            self.secret,
            "--database",
            self.lakehouse.database,
            "--bucket",
            self.lakehouse.bucket,
            "--request",
            "r1",
            "--log_groups",
            ",".join(self.log_groups),
        ]
        for _ in range(runs):
            self.monkeypatch.setattr("sys.argv", ["forget.py", *names, *arguments])
            self.monkeypatch.setattr(lease, "for_job_run", lambda *_, **__: self.lakehouse.lease)
            importlib.import_module("forget").main()
        report: dict[str, Any] = json.loads(self.get("forget/reports/r1.json"))
        return report

    @property
    def log_groups(self) -> list[str]:
        """One of the jobs, one of the jobs under a security configuration, and one that does not exist yet."""
        return [f"/aws-glue/jobs/{self.lakehouse.bucket}/{end}" for end in ("output", "own-role/jobs/output", "error")]

    def log(self, stream: str, *messages: str, group: int = 0) -> None:
        name = self.log_groups[group]
        with suppress(self.logs.exceptions.ResourceAlreadyExistsException):
            self.logs.create_log_group(logGroupName=name)
        self.logs.create_log_stream(logGroupName=name, logStreamName=stream)
        events = [{"timestamp": int(time.time() * 1000), "message": message} for message in messages]
        self.logs.put_log_events(logGroupName=name, logStreamName=stream, logEvents=events)

    def log_streams(self) -> set[str]:
        listed = [self.logs.describe_log_streams(logGroupName=name)["logStreams"] for name in self.log_groups[:2]]
        return {stream["logStreamName"] for streams in listed for stream in streams}

    def versions(self) -> list[dict[str, Any]]:
        answer = self.s3.list_object_versions(Bucket=self.lakehouse.bucket)
        assert not answer["IsTruncated"]
        return [*answer.get("Versions", []), *({**marker, "Size": None} for marker in answer.get("DeleteMarkers", []))]

    def everything(self) -> Iterator[tuple[str, str]]:
        """Return everything in the bucket as text, decoded in every way."""
        for version in self.versions():
            yield version["Key"], version["Key"].lower()
            if version["Size"] is None:
                continue
            answer = self.s3.get_object(
                Bucket=self.lakehouse.bucket, Key=version["Key"], VersionId=version["VersionId"]
            )
            for content in decoded(answer["Body"].read()):
                yield version["Key"], content.decode("utf-8", "replace").lower()

    def traces(self) -> set[tuple[str, str]]:
        """Return where each of Ann's identifiers occurs outside other people's identifiers."""
        texts = ((key, re.sub("joann.lee@x.org|mary-ann.lee@x.org", "", text)) for key, text in self.everything())
        return {(key, secret) for key, text in texts for secret in SECRETS if secret in text}

    def objects(self) -> dict[str, str]:
        listed = self.s3.list_objects_v2(Bucket=self.lakehouse.bucket)["Contents"]
        return {item["Key"]: item["ETag"] for item in listed}


def keyed(email: str, secret: bytes = SECRET) -> str:
    return hmac.new(secret, email.encode(), hashlib.sha256).hexdigest()


@pytest.fixture
def world(lakehouse: Lakehouse, served: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> World:
    """A lakehouse with every kind of trace of Ann, in an embedded AWS."""
    monkeypatch.chdir(lakehouse.extra_files)
    for name, value in served.environ().items():
        monkeypatch.setenv(name, value)
    s3, glue, logs, secrets = (boto3.client(service) for service in ("s3", "glue", "logs", "secretsmanager"))
    s3.create_bucket(Bucket=lakehouse.bucket)
    s3.put_bucket_versioning(Bucket=lakehouse.bucket, VersioningConfiguration={"Status": "Enabled"})
    secret = secrets.create_secret(Name=f"key-of-{lakehouse.bucket}", SecretString=REPLACED.decode())["ARN"]
    secrets.put_secret_value(SecretId=secret, SecretString=SECRET.decode())
    for database in (lakehouse.database, f"{lakehouse.database}_audit"):
        location = f"s3://{lakehouse.bucket}/warehouse/{database}"
        glue.create_database(DatabaseInput={"Name": database, "LocationUri": location})
    catalog = _catalog_of(lakehouse, served)
    for module in ("job_run", "iceberg_tables", "published_card"):
        monkeypatch.setattr(importlib.import_module(module), "CATALOG", catalog)
    monkeypatch.setattr(Lakehouse, "name", lambda self, table: _name(self, catalog, table))
    made = World(lakehouse, s3, logs, monkeypatch, secret)
    lines = {"customer": CUSTOMERS, "accelerometer": READINGS, "step_trainer": STEPS}
    for entity, rows in lines.items():
        made.put(f"{entity}/landing/part.json", "".join(f"{json.dumps(row)}\r\n" for row in rows).encode())
    lakehouse.create_tables()
    return made


def _catalog_of(lakehouse: Lakehouse, access: EmbeddedAws) -> str:
    """Configure the running Spark session as the embedded AWS configures a job; return the name of the catalog.

    A name of its own for each test: Spark makes a catalog once.
    """
    spark, catalog = lakehouse.spark, f"catalog_{lakehouse.bucket}"
    conf = {f"spark.sql.catalog.{catalog}.catalog-impl": runtime.GLUE_CATALOG}
    settings = runtime.settings(
        conf,
        buckets=[lakehouse.bucket],
        endpoint=access.endpoint,
        credentials=access.credentials,
        work=lakehouse.folder,
        java_options="",
    )
    spark.conf.set(f"spark.sql.catalog.{catalog}", "org.apache.iceberg.spark.SparkCatalog")
    spark.conf.set(f"spark.sql.catalog.{catalog}.cache-enabled", "false")
    hadoop = spark.sparkContext._jsc.hadoopConfiguration()
    for key, value in settings.items():
        if key.startswith(f"spark.sql.catalog.{catalog}."):
            spark.conf.set(key, value)
        elif key.startswith("spark.hadoop.fs.viewfs."):
            hadoop.set(key.removeprefix("spark.hadoop."), value)
    security, file = spark._jvm.org.apache.hadoop.security, lakehouse.folder.with_name("tokens")
    file.write_bytes(token_file(access.credentials, urlsplit(access.endpoint).netloc))
    tokens = security.Credentials.readTokenStorageFile(spark._jvm.java.io.File(str(file)), hadoop)
    security.UserGroupInformation.getCurrentUser().addCredentials(tokens)
    return catalog


def _name(lakehouse: Lakehouse, catalog: str, table: str) -> str:
    audit = table in ("pipeline_runs", "consent_decisions")
    return f"{catalog}.{lakehouse.database}{'_audit' if audit else ''}.{table}"


def parquet(customers: Sequence[dict[str, Any]]) -> bytes:
    """Return parsed customer records."""
    content = io.BytesIO()
    rows = [{key.lower(): value for key, value in row.items()} for row in customers]
    pq.write_table(pa.Table.from_pylist(rows), content)
    return content.getvalue()


def leave_traces(world: World) -> dict[str, str]:
    """Put Ann in every possible place; return the one quarantine entry that is not hers."""
    extra = json.dumps(CUSTOMERS[0]).encode()
    world.put("customer/landing/only-ann.json", extra)
    world.put("customer/landing/untouched.json", json.dumps(customer("dora@x.org", 5)).encode())
    world.put("accelerometer/landing/packed.json.gz", gzip.compress(f"{json.dumps(READINGS[0])}\n{{}}\n".encode()))
    world.s3.delete_object(Bucket=world.lakehouse.bucket, Key="accelerometer/landing/packed.json.gz")
    world.publish()
    world.publish()
    world.put(f"{PARSED}/b1/part-0.parquet", parquet(CUSTOMERS))
    world.put(f"{PARSED}/b1/part-0.parquet", parquet(CUSTOMERS[:3]))
    covered = {"landing": {"customer/landing/of-ann.lee@x.org/1": 1}}
    world.put(f"{PARSED}/b1/_manifest.json", json.dumps(covered).encode())
    world.put(f"{PARSED}/b2/part-0.parquet", parquet(CUSTOMERS[3:]))
    world.put(f"{PARSED}/b3/part-0.parquet", b"PK\x03\x04 who knows")
    world.put("athena-results/a.csv", b'"email"\n"Ann.Lee@x.org"\n')
    world.put("athena-results/a.csv.metadata", b"\x00\x01")
    world.put("athena-results/b.csv", b'"email"\n"joann.lee@x.org"\n')
    entry = {"source_table": "customer_landing", "file": "f", "record": '{"email":"ann.lee\\u0040x.org"', "reason": "r"}
    other = {**entry, "record": '{"email":"bob@'}
    of_her_file = {**other, "file": "s3://b/customer/landing/ann.lee%40x.org.json"}
    entries = "".join(f"{json.dumps(each)}\n" for each in (entry, other, of_her_file))
    world.put("quarantine/customer_landing/jr_1/part-0.json", entries.encode())
    world.put("customer/landing/of-ann.lee@x.org/_ann.lee@x.org_.json", json.dumps(customer("eve@x.org", 6)).encode())
    world.put("accelerometer/landing/more.json", b'{"user": "mary-ann.lee@x.org", "timestamp": 1}\n')
    world.put("athena-results/wide.csv", '"ann.lee@x.org"'.encode("utf-16-be"))
    world.put("athena-results/packed.zip", b"PK\x03\x04 who knows")
    world.log("jr_1", "nothing", "s3://b/customer/landing/ann.lee%40x.org.json was not read")
    world.log("jr_2", "of joann.lee@x.org")
    world.log("jr_3", "of ann.lee@x.org", group=1)
    return other


@pytest.mark.slow
def test_a_person_is_erased_and_nobody_else(world: World) -> None:
    other = leave_traces(world)
    assert {secret for _, secret in world.traces()} == set(SECRETS)
    untouched = world.objects()["customer/landing/untouched.json"]
    rows = world.rows()

    world.request()
    before = world.objects()
    would = world.forget("--dry_run", "true", runs=1)["erased"]
    after = world.objects()
    assert {k: v for k, v in after.items() if k != "forget/reports/r1.json"} == {
        k: v for k, v in before.items() if k != "forget/requests/r1.json"
    }, "a dry run changes nothing"

    world.request()
    report = world.forget()
    assert world.traces() == set(), "no identifier of Ann's is left but the serial number that is Bob's too"
    assert would == report["erased"]
    assert report["erased"]["landing"]["customer_landing"] == {
        "rows": 3, "objects_rewritten": 1, "objects_deleted": 1, "versions": 0,
    }  # fmt: skip
    assert report["erased"]["landing"]["accelerometer_landing"]["versions"] == 1, "the deleted file"
    assert report["erased"]["kept_because_shared"] == {"serial number": 1}
    assert report["erased"]["refusals_kept"] == [], "Ann agreed"
    assert report["verification"]["findings"] == 0
    assert not any(secret in json.dumps(report).lower() for secret in SECRETS)

    assert (world.log_streams(), report["erased"]["log_streams"]) == ({"jr_2"}, 2)
    (renamed,) = {key for key in world.objects() if key.startswith("customer/landing/")} - {
        "customer/landing/part.json",
        "customer/landing/untouched.json",
    }
    assert json.loads(world.get(renamed))["email"] == "eve@x.org"
    others = "".join(f"{json.dumps(row)}\r\n" for row in CUSTOMERS[2:]).encode()
    assert world.get("customer/landing/part.json") == others
    assert world.objects()["customer/landing/untouched.json"] == untouched
    assert "customer/landing/only-ann.json" not in world.objects()
    assert {f"{PARSED}/b2/part-0.parquet"} == {key for key in world.objects() if key.startswith("parsed/")}
    assert report["erased"]["parsed_rows"] == {"objects_deleted": 3, "versions": 1}
    assert {"athena-results/b.csv"} == {key for key in world.objects() if key.startswith("athena-results/")}
    assert json.loads(world.get("quarantine/customer_landing/jr_1/part-0.json")) == other
    assert not [v for v in world.versions() if not v["IsLatest"] and v["Key"].startswith(("warehouse/", "customer/"))]
    assert not [v for v in world.versions() if v["Key"].startswith("forget/requests/")]

    check_tables(world, rows)


def check_tables(world: World, rows: dict[str, list[Row]]) -> None:
    """Compare the tables with those before: Ann's rows are gone, all others are unchanged."""
    left = world.rows()
    theirs = {"customer_trusted": "email", "customers_curated": "email", "accelerometer_trusted": "user"}
    for table, column in theirs.items():
        kept = [row for row in rows[table] if row[column].lower() != ANN]
        assert 0 < len(kept) < len(rows[table])
        assert left[table] == kept
    serial = "serial-0001-of-a-long-kind"
    assert left["step_trainer_trusted"] == [r for r in rows["step_trainer_trusted"] if r["serialnumber"] != serial]
    evidence = {row["subjectkey"] for row in world.lakehouse.table("consent_decisions").collect()}
    assert evidence == {keyed(row["email"], secret) for row in CUSTOMERS[2:] for secret in (SECRET, REPLACED)}
    pairs = rows["machine_learning_curated"]
    kept = [row for row in pairs if row["serialnumber"] != serial and row["z"] not in (3.0, 4.0)]
    assert left["machine_learning_curated"] == kept
    assert 0 < len(kept) < len(pairs)
    for table in TABLES:
        (only,) = world.lakehouse.spark.table(f"{world.lakehouse.name(table)}.snapshots").collect()
        assert only["summary"]["lakehouse.job"] == table
        assert not {"lakehouse.derived-from.code", "lakehouse.unchanged-since"} & only["summary"].keys(), (
            "computed anew"
        )
        assert json.loads(only["summary"]["lakehouse.policies"]) == json.loads(Policies().to_json())
    for source in ("step_trainer_trusted", "accelerometer_trusted", "customers_curated"):
        assert only["summary"][f"lakehouse.snapshot-read.{source}"] == world.snapshot(source)


def test_the_refusal_of_an_owner_outlives_the_erasure_by_pseudonym(world: World, frame: Any) -> None:
    refusal = customer(ANN, 1, serialNumber="Serial-Shared", shareWithResearchAsOfDate=None, lastUpdateDate=T + 1)
    world.put("customer/landing/part.json", "".join(f"{json.dumps(row)}\n" for row in (*CUSTOMERS, refusal)).encode())
    world.request()
    would = world.forget("--dry_run", "true", runs=1)["erased"]["refusals_kept"]
    assert refusals.load(world.lakehouse.bucket) == set(), "a dry run changes nothing"
    world.request()
    report = world.forget()
    assert would == report["erased"]["refusals_kept"] == [keyed("serial-shared")]
    assert refusals.load(world.lakehouse.bucket) == set(would)
    assert world.traces() == set()
    devices = frame("customers_curated", {"serialnumber": "serial-shared"}, {"serialnumber": "another"})
    owners = refusals.refused_owners(devices.select("serialnumber"), would, SECRET)
    assert [row["serialnumber"] for row in owners.collect()] == ["serial-shared"]


NOW = T + 10


@pytest.mark.parametrize(
    ("records", "agrees"),
    [
        ([{"shareWithResearchAsOfDate": str(T)}], True),
        ([{"shareWithResearchAsOfDate": "0"}], False),
        ([{}], False),
        ([], False),
        ([{"shareWithResearchAsOfDate": str(NOW + 1)}], False),
        ([{"shareWithResearchAsOfDate": "soon"}], False),
        ([{"lastUpdateDate": "1"}, {"lastUpdateDate": "2.0", "sharewithresearchasofdate": f"{T}.0"}], True),
        ([{"lastUpdateDate": "2"}, {"lastUpdateDate": "1", "shareWithResearchAsOfDate": str(T)}], False),
        ([{"lastUpdateDate": "1"}, {"lastUpdateDate": "1", "shareWithResearchAsOfDate": str(T)}], False),
        ([{}, {"lastUpdateDate": "1", "shareWithResearchAsOfDate": str(T)}], False),
        ([{"lastUpdateDate": "1"}, {"shareWithResearchAsOfDate": str(T)}], False),
    ],
)
def test_the_latest_record_says_whether_an_owner_refused(records: list[dict[str, str]], agrees: bool) -> None:
    for order in (records, records[::-1]):
        assert refusals.agrees((Record(record.items()) for record in order), now=NOW) is agrees


def test_an_unknown_person_leaves_everything_unchanged(world: World) -> None:
    world.publish()
    before = world.objects()
    world.request("nobody@x.org")
    report = world.forget(runs=1)
    assert report["erased"]["found"] is False
    assert report["verification"]["objects"] == len(world.versions()) - 1, "all but the report itself"
    assert {k: v for k, v in world.objects().items() if not k.startswith("forget/")} == before


def test_what_is_left_elsewhere_fails_the_verification_and_is_not_shown(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    world.put("exports/of-ann.lee@x.org.csv", b"Customer 1;8015550001")
    world.request()
    with pytest.raises(SystemExit) as failed:
        world.forget()
    message = str(failed.value)
    number = f"file-{hashlib.sha256(b'exports/of-ann.lee@x.org.csv').hexdigest()[:12]}"
    assert f"\n  {number}: email, name, phone" in message
    assert "make name NUMBER=" in message
    printed = "".join(capfd.readouterr())
    assert not [secret for secret in SECRETS if secret in (message + printed).lower()]
    world.s3.delete_object(Bucket=world.lakehouse.bucket, Key="exports/of-ann.lee@x.org.csv")
    assert world.forget()["verification"]["findings"] == 0, "the same request goes on"
    assert world.traces() == set(), "no delete marker names her either"


@pytest.mark.slow
@pytest.mark.parametrize("step", ["replace", "_overwrite", "seal", "_purge_warehouse"])
def test_a_killed_run_is_completed_by_the_next(world: World, step: str) -> None:
    world.publish(Policies(training_subject="pseudonym"))
    world.request()
    tables = "iceberg_tables.Tables"
    owners = {"replace": "bucket_objects.Bucket", "_overwrite": tables, "seal": tables}
    module, _, name = owners.get(step, "forget.Erasure").partition(".")
    owner = getattr(importlib.import_module(module), name)
    done = getattr(owner, step)

    def killed(*arguments: Any, **options: Any) -> None:
        done(*arguments, **options)
        raise KeyboardInterrupt

    with world.monkeypatch.context() as patch:
        patch.setattr(owner, step, killed)
        with pytest.raises(KeyboardInterrupt):
            world.forget()
    rest = 1 if step == "_purge_warehouse" else 2
    assert world.forget(runs=rest)["erased"]["resumed"] == (rest == 2)
    assert world.traces() == set()
    subjects = {row["subjectkey"] for row in world.rows()["machine_learning_curated"]}
    assert subjects == {keyed("bob@x.org"), keyed("joann.lee@x.org")}


def test_a_request_that_is_not_there(world: World) -> None:
    with pytest.raises(SystemExit, match="There is no request r1"):
        world.forget(runs=1)


@pytest.mark.parametrize("entity", ["customer", "accelerometer"])
def test_a_damaged_landing_file_stops_before_anything_is_erased(world: World, entity: str) -> None:
    world.put(f"{entity}/landing/damaged.json.gz", gzip.compress(b"abcdefgh" * 99)[:-12])
    world.request()
    before = world.objects()
    with pytest.raises(SystemExit, match=r"1 objects \(file-\w{12}; .*\) cannot be searched: .* Nothing was erased"):
        world.forget(runs=1)
    assert world.objects() == {k: v for k, v in before.items() if not k.startswith("forget/")}, (
        "the request is deleted too"
    )


def test_what_cannot_be_looked_into_is_accepted_by_name_or_stops_before_anything_is_erased(world: World) -> None:
    world.put("exports/scan.pdf", b"%PDF-1.7 ...")
    before = world.objects()
    world.request()
    with pytest.raises(SystemExit, match=r"1 objects \(file-\w{12}; .*ACCEPT="):
        world.forget(runs=1)
    assert world.objects() == before
    world.request(accept=["exports/scan.pdf"])
    assert world.forget()["verification"] | {"bytes": 0, "objects": 0} == {
        "objects": 0, "bytes": 0, "log_streams": 0, "findings": 0, "accepted": 1,
    }  # fmt: skip


def test_a_landing_file_in_utf_16_stops_before_anything_is_erased(world: World) -> None:
    world.put("customer/landing/wide.json", json.dumps(CUSTOMERS[0]).encode("utf-16-le"))
    world.request()
    before = world.objects()
    with pytest.raises(SystemExit, match="mention the person in UTF-16 or UTF-32"):
        world.forget(runs=1)
    assert world.objects() == {k: v for k, v in before.items() if not k.startswith("forget/")}


@pytest.mark.slow
def test_several_people_are_erased_in_one_pass(world: World) -> None:
    world.publish()
    world.put("forget/requests/r1.json", json.dumps({"emails": [ANN, "bob@x.org"]}).encode())
    report = world.forget()
    assert report["erased"]["kept_because_shared"] == {}, "both owners of the shared device go"
    everything = " ".join(text for _, text in world.everything())
    assert not [s for s in (*SECRETS, "bob@x.org", "serial-shared") if s in everything.replace("joann.lee@x.org", "")]
    landing = world.get("customer/landing/part.json")
    assert landing == "".join(f"{json.dumps(row)}\r\n" for row in CUSTOMERS[3:]).encode()


def test_an_export_has_all_that_is_held_and_changes_nothing(world: World) -> None:
    world.publish()
    world.put("athena-results/a.csv", b"ann.lee@x.org")
    before = world.objects()
    world.request()
    with pytest.raises(world.s3.exceptions.NoSuchKey):
        world.forget("--export", "true", runs=1)  # which leaves no report
    after = world.objects()
    assert {k: v for k, v in after.items() if not k.startswith("forget/")} == before
    assert [k for k in after if k.startswith("forget/")] == ["forget/exports/r1.json"]
    export = json.loads(world.get("forget/exports/r1.json"))
    bucket = f"s3://{world.lakehouse.bucket}/"
    records = {source["source"].removeprefix(bucket): source["records"] for source in export["records"]}
    assert records["customer/landing/part.json"] == CUSTOMERS[:2]
    assert records["accelerometer/landing/part.json"] == [row for row in READINGS if row["user"].lower() == ANN]
    assert len(records["step_trainer/landing/part.json"]) == 4
    tables = {name.rpartition(".")[2]: rows for name, rows in export["tables"].items()}
    assert {row["email"].lower() for row in tables["customer_trusted"]} == {ANN}
    assert len(tables["accelerometer_trusted"]) == 4
    assert len(tables["consent_decisions"]) == 4
    assert {row["serialnumber"] for row in tables["machine_learning_curated"]} == {"serial-0001-of-a-long-kind"}
    assert f"{bucket}athena-results/a.csv" in {source["source"] for source in export["also_found_in"]}
    assert "bob@x.org" not in json.dumps(export)


def test_a_database_that_is_not_there_holds_nobody(spark: Any) -> None:
    assert Tables(spark, "nowhere").names == []


@pytest.mark.slow
def test_a_branch_that_a_first_run_left_behind_goes_too(world: World) -> None:
    """No table was ever published: the run failed earlier, and its branch has Ann's record."""

    def leave_a_branch() -> None:
        spark, name = world.lakehouse.spark, world.lakehouse.name("customer_trusted")
        spark.sql(f"ALTER TABLE {name} CREATE BRANCH run_1")
        schema = table_contract.load("customer_trusted").schema
        values = {key.lower(): value for key, value in CUSTOMERS[0].items()}
        spark.createDataFrame([tuple(map(values.get, schema.names))], schema).writeTo(f"{name}.branch_run_1").append()
        assert world.lakehouse.branches("customer_trusted") == {"run_1"}

    leave_a_branch()
    world.request()
    assert world.forget()["verification"]["findings"] == 0
    assert world.traces() == set()


@pytest.mark.slow
def test_the_split_and_the_label_lose_the_subjects_without_training_rows(world: World) -> None:
    world.publish()
    serials = ["serial-0001-of-a-long-kind", "serial-shared", "serial-0003-of-a-long-kind"]
    for table, column in (("training_split", "train"), ("training_steps", T)):
        frame = world.lakehouse.spark.createDataFrame(
            [(serial, column) for serial in serials], table_contract.load(table).schema
        )
        world._overwrite(table, frame, {}, Policies())
    world.request()
    report = world.forget()
    left = {row["serialnumber"] for row in world.lakehouse.table("machine_learning_curated").collect()}
    assert serials[0] not in left
    for table in ("training_split", "training_steps"):
        subjects = {row["subject"] for row in world.lakehouse.table(table).collect()}
        assert subjects == left & set(serials)
        assert report["erased"]["tables"][table]["rows"] == len(serials) - len(subjects)
        assert world.lakehouse.tags(table) == {}
    assert report["verification"]["findings"] == 0
    assert world.traces() == set()
