"""Hostile landing data: each line becomes a row with its exact values or is quarantined, and nothing crashes.

`make hostile` runs many more examples than `make test-slow`.
"""

import gzip
import json
import os
import re
import sys
import time
from contextlib import suppress

import psutil
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from py4j.protocol import Py4JJavaError

import file_numbers
import landing_files
import landing_rows
import landing_rules
import table_contract
from canonical import canonical
from embedded_aws import spark as runtime
from tests.support import hostile
from tests.support.hostile import COLUMNS, GOOD, NOW, UNUSABLE
from tests.support.knobs import one_of
from tests.support.project import GLUE_JOBS, ORCHESTRATIONS

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("EXAMPLES", "0"))
RUN_JOBS = ORCHESTRATIONS[one_of("ORCHESTRATION", ORCHESTRATIONS)]
NO_LIMIT = json.dumps(
    {f"{entity}_landing": {"share": 1, "rows": 10**9} for entity in ("customer", "accelerometer", "step_trainer")}
)
KINDS = ("a text", "a whole number", "a finite number", "an e-mail address", "a time in milliseconds")
REASONS = {  # all that may be said about a row: nothing in it comes from the row
    *(
        f"a {unit} {what}"
        for unit in ("line", "record")
        for what in (
            "is not one JSON object",
            "has NaN or Infinity, which JSON does not allow",
            "is not UTF-8 text",
            "has half a character: an unpaired surrogate",
        )
    ),
    "a key occurs twice in an object",
    "distancefromobject is negative",
    *(f"{column} is missing" for columns in COLUMNS.values() for column in columns),
    *(f"{column} is not {kind}" for columns in COLUMNS.values() for column in columns for kind in KINDS),
    *(f"{column} is in the future" for column in ("registrationdate", "lastupdatedate")),
    *(f"{column} is before the year 2000 or in the future" for columns in COLUMNS.values() for column in columns),
}


def hostile_examples(strategy, *, few, share=1):
    """Run a test on `few` fixed examples, or with EXAMPLES on that many or a share of them, by SEED if given."""

    def decorate(test):
        test = settings(
            max_examples=-(-EXAMPLES // share) or few,
            derandomize=not EXAMPLES,
            database=None,
            deadline=None,
            phases=[Phase.explicit, Phase.generate, Phase.shrink] if EXAMPLES else [Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )(given(strategy)(test))
        return seed(int(os.environ["SEED"]))(test) if EXAMPLES and os.environ.get("SEED") else test

    return decorate


@pytest.fixture(scope="module")
def contracts(request):
    return {
        table: table_contract.parse(table, (request.config.rootpath / "ddl" / f"{table}.sql").read_text())
        for table in COLUMNS
    }


@pytest.fixture(scope="module")
def read(spark, contracts, tmp_path_factory):
    """Read files {name: stored bytes} as a landing table; return the rows, and the line count taken beforehand."""

    def rows(table, files):
        folder = tmp_path_factory.mktemp("landed")
        for name, content in files.items():
            (folder / name).write_bytes(content)
        lines = landing_files.read(spark, folder.as_uri())
        return landing_rows.parse(lines, contracts[table], landing_rules.of(table, now=NOW)).collect(), lines.count()

    return rows


def check(table, expected, rows, count):
    """Compare the rows of records with the oracle."""
    assert len(rows) == len(expected) == count
    left = [(None if row["problem"] else tuple(row)[: len(COLUMNS[table])], row["record"]) for row in rows]
    assert {row["problem"] for row in rows} - REASONS <= {None}
    for line in sorted(expected, key=lambda line: len(hostile.outcomes(table, line))):
        for values in hostile.outcomes(table, line):
            record = shown(line.decode(errors="replace")) if values is UNUSABLE else None
            found = next((one for one in left if values == one[0] and record == (one[1] and shown(one[1]))), None)
            if found:
                left.remove(found)
                break
        else:
            raise AssertionError(f"expected {hostile.outcomes(table, line)} of {line!r}, but left are {left}")


def shown(text):
    """Normalize the replacement characters of a text: decoders differ in how many they insert."""
    return re.sub("\ufffd+", "\ufffd", text)


@pytest.mark.parametrize("table", COLUMNS)
def test_each_line_is_read_exactly_or_set_aside(read, table):
    @hostile_examples(hostile.files(table), few=8)
    def holds(file):
        name, content = file
        rows, count = read(table, {name: hostile.as_stored(name, content)})
        check(table, hostile.lines_of(content), rows, count)

    holds()


@pytest.mark.parametrize("table", COLUMNS)
def test_each_record_of_a_file_that_is_not_lines_is_read_exactly_or_set_aside(read, table):
    @hostile_examples(hostile.files_of_values(table), few=8, share=3)
    def holds(file):
        name, content, records = file
        rows, count = read(table, {name: hostile.as_stored(name, content)})
        check(table, records, rows, count)

    holds()


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(json.dumps(GOOD["step_trainer_landing"] | {"sensorReadingTime": "1e-9999999"}), id="tiny number"),
        pytest.param(json.dumps(GOOD["step_trainer_landing"]).replace("{", "{" + " " * 3000) + ",", id="white space"),
        pytest.param(json.dumps(GOOD["step_trainer_landing"]) + ", " * 3000, id="commas"),
        pytest.param("{" + ",".join(f'"{key}":{key}' for key in range(20_000)) + "}", id="keys"),
    ],
)
def test_no_line_takes_long(read, line):
    began = time.monotonic()
    rows, count = read("step_trainer_landing", {"part.json": line.encode()})
    assert time.monotonic() - began < 20
    check("step_trainer_landing", [line.encode()], rows, count)


