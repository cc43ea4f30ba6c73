"""Real-world landing files: each is read in its form, or a message says why it cannot be read."""

import gzip
import json
import shutil
import uuid
from urllib.parse import quote, urlsplit

import boto3
import pytest

import landing_files
import landing_rows
import landing_rules
import table_contract
from embedded_aws import spark as runtime
from embedded_aws.hadoop_token import token_file
from problems import BadInputError
from temporary_files import ignored_because_of
from tests.support.jobs import NO_QUARANTINE_LIMIT, customer
from tests.support.project import REPOSITORY

NOW = 1_700_000_000_000
CASES = REPOSITORY.parent / "shared" / "cases"
CUSTOMERS = [customer(f"person{number}", f"S{number}", note='}{"[,\\é') for number in range(40)]
FORMS = {
    "lines": lambda records: "".join(f"{json.dumps(record)}\n" for record in records),
    "concatenated": lambda records: "".join(map(json.dumps, records)),
    "concatenated, some on a line": lambda records: "".join(
        json.dumps(record) + ("\n" if number % 5 == 4 else "") for number, record in enumerate(records)
    ),
    "array": json.dumps,
    "array of lines": lambda records: "[\n" + ",\n".join(map(json.dumps, records)) + "\n]\n",
    "over several lines": lambda records: "\n".join(json.dumps(record, indent=2) for record in records),
    "array over several lines": lambda records: "\ufeff" + json.dumps(records, indent="\t", ensure_ascii=False),
}


@pytest.fixture
def contract(request):
    ddl = request.config.rootpath / "ddl" / "customer_landing.sql"
    return table_contract.parse("customer_landing", ddl.read_text())


@pytest.fixture
def read(lakehouse, contract):
    """Read a folder of the bucket as customers; return the rows, and the number of records counted beforehand."""

    def rows(folder):
        records = landing_files.read(
            lakehouse.spark, f"s3://{lakehouse.bucket}/{folder.relative_to(lakehouse.folder)}/"
        )
        return landing_rows.parse(
            records, contract, landing_rules.of(contract.name, now=NOW)
        ).collect(), records.count()

    return rows


def test_files_of_every_form_give_the_same_rows(lakehouse, read):
    for form, written in FORMS.items():
        folder = lakehouse.folder / form.replace(" ", "-")
        folder.mkdir(parents=True)
        (folder / "a 1 #%.json").write_text(written(CUSTOMERS[:25]), encoding="utf-8")
        (folder / "b.json.gz").write_bytes(gzip.compress(written(CUSTOMERS[25:]).encode()))
        rows, count = read(folder)
        assert count == len(rows) == len(CUSTOMERS), form
        assert {(row["email"], row["serialnumber"], row["problem"]) for row in rows} == {
            (f"person{number}@example.com", f"S{number}", None) for number in range(40)
        }, form
        assert {row["file"].rpartition("/")[2] for row in rows} == {quote("a 1 #%.json"), "b.json.gz"}, form


def test_files_of_different_forms_lie_side_by_side_and_bad_records_are_set_aside_one_by_one(lakehouse, read):
    folder = lakehouse.folder / "given"
    folder.mkdir(parents=True)
    good, without_address = json.dumps(CUSTOMERS[0]), '{\n "serialNumber": "S1"\n}'
    with_nan, cut = '{"email": "a@example.com", "serialNumber": NaN}', '{"email": "b@example.com", "ser'
    files = {
        "a.json": f"{good}\n{cut}\n{good}\n",
        "b.json": good + without_address + with_nan + good,
        "c.json": f"[{good}, 17, {with_nan},\n{cut},\n{good}",
        "d.json": f"{good}{cut}{good} and more",
        "e.json": "[]",
    }
    for name, content in files.items():
        (folder / name).write_text(content)
    rows, count = read(folder)
    assert count == len(rows)
    found = sorted((row["file"][-6:], row["problem"] or "", row["record"] or "") for row in rows)
    assert found == sorted(
        [
            *(("a.json", "", ""), ("a.json", "", ""), ("a.json", "a line is not one JSON object", cut)),
            *(("b.json", "", ""), ("b.json", "", ""), ("b.json", "email is missing", without_address)),
            ("b.json", "a record has NaN or Infinity, which JSON does not allow", with_nan),
            *(("c.json", "", ""), ("c.json", "", "")),
            ("c.json", "a record is not one JSON object", "17"),
            ("c.json", "a record has NaN or Infinity, which JSON does not allow", with_nan),
            ("c.json", "a record is not one JSON object", cut),
            ("c.json", "a record is not one JSON object", "["),
            *(("d.json", "", ""), ("d.json", "", "")),
            ("d.json", "a record is not one JSON object", cut),
            ("d.json", "a record is not one JSON object", "and more"),
        ]
    )


