"""Lines that are not UTF-8 are recognized; Spark 4 would fail on them without the setting that Terraform makes."""

from __future__ import annotations

import base64

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import landing_rows

LINES = {
    "plain": (b'{"a": "x"}', True),
    "beyond ASCII": ('{"a": "\u00e9\U0001f600"}'.encode(), True),
    "a replacement character of its own": ('{"a": "\ufffd"}'.encode(), True),
    "Latin-1": (b'{"a": "\xe9"}', False),
    "a truncated character": (b'{"a": "\xe2\x82"}', False),
    "UTF-16": ('{"a": "x"}'.encode("utf-16"), False),
}


@pytest.mark.parametrize("line", LINES)
def test_text_that_is_not_utf8_is_recognized(spark: SparkSession, line: str) -> None:
    content, valid = LINES[line]
    packed = F.unbase64(F.lit(base64.b64encode(content).decode())).cast("string")
    assert spark.range(1).select(landing_rows._is_utf8(packed)).first()[0] is valid  # type: ignore[index]