def test_a_line_cannot_play_the_end_of_a_record(read):
    good = json.dumps(GOOD["step_trainer_landing"])
    line = good + ',{"end of record 7d1f0c":""}] and more'
    rows, _ = read("step_trainer_landing", {"part.json": f"{good}\n{good}\n{line}\n".encode()})
    assert sorted(row["problem"] or "" for row in rows) == ["", "", "a line is not one JSON object"]


def test_a_line_of_many_megabytes_does_not_keep_the_others_from_being_read(read):
    good = json.dumps(GOOD["customer_landing"]).encode()
    content = b"\n".join([good, *long_lines(5), good])
    rows, count = read("customer_landing", {"part.json": content})
    assert count == 5
    assert sorted(row["problem"] or "" for row in rows) == ["", "", "", "", "a line is not one JSON object"]


@pytest.mark.skipif(not EXAMPLES, reason="takes a minute: make hostile")
@pytest.mark.parametrize("kind", [0, 1, 2], ids=["one text", "many keys", "no JSON"])
def test_a_line_of_100_megabytes_in_the_memory_of_a_job(tmp_path, kind, request):
    good = json.dumps(GOOD["customer_landing"]).encode()
    (tmp_path / "part.json").write_bytes(b"\n".join([good, long_lines(100)[kind], good]))
    (outcome, count), _ = read_in_a_spark_of_its_own(tmp_path, request.config.rootpath)
    assert count == 3
    # Jackson takes no text of more than 20 MB.
    assert outcome == ([None, None, None] if kind == 1 else [None, "a line is not one JSON object", None])


@pytest.mark.skipif(not EXAMPLES, reason="takes minutes: make hostile")
def test_a_file_of_500_megabytes_that_is_not_lines_in_the_memory_of_a_job(tmp_path, request):
    good = json.dumps(GOOD["customer_landing"]).encode()
    many = 500_000_000 // (1000 * len(good))
    with (tmp_path / "part.json").open("wb") as file:
        for _ in range(many):
            file.write(good * 1000)
    (problems, count), python = read_in_a_spark_of_its_own(tmp_path, request.config.rootpath)
    assert count == 1000 * many
    assert problems == [None, None, None]
    assert python < 300_000_000, "bytes of a Python process: the file is not in memory"


