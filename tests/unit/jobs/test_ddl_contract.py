"""All readers of ddl/*.sql agree: Terraform, the jobs, the embedded AWS, Spark, and a real SQL parser."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

import pytest
import sqlglot
from pyiceberg.table.metadata import TableMetadataUtil
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify

import pipeline
import table_contract
from embedded_aws import iceberg as embedded_iceberg
from iceberg import Table
from problems import BadInputError

REPOSITORY = Path(__file__).resolve().parents[3]
DDL = REPOSITORY / "ddl"
CATALOG = REPOSITORY / "terraform/modules/catalog"
QUERIES = REPOSITORY / "terraform/modules/query/queries"
NAMES = {"database": "stedi_test", "bucket": "our-data"}
SNAPSHOTS = {"committed_at": "timestamp", "snapshot_id": "bigint", "operation": "varchar", "summary": "map"}
TABLES = set(pipeline.TABLES)

# ------------------------------------------------------------------------------------- possible variants of the files

TYPES = ("boolean", "int", "bigint", "float", "double", "date", "timestamp", "string")
DECIMALS = ("decimal(1,0)", "decimal(1,1)", "decimal(9,2)", "decimal(38,38)")
JSON_TYPES = ("boolean", "int", "bigint", "double", "string")
# What Iceberg calls Spark's types; the others are called the same.
ICEBERG_NAMES = {"bigint": "long", "timestamp_ntz": "timestamp", "timestamp": "timestamptz"}
SERDE = "ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'"
LANDING = "LOCATION 's3://${bucket}/things/landing/'"
ICEBERG = (
    "LOCATION 's3://${bucket}/warehouse/${database}/things/'\n"
    "TBLPROPERTIES ('table_type' = 'ICEBERG', 'format' = 'parquet');\n"
)
FIRST, SECOND = "  a  int COMMENT 'One.'", "  b  string COMMENT 'Two.'"


def ddl(*columns: str, tail: str = ICEBERG, head: str = "-- One row per thing.\n") -> str:
    """Return the text of a file with its first column on line 3."""
    kind = "" if tail == ICEBERG else "EXTERNAL "
    return f"{head}CREATE {kind}TABLE IF NOT EXISTS ${{database}}.things (\n" + ",\n".join(columns) + f"\n)\n{tail}"


GOOD = ddl(FIRST, SECOND)
READ = {
    "every type": ddl(*(f"  c{n}  {kind} COMMENT 'A {kind}.'" for n, kind in enumerate((*TYPES, *DECIMALS)))),
    "every type of JSON": ddl(
        *(f"  c{n}  {kind} COMMENT 'A {kind}.'" for n, kind in enumerate(JSON_TYPES)), tail=f"{SERDE}\n{LANDING};\n"
    ),
    "one column": ddl(FIRST),
    "reserved words": ddl("  `timestamp` bigint COMMENT 'When.'", "  `user` string COMMENT 'Who.'"),
    "tabs and many blanks": ddl("\ta\t\tint   COMMENT\t'One.'", "        b string COMMENT   'Two.'"),
    "blanks at the ends": ddl(FIRST + ", \t\n" + SECOND + " ").replace("(\n", "( \n").replace(")\n", ") \n"),
    "ends of lines as on Windows": GOOD.replace("\n", "\r\n"),
    "a byte order mark": f"\ufeff{GOOD}",
    "no end of the last line": GOOD.rstrip(),
    "empty lines at the end": GOOD + "\n\n  \n",
    "a grain of several lines": ddl(FIRST, head="-- One row per thing.\n-- Or two; (see CREATE TABLE x.y)\n"),
    "no IF NOT EXISTS": GOOD.replace("IF NOT EXISTS ", ""),
    "properties of the SerDe": ddl(
        FIRST,
        tail=f"{SERDE}\nWITH SERDEPROPERTIES ('case.insensitive' = 'true', 'dots.in.keys' = 'false')\n{LANDING};\n",
    ),
    "properties of a JSON table": ddl(FIRST, tail=f"{SERDE}\n{LANDING}\nTBLPROPERTIES ('classification' = 'json');\n"),
    "a meaning like code": ddl("  a int COMMENT 'x int COMMENT \"y\", (5 %), US$ -- `z`; )'", SECOND),
    "a meaning of many alphabets": ddl("  a int COMMENT 'Größe in µm, 大きさ.'", SECOND),
}
REFUSED = {  # what is wrong: the text, and the line that is
    **{
        f"type {kind}": (ddl(f"  a  {kind} COMMENT 'One.'", SECOND), 3)
        for kind in (
            *("bool", "integer", "long", "smallint", "tinyint", "real", "numeric", "char(3)", "varchar(10)", "binary"),
            *("INT", "Boolean", "timestamptz", "timestamp with time zone", "array<string>", "map<string,int>"),
            *("struct<a:int, b:string>", "decimal", "decimal(10)", "decimal(0,0)", "decimal(39,0)", "decimal(2,3)"),
            *("decimal(9, 2)", "decimal(09,2)", "DECIMAL(9,2)", "int NOT NULL"),
        )
    },
    **{
        f"type {kind} in JSON": (ddl(SECOND, f"  a  {kind} COMMENT 'One.'", tail=f"{SERDE}\n{LANDING};\n"), 4)
        for kind in ("float", "date", "timestamp", "decimal(9,2)")
    },
    "no COMMENT": (ddl("  a  int", SECOND), 3),
    "no COMMENT on the last": (ddl(FIRST, "  b  string"), 4),
    "an empty COMMENT": (ddl("  a  int COMMENT ''", SECOND), 3),
    "comment in lower case": (ddl("  a  int comment 'One.'", SECOND), 3),
    "an apostrophe in a COMMENT": (ddl("  a  int COMMENT 'One''s.'", SECOND), 3),
    "an escaped apostrophe": (ddl(r"  a  int COMMENT 'One\'s.'", SECOND), 3),
    "a backslash in a COMMENT": (ddl(r"  a  int COMMENT 'C:\new'", SECOND), 3),
    "a placeholder in a COMMENT": (ddl("  a  int COMMENT 'Of ${database}.'", SECOND), 3),
    "two columns on a line": (ddl(f"{FIRST},{SECOND}"), 3),
    "a column on two lines": (ddl("  a  int\n    COMMENT 'One.'", SECOND), 3),
    "a column beside the bracket": (GOOD.replace("(\n", "(  z  int COMMENT 'Zero.',\n"), 2),
    "a comment behind a column": (ddl(f"{FIRST}, -- the first\n{SECOND}"), 3),
    "a comment among columns": (ddl(f"{FIRST},\n  -- the second\n{SECOND}"), 4),
    "a column commented out": (ddl(f"{FIRST},\n--  z  int COMMENT 'Zero.',\n{SECOND}"), 4),
    "an empty line among columns": (ddl(f"{FIRST},\n\n{SECOND}"), 4),
    "no comma": (ddl(f"{FIRST}\n{SECOND}"), 4),
    "a comma behind the last": (ddl(FIRST, f"{SECOND},"), 5),
    "a comma in front": (ddl(f"{FIRST}\n,{SECOND}"), 4),
    "a column not indented": (ddl(FIRST, SECOND.strip()), 4),
    "a name in upper case": (ddl("  A  int COMMENT 'One.'", SECOND), 3),
    "a name with a blank": (ddl("  `a b`  int COMMENT 'One.'", SECOND), 3),
    "a name that starts with a digit": (ddl("  1a  int COMMENT 'One.'", SECOND), 3),
    "half a pair of backquotes": (ddl("  `a  int COMMENT 'One.'", SECOND), 3),
    "a column twice": (ddl(FIRST, SECOND, "  `a` string COMMENT 'Three.'"), 5),
    "no column": (ddl(), 3),
    "no table": ("-- One row per thing.\n", 2),
    "nothing": ("", 1),
    "no grain": (ddl(FIRST, head=""), 1),
    "another placeholder": (GOOD.replace("${bucket}", "${buckt}"), 6),
    "another database": (GOOD.replace("${database}.", "stedi."), 2),
    "a placeholder in the grain": (ddl(FIRST, head="-- One row per ${thing}.\n"), 1),
    "create in lower case": (GOOD.replace("CREATE", "create"), 2),
    "partitions": (GOOD.replace("\n)\n", "\n)\nPARTITIONED BY (day(a))\n"), 6),
    "another format": (GOOD.replace("\n)\n", "\n)\nSTORED AS PARQUET\n"), 6),
    "no location": (ddl(FIRST, SECOND, tail=f"{SERDE};\n"), 6),
    "a second location": (GOOD.replace("TBLPROPERTIES", f"{LANDING}\nTBLPROPERTIES"), 7),
    "properties on several lines": (GOOD.replace("', '", "',\n  '"), 7),
    "properties without blanks": (GOOD.replace("'table_type' = ", "'table_type'="), 7),
    "no semicolon": (GOOD.replace(";", ""), 7),
    "a second table": (GOOD + GOOD, 8),
}
VARIANTS = READ | {name: text for name, (text, _) in REFUSED.items()}


def file_of(variant: str) -> str:
    """Return a file name for a variant."""
    return f"v{list(VARIANTS).index(variant)}"


# ---------------------------------------------------------------------------------------------------------- the readers


def parse(text: str) -> exp.Create:
    statement = sqlglot.parse_one(Template(text.removeprefix("\ufeff")).safe_substitute(NAMES), dialect="athena")
    assert isinstance(statement, exp.Create), f"no CREATE TABLE: {text}"
    return statement


def text_of(statement: exp.Create, kind: type[exp.Expression]) -> str | None:
    """Return the string of the statement's only property of this kind; None without one."""
    found = statement.find(kind)
    literal = found.find(exp.Literal) if found else None
    return literal.name if literal else None