@pytest.mark.slow
def test_a_file_is_one_sequence_however_long(lakehouse, read):
    """Spark would split it, and Python receives it in batches."""
    spark, folder = lakehouse.spark, lakehouse.folder / "given"
    folder.mkdir(parents=True)
    for name in ("a.json", "b.json"):
        written = (json.dumps({**CUSTOMERS[0], "phone": f"{name}{number}"}) for number in range(30_000))
        (folder / name).write_text("".join(written))
    spark.conf.set("spark.sql.files.maxPartitionBytes", "1000000")
    try:
        assert landing_files._text(spark, folder.as_uri()).rdd.getNumPartitions() > 2, "else it would be cut"
        rows, count = read(folder)
    finally:
        spark.conf.unset("spark.sql.files.maxPartitionBytes")
    assert count == len(rows) == 60_000
    assert len({row["phone"] for row in rows}) == 60_000


@pytest.mark.slow
def test_a_record_that_is_too_long_is_told_with_its_file(lakehouse):
    lakehouse.create_tables("customer_trusted")
    lakehouse.land("customer", CUSTOMERS)
    with lakehouse.land("customer", [], file="around.json").open("w") as file:
        file.write(json.dumps(CUSTOMERS[0]) * 2 + '{"customers": [')
        for _ in range(135):
            file.write('"' + ("x" * 10_000 + ":") * 100 + '",')
        file.write("0]}")
    said = r"The landing file file-\w{12} cannot be read: it has a record of more than 134,217,728 bytes"
    with pytest.raises(SystemExit, match=said):
        lakehouse.run("customer_landing_to_trusted")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize("name", ["it.json", "it.json.gz"])
def test_another_encoding_is_named(spark, tmp_path, encoding, name):
    (tmp_path / "other.json").write_text(json.dumps(CUSTOMERS[1]))
    content = FORMS["lines"](CUSTOMERS).encode(encoding)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    called = "UTF-16LE" if encoding == "utf-16" else encoding.upper().replace("-LE", "LE").replace("-BE", "BE")
    with pytest.raises(
        BadInputError, match=rf"1 files that are not UTF-8: file:\S+/{name} \({called}\)\. .*iconv -f {called}"
    ):
        landing_files.read(spark, tmp_path.as_uri())


NAMES = [
    *("a.json", "_a.json", ".a.json", "a.json._COPYING_", "_k=v.json", "._k=v.json", "__=.json", "a._COPYING_.json"),
    *("_metadata", "_metadata.json", "_metadata=1.json", "_metadata._COPYING_", "_common_metadata_x"),
    *("_SUCCESS", "a:b.json", "2023-08-06T18:57:11.425Z.json", "dt:1/a:1.json", "dt:1/_a:1.json"),
    *(
        "_dt=2026/a.json",
        "_dt/a.json",
        ".dt/a.json",
        "dt._COPYING_/a.json",
        "_metadata.d/a.json",
        "_metadata.d/_b.json",
    ),
    *("_dt/2026/01/a.json", "dt/_a.json", "dt/2026/_a/b.json", "dt/2026/a._COPYING_", "_metadata=1._COPYING_"),
]


