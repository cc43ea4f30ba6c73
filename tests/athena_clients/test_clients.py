"""awswrangler and the AWS CLI, as they come, query Athena of the embedded AWS.

`make test-athena-clients` installs them first. PyAthena is tried in tests/integration/embedded_aws/test_athena.py.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from embedded_aws import EmbeddedAws
from lakehouse import aws
from tests.support.athena import Lake, ended
from tests.support.project import REPOSITORY
from tests.support.served import Aws

BIN = REPOSITORY / ".venv-athena-clients" / "bin"

READ = """
import json, sys
import awswrangler

sql, database, group, location = sys.argv[1:]
rows = awswrangler.athena.read_sql_query(
    sql,
    database=database,
    workgroup=group,
    s3_output=location,
    ctas_approach=False,
    athena_query_wait_polling_delay=0.05,
)
print(json.dumps([[str(kind) for kind in rows.dtypes], json.loads(rows.to_json(orient="values"))]))
"""


@pytest.fixture(scope="module")
def lake(served: EmbeddedAws) -> Lake:
    if not (BIN / "aws").exists():
        pytest.skip("the clients are not here: make test-athena-clients")
    return Lake.new(Aws.new(served))


def run(lake: Lake, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    key, secret = lake.aws.root
    variables = {
        "AWS_ENDPOINT_URL": lake.aws.endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
    }
    return subprocess.run(
        [str(BIN / program), *arguments],
        env=aws.only(variables, os.environ),
        capture_output=True,
        text=True,
        check=check,
    )


def cli(lake: Lake, *arguments: str) -> Any:
    return json.loads(run(lake, "aws", "athena", *arguments, "--output", "json").stdout)


def test_awswrangler(lake: Lake, tmp_path: Path) -> None:
    script = tmp_path / "read.py"
    script.write_text(READ)
    place = (lake.aws.name, lake.group, f"s3://{lake.aws.name}/results/")
    sql = "SELECT name, n, x, n > 1 AS more FROM people ORDER BY coalesce(n, 9)"
    kinds, rows = json.loads(run(lake, "python", str(script), sql, *place).stdout)
    assert kinds == ["string", "Int64", "float64", "boolean"]
    assert rows == [
        ["Ann", 1, 0.5, False],
        ["Bob", 2, None, True],
        ['Cy "x",\nZo\u00eb', 3, 1e10, True],
        [None, None, 2.0, None],  # awswrangler reads an empty text as a missing one, on AWS too
    ]
    failed = run(lake, "python", str(script), "SELECT nope FROM people", *place, check=False)
    assert "QueryFailed: COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved" in failed.stderr


def test_aws_cli(lake: Lake) -> None:
    started = cli(
        lake, "start-query-execution", "--work-group", lake.group, "--query-string",
        f'SELECT name FROM "{lake.aws.name}".people WHERE n = ?', "--execution-parameters", "1",  # noqa: S608
    )  # fmt: skip
    query = ["--query-execution-id", started["QueryExecutionId"]]
    ended(lake.athena, started["QueryExecutionId"])
    assert cli(lake, "get-query-execution", *query)["QueryExecution"]["Status"]["State"] == "SUCCEEDED"
    rows = cli(lake, "get-query-results", *query)["ResultSet"]["Rows"]
    assert rows == [{"Data": [{"VarCharValue": "name"}]}, {"Data": [{"VarCharValue": "Ann"}]}]
