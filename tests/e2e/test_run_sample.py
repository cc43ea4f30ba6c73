"""The whole lakehouse on its default input, the generated sample, as `make run-pipeline` runs it.

Terraform, upload, workflow, five Spark jobs, report: nothing but the project itself is needed.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import duckdb
import pyarrow as pa
import pytest

from embedded_aws.athena.results import java_double, parse_csv
from lakehouse import file_numbers, landing
from lakehouse.run_ids import short
from lakehouse.run_report import page
from tests.chaos.faults import Struck, kill_after
from tests.chaos.lake import Lake
from tests.support import report_check
from tests.support.athena import ask
from tests.support.project import ALL_JOBS, AUDIT_TABLES, ICEBERG_TABLES, JOBS, LANDING_TABLES, TRAINING_TABLES, Project

PERSONAL = {"user", "email", "customername", "name", "phone", "birthday"}


def plan_exit_code(project: Project) -> tuple[int, str]:
    """Plan as an operator would, by hand, with nothing but aws.env: 0 is no change, 2 is a change."""
    done = subprocess.run(
        ["terraform", "-chdir=terraform/environments/local", "plan", "-detailed-exitcode", "-input=false", "-no-color"],
        cwd=project.root,
        env=os.environ | project.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def expected_of_sample(project: Project, profile: str) -> dict[str, int]:
    expected: dict[str, dict[str, int]] = json.loads((project.root / "build/local/sample/expected.json").read_text())
    return expected[profile]


@pytest.fixture(scope="module")
def ran(project: Project) -> dict[str, Any]:
    told = project.succeed("run")
    assert re.search(r"^Succeeded in [\d.]+ s and [\d,]+ DPU-seconds with profile published, ", told, re.MULTILINE)
    report = project.report()
    head = f"Run {short(report['run_id'])}, profile published, data: build/local/sample (generated)"
    lines = told.splitlines()[told.splitlines().index(head) :]
    for job in report["jobs"]:  # while it ran, each job told its rows and drop reasons
        assert f"  {job['name']} RUNNING" in lines
        assert f"  {job['name']} SUCCEEDED ({job['seconds']} s)" in lines
        assert any(line.endswith(f": {job['rows_out']:,} written") for line in lines)
        for account in job["accounts"]:
            (line,) = (line for line in lines if line.startswith(f"    {account['table']}: {account['read']:,} read, "))
            reasons = [f"      {rows:,} dropped: {reason}" for reason, rows in account["dropped"].items()]
            assert reasons
            assert sorted(lines[lines.index(line) + 1 :][: len(reasons)]) == sorted(reasons)
    return report


def test_report_says_what_ran(ran: dict[str, Any]) -> None:
    assert ran["status"] == "SUCCEEDED"
    assert ran["profile"] == "published"
    assert ran["run_id"].startswith("wr_")
    assert ran["seconds"] > 0
    assert [(job["name"], job["state"]) for job in ran["jobs"]] == [(name, "SUCCEEDED") for name in JOBS]
    for job in ran["jobs"]:
        assert job["seconds"] > 0
        assert job["dpu_seconds"] >= 2 * 60  # two workers, at least a minute
        assert job["rows_in"] > 0
        assert job["rows_out"] > 0
    assert ran["dpu_seconds"] == sum(job["dpu_seconds"] for job in ran["jobs"])


def test_counts_are_those_known_by_construction(project: Project, ran: dict[str, Any]) -> None:
    assert ran["tables"] == expected_of_sample(project, "published")
    assert set(ran["tables"]) == {*LANDING_TABLES, *ICEBERG_TABLES}


def test_any_client_reads_the_same_counts(project: Project, ran: dict[str, Any]) -> None:
    assert project.iceberg_rows() == {table: ran["tables"][table] for table in ICEBERG_TABLES}


def test_athena_answers_what_pyiceberg_reads(project: Project, ran: dict[str, Any]) -> None:
    athena, s3, env = project.client("athena"), project.client("s3"), project.environment()

    def asked(sql: str) -> list[list[str | None]]:
        answer = ask(athena, sql, WorkGroup=env["STEDI_WORKGROUP"])
        assert answer.state == "SUCCEEDED", f"{sql}: {answer.reason}"
        bucket, key = answer.location  # all at once; the API returns pages of 1,000 rows
        return list(parse_csv(s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()))[1:]

    *evidence, _ = AUDIT_TABLES
    tables = [("STEDI_DATABASE", table) for table in ICEBERG_TABLES]
    tables += [("STEDI_AUDIT_DATABASE", table) for table in evidence]
    for database, table in tables:
        expected = project.table(table, database)
        texts = [[as_text(value) for value in row.values()] for row in expected.to_pylist()]
        found = asked(f'SELECT * FROM "{env[database]}"."{table}"')  # noqa: S608
        assert Counter(map(tuple, found)) == Counter(map(tuple, texts)), table
    for table in LANDING_TABLES:
        assert asked(f'SELECT count(*) FROM "{env["STEDI_DATABASE"]}"."{table}"') == [[str(ran["tables"][table])]]  # noqa: S608


def as_text(value: Any) -> str | None:
    return None if value is None else java_double(value) if isinstance(value, float) else str(value)


def test_athena_runs_every_saved_query(project: Project, ran: dict[str, Any]) -> None:
    athena, group = project.client("athena"), project.environment()["STEDI_WORKGROUP"]
    ids = athena.list_named_queries(WorkGroup=group)["NamedQueryIds"]
    saved = [athena.get_named_query(NamedQueryId=query)["NamedQuery"] for query in ids]
    rows: dict[str, list[list[str | None]]] = {}
    for query in saved:
        answer = ask(athena, query["QueryString"], WorkGroup=group)
        assert answer.state == "SUCCEEDED", f"{query['Name']}: {answer.reason}"
        rows[query["Name"]] = answer.rows
    created = {name for name in rows if name.startswith("create_")}
    assert created == {
        f"create_{table}" for table in [*LANDING_TABLES, *ICEBERG_TABLES, *TRAINING_TABLES, *AUDIT_TABLES]
    }
    assert {str(row[1]): int(str(row[2])) for row in rows["rows_per_table"]} == ran["tables"]
    assert rows["customers_without_consent"] == rows["readings_without_customer"] == []
    assert rows["quarantine_by_reason"] == [], "the sample has no bad record"
    assert {row[-1] for row in rows["rows_accounted_for"]} == {"0"}
    outputs = {(row[0], row[5]) for row in rows["runs_per_table"] if row[2]}  # the others are commits of no job
    assert outputs == {(table, str(ran["tables"][table])) for table in ICEBERG_TABLES}
    assert {row[1] for row in rows["rows_dropped_by_reason"]} == {ran["run_id"]}
    decided = sum(int(str(row[4])) for row in rows["consent_decisions_of_last_run"])
    assert 0 < decided <= ran["tables"]["customer_landing"]


def test_operators_query_and_show(project: Project, ran: dict[str, Any]) -> None:
    printed = project.succeed("query", SQL="SELECT count(*) AS pairs FROM machine_learning_curated")
    assert printed == f"pairs\n{ran['tables']['machine_learning_curated']}\n"
    shown = project.succeed("show", TABLE="customer_landing", LIMIT="3").splitlines()
    assert shown[0].startswith("customername,email,phone,")
    assert len(shown) == 4
    project.fail("query", SQL="SELEKT nonsense", says=["The query failed: line 1:1: mismatched input 'SELEKT'."])


def test_the_report_has_the_numbers_of_the_tables_and_no_value_of_a_person(
    project: Project, ran: dict[str, Any]
) -> None:
    """Its facts are all that the page shows; tests/report looks at the page in a browser."""
    script = "import sys; from lakehouse.commands import run_report as r; from lakehouse import cli\n"
    script += "e = cli._environment('local')\nwith e.connect(): print(r.collect(e, sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", script, ran["run_id"][:12]],
        cwd=project.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    path = Path(done.stdout.splitlines()[-1])
    facts = json.loads(path.read_text())
    report_check.check(project, facts, ran)
    html = page.html(facts, {}, "", "")
    assert f"run `{ran['run_id']}`" in facts["card"]
    assert "Known defects</h3>" in html
    shown = html + path.read_text()
    values = report_check.personal_values(project)
    assert len(values) > 1000
    assert [value for value in values if value in shown] == []
    (strict,) = (profile for profile in facts["profiles"] if profile["name"] == "strict")
    expected = expected_of_sample(project, "strict")
    assert strict["source"] == "expected of the sample"
    assert strict["rows"] == {table: expected[table] for table in ICEBERG_TABLES}


def test_operators_read_the_logs_of_a_job(project: Project, ran: dict[str, Any]) -> None:
    first, rows = ran["jobs"][0], ran["tables"]["customer_trusted"]
    printed = project.succeed("logs", JOB=first["name"], RUN=short(ran["run_id"])).splitlines()
    assert re.fullmatch(rf"==> {first['name']}, jr_[0-9a-f]{{8}}, SUCCEEDED <==", printed[0])
    assert any(line.startswith("customer_trusted: ") and line.endswith(f"; {rows:,} rows out") for line in printed)
    says = ["JOB='customer_landing' is not a job. Did you mean", "Run: make logs JOB=customer_landing_to_trusted"]
    project.fail("logs", JOB="customer_landing", says=says)


def test_duckdb_reads_every_table(project: Project, ran: dict[str, Any]) -> None:
    """Over the Iceberg REST catalog, with the keys of aws.env; the landing tables, which are no Iceberg, as lines."""
    env = project.environment()
    lake = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    for extension in ("httpfs", "avro", "iceberg"):
        (file,) = Path(str(files(f"duckdb_extension_{extension}"))).rglob("*.duckdb_extension")
        lake.load_extension(str(file))
    key, secret = env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"]
    address = urlsplit(env["AWS_ENDPOINT_URL"]).netloc
    lake.execute(
        f"CREATE SECRET (TYPE s3, KEY_ID '{key}', SECRET '{secret}', REGION '{env['AWS_REGION']}', "
        f"ENDPOINT '{address}', USE_SSL false, URL_STYLE 'path')"
    )

    def attach(password: str) -> None:
        basic = base64.b64encode(f"{key}:{password}".encode()).decode()
        lake.execute(
            f"ATTACH '123456789012' AS lake (TYPE iceberg, ENDPOINT '{env['AWS_ENDPOINT_URL']}/iceberg', "
            "AUTHORIZATION_TYPE 'none', ACCESS_DELEGATION_MODE 'none', "
            f"EXTRA_HTTP_HEADERS MAP {{'Authorization': 'Basic {basic}'}})"
        )

    with pytest.raises(duckdb.Error, match="403"):
        attach("not the secret")
    attach(secret)

    def count(relation: str) -> int:
        (rows,) = lake.execute(f"SELECT count(*) FROM {relation}").fetchone() or (-1,)  # noqa: S608
        return int(rows)

    database = env["STEDI_DATABASE"]
    read = {table: count(f"lake.{database}.{table}") for table in ICEBERG_TABLES}
    for table in LANDING_TABLES:
        folder = landing.prefix(table.removesuffix("_landing"))
        files_of_table = f"read_text('s3://{env['STEDI_BUCKET']}/{folder}**')"
        read[table] = count(f"(SELECT unnest(string_split(trim(content, e'\\n'), e'\\n')) FROM {files_of_table})")  # noqa: S608
    assert read == ran["tables"]
    *evidence, quarantine = AUDIT_TABLES
    for table in evidence:
        expected = project.table(table, "STEDI_AUDIT_DATABASE").num_rows
        assert count(f"lake.{env['STEDI_AUDIT_DATABASE']}.{table}") == expected > 0
    assert count(f"glob('s3://{env['STEDI_BUCKET']}/{quarantine}/**')") == 0, "the sample has no bad record"


def test_aws_lists_the_stack(project: Project, ran: dict[str, Any]) -> None:
    glue, env = project.client("glue"), project.environment()
    tables = glue.get_tables(DatabaseName=env["STEDI_DATABASE"])["TableList"]
    assert {table["Name"] for table in tables} == {*LANDING_TABLES, *ICEBERG_TABLES, *TRAINING_TABLES}
    audit_tables = glue.get_tables(DatabaseName=env["STEDI_AUDIT_DATABASE"])["TableList"]
    assert {table["Name"] for table in audit_tables} == set(AUDIT_TABLES)
    assert len(glue.get_jobs()["Jobs"]) == len(ALL_JOBS)
    assert glue.list_workflows()["Workflows"] == [env["STEDI_WORKFLOW"]]
    triggers = glue.get_triggers()["Triggers"]
    assert sorted(trigger["Type"] for trigger in triggers) == ["CONDITIONAL"] * 4 + ["ON_DEMAND"]


def is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def test_training_table_identifies_nobody(project: Project, ran: dict[str, Any]) -> None:
    training, customers = project.table("machine_learning_curated"), project.table("customer_trusted")
    assert not PERSONAL & set(training.column_names)
    personal = {value for column in ("customername", "email", "phone") for value in customers[column].to_pylist()}
    texts = {value for column in training.columns if is_text(column.type) for value in column.to_pylist()} - {None}
    assert texts, "the serial numbers at least are texts"
    assert not personal & texts


def test_every_row_is_accounted_for(project: Project, ran: dict[str, Any]) -> None:
    accounts = [account for job in ran["jobs"] for account in job["accounts"]]
    assert [account["table"] for account in accounts] == [
        "customer_landing",
        "accelerometer_landing",
        "customer_trusted",
        "step_trainer_landing",
        "step_trainer_trusted",
        "accelerometer_trusted",
    ]
    for account in accounts:
        left_out = sum(account["dropped"].values()) + sum(account["quarantined"].values())
        assert account["read"] == ran["tables"][account["table"]] == account["published"] + left_out


def test_evidence_covers_every_customer_record_and_names_nobody(project: Project, ran: dict[str, Any]) -> None:
    decisions = project.table("consent_decisions", "STEDI_AUDIT_DATABASE").to_pylist()
    own = [decision for decision in decisions if decision["workflow_run_id"] == ran["run_id"]]
    assert sum(decision["records"] for decision in own) == ran["tables"]["customer_landing"]
    assert sum(decision["decision"] == "kept" for decision in own) == ran["tables"]["customer_trusted"]
    assert all(re.fullmatch("[0-9a-f]{64}", decision["subjectkey"]) for decision in own)
    assert {decision["reason"] for decision in own} == {"", "no consent to research", "consent lies in the future"}


def test_plan_is_empty_after_a_run(project: Project, ran: dict[str, Any]) -> None:
    code, output = plan_exit_code(project)
    assert code == 0, output


def test_a_broken_record_is_named_and_nothing_is_published(
    project: Project, ran: dict[str, Any], tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(project.root / "build/local/sample", data)
    file = next((data / "customer" / "landing").iterdir())
    file.write_text('{"email": "half a reco\n' * 10 + file.read_text())  # more than 1 % of the table
    number = file_numbers.of(f"customer/landing/{file.name}")  # a name may be somebody's address, and messages are kept
    project.fail("run", "--data", str(data), says=["customer_landing_to_trusted", number, "JSON"])
    assert project.succeed("name", "--number", number).splitlines()[-1] == f"customer/landing/{file.name}"
    assert [job["state"] for job in project.report()["jobs"]] == ["FAILED"] + ["NOT_STARTED"] * 4
    assert project.iceberg_rows() == {table: ran["tables"][table] for table in ICEBERG_TABLES}
    project.wait_for_the_end_of_jobs()


def test_a_killed_job_changes_nothing_that_readers_see(project: Project, ran: dict[str, Any]) -> None:
    """`make chaos` kills every job many times, and tries other faults."""
    lake, struck = Lake(project), Struck()
    before = lake.tables()
    killed = lake.run(JOBS[0], "wr_killed", kill_after(2.0, Random(1), struck))
    assert struck.what
    assert killed.state == "FAILED"
    assert lake.check_readers(before, before, "wr_killed", publishing=False) == 0


@pytest.mark.slow
def test_a_second_run_heals_what_failed_and_gives_the_same(project: Project, ran: dict[str, Any]) -> None:
    """And what another client has committed meanwhile is part of the tables' history: a tag, rows, a rollback."""
    lake = Lake(project)
    assert lake.run(JOBS[0], "wr_killed_before", kill_after(2.0, Random(1), Struck())).state == "FAILED"
    tagged, appended, rolled_back = (lake.table(name) for name in ICEBERG_TABLES[:3])
    tag, former = tagged.current_snapshot(), rolled_back.current_snapshot()
    assert tag
    assert former
    tagged.manage_snapshots().create_tag(tag.snapshot_id, "kept").commit()
    appended.append(appended.scan(limit=1).to_arrow())
    rolled_back.append(rolled_back.scan(limit=1).to_arrow())
    rolled_back.manage_snapshots().set_current_snapshot(former.snapshot_id).commit()
    project.succeed("run")
    again = project.report()
    assert tagged.refresh().refs()["kept"].snapshot_id == tag.snapshot_id
    for table in (tagged, appended, rolled_back):
        before = {entry.snapshot_id for entry in table.history()}
        assert before <= {entry.snapshot_id for entry in table.refresh().history()}
        assert set(table.refs()) - {"kept"} == {"main", f"run_{ran['run_id']}", f"run_{again['run_id']}"}
    assert again["tables"] == ran["tables"]
    assert again["run_id"] != ran["run_id"]
    assert project.iceberg_rows() == {table: ran["tables"][table] for table in ICEBERG_TABLES}