def test_what_spark_passes_over_is_what_is_said(lakehouse):
    spark, location = lakehouse.spark, f"s3://{lakehouse.bucket}/_of the base/"
    folder = lakehouse.folder / "_of the base"
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps({"name": name}))
    (folder / "_empty").touch()
    read = {json.loads(row["value"])["name"] for row in landing_files.read(spark, location).collect()}
    said = {name.removeprefix(location) for name in landing_files.ignored(spark, location)}
    assert {"_k=v.json", "_dt=2026/a.json", "a:b.json"} <= read
    assert {"_a.json", ".a.json", "a.json._COPYING_", "_dt"} <= said
    assert {name for name in NAMES if any(name == one or name.startswith(f"{one}/") for one in said)} == {*NAMES} - read
    assert {name for name in NAMES if not ignored_because_of(name)} == read, "what `make landing` uploads"


def test_files_of_s3_are_read_with_colons_in_their_names_and_archived_ones_named(spark, served, monkeypatch, tmp_path):
    """Read through the S3 of the embedded AWS, as its jobs do."""
    for name, value in served.environ().items():
        monkeypatch.setenv(name, value)
    s3, bucket = boto3.client("s3"), uuid.uuid4().hex
    s3.create_bucket(Bucket=bucket)
    mount(spark, served, bucket, tmp_path)
    files = {"a-2023-08-06T18:57:11.425Z.json": "lines", "dt=1:2/b:3.json": "array", "_k=v.json": "concatenated"}
    for name, form in files.items():
        s3.put_object(Bucket=bucket, Key=f"customer/landing/{name}", Body=FORMS[form](CUSTOMERS).encode())
    s3.put_object(Bucket=bucket, Key="customer/landing/_1:2/c:1.json", Body=b"{}")
    location = f"s3://{bucket}/customer/landing/"
    assert landing_files.read(spark, location).count() == 3 * len(CUSTOMERS)
    assert landing_files.ignored(spark, location) == [f"{location}_1:2"]

    s3.put_object(Bucket=bucket, Key="customer/landing/old 1.json", Body=b"{}", StorageClass="DEEP_ARCHIVE")
    said = rf"{location}old%201\.json is archived in storage class DEEP_ARCHIVE, .* Restore it"
    with pytest.raises(BadInputError, match=said):
        landing_files.read(spark, location)
    s3.restore_object(Bucket=bucket, Key="customer/landing/old 1.json", RestoreRequest={"Days": 1})
    assert landing_files.read(spark, location).count() == 3 * len(CUSTOMERS) + 1


def mount(spark, served, bucket, folder):
    """Give the running Spark session the bucket of an embedded AWS."""
    settings = runtime.settings(
        {},
        buckets=[bucket],
        endpoint=served.endpoint,
        credentials=served.credentials,
        work=folder,
        java_options="",
    )
    hadoop = spark.sparkContext._jsc.hadoopConfiguration()
    for key, value in settings.items():
        if key.startswith("spark.hadoop.fs.viewfs."):
            hadoop.set(key.removeprefix("spark.hadoop."), value)
    security, file = spark._jvm.org.apache.hadoop.security, folder / "tokens"
    file.write_bytes(token_file(served.credentials, urlsplit(served.endpoint).netloc))
    tokens = security.Credentials.readTokenStorageFile(spark._jvm.java.io.File(str(file)), hadoop)
    security.UserGroupInformation.getCurrentUser().addCredentials(tokens)


def case(name):
    if not (CASES / name).is_dir():
        pytest.skip(f"../shared/cases/{name} is not on this machine")
    return CASES / name


@pytest.mark.slow
@pytest.mark.parametrize("name", ["concatenated", "array-one-line", "pretty-printed", "colon-in-name"])
def test_a_case_gives_its_counts_through_all_jobs(lakehouse, name):
    lakehouse.create_tables()
    shutil.copytree(case(name), lakehouse.folder)
    assert tuple(lakehouse.run_all().values()) == (20, 400, 20, 200, 400)
    assert lakehouse.outcomes("customer_landing")["read"] == 40


def test_the_case_of_utf16_is_refused_with_file_and_encoding(lakehouse):
    lakehouse.create_tables("customer_trusted")
    shutil.copytree(case("utf16"), lakehouse.folder)
    with pytest.raises(SystemExit, match=r"file-\w{12} \(UTF-16LE\)"):
        lakehouse.run("customer_landing_to_trusted", *NO_QUARANTINE_LIMIT)
