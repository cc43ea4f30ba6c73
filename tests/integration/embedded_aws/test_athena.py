# ruff: noqa: E501, S608 - a query is best read on one line
"""Athena of the embedded AWS through its API, on Iceberg tables and JSON files in its S3, without Spark."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pyarrow as pa
import pytest
from botocore.exceptions import ClientError
from pyathena import connect
from pyathena.error import OperationalError
from pyiceberg.types import LongType

from embedded_aws import EmbeddedAws
from embedded_aws.athena.openx_json import SERDE
from tests.support.athena import FORMS, PEOPLE, Lake, ended
from tests.support.served import Aws


@pytest.fixture(scope="module")
def lake(served: EmbeddedAws) -> Iterator[Lake]:
    lake = Lake.new(Aws.new(served))
    yield lake
    lake.aws.enforce_iam(on=False)


class TestResults:
    def test_files_and_pages_have_the_same_rows(self, lake: Lake) -> None:
        answer = lake.ask("SELECT name, n, x FROM people ORDER BY coalesce(n, 9)")
        assert answer.columns == [("name", "varchar"), ("n", "bigint"), ("x", "double")]
        assert answer.rows == [
            ["Ann", "1", "0.5"],
            ["Bob", "2", None],
            ['Cy "x",\nZoë', "3", "1.0E10"],
            ["", None, "2.0"],
        ]
        bucket, key = answer.location
        assert key == f"results/{answer.execution['QueryExecutionId']}.csv"
        found = lake.aws.client("s3").get_object(Bucket=bucket, Key=key)
        content = found["Body"].read().decode()
        assert found["ServerSideEncryption"] == "AES256"
        assert content == ('"name","n","x"\n"Ann","1","0.5"\n"Bob","2",\n"Cy ""x"",\nZoë","3","1.0E10"\n"",,"2.0"\n')
        assert [row[0] for row in csv.reader(io.StringIO(content))] == ["name", "Ann", "Bob", 'Cy "x",\nZoë', ""]
        metadata = lake.aws.client("s3").get_object(Bucket=bucket, Key=f"{key}.metadata")["Body"].read()
        assert metadata.startswith(b"\x0a\x24" + answer.execution["QueryExecutionId"].encode() + b"\x22")
        for name, kind in answer.columns:
            assert (
                f"\x22{chr(len(name))}{name}\x2a{chr(len(name))}{name}\x32{chr(len(kind))}{kind}".encode() in metadata
            )

    def test_rows_come_in_pages_and_the_header_once(self, lake: Lake) -> None:
        query = lake.ask("SELECT y FROM UNNEST(sequence(1, 2500)) AS u(y)").execution["QueryExecutionId"]
        pages = list(lake.athena.get_paginator("get_query_results").paginate(QueryExecutionId=query))
        assert [len(page["ResultSet"]["Rows"]) for page in pages] == [1000, 1000, 501]
        assert pages[0]["ResultSet"]["Rows"][:2] == [{"Data": [{"VarCharValue": text}]} for text in ("y", "1")]
        small = lake.athena.get_query_results(QueryExecutionId=query, MaxResults=2)
        more = lake.athena.get_query_results(QueryExecutionId=query, MaxResults=2, NextToken=small["NextToken"])
        assert [row["Data"][0]["VarCharValue"] for row in more["ResultSet"]["Rows"]] == ["2", "3"]

    def test_a_query_is_described(self, lake: Lake) -> None:
        execution = lake.ask("SELECT n FROM people").execution
        assert (execution["StatementType"], execution["SubstatementType"]) == ("DML", "SELECT")
        assert execution["WorkGroup"] == lake.group
        assert execution["QueryExecutionContext"] == {"Database": lake.aws.name}
        status, statistics = execution["Status"], execution["Statistics"]
        assert status["SubmissionDateTime"] <= status["CompletionDateTime"]
        assert statistics["TotalExecutionTimeInMillis"] >= statistics["EngineExecutionTimeInMillis"] > 0
        athena = lake.athena
        found = athena.get_query_runtime_statistics(QueryExecutionId=execution["QueryExecutionId"])
        measured = found["QueryRuntimeStatistics"]["Rows"]
        assert measured["InputBytes"] == statistics["DataScannedInBytes"] > 0
        assert (measured["OutputRows"], measured["OutputBytes"]) == (4, len(b'"n"\n"1"\n"2"\n"3"\n\n'))
        ids = [execution["QueryExecutionId"], "00000000-0000-0000-0000-000000000000"]
        batch = athena.batch_get_query_execution(QueryExecutionIds=ids)
        assert [each["Query"] for each in batch["QueryExecutions"]] == ["SELECT n FROM people"]
        assert [each["QueryExecutionId"] for each in batch["UnprocessedQueryExecutionIds"]] == ids[1:]
        assert athena.list_query_executions(WorkGroup=lake.group, MaxResults=1)["QueryExecutionIds"] == ids[:1]

    def test_a_failed_query_has_no_result(self, lake: Lake) -> None:
        answer = lake.ask("SELEKT nonsense")
        assert answer.state == "FAILED"
        assert answer.execution["Status"]["AthenaError"]["ErrorMessage"] == answer.reason
        with pytest.raises(ClientError, match=r"Query did not finish successfully\. Final query state: FAILED"):
            lake.athena.get_query_results(QueryExecutionId=answer.execution["QueryExecutionId"])
        assert answer.location[1] not in lake.aws.objects("results/")

    def test_results_that_were_deleted_are_gone(self, lake: Lake) -> None:
        answer = lake.ask("SELECT 1")
        lake.aws.client("s3").delete_object(Bucket=lake.aws.name, Key=answer.location[1])
        with pytest.raises(ClientError, match="Could not find results"):
            lake.athena.get_query_results(QueryExecutionId=answer.execution["QueryExecutionId"])

    def test_a_query_that_does_not_exist(self, lake: Lake) -> None:
        for call in (lake.athena.get_query_execution, lake.athena.get_query_results, lake.athena.stop_query_execution):
            with pytest.raises(
                ClientError, match=r"InvalidRequestException.*QueryExecution no-such-query was not found"
            ):
                call(QueryExecutionId="no-such-query")

    def test_a_repeated_request_is_one_query(self, lake: Lake) -> None:
        asked = {"QueryString": "SELECT 1", "WorkGroup": lake.group, "ClientRequestToken": "t" * 32}
        ids = {lake.athena.start_query_execution(**asked)["QueryExecutionId"] for _ in range(2)}
        assert len(ids) == 1


class TestIceberg:
    def test_each_snapshot_has_its_rows(self, lake: Lake) -> None:
        first, second = lake.snapshots
        for version, snapshot in ((f"VERSION AS OF {first}", first), (f"VERSION AS OF {second}", second)):
            expected = lake.people.scan(snapshot_id=snapshot).to_arrow().column("n").to_pylist()
            found = lake.rows(f"SELECT n FROM people FOR {version}")
            assert sorted(str(row[0]) for row in found) == sorted(str(value) for value in expected)
        count = "SELECT count(*) FROM people FOR"
        assert lake.rows(f"{count} VERSION AS OF 'first'") == [["2"]]
        assert lake.rows(f"{count} VERSION AS OF 'main'") == [["4"]]
        at = [datetime.fromtimestamp(each.timestamp_ms / 1e3, UTC) for each in lake.people.history()]
        for time_, rows in zip(at, ("2", "4"), strict=True):
            assert lake.rows(f"{count} TIMESTAMP AS OF timestamp '{time_:%Y-%m-%d %H:%M:%S.%f} UTC'") == [[rows]]
        assert lake.rows(f"{count} TIMESTAMP AS OF (current_timestamp + interval '1' day)") == [["4"]]
        both = f"SELECT count(*) FROM people a JOIN people FOR VERSION AS OF {first} AS b ON a.n = b.n"
        assert lake.rows(both) == [["2"]]

    def test_versions_that_do_not_exist(self, lake: Lake) -> None:
        assert lake.reason("SELECT * FROM people FOR VERSION AS OF 5") == (
            "INVALID_ARGUMENTS: Iceberg snapshot ID does not exist: 5"
        )
        assert "reference name: gone" in lake.reason("SELECT * FROM people FOR VERSION AS OF 'gone'")
        old = "SELECT * FROM people FOR TIMESTAMP AS OF timestamp '2020-01-01 00:00:00 UTC'"
        assert f"No version history table awsdatacatalog.{lake.aws.name}.people at or before 2020" in lake.reason(old)
        assert "does not support versioned tables" in lake.reason("SELECT * FROM land FOR VERSION AS OF 5")
        assert "time travel in metadata" in lake.reason('SELECT * FROM "people$files" FOR VERSION AS OF 5')
        assert "AS OF a constant" in lake.reason("SELECT * FROM people FOR VERSION AS OF (SELECT max(n) FROM people)")

    def test_metadata_tables(self, lake: Lake) -> None:
        first, second = map(str, lake.snapshots)
        snapshots = lake.ask(
            "SELECT snapshot_id, parent_id, operation, element_at(summary, 'total-records'), committed_at, manifest_list "
            'FROM "people$snapshots" ORDER BY committed_at'
        )
        assert [row[:4] for row in snapshots.rows] == [[first, None, "append", "2"], [second, first, "append", "4"]]
        assert snapshots.columns[4] == ("committed_at", "timestamp with time zone")
        committed = datetime.fromtimestamp(lake.people.history()[0].timestamp_ms / 1e3, UTC)
        assert snapshots.rows[0][4] == f"{committed:%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC"
        history = lake.ask('SELECT * FROM "people$history" ORDER BY made_current_at')
        assert [name for name, _ in history.columns] == [
            "made_current_at",
            "snapshot_id",
            "parent_id",
            "is_current_ancestor",
        ]
        assert [row[1:] for row in history.rows] == [[first, None, "true"], [second, first, "true"]]
        files = lake.rows(
            "SELECT content, file_format, record_count, lower_bounds, file_path, file_size_in_bytes "
            'FROM "people$files" ORDER BY lower_bounds'
        )
        assert [row[:3] for row in files] == [["0", "PARQUET", "2"]] * 2
        assert "{1=Ann, 2=1, 3=0.5}" in [row[3] for row in files]
        sizes = {
            key: lake.aws.client("s3").head_object(Bucket=lake.aws.name, Key=key)["ContentLength"]
            for key in lake.aws.objects(f"warehouse/{lake.aws.name}/people/data")
        }
        assert {str(row[4]).split("/", 3)[3]: int(str(row[5])) for row in files} == sizes
        assert lake.rows('SELECT name, type FROM "people$refs" ORDER BY 1') == [["first", "TAG"], ["main", "BRANCH"]]
        assert lake.rows('SELECT record_count, file_count FROM "people$partitions"') == [["4", "2"]]
        assert lake.rows('SELECT sum(added_data_files_count) FROM "people$manifests"') == [["2"]]
        assert "TABLE_NOT_FOUND" in lake.reason('SELECT * FROM "people$nonsense"')
        assert "TABLE_NOT_FOUND" in lake.reason('SELECT * FROM "land$files"')

    def test_only_what_is_read_is_scanned(self, lake: Lake) -> None:
        def scanned(sql: str) -> int:
            return int(lake.ask(sql).execution["Statistics"]["DataScannedInBytes"])

        size = sum(
            lake.aws.client("s3").head_object(Bucket=lake.aws.name, Key=key)["ContentLength"]
            for key in lake.aws.objects(f"warehouse/{lake.aws.name}/people/data")
        )
        assert scanned("SELECT count(*) FROM people") == 0
        assert 0 < scanned("SELECT n FROM people") < scanned("SELECT * FROM people") <= 2 * size
        assert scanned(f"SELECT * FROM people FOR VERSION AS OF {lake.snapshots[0]}") < scanned("SELECT * FROM people")
        landed = [f"landing/{name}" for name in ("a.json", "b/c.json.gz")]
        sizes = [lake.aws.client("s3").head_object(Bucket=lake.aws.name, Key=key)["ContentLength"] for key in landed]
        assert scanned("SELECT name FROM land") == sum(sizes)

    def test_a_table_without_snapshots_is_empty(self, lake: Lake) -> None:
        lake.catalog.create_table((lake.aws.name, "nothing"), PEOPLE)
        assert lake.rows("SELECT * FROM nothing") == []
        assert lake.rows("SELECT count(*) FROM nothing") == [["0"]]
        assert lake.rows('SELECT * FROM "nothing$snapshots"') == []

    def test_columns_are_altered_as_operators_are_told_to(self, lake: Lake) -> None:
        name = (lake.aws.name, "altered")
        rows = pa.table({"name": ["Ann"], "n": pa.array([1], pa.int32()), "x": [0.5]})
        lake.catalog.create_table(name, rows.schema).append(rows)
        assert lake.rows("ALTER TABLE altered ADD COLUMNS (c int COMMENT 'It''s new', d decimal(5,2))") == []
        lake.rows("ALTER TABLE altered CHANGE COLUMN x outcome double COMMENT 'Renamed'")
        lake.rows("ALTER TABLE altered CHANGE n n bigint")
        lake.rows(f"ALTER TABLE {lake.aws.name.join('``')}.altered DROP COLUMN d")
        assert lake.rows("SELECT * FROM altered") == [["Ann", "1", "0.5", None]]
        schema = lake.catalog.load_table(name).schema()
        assert schema.column_names == ["name", "n", "outcome", "c"]
        assert schema.find_field("n").field_type == LongType()
        assert (schema.find_field("c").doc, schema.find_field("outcome").doc) == ("It's new", "Renamed")
        for sql, reason in (
            ("ALTER TABLE altered DROP COLUMN nope", "nope"),
            ("ALTER TABLE altered CHANGE n n string", "Cannot change column type: n: long -> string"),
            ("ALTER TABLE altered ADD COLUMNS (e smallint)", "The type smallint is none of Iceberg"),
            ("ALTER TABLE land ADD COLUMNS (e int)", "no Iceberg table: change its ddl/ and apply"),
        ):
            assert reason in lake.reason(sql)
        assert lake.catalog.load_table(name).schema().column_names == ["name", "n", "outcome", "c"]


class TestOtherStatements:
    def test_landing_files(self, lake: Lake) -> None:
        rows = [["Ann", "1"], ["Bob", "2"], ["Cy", "3"]]
        assert lake.rows("SELECT name, n FROM land ORDER BY n") == rows
        assert lake.rows("SELECT l.name, p.x FROM land l JOIN people p ON l.n = p.n ORDER BY 1 LIMIT 1") == [
            ["Ann", "0.5"]
        ]
        lake.aws.client("s3").put_object(Bucket=lake.aws.name, Key="landing/z.json", Body=b"[\n")
        assert lake.reason("SELECT name FROM land").startswith("HIVE_CURSOR_ERROR: Row is not a valid JSON Object")
        lake.aws.client("s3").put_object(Bucket=lake.aws.name, Key="landing/z.json.gz", Body=b"no gzip")
        lake.aws.client("s3").delete_object(Bucket=lake.aws.name, Key="landing/z.json")
        assert "HIVE_CURSOR_ERROR: Failed to read file" in lake.reason("SELECT name FROM land")
        lake.aws.client("s3").delete_object(Bucket=lake.aws.name, Key="landing/z.json.gz")

    def test_show_and_describe(self, lake: Lake) -> None:
        assert [lake.aws.name] in lake.rows("SHOW DATABASES")
        assert lake.rows(f"SHOW SCHEMAS LIKE '{lake.aws.name[:-1]}*'") == [[lake.aws.name]]
        assert lake.rows("SHOW TABLES 'l*|p%'") == [["land"], ["people"]]
        assert lake.rows("SHOW VIEWS") == []
        assert lake.rows("SHOW COLUMNS IN people") == [[f"{name:20}"] for name in PEOPLE.names]
        assert lake.rows("DESCRIBE land") == [
            [f"{'name':20}\t{'string':20}\t{'Their name.':20}"],
            [f"{'n':20}\t{'bigint':20}\t{'':20}"],
        ]
        assert [row[0] for row in lake.rows("DESCRIBE people")][:4] == [
            "# Table schema:\t\t", "# col_name\tdata_type\tcomment", "name\tstring\tTheir name.", "n\tbigint\t",
        ]  # fmt: skip
        assert lake.rows("SHOW CREATE TABLE land") == [
            [f"CREATE EXTERNAL TABLE `{lake.aws.name}.land`("], ["  `name` string COMMENT 'Their name.',"], ["  `n` bigint)"],
            ["ROW FORMAT SERDE"], [f"  '{SERDE}'"], ["LOCATION"], [f"  's3://{lake.aws.name}/landing/'"],
        ]  # fmt: skip
        assert ["  'table_type'='iceberg')"] in lake.rows("SHOW CREATE TABLE people")
        assert ["table_type\tICEBERG"] in lake.rows("SHOW TBLPROPERTIES people")
        assert "not a partitioned table" in lake.reason("SHOW PARTITIONS land")
        assert "SCHEMA_NOT_FOUND" in lake.reason("SHOW TABLES IN nowhere")
        assert "TABLE_NOT_FOUND" in lake.reason("DESCRIBE nowhere")
        answer = lake.ask("SHOW TABLES")
        assert (answer.execution["StatementType"], answer.columns) == ("UTILITY", [("tab_name", "string")])
        assert answer.location[1].endswith(".txt")

    def test_information_schema(self, lake: Lake) -> None:
        where = f"WHERE table_schema = '{lake.aws.name}' AND table_name = 'people'"
        assert lake.rows(f"SELECT table_name, table_type FROM information_schema.tables {where}") == [
            ["people", "BASE TABLE"]
        ]
        columns = (
            f"SELECT column_name, data_type, comment FROM information_schema.columns {where} ORDER BY ordinal_position"
        )
        assert lake.rows(columns) == [["name", "varchar", "Their name."], ["n", "bigint", None], ["x", "double", None]]
        assert [lake.aws.name] in lake.rows("SELECT schema_name FROM information_schema.schemata")

    def test_the_catalog(self, lake: Lake) -> None:
        athena, place = lake.athena, {"CatalogName": "AwsDataCatalog", "DatabaseName": lake.aws.name}
        databases = athena.get_paginator("list_databases").paginate(CatalogName="AwsDataCatalog")
        assert lake.aws.name in [each["Name"] for page in databases for each in page["DatabaseList"]]
        assert athena.get_database(**place)["Database"]["Name"] == lake.aws.name
        tables = athena.list_table_metadata(**place, Expression="p.*|land")["TableMetadataList"]
        assert [table["Name"] for table in tables] == ["land", "people"]
        table = athena.get_table_metadata(**place, TableName="people")["TableMetadata"]
        assert [(each["Name"], each["Type"]) for each in table["Columns"]] == [
            ("name", "string"),
            ("n", "bigint"),
            ("x", "double"),
        ]
        with pytest.raises(ClientError, match=r"MetadataException.*Table nope not found"):
            athena.get_table_metadata(**place, TableName="nope")
        with pytest.raises(ClientError, match=r"MetadataException.*Database nope not found"):
            athena.get_database(CatalogName="AwsDataCatalog", DatabaseName="nope")

    def test_a_table_that_exists_is_not_created(self, lake: Lake) -> None:
        create = "-- One row per x.\nCREATE EXTERNAL TABLE IF NOT EXISTS {} (a string)\nROW FORMAT SERDE 'x' LOCATION 's3://x';\n"
        assert lake.rows(create.format("land")) == []
        assert lake.reason(create.format("missing")).startswith(
            "NOT_SUPPORTED: CREATE TABLE. The embedded Athena reads"
        )
        assert lake.rows("SHOW TABLES 'missing'") == []

    def test_views_and_other_formats_are_refused(self, lake: Lake) -> None:
        glue = lake.aws.client("glue")
        view = {"Name": "seen", "TableType": "VIRTUAL_VIEW", "StorageDescriptor": {"Columns": []}, "Parameters": {}}
        glue.create_table(DatabaseName=lake.aws.name, TableInput=view)
        assert "does not support views" in lake.reason("SELECT * FROM seen")
        storage = {"Columns": [], "Location": "s3://x/", "SerdeInfo": {"SerializationLibrary": "Csv"}}
        glue.create_table(DatabaseName=lake.aws.name, TableInput={"Name": "csv", "StorageDescriptor": storage})
        assert "with SerDe Csv: only Iceberg tables and JSON" in lake.reason("SELECT * FROM csv")
        for name in ("seen", "csv"):
            glue.delete_table(DatabaseName=lake.aws.name, Name=name)

    def test_prepared_statements_belong_to_their_workgroup(self, lake: Lake) -> None:
        lake.athena.create_prepared_statement(
            StatementName="mine", WorkGroup=lake.group, QueryStatement="SELECT name FROM people WHERE n = ?"
        )
        assert lake.rows("EXECUTE mine USING 1") == [["Ann"]]
        assert lake.rows("SELECT name FROM people WHERE n = ?", ExecutionParameters=["2"]) == [["Bob"]]
        place = {"ResultConfiguration": {"OutputLocation": f"s3://{lake.aws.name}/other"}, "WorkGroup": "primary"}
        assert lake.reason("EXECUTE mine USING 1", **place) == "NOT_FOUND: Prepared statement not found: mine"
        lake.rows("DEALLOCATE PREPARE mine")
        assert "not found: mine" in lake.reason("EXECUTE mine USING 1")
        assert "not found: mine" in lake.reason("DEALLOCATE PREPARE mine")
        lake.rows("PREPARE mine FROM SELECT ? + 1")
        assert lake.rows("EXECUTE mine USING 1") == [["2"]]

    def test_there_is_one_catalog(self, lake: Lake) -> None:
        context = {"Database": lake.aws.name, "Catalog": "other"}
        assert lake.reason("SELECT 1", QueryExecutionContext=context) == "CATALOG_NOT_FOUND: Catalog 'other' not found"
        assert lake.rows("SELECT 1", QueryExecutionContext=context | {"Catalog": "AwsDataCatalog"}) == [["1"]]


class TestWorkgroups:
    @pytest.fixture
    def group(self, lake: Lake, request: pytest.FixtureRequest) -> str:
        name = f"{lake.group}-{request.node.name}"[:100]
        lake.athena.create_work_group(
            Name=name,
            Configuration={
                "EnforceWorkGroupConfiguration": True,
                "ResultConfiguration": {"OutputLocation": f"s3://{lake.aws.name}/own"},
            },
        )
        return name

    def test_its_configuration_wins_if_it_is_enforced(self, lake: Lake, group: str) -> None:
        theirs = {"OutputLocation": f"s3://{lake.aws.name}/theirs/"}
        assert lake.ask("SELECT 1", WorkGroup=group, ResultConfiguration=theirs).location[1].startswith("own/")
        lake.athena.update_work_group(WorkGroup=group, ConfigurationUpdates={"EnforceWorkGroupConfiguration": False})
        assert lake.ask("SELECT 1", WorkGroup=group, ResultConfiguration=theirs).location[1].startswith("theirs/")
        assert lake.ask("SELECT 1", WorkGroup=group).location[1].startswith("own/")

    def test_a_query_is_cancelled_at_the_scan_limit(self, lake: Lake, group: str) -> None:
        limit: dict[str, Any] = {"WorkGroup": group, "ConfigurationUpdates": {"BytesScannedCutoffPerQuery": 100}}
        lake.aws.client("athena", parameter_validation=False).update_work_group(**limit)  # 10 MB is boto3's minimum
        for table in ("people", "land"):
            assert lake.ask(f"SELECT count(*) FROM {table}", WorkGroup=group).state == "SUCCEEDED"
        stopped = lake.ask("SELECT name FROM people", WorkGroup=group)
        assert (stopped.state, stopped.reason) == ("CANCELLED", "Bytes scanned limit was exceeded")
        assert stopped.execution["Statistics"]["DataScannedInBytes"] > 100
        limit["ConfigurationUpdates"]["BytesScannedCutoffPerQuery"] = 10
        lake.aws.client("athena", parameter_validation=False).update_work_group(**limit)
        assert lake.ask("SELECT name FROM land", WorkGroup=group).state == "CANCELLED"

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ({"WorkGroup": "nowhere"}, "WorkGroup nowhere is not found"),
            ({"WorkGroup": "primary"}, "No output location provided. An output location is required either through"),
            (
                {"WorkGroup": "primary", "ResultConfiguration": {"OutputLocation": "s3://no-such-bucket/"}},
                "Unable to verify/create output bucket no-such-bucket",
            ),
        ],
    )
    def test_what_cannot_be_started_is_refused(self, lake: Lake, options: dict[str, Any], says: str) -> None:
        with pytest.raises(lake.athena.exceptions.InvalidRequestException, match=says):
            lake.athena.start_query_execution(QueryString="SELECT 1", **options)

    def test_a_disabled_workgroup_runs_nothing(self, lake: Lake, group: str) -> None:
        lake.athena.update_work_group(WorkGroup=group, State="DISABLED")
        with pytest.raises(lake.athena.exceptions.InvalidRequestException, match=f"WorkGroup {group} is disabled"):
            lake.athena.start_query_execution(QueryString="SELECT 1", WorkGroup=group)

    def test_a_running_query_can_be_stopped(self, lake: Lake) -> None:
        endless = (
            "SELECT count(*) FROM UNNEST(sequence(1, 100000)) AS a(x), UNNEST(sequence(1, 100000)) AS b(y), "
            "UNNEST(sequence(1, 100000)) AS c(z) WHERE x + y = z"
        )
        queries = [
            lake.athena.start_query_execution(QueryString=endless, WorkGroup=lake.group)["QueryExecutionId"]
            for _ in range(6)
        ]
        with pytest.raises(ClientError, match=r"Query has not yet finished\. Current state: (QUEUED|RUNNING)"):
            lake.athena.get_query_results(QueryExecutionId=queries[0])
        for query in queries:
            lake.athena.stop_query_execution(QueryExecutionId=query)
        assert {ended(lake.athena, query)["Status"]["State"] for query in queries} == {"CANCELLED"}
        assert lake.rows("SELECT 1") == [["1"]]
        done = lake.ask("SELECT 1").execution["QueryExecutionId"]
        lake.athena.stop_query_execution(QueryExecutionId=done)
        assert ended(lake.athena, done)["Status"]["State"] == "SUCCEEDED"


class TestPermissions:
    """IAM is enforced; the analyst may read people and nothing else, as the deployed analyst policy has it."""

    @pytest.fixture
    def analyst(self, lake: Lake) -> Iterator[Any]:
        name, data = lake.aws.name, f"arn:aws:s3:::{lake.aws.name}"
        glue = "arn:aws:glue:us-east-1:123456789012:"
        tables = [f"{glue}catalog", f"{glue}database/{name}", f"{glue}table/{name}/people"]
        prefixes = [f"warehouse/{name}/people", "results"]
        key, secret = lake.aws.user(
            {"Action": ["athena:*QueryExecution*", "athena:GetQueryResults", "athena:GetPreparedStatement"], "Resource": f"arn:aws:athena:us-east-1:123456789012:workgroup/{lake.group}"},
            {"Action": ["glue:GetDatabase*", "glue:GetTable*"], "Resource": tables},
            {"Action": "s3:GetBucketLocation", "Resource": data},
            {"Action": "s3:GetObject", "Resource": [f"{data}/{prefix}/*" for prefix in prefixes]},
            {"Action": "s3:PutObject", "Resource": f"{data}/results/*"},
        )  # fmt: skip
        lake.aws.enforce_iam(on=True)
        yield boto3.client(
            "athena",
            endpoint_url=lake.aws.endpoint,
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
        )
        lake.aws.enforce_iam(on=False)

    def test_reads_its_table_in_every_form(self, lake: Lake, analyst: Any) -> None:
        for sql in (
            "SELECT count(*) FROM people",
            f"SELECT count(*) FROM people FOR VERSION AS OF {lake.snapshots[0]}",
            'SELECT count(*) FROM "people$files"',
            'SELECT count(*) FROM "people$snapshots"',
            "DESCRIBE people",
            "SHOW CREATE TABLE people",
        ):
            assert lake.ask(sql, analyst).state == "SUCCEEDED", sql
        assert lake.ask("SHOW TABLES", analyst).rows == [["people"]]
        assert lake.ask("SHOW DATABASES", analyst).rows == [[lake.aws.name]]
        tables = lake.ask("SELECT DISTINCT table_name FROM information_schema.columns", analyst)
        assert tables.rows == [["people"]]

    @pytest.mark.parametrize(
        "sql",
        [
            *FORMS,
            "SELECT * FROM land",
            "WITH people AS (SELECT * FROM secrets) SELECT * FROM people",
            "SELECT p.n FROM people p JOIN secrets s ON p.n = s.n",
            "SHOW TABLES IN other",
            "SELECT * FROM other.people",
            "EXECUTE all_of_them",
        ],
    )
    def test_reads_no_other_table_in_any_form(self, lake: Lake, analyst: Any, sql: str) -> None:
        if sql == "EXECUTE all_of_them":
            lake.athena.create_prepared_statement(
                StatementName="all_of_them", WorkGroup=lake.group, QueryStatement="SELECT * FROM secrets"
            )
        answer = lake.ask(sql.format(database=lake.aws.name, table="secrets"), analyst)
        assert answer.state == "FAILED"
        assert answer.reason.startswith("Insufficient permissions to execute the query. User: arn:aws:iam::")
        assert "is not authorized to perform: glue:Get" in answer.reason

    def test_the_catalog_alone_opens_no_file(self, lake: Lake) -> None:
        key, secret = lake.aws.user(
            {"Action": ["athena:*", "glue:*"], "Resource": "*"},
            {"Action": ["s3:GetBucketLocation", "s3:PutObject"], "Resource": "*"},
        )
        lake.aws.enforce_iam(on=True)
        athena = boto3.client(
            "athena", endpoint_url=lake.aws.endpoint, region_name="us-east-1",
            aws_access_key_id=key, aws_secret_access_key=secret,
        )  # fmt: skip
        for table, action in (("people", "s3:GetObject"), ("land", "s3:ListBucket")):
            assert f"is not authorized to perform: {action} on" in lake.reason(f"SELECT * FROM {table}", athena)
        answer = lake.ask("SELECT 1 AS one", athena=None)
        lake.aws.enforce_iam(on=True)
        with pytest.raises(ClientError, match="is not authorized to perform: s3:GetObject"):
            athena.get_query_results(QueryExecutionId=answer.execution["QueryExecutionId"])
        lake.aws.enforce_iam(on=False)

    def test_prepares_nothing(self, lake: Lake, analyst: Any) -> None:
        for sql, action in (("PREPARE mine FROM SELECT 1", "Create"), ("DEALLOCATE PREPARE mine", "Delete")):
            says = f"is not authorized to perform: athena:{action}PreparedStatement on resource: "
            assert f"{says}arn:aws:athena:us-east-1:123456789012:workgroup/{lake.group}" in lake.reason(sql, analyst)

    def test_alters_nothing(self, lake: Lake, analyst: Any) -> None:
        assert "is not authorized to perform" in lake.reason("ALTER TABLE people DROP COLUMN x", analyst)
        assert lake.catalog.load_table((lake.aws.name, "people")).schema().column_names == PEOPLE.names


def test_pyathena(lake: Lake) -> None:
    key, secret = lake.aws.root
    connection = connect(
        work_group=lake.group,
        schema_name=lake.aws.name,
        endpoint_url=lake.aws.endpoint,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        poll_interval=0.05,
    )
    cursor = connection.cursor()
    cursor.execute("SELECT name, n, x, n > 1 AS more FROM people WHERE n < %(n)d ORDER BY n", {"n": 3})
    assert cursor.fetchall() == [("Ann", 1, 0.5, False), ("Bob", 2, None, True)]
    assert [column[:2] for column in cursor.description or []] == [
        ("name", "varchar"), ("n", "bigint"), ("x", "double"), ("more", "boolean"),
    ]  # fmt: skip
    assert cursor.data_scanned_in_bytes
    cursor.execute("SHOW TABLES 'p*'")
    assert cursor.fetchall() == [("people",)]
    with pytest.raises(OperationalError, match="COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved"):
        cursor.execute("SELECT nope FROM people")