def read_in_a_spark_of_its_own(folder, root):
    """Read a folder as customers; return up to three problems, the count, and the peak memory of its Python workers."""
    script = READ.format(memory=runtime.driver_memory(), folder=folder.as_uri(), now=NOW)
    path = os.pathsep.join(map(str, (root, *GLUE_JOBS)))
    environment = os.environ | {"PYTHONPATH": path, "JAVA_HOME": str(runtime.java_home())}
    with (folder.parent / "said").open("w+") as said, (folder.parent / "wrong").open("w+") as wrong:
        process = psutil.Popen(
            [sys.executable, "-c", script], cwd=root / "ddl", env=environment, stdout=said, stderr=wrong
        )
        largest, ends = 0, time.monotonic() + 900
        while process.poll() is None and time.monotonic() < ends:
            with suppress(psutil.Error):
                pythons = [child for child in process.children(recursive=True) if "python" in child.name()]
                largest = max([largest, *(child.memory_info().rss for child in pythons)])
            time.sleep(0.2)
        if process.is_running():
            process.kill()
        returned = process.wait()
        wrong.seek(0)
        assert returned == 0, wrong.read()[-3000:]
        said.seek(0)
        return json.loads(said.read().splitlines()[-1]), largest


READ = """
import json
from pyspark.sql import SparkSession
import landing_files, landing_rows, landing_rules, table_contract
spark = SparkSession.builder.master("local[2]").config("spark.driver.memory", "{memory}").getOrCreate()
records = landing_files.read(spark, "{folder}")
rows = landing_rows.parse(
    records, table_contract.load("customer_landing"), landing_rules.of("customer_landing", now={now})
)
problems = [row["problem"] for row in rows.select("problem").limit(3).collect()]
print()
print(json.dumps([problems, records.count()]))
"""


def long_lines(megabytes):
    """Return lines of so many megabytes: one long text in an object, many keys, and no JSON at all."""
    good = json.dumps(GOOD["customer_landing"]).encode()
    text = b"x" * megabytes * 1_000_000
    keys = b"".join(b'"k%08d":0,' % number for number in range(megabytes * 1_000_000 // 14))
    return good[:-1] + b',"note":"' + text + b'"}', b"{" + keys + good[1:], text


def test_want_of_memory_is_said(customers, monkeypatch):
    class OutOfMemoryError:  # a Java that has gone cannot be asked for its error
        def getCause(self):  # noqa: N802
            raise ConnectionRefusedError

    def read(*_):
        error = Py4JJavaError.__new__(Py4JJavaError)
        error.java_exception = OutOfMemoryError()
        raise error

    monkeypatch.setattr(landing_files, "read", read)
    with pytest.raises(SystemExit, match=r"Spark ran out of memory over the files at s3://\S+/customer/landing/"):
        customers[0].run(JOB)


JOB, TABLE = "customer_landing_to_trusted", "customer_trusted"


@pytest.fixture
def customers(lakehouse):
    """A lakehouse with one usable customer landed, and the folder of its file."""
    lakehouse.create_tables(TABLE)
    folder = lakehouse.land("customer", [GOOD["customer_landing"]], file="good.json").parent
    return lakehouse, folder


LANDED = b"".join(json.dumps(GOOD["customer_landing"] | {"phone": str(n)}).encode() + b"\n" for n in range(3000))


def test_compressed_files_are_read(customers):
    lakehouse, folder = customers
    (folder / "one.json.gz").write_bytes(gzip.compress(LANDED))
    (folder / "two.json.gz").write_bytes(gzip.compress(b"") + gzip.compress(LANDED))  # as `cat` joins them
    (folder / "none.json.gz").write_bytes(b"")
    lakehouse.run(JOB)
    assert lakehouse.outcomes("customer_landing")["read"] == 6001
    assert len(lakehouse.rows(TABLE)) == 3001


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: content[:-30], id="cut off"),
        pytest.param(lambda content: content[:-8] + bytes(8), id="wrong checksum"),
        pytest.param(lambda content: content[:200] + b"\xff" * 50 + content[250:], id="overwritten"),
        pytest.param(lambda content: content + b"more", id="more behind"),
        pytest.param(lambda _: b"no gzip", id="not compressed"),
    ],
)
def test_a_damaged_file_is_named(customers, damage):
    lakehouse, folder = customers
    for number in range(3):
        (folder / f"{number} 100%.json.gz").write_bytes(gzip.compress(LANDED))
    (folder / "the damaged one.json.gz").write_bytes(damage(gzip.compress(LANDED)))
    with pytest.raises(
        SystemExit,
        match=r"The landing file file-\w{12} cannot be read: (?s:.*) `make name NUMBER=file-...` tells the name\.$",
    ) as error:
        lakehouse.run(JOB)
    assert "Exception" not in str(error.value)
    assert lakehouse.snapshots(TABLE) == []