def meaning(statement: exp.Create) -> dict[str, Any]:
    """Describe a CREATE TABLE in the terms of modules/catalog/ddl.tf."""
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
                "type": column.args["kind"].sql(dialect="hive").lower().replace(", ", ","),
                "comment": next(column.find_all(exp.CommentColumnConstraint)).this.name,
            }
            for column in statement.this.expressions
        ],
        "serde_properties": {prop.this.name: prop.args["value"].name for prop in serde.expressions} if serde else {},
        "table_properties": properties,
    }


@pytest.fixture(scope="module")
def read_by_terraform(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The result of modules/catalog/ddl.tf for ddl/ and the variants, from terraform console: no provider needed."""
    folder = tmp_path_factory.mktemp("ddl")
    for file in ("ddl.tf", "variables.tf"):
        shutil.copy(CATALOG / file, folder)
    shutil.copytree(DDL, folder / "ddl")
    for name, text in VARIANTS.items():
        (folder / "ddl" / f"{file_of(name)}.sql").write_bytes(text.encode())
    variables = {**NAMES, "ddl_path": str(folder / "ddl"), "prefix": "", "tags": {}}
    (folder / "terraform.tfvars.json").write_text(json.dumps(variables))
    done = subprocess.run(
        ["terraform", "console", "-no-color"],
        cwd=folder,
        # The console quotes strings its own way.
        input="base64encode(jsonencode({ tables = local.tables, refused = local.refused }))",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = json.loads(base64.b64decode(json.loads(done.stdout)))
    return read


class Objects:
    """The part of an S3 client that creating a table needs; objects are files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803 boto3's names
        path = self.folder / Bucket / Key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(Body)


def created_in_the_embedded_aws(folder: Path, table: Mapping[str, Any]) -> dict[str, str]:
    """Create an Iceberg table as the embedded Glue does, and return the types in its metadata."""
    columns = [{"Name": c["name"], "Type": c["type"], "Comment": c["comment"]} for c in table["columns"]]
    storage = {"Location": table["location"], "Columns": columns}
    created = embedded_iceberg.create({"Name": "things", "StorageDescriptor": storage}, "2", Objects(folder))  # type: ignore[arg-type]
    shown = [(c["Name"], c["Type"]) for c in created["StorageDescriptor"]["Columns"]]
    assert shown == [(c["name"], c["type"]) for c in table["columns"]], "what Glue shows is what was declared"
    metadata = folder / created["Parameters"]["metadata_location"].removeprefix("s3://")
    schema = TableMetadataUtil.parse_raw(metadata.read_text()).schema()
    return {field.name: str(field.field_type).replace(", ", ",") for field in schema.fields}


def read_by_all(folder: Path, name: str, text: str, terraform: Mapping[str, Any]) -> None:
    """Compare all readers of a text."""
    assert terraform["refused"][name] == []
    table = terraform["tables"][name]
    # An SQL comment ends with its line: the line end is not part of the grain.
    assert table == meaning(parse(text.replace("\r\n", "\n")))
    contract = table_contract.parse(name, text)
    assert contract.location_in(**NAMES) == table["location"]
    comments = [(field.name, field.metadata["comment"]) for field in contract.schema]
    assert comments == [(column["name"], column["comment"]) for column in table["columns"]]
    types = {field.name: field.dataType.simpleString() for field in contract.schema}
    if table["iceberg"]:
        in_iceberg = {name: ICEBERG_NAMES.get(spark_type, spark_type) for name, spark_type in types.items()}
        assert created_in_the_embedded_aws(folder, table) == in_iceberg
    else:
        assert types == {column["name"]: column["type"] for column in table["columns"]}


def test_there_is_one_file_per_table() -> None:
    assert {file.name.split(".")[0] for file in DDL.iterdir()} == TABLES


@pytest.mark.parametrize("table", sorted(TABLES))
def test_all_readers_read_the_same(table: str, tmp_path: Path, read_by_terraform: dict[str, Any]) -> None:
    read_by_all(tmp_path, table, (DDL / f"{table}.sql").read_bytes().decode(), read_by_terraform)


@pytest.mark.parametrize("variant", READ)
def test_all_readers_read_what_could_be_written(
    variant: str, tmp_path: Path, read_by_terraform: dict[str, Any]
) -> None:
    read_by_all(tmp_path, file_of(variant), READ[variant], read_by_terraform)


def test_column_of_any_type_can_be_added_to_a_table(lakehouse) -> None:
    contract = table_contract.parse("things", READ["every type"])
    lakehouse.spark.sql(f"CREATE TABLE {lakehouse.name('things')} (c0 boolean) USING iceberg")
    table = Table(lakehouse.spark, lakehouse.name("things"))
    table.evolve(contract)
    assert {f.name: f.dataType for f in table.read().schema} == {f.name: f.dataType for f in contract.schema}
    table.evolve(contract)  # nothing differs any more


@pytest.mark.parametrize("variant", REFUSED)
def test_all_readers_refuse_what_they_cannot_read_and_name_the_line(
    variant: str, read_by_terraform: dict[str, Any]
) -> None:
    text, line = REFUSED[variant]
    with pytest.raises(BadInputError, match=rf"^things\.sql, line {line}: .*Correct the file and apply\.$") as refused:
        table_contract.parse("things", text)
    (terraform,) = read_by_terraform["refused"][file_of(variant)]
    assert terraform.startswith(f"line {line}: ")
    wrong = re.compile("is not expected here|but only boolean|JSON does not have|is declared twice")
    assert wrong.findall(terraform) == wrong.findall(str(refused.value))


@pytest.mark.parametrize("sql_type", ["smallint", "integer", "long", "array<string>", "decimal(9,2", "timestamptz"])
def test_embedded_aws_creates_no_table_with_a_type_that_iceberg_lacks(sql_type: str, tmp_path: Path) -> None:
    storage = {"Location": "s3://our-data/things", "Columns": [{"Name": "a", "Type": sql_type}]}
    with pytest.raises(
        embedded_iceberg.UnsupportedTableError, match=rf"Column a of .*{re.escape(sql_type)}, .*decimal"
    ):
        embedded_iceberg.create({"Name": "things", "StorageDescriptor": storage}, "2", Objects(tmp_path))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("query", sorted(file.stem for file in QUERIES.glob("*.sql")))
def test_named_queries_use_tables_and_columns_that_exist(query: str) -> None:
    schema: dict[str, Any] = {}
    for table in TABLES:
        meant = meaning(parse((DDL / f"{table}.sql").read_text()))
        tables = schema.setdefault(meant["created"].partition(".")[0], {})
        tables[table] = {column["name"]: column["type"] for column in meant["columns"]}
        tables[f"{table}$snapshots"] = SNAPSHOTS
    names = {"database": NAMES["database"], "audit_database": f"{NAMES['database']}_audit"}
    sql = Template((QUERIES / f"{query}.sql").read_text()).safe_substitute(names)
    qualify(sqlglot.parse_one(sql, dialect="athena"), schema=schema, dialect="athena")
