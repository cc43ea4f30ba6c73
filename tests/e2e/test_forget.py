"""`lakehouse forget` on the whole lakehouse: Terraform, five jobs, then one person less, and nothing else changed."""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
import os
import re
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest

from lakehouse import sample
from tests.support.project import ICEBERG_TABLES, Project, iam_enforced

pytestmark = pytest.mark.slow

LANDING = {"customer": "email", "accelerometer": "user", "step_trainer": "serialNumber"}


class Bucket:
    """All that the bucket holds, read without any of the lakehouse's own code."""

    def __init__(self, project: Project) -> None:
        self.s3 = project.client("s3")
        self.name = project.environment()["STEDI_BUCKET"]

    def versions(self) -> Iterator[tuple[str, bytes]]:
        for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=self.name):
            for item in page.get("Versions", []):
                answer = self.s3.get_object(Bucket=self.name, Key=item["Key"], VersionId=item["VersionId"])
                yield item["Key"], answer["Body"].read()

    def landing(self, entity: str) -> list[bytes]:
        """Return the lines of an entity as they are, file by file."""
        prefix, lines = f"{entity}/landing/", []
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix):
            for item in page.get("Contents", []):
                content = self.s3.get_object(Bucket=self.name, Key=item["Key"])["Body"].read()
                lines += (gzip.decompress(content) if item["Key"].endswith(".gz") else content).splitlines(
                    keepends=True
                )
        return lines

    def containing(self, secrets: list[str]) -> set[str]:
        """Return the keys of all objects any version of which contains one of the values, however it is packed."""
        wanted = forms(secrets)
        return {
            key
            for key, content in self.versions()
            if any(secret in part.lower() for part in (key.encode(), *_unpacked(content)) for secret in wanted)
        }


def forms(secrets: list[str]) -> set[bytes]:
    """Return in how many ways these values may be written, all in small letters."""
    encodings = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
    found = {secret.lower().encode(encoding) for secret in secrets for encoding in encodings}
    for spelled in {spelling for secret in secrets for spelling in (secret, secret.lower(), secret.upper())}:
        found |= {quote(spelled, safe="").lower().encode(), html.escape(spelled).lower().encode()}
        for before in range(3):  # base64 is compared as it is: one in small letters by chance has other bits
            packed = base64.b64encode(b"x" * before + spelled.encode()).rstrip(b"=")
            found.add(packed[4:-2].lower())
    return found


def _unpacked(content: bytes) -> Iterator[bytes]:
    yield content
    if content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content)
    if content.startswith(b"PAR1"):
        table = pq.read_table(io.BytesIO(content))
        yield json.dumps([table.column(name).unique().to_pylist() for name in table.column_names], default=str).encode()
    if content.startswith(b"Obj\x01"):  # a manifest: whatever inflates, from any byte on
        for start in range(len(content)):
            try:
                yield zlib.decompressobj(-15).decompress(content[start:])
            except zlib.error:
                continue


def traces(project: Project, secrets: list[str]) -> set[str]:
    """Return where on the disk and in the logs one of the values is, in any form."""
    wanted = forms(secrets)
    folder = project.root / "build"
    texts = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    logs = project.client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        lines: Counter[str] = Counter()  # by stream
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
            for event in page["events"]:
                stream = event["logStreamName"]
                texts[f"{stream} {lines[stream]}"] = event["message"].encode()
                lines[stream] += 1
    return {
        place for place, text in texts.items() if any(form in place.lower().encode() + text.lower() for form in wanted)
    }


def leave_traces(project: Project, bucket: Bucket, person: dict[str, Any]) -> None:
    """Leave the person where nothing of the pipeline puts them, and where it does by the name of a file."""
    email, log = person["email"], f"WARN a library knows of {quote(person['email'])}"
    bucket.s3.put_object(Bucket=bucket.name, Key="athena-results/wide.csv", Body=email.encode("utf-16-le"))
    bucket.s3.put_object(
        Bucket=bucket.name, Key="athena-results/packed.txt", Body=base64.b64encode(f"of {email}, her file".encode())
    )
    logs, run = project.client("logs"), "jr_planted"
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    group = next(name for name in groups if name.endswith("/error"))
    logs.create_log_stream(logGroupName=group, logStreamName=run)
    event = {"timestamp": int(time.time() * 1000), "message": log}
    logs.put_log_events(logGroupName=group, logStreamName=run, logEvents=[event])
    (project.root / "build/local/jobs" / run).mkdir()
    (project.root / "build/local/jobs" / run / "output.log").write_text(log)


