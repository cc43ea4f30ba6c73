"""Fixtures for the transforms, rules and readers on small frames."""

from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from tests.support.audit_cases import plant, show  # noqa: F401 (pytest finds them here)
from tests.support.job_fixtures import extra_files, frame, lakehouse  # noqa: F401 (pytest finds them here)
from tests.support.job_fixtures import spark as session  # noqa: F401 (pytest finds it here)

ONE_STAGE = {"spark.sql.autoBroadcastJoinThreshold": "-1", "spark.sql.shuffle.partitions": "1"}
"""A small frame is one partition. With these settings, a query over several of them is one stage of Spark."""


@pytest.fixture(scope="module")
def spark(session: SparkSession) -> Iterator[SparkSession]:  # noqa: F811
    """The session that all tests share, with what small frames need."""
    before = {key: session.conf.get(key) for key in ONE_STAGE}
    for key, value in ONE_STAGE.items():
        session.conf.set(key, value)
    yield session
    for key, value in before.items():
        session.conf.set(key, value)