def test_a_file_that_goes_away_is_no_stack_trace(customers, monkeypatch):
    lakehouse, folder = customers
    read = landing_files.read

    def read_and_lose(*arguments):
        lines = read(*arguments)
        (folder / "good.json").unlink()
        return lines

    monkeypatch.setattr(landing_files, "read", read_and_lose)
    with pytest.raises(SystemExit, match=r"Files at s3://\S+ disappeared during the read"):
        lakehouse.run(JOB)


def test_ignored_files_are_reported(customers, capsys):
    lakehouse, folder = customers
    for file in ("_part.json", "2026/.part.json", "_temporary/0/part.json"):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text("no JSON")
    (folder / "_SUCCESS").touch()
    lakehouse.run(JOB)
    said = next(line for line in capsys.readouterr().out.splitlines() if "were not read" in line)
    assert "3 files or folders" in said
    names = ("_part.json", "2026/.part.json", "_temporary")
    assert all(file_numbers.of(f"customer/landing/{name}") in said for name in names)
    assert not any(name in said for name in names)


def test_through_all_jobs_every_row_is_accounted_for_and_none_is_without_consent(lakehouse, monkeypatch):
    lakehouse.create_tables()
    monkeypatch.setattr(hostile, "NOW", time.time_ns() // 1_000_000)  # the jobs go by the clock

    @hostile_examples(hostile.zones(), few=2, share=50)
    def holds(zone):
        for table, (content, _) in zone.items():
            folder = lakehouse.folder / table.removesuffix("_landing") / "landing"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "part.json").write_bytes(content)
        lakehouse.spark.sql(f"DELETE FROM {lakehouse.name('pipeline_runs')}")  # noqa: S608
        policies = '{"training_subject": "pseudonym"}'
        lakehouse.run_all("--quarantine_limits", NO_LIMIT, "--policies", policies, jobs=RUN_JOBS)

        runs = lakehouse.table("pipeline_runs").where("source_table <> ''").collect()
        for job, source in {(run["job"], run["source_table"]) for run in runs}:
            rows = [(run["outcome"], run["rows"]) for run in runs if (run["job"], run["source_table"]) == (job, source)]
            (read,) = [count for outcome, count in rows if outcome == "read"]
            assert read == sum(count for outcome, count in rows if outcome != "read"), (job, source)
            if source in zone:
                assert read == len(zone[source][1])

        surely, perhaps = (
            {
                (row["email"], row["sharewithresearchasofdate"])
                for row in hostile.usable("customer_landing", zone["customer_landing"][1], doubtful=doubtful)
                if 0 < (row["sharewithresearchasofdate"] or 0) <= hostile.NOW
            }
            for doubtful in (False, True)
        )
        found = {(row["email"], row["sharewithresearchasofdate"]) for row in lakehouse.table(TABLE).collect()}
        assert surely <= found <= perhaps
        people = {canonical(email) for email, _ in found}
        assert {canonical(row["user"]) for row in lakehouse.table("accelerometer_trusted").collect()} <= people
        assert {row["email"] for row in lakehouse.table("customers_curated").collect()} <= {email for email, _ in found}
        training = lakehouse.table("machine_learning_curated").collect()
        assert training
        for row in training:
            texts = {name: value for name, value in row.asDict().items() if isinstance(value, str)}
            assert texts.keys() == {"subjectkey"}
            assert re.fullmatch("[0-9a-f]{64}", texts["subjectkey"])

    holds()