def files_that_name(addresses: set[str], root: Path) -> set[Path]:
    """Return the files of the build folder that hold one of these addresses."""
    files = [path for path in (root / "build").rglob("*") if path.is_file()]
    return {path for path in files if any(address.encode() in path.read_bytes() for address in addresses)}


def test_what_a_run_writes_is_for_its_owner_only(project: Project) -> None:
    build = project.root / "build"
    modes = {path: path.lstat().st_mode & 0o777 for path in [build, *build.rglob("*")] if not path.is_symlink()}
    assert len(modes) > 50
    assert {path: oct(mode) for path, mode in modes.items() if mode & 0o077} == {}


def test_down_leaves_no_data(project: Project) -> None:
    addresses = set(project.table("customer_trusted").column("email").to_pylist())
    local = project.root / "build/local"
    sample = {
        local / "sample/customer/landing/customer-00001.json",
        *(local / "sample/accelerometer/landing").iterdir(),
    }
    known = {local / "sample/steps.parquet"}  # its footer has some addresses
    assert files_that_name(addresses, project.root) - known == sample, (
        "S3 is in memory: nothing is on disk to begin with"
    )
    (local / "query_history").write_text(min(addresses))
    assert "its data removed" in project.succeed("down")
    assert files_that_name(addresses, project.root) - known == sample
    assert {path.name for path in local.iterdir()} == {"sample", "runs", "dataset_card.md", "embedded_aws.lock"}
    assert project.processes() == []


STRICT = {
    "customer_landing": 956,
    "accelerometer_landing": 81_273,
    "step_trainer_landing": 28_680,
    "customer_trusted": 482,
    "accelerometer_trusted": 32_025,
    "step_trainer_trusted": 11_297,
    "customers_curated": 464,
    "machine_learning_curated": 32_025,
}


@pytest.mark.slow
@pytest.mark.parametrize("orchestration", ["workflow", "single_job"])
def test_real_data_in_another_profile(project: Project, real_data: Path, orchestration: str) -> None:
    """All profiles: integration/jobs/test_known_counts.py; consent_date under IAM enforcement: integration/."""
    project.succeed("run", "--data", str(real_data), "--profile", "strict", TF_VAR_orchestration=orchestration)
    report = project.report()
    assert report["profile"] == "strict"
    assert len(report["jobs"]) == {"workflow": 5, "single_job": 1}[orchestration]
    assert report["tables"] == STRICT
    assert project.iceberg_rows() == {table: STRICT[table] for table in ICEBERG_TABLES}
