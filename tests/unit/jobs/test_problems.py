"""What a job says about an error of Spark's that nobody foresaw: one sentence, and the stack trace is in its log."""

import pytest
from py4j.protocol import Py4JNetworkError

from job import Job
from problems import in_words


@pytest.fixture
def job():
    """A job that has nothing to do."""
    made = Job.__new__(Job)
    made._writes = "steps"
    return made


def test_cause_and_file_are_named_and_the_trace_is_in_the_log(spark, job, tmp_path, capsys):
    (tmp_path / "damaged.parquet").write_bytes(b"no Parquet at all")
    with pytest.raises(SystemExit) as error, job:
        spark.read.schema("a int").parquet(tmp_path.as_uri()).collect()
    (sentence,) = str(error.value).splitlines()
    assert sentence.startswith("steps: Spark failed: ")
    assert "damaged.parquet is not a Parquet file" in sentence
    assert "org.apache" not in sentence
    assert "Traceback" in capsys.readouterr().out


def test_an_error_of_a_query_is_a_sentence_too(spark, job):
    with (
        pytest.raises(SystemExit, match=r"^steps: Spark failed: \[UNRESOLVED_COLUMN.*nowhere.*run the workflow again"),
        job,
    ):
        spark.range(1).select("nowhere").collect()


def test_the_end_of_java_is_said():
    assert in_words(Py4JNetworkError("Answer from Java side is empty")).startswith("Spark ended in the midst")
