"""DataFrames of a few rows that are made in Python, or collected."""

import small_frames


def test_rows_arrive_as_they_are_without_a_task(spark):
    schema = spark.createDataFrame([], "text string, number bigint").schema
    text = 'a "quote",\n a \\ and an \u00e9'
    made = small_frames.of(spark, schema, [{"text": text, "number": 2**62}, {"text": "", "number": None}, {}])
    assert made.schema == schema
    assert [tuple(row) for row in made.collect()] == [(text, 2**62), ("", None), (None, None)]
    assert made._jdf.queryExecution().optimizedPlan().getClass().getSimpleName() == "LocalRelation"
    assert small_frames.of(spark, schema, []).count() == 0


def test_rows_of_several_frames_are_told_apart(spark):
    letters = spark.createDataFrame([("a", 1), ("b", None)], "text string, number int")
    others = spark.createDataFrame([("a", 1)], "other string, number int")
    found = small_frames.collect({"letters": letters, "others": others, "none": others.limit(0)})
    assert found == {"letters": [("a", 1), ("b", None)], "others": [("a", 1)], "none": []}