def record(line: bytes) -> dict[str, Any]:
    """Return the record of a line, which may end with a comma."""
    found: dict[str, Any] = json.loads(line.removeprefix(b"\xef\xbb\xbf").strip().removesuffix(b","))
    return found


def rows(project: Project) -> dict[str, Counter[tuple[Any, ...]]]:
    """Return the rows of each table, each with how often it is there."""
    return {
        name: Counter(zip(*(column.to_pylist() for column in project.table(name).columns), strict=True))
        for name in ICEBERG_TABLES
    }


@pytest.fixture(scope="module")
def forgotten(project: Project) -> Iterator[dict[str, Any]]:
    """A person with a name and a device of their own is forgotten; what was before, and what is left.

    The job may do what its role may, and nothing else.
    """
    with iam_enforced(project):
        yield forget_somebody(project)


def forget_somebody(project: Project) -> dict[str, Any]:
    """Run the pipeline and forget a person; return what was before, and what was said."""
    data = project.root / "data"
    sample.generate(data)
    for file in data.glob("*/landing/*"):  # addresses that a shell, make or SQL would read
        file.write_bytes(re.sub(rb'"(\w+)\.([\w.]+@example\.)', rb""""o'\1$\2""", file.read_bytes()))
    project.succeed("run", "--data", str(data))
    bucket = Bucket(project)
    customers = [record(line) for line in bucket.landing("customer")]
    owners: dict[str, set[str]] = {}
    for customer in customers:
        owners.setdefault(customer["serialNumber"], set()).add(customer["email"])
    training = set(project.table("machine_learning_curated").column("serialnumber").to_pylist())
    named = Counter(name for _, name in {(c["email"], c["customerName"]) for c in customers})
    person = next(
        c
        for c in customers
        if c["serialNumber"] in training and len(owners[c["serialNumber"]]) == 1 and named[c["customerName"]] == 1
    )
    email = person["email"]
    assert email.startswith("o'")
    assert "$" in email
    theirs = [customer for customer in customers if customer["email"] == email]
    serials = sorted({c["serialNumber"] for c in theirs if len(owners[c["serialNumber"]]) == 1})
    phones = {c.get("phone", "") for c in theirs} - {c.get("phone", "") for c in customers if c["email"] != email}
    before = {
        "email": email,
        "serials": serials,
        "secrets": [email, person["customerName"], *serials, *phones],
        "landing": {entity: bucket.landing(entity) for entity in LANDING},
        "rows": rows(project),
    }
    leave_traces(project, bucket, person)
    assert bucket.containing(before["secrets"]) >= {"athena-results/wide.csv", "athena-results/packed.txt"}
    assert traces(project, before["secrets"]) >= {"local/jobs/jr_planted/output.log", "jr_planted 0"}
    looked = project.lakehouse("forget", EMAIL=email)  # without a terminal, on which somebody could say yes
    assert looked.returncode == 1, looked.stdout
    would = json.loads(max((project.root / "build/local").glob("forget-*.json"), key=os.path.getmtime).read_text())
    unchanged = (
        rows(project) == before["rows"] and {entity: bucket.landing(entity) for entity in LANDING} == before["landing"]
    )
    for file in (project.root / "build/local").glob("forget-*.json"):
        file.unlink()
    done = project.lakehouse("forget", EMAIL=f" {email.upper()} ", YES="1")
    assert done.returncode == 0, done.stdout + done.stderr
    (report,) = (project.root / "build/local").glob("forget-*.json")
    return before | {
        "would": would,
        "unchanged": unchanged,
        "refused": looked.stderr,
        "report": report.read_text(),
        "card": (project.root / "build/local/dataset_card.md").read_text(),
        "said": done.stdout + done.stderr,
    }


def test_no_byte_of_the_bucket_identifies_the_person(project: Project, forgotten: dict[str, Any]) -> None:
    assert Bucket(project).containing(forgotten["secrets"]) == set()


def test_no_byte_of_the_disk_and_the_logs_identifies_the_person(project: Project, forgotten: dict[str, Any]) -> None:
    assert traces(project, forgotten["secrets"]) == set()


