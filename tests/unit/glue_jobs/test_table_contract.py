"""Parsing of the schema contracts in ddl/."""

import pytest

import table_contract
from problems import BadInputError

DDL = """-- One row per thing.
CREATE EXTERNAL TABLE IF NOT EXISTS ${database}.things (
  `timestamp`  bigint COMMENT 'When, epoch milliseconds; not "COMMENT". Personal data: no.',
  weight       double COMMENT 'In kg. Personal data: no.',
  amount       int    COMMENT 'Pieces. Personal data: no.',
  whole        boolean COMMENT 'Whether. Personal data: no.',
  name         string COMMENT 'Label. Personal data: yes.'
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://${bucket}/${database}/things/landing/';
"""


def test_columns_come_in_order_with_type_and_meaning():
    schema = table_contract.parse("things", DDL).schema
    assert schema.simpleString() == "struct<timestamp:bigint,weight:double,amount:int,whole:boolean,name:string>"
    assert schema["timestamp"].metadata == {"comment": 'When, epoch milliseconds; not "COMMENT". Personal data: no.'}


def test_location_is_the_deployments():
    contract = table_contract.parse("things", DDL)
    assert contract.location_in(bucket="lake", database="stedi_local") == "s3://lake/stedi_local/things/landing/"


def test_what_cannot_be_read_is_refused_with_file_line_and_remedy():
    with pytest.raises(BadInputError) as refused:
        table_contract.parse("things", DDL.replace("  weight       double", "  weight       DOUBLE PRECISION"))
    assert str(refused.value) == (
        "things.sql, line 4: the column weight has the type DOUBLE PRECISION, but only boolean, int, bigint, "
        "float, double, date, timestamp, string and decimal(precision,scale), in lower case, are supported. "
        "Correct the file and apply."
    )
    with pytest.raises(BadInputError) as refused:
        table_contract.parse("things", DDL.replace("COMMENT 'In kg. Personal data: no.'", ""))
    assert str(refused.value) == (
        "things.sql, line 4: weight       double , is not expected here. A column is one line, "
        "\"  name  type COMMENT 'meaning',\", with a name in lower case, no ' \\ or { in the meaning, and no comma if "
        "it is the last; a line ) and one \"LOCATION 's3://...'\" follow. Correct the file and apply."
    )


def test_missing_file_is_named_with_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInputError, match=r"things\.sql is in none of .*--extra-files") as error:
        table_contract.load("things")
    assert str(tmp_path) in str(error.value)


def test_file_in_the_working_directory_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "things.sql").write_text(DDL)
    assert table_contract.load("things").name == "things"
