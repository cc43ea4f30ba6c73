"""Messages for unexpected Spark errors: one sentence, with the stack trace in the log."""

import errno
from unittest.mock import Mock

import pytest
from py4j.protocol import Py4JNetworkError

import lease
from job import Job
from problems import describe_error
from tests.support.jobs import AT, customer, moved


@pytest.fixture
def job(spark, monkeypatch):
    """A job without any work."""
    monkeypatch.setattr(lease, "for_job_run", lambda *_, **__: Mock(spec=lease.Lease))
    return Job(
        writes="step_trainer_trusted",
        argv=["--database", "none", "--bucket", "none", "--JOB_NAME", "j", "--JOB_RUN_ID", "jr"],
    )


def test_cause_and_file_are_named_and_the_trace_is_in_the_log(spark, job, tmp_path, capsys):
    (tmp_path / "damaged.parquet").write_bytes(b"no Parquet at all")
    with pytest.raises(SystemExit) as error, job:
        spark.read.schema("a int").parquet(tmp_path.as_uri()).collect()
    (sentence,) = str(error.value).splitlines()
    assert sentence.startswith("step_trainer_trusted: Spark failed: ")
    assert "damaged.parquet is not a Parquet file" in sentence
    assert "org.apache" not in sentence
    assert "Traceback" in capsys.readouterr().out


def test_an_error_of_a_query_is_a_sentence_too(spark, job):
    says = r"^step_trainer_trusted: Spark failed: \[UNRESOLVED_COLUMN.*nowhere.*run the workflow again"
    with pytest.raises(SystemExit, match=says), job:
        spark.range(1).select("nowhere").collect()


def test_the_end_of_the_jvm_has_a_message():
    assert describe_error(Py4JNetworkError("Answer from Java side is empty")).startswith("The Spark driver exited")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "A file cannot be used: No space left on device. No data"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), "/x cannot be used: Permission denied. No data"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "The Spark driver exited unexpectedly"),
    ],
)
def test_an_error_of_the_system_is_a_sentence(job, error, says):
    with pytest.raises(SystemExit) as ended, job:
        raise error
    assert str(ended.value).startswith(f"step_trainer_trusted: {says}")


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        pytest.param(lambda content: content[:-8] + b"\xff\xff\xff\x7fPAR1", "damaged", id="its end lies"),
        pytest.param(lambda content: content[:4] + bytes(len(content) - 4), "damaged", id="overwritten"),
        pytest.param(lambda _: None, "missing, or denied to this role", id="gone"),
    ],
)
def test_an_unreadable_file_of_a_table_is_named(lakehouse, damage, what):
    lakehouse.create_tables("customer_trusted", "accelerometer_trusted", "customers_curated")
    lakehouse.land("customer", [customer("anna", "S1")])
    lakehouse.land("accelerometer", [moved("anna", AT)])
    lakehouse.run("customer_landing_to_trusted")
    lakehouse.run("accelerometer_landing_to_trusted")
    (file,) = lakehouse.data_files("customer_trusted")
    content = damage(file.read_bytes())
    (file.parent / f".{file.name}.crc").unlink(missing_ok=True)
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(SystemExit) as error:
        lakehouse.run("customer_trusted_to_curated")
    (sentence,) = str(error.value).splitlines()
    assert f"{file.name} is {what}. " in sentence
    assert lakehouse.snapshots("customers_curated") == []