def test_report_and_logs_hold_no_personal_data(project: Project, forgotten: dict[str, Any]) -> None:
    texts = [forgotten["report"], forgotten["said"].replace(forgotten["email"].lower(), "")]  # repeated to the operator
    texts += [path.read_text() for path in (project.root / "build/local/jobs").glob("*/output.log")]
    runs = project.client("glue").get_job_runs(JobName=project.environment()["STEDI_FORGET_JOB"])["JobRuns"]
    assert len(runs) == 4, "a look that ends there, then a look, and two runs to erase and to verify"
    texts.append(json.dumps(runs, default=str))
    assert not [secret for secret in forgotten["secrets"] for text in texts if secret.lower() in text.lower()]


def test_without_a_terminal_and_without_yes_nothing_is_changed(forgotten: dict[str, Any]) -> None:
    assert forgotten["unchanged"]
    assert (
        f"Erase {forgotten['email'].lower()} from local for good? Standard input is not a terminal"
        in forgotten["refused"]
    )
    assert "YES=1" in forgotten["refused"]


def test_the_person_and_the_number_of_records_are_said_before_they_are_erased(forgotten: dict[str, Any]) -> None:
    said, erased = forgotten["said"], forgotten["would"]["erased"]
    number = sum(
        part["rows"] for part in (*erased["landing"].values(), erased["quarantine"], *erased["tables"].values())
    )
    assert said.index(f": {forgotten['email'].lower()} in local") < said.index(f"Found {number:,} records:")
    assert said.index("Found ") < said.index(f"Erased {number:,} records:")


def test_a_look_says_what_would_go(forgotten: dict[str, Any]) -> None:
    report = json.loads(forgotten["report"])
    assert forgotten["would"]["erased"] == report["erased"]
    assert report["erased"]["found"]
    assert report["verification"]["findings"] == 0
    assert report["verification"]["objects"] > 20


def test_landing_lines_of_others_keep_their_bytes(project: Project, forgotten: dict[str, Any]) -> None:
    bucket, report = Bucket(project), json.loads(forgotten["report"])
    wanted = {
        "customer": {forgotten["email"]},
        "accelerometer": {forgotten["email"]},
        "step_trainer": set(forgotten["serials"]),
    }
    for entity, key in LANDING.items():
        others = [line for line in forgotten["landing"][entity] if record(line)[key] not in wanted[entity]]
        assert bucket.landing(entity) == others
        erased = report["erased"]["landing"][f"{entity}_landing"]["rows"]
        assert erased == len(forgotten["landing"][entity]) - len(others) > 0


def test_other_peoples_rows_stay_row_for_row(project: Project, forgotten: dict[str, Any]) -> None:
    now, before = rows(project), forgotten["rows"]
    theirs = {forgotten["email"], *forgotten["serials"]}
    for table in ("customer_trusted", "customers_curated", "accelerometer_trusted", "step_trainer_trusted"):
        kept = Counter({row: count for row, count in before[table].items() if not theirs & set(row)})
        assert now[table] == kept
        assert now[table] != before[table]
    training, gone = now["machine_learning_curated"], before["machine_learning_curated"]
    assert training < gone, "nothing new, and less than before"
    report = json.loads(forgotten["report"])["erased"]["tables"]
    for table, content in now.items():
        assert before[table].total() - content.total() == report[table]["rows"]


def test_the_dataset_card_is_of_what_is_left(project: Project, forgotten: dict[str, Any]) -> None:
    left = project.table("machine_learning_curated").num_rows
    assert left < forgotten["rows"]["machine_learning_curated"].total()
    assert f"; {left:,} rows. Published by the run `wr_" in forgotten["card"]
    assert "No tag shows these rows: an erasure, a withdrawal" in forgotten["card"]
    assert "WARNING: The dataset card" not in forgotten["said"]


def test_a_rerun_makes_the_same_of_what_is_left(project: Project, forgotten: dict[str, Any]) -> None:
    left, glue = rows(project), project.client("glue")
    run = glue.start_workflow_run(Name=project.environment()["STEDI_WORKFLOW"])["RunId"]
    while glue.get_workflow_run(Name=project.environment()["STEDI_WORKFLOW"], RunId=run)["Run"]["Status"] == "RUNNING":
        time.sleep(1)
    assert rows(project) == left
    bucket = Bucket(project)
    card = bucket.s3.get_object(Bucket=bucket.name, Key="training/dataset_card.md")["Body"].read().decode()
    assert f"Published by the run `{run}`" in card, "no command takes part in this run"


def test_a_malformed_address_is_refused(project: Project, forgotten: dict[str, Any]) -> None:
    refused = project.lakehouse("forget", EMAIL="nobody")
    assert refused.returncode == 1
    assert "EMAIL is not a valid e-mail address. Nothing was changed." in refused.stderr
