"""ddl/*.sql, read by Terraform's regular expressions, means what a SQL parser says it means."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from string import Template
from typing import Any

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify

REPOSITORY = Path(__file__).resolve().parents[2]
DDL = REPOSITORY / "ddl"
CATALOG = REPOSITORY / "terraform/modules/catalog"
QUERIES = REPOSITORY / "terraform/modules/query/queries"
NAMES = {"database": "stedi_test", "bucket": "our-data"}
SNAPSHOTS = {"committed_at": "timestamp", "snapshot_id": "bigint", "operation": "varchar", "summary": "map"}
TABLES = {
    "customer_landing",
    "accelerometer_landing",
    "step_trainer_landing",
    "customer_trusted",
    "accelerometer_trusted",
    "step_trainer_trusted",
    "customers_curated",
    "machine_learning_curated",
    "pipeline_runs",
    "consent_decisions",
    "quarantine",
}


def parse(file: Path) -> exp.Create:
    statement = sqlglot.parse_one(Template(file.read_text()).substitute(NAMES), dialect="athena")
    assert isinstance(statement, exp.Create), f"{file.name} holds no CREATE TABLE"
    return statement


def text_of(statement: exp.Create, kind: type[exp.Expression]) -> str | None:
    """Return the string of the statement's only property of this kind, None where it has none."""
    found = statement.find(kind)
    literal = found.find(exp.Literal) if found else None
    return literal.name if literal else None


def meaning(statement: exp.Create) -> dict[str, Any]:
    """Say what a CREATE TABLE means, in the words of modules/catalog/ddl.tf."""
    properties = {
        prop.this.name: prop.args["value"].name
        for prop in statement.find_all(exp.Property)
        if type(prop) is exp.Property and not prop.find_ancestor(exp.SerdeProperties)
    }
    serde = statement.find(exp.SerdeProperties)
    return {
        "created": f"{statement.this.this.db}.{statement.this.this.name}",
        "audit": statement.this.this.db == f"{NAMES['database']}_audit",
        "description": " ".join(comment.strip() for comment in statement.comments or []),
        "iceberg": properties.get("table_type") == "ICEBERG",
        "location": text_of(statement, exp.LocationProperty),
        "serde": text_of(statement, exp.RowFormatSerdeProperty),
        "columns": [
            {
                "name": column.name,
                "type": column.args["kind"].sql(dialect="hive").lower(),
                "comment": next(column.find_all(exp.CommentColumnConstraint)).this.name,
            }
            for column in statement.this.expressions
        ],
        "serde_properties": {prop.this.name: prop.args["value"].name for prop in serde.expressions} if serde else {},
        "table_properties": properties,
    }


@pytest.fixture(scope="module")
def read_by_terraform(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What modules/catalog/ddl.tf makes of ddl/: it needs no provider, so `terraform console` answers at once."""
    folder = tmp_path_factory.mktemp("ddl")
    for file in ("ddl.tf", "variables.tf"):
        shutil.copy(CATALOG / file, folder)
    variables = {**NAMES, "ddl_path": str(DDL), "tags": {}}
    (folder / "terraform.tfvars.json").write_text(json.dumps(variables))
    done = subprocess.run(
        ["terraform", "console", "-no-color"],
        cwd=folder,
        input="base64encode(jsonencode(local.tables))",  # the console quotes strings its own way
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    tables: dict[str, Any] = json.loads(base64.b64decode(json.loads(done.stdout)))
    return tables


def test_there_is_one_file_per_table() -> None:
    assert {file.stem for file in DDL.iterdir()} == TABLES


@pytest.mark.parametrize("table", sorted(TABLES))
def test_terraform_reads_what_the_sql_says(table: str, read_by_terraform: dict[str, Any]) -> None:
    assert read_by_terraform[table] == meaning(parse(DDL / f"{table}.sql"))


@pytest.mark.parametrize("query", sorted(file.stem for file in QUERIES.glob("*.sql")))
def test_named_queries_use_tables_and_columns_that_exist(query: str) -> None:
    schema: dict[str, Any] = {}
    for table in TABLES:
        meant = meaning(parse(DDL / f"{table}.sql"))
        tables = schema.setdefault(meant["created"].partition(".")[0], {})
        tables[table] = {column["name"]: column["type"] for column in meant["columns"]}
        tables[f"{table}$snapshots"] = SNAPSHOTS
    names = {"database": NAMES["database"], "audit_database": f"{NAMES['database']}_audit"}
    sql = Template((QUERIES / f"{query}.sql").read_text()).safe_substitute(names)
    qualify(sqlglot.parse_one(sql, dialect="athena"), schema=schema, dialect="athena")
