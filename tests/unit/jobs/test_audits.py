"""What an audit file, a row count and a schema must be, and how a refusal reads."""

import re
from dataclasses import replace

import pytest

import audit_rules
import audits
import table_contract
from arguments import RowCountChange
from problems import AuditError
from tests.support.audit_cases import CLEAN, DORA, PLANTINGS, Planting, check_rules
from tests.support.jobs import made_of


@pytest.mark.parametrize("table", PLANTINGS)
def test_every_rule_has_its_violation(extra_files, monkeypatch, table):
    monkeypatch.chdir(extra_files)
    names = [rule.name for rule in audits.load(table).rules]
    assert len(names) == len(set(names))
    assert set(names) == {planting.rule for planting in PLANTINGS[table]}


def test_refusal_names_each_broken_rule_and_quotes_no_row(spark, plant):
    planted = plant(Planting("two", instead={"customers_curated": [DORA, DORA]}))
    with pytest.raises(AuditError) as refused:
        check_rules(spark, "customers_curated", *planted)
    assert str(refused.value).splitlines() == [
        "customers_curated breaks its rules, so it was not published:",
        "  2 rows: every record is of a trusted customer with a trusted accelerometer reading, and occurs once",
        "  2 rows: no record of a trusted customer with a trusted accelerometer reading is missing",
        "The rules are in customers_curated.audit.sql. Readers still see the last published table.",
    ]


def test_every_text_of_the_training_table_is_searched_for_personal_data(plant, extra_files):
    contract = table_contract.parse("t", (extra_files / "machine_learning_curated.sql").read_text())
    (rule,) = (r for r in audits.load("machine_learning_curated").rules if r.name.startswith("no text is"))
    for column in contract.schema:
        assert column.dataType.simpleString() != "string" or f"SELECT {column.name}" in rule.query


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-- a comment\n",
        "-- named\nSELECT 1;\n\nSELECT 2;\n",  # would go unread
        "-- named\nSELECT 1\n",
        "-- named\nSELECT 1;\n-- named\n\nSELECT 2;\n",
    ],
)
def test_file_that_does_not_consist_of_rules_is_refused(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "things.audit.sql").write_text(text)
    with pytest.raises(AuditError, match=r"things\.audit\.sql contains no rules, or text outside a rule"):
        audits.load("things")


def test_file_that_does_not_declare_its_inputs_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "things.audit.sql").write_text("-- a rule\nSELECT 1;\n")
    with pytest.raises(AuditError, match=r"things\.audit\.sql does not start with the tables that its rules read"):
        audits.load("things")


@pytest.mark.parametrize("table", PLANTINGS)
def test_declared_inputs_are_those_that_the_rules_read(extra_files, monkeypatch, table):
    monkeypatch.chdir(extra_files)
    audit = audits.load(table)
    words = {word for rule in (*audit.rules, *audit.rows.values()) for word in re.findall(r"\w+", rule.query)}
    assert {*audit.inputs, table} == words & CLEAN.keys()


def test_job_that_passes_other_inputs_than_declared_is_refused(spark, plant):
    views, parameters = plant(Planting("none", instead={}))
    with pytest.raises(AuditError, match=r"declares the inputs customer_trusted, accelerometer_trusted, but .* passes"):
        audits.check_rules(spark, "customers_curated", {"customers_curated": views["customers_curated"]}, parameters)


def test_name_of_a_rule_is_the_comment_right_above_it():
    text = "-- What this is; all of it.\n\n-- first\n-- of two lines\nSELECT 1;\n\n-- second\nSELECT 2\nFROM t;\n"
    rules = [audit_rules.Rule("first of two lines", "SELECT 1"), audit_rules.Rule("second", "SELECT 2\nFROM t")]
    assert audit_rules.parse(text) == rules


def test_rule_names_the_policies_with_which_it_is_checked():
    text = "-- first\n-- only if customer_records = 'latest'\n-- only if training_match = 'timestamp'\nSELECT 1;\n"
    policies = {"customer_records": "latest", "training_match": "timestamp"}
    assert audit_rules.parse(text) == [audit_rules.Rule("first", "SELECT 1", policies)]


def test_rule_tells_that_the_expected_rows_imply_it():
    text = "-- first\n-- implied by the expected rows\nSELECT 1;\n"
    assert audit_rules.parse(text) == [audit_rules.Rule("first", "SELECT 1", implied=True)]


def test_rows_are_marked_as_distinct():
    text = "-- expected rows\n-- each once\nSELECT 1;\n"
    assert audit_rules.parse(text) == [audit_rules.Rule("expected rows", "SELECT 1", once=True)]


@pytest.mark.parametrize(
    "text",
    [
        "-- actual rows\nSELECT 1;\n\n-- a rule\nSELECT 2;\n",
        "-- a rule\n-- implied by the expected rows\nSELECT 1;\n",  # would never be checked
    ],
)
def test_file_without_the_rows_that_imply_a_rule_is_refused(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "things.audit.sql").write_text(f"-- Inputs: a.\n\n{text}")
    with pytest.raises(AuditError, match=r"things\.audit\.sql needs both '-- actual rows' and '-- expected rows'"):
        audits.load("things")


ROWS = [("a", 1, None), ("a", 1, None), (None, 2, 0.5), ("b", 3, -0.5)]
OTHER_ROWS = {
    "missing": ROWS[1:],
    "repeated": [*ROWS, ROWS[3]],
    "repeated twice": [*ROWS, ROWS[3], ROWS[3]],
    "one for another": [ROWS[0], ROWS[2], ROWS[2], ROWS[3]],
    "values of two columns swapped": [*ROWS[:2], ("0.5", 2, None), ROWS[3]],
    "values of two rows swapped": [*ROWS[:2], (None, 3, 0.5), ("b", 2, -0.5)],
    "null elsewhere": [("a", None, 1.0), *ROWS[1:]],
    "none": [],
}
IMPLIED_RULE = audit_rules.Rule("implied", "SELECT * FROM one WHERE false", implied=True)
ONE_AND_OTHER = {
    "actual": audit_rules.Rule("actual rows", "SELECT * FROM one"),
    "expected": audit_rules.Rule("expected rows", "SELECT * FROM other"),
}


@pytest.mark.parametrize("name", ["the same", *OTHER_ROWS])
def test_fingerprints_are_equal_only_of_equal_rows(spark, name):
    sides = {"one": ROWS, "other": OTHER_ROWS.get(name, ROWS[::-1])}
    names, shape = ("text", "number", "value"), "struct<text: string, number: bigint, value: double>"
    views = {
        view: made_of(spark, shape, [dict(zip(names, row, strict=True)) for row in rows])
        for view, rows in sides.items()
    }
    audit = audits.Audit(tuple(views), [IMPLIED_RULE], ONE_AND_OTHER)
    assert audits.violations(spark, audit, views, {}) == ({audits.DIFFERENT: 1} if name in OTHER_ROWS else {})


@pytest.mark.parametrize(
    ("actual", "passes"),
    [([ROWS[0], *ROWS[2:]], True), (ROWS, False), (ROWS[2:], False)],
    ids=["each once", "as often as found", "one is missing"],
)
@pytest.mark.parametrize("exhaustive", [False, True])
def test_expected_rows_may_be_found_more_often_than_they_count(spark, actual, passes, exhaustive):
    shape = "text string, number bigint, value double"
    views = {"one": spark.createDataFrame(actual, shape), "other": spark.createDataFrame(ROWS, shape)}
    exactly = audit_rules.Rule(
        "exactly",
        "SELECT number FROM (SELECT *, 1 AS surplus FROM actual UNION ALL SELECT *, -1 FROM expected) "
        "GROUP BY ALL HAVING sum(surplus) <> 0",
        implied=True,
    )
    sides = ONE_AND_OTHER | {"expected": replace(ONE_AND_OTHER["expected"], once=True)}
    found = audits.violations(spark, audits.Audit(tuple(views), [exactly], sides), views, {}, exhaustive=exhaustive)
    assert found == ({} if passes else {"exactly": 1})


@pytest.mark.parametrize("condition", ["customer_record = 'latest'", "customer_records = 'last'"])
def test_rule_of_an_unknown_policy_is_refused(tmp_path, monkeypatch, condition):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "things.audit.sql").write_text(f"-- Inputs: a.\n\n-- first\n-- only if {condition}\nSELECT 1;\n")
    with pytest.raises(AuditError, match=r"The rule 'first' has an (unknown policy|invalid) .*choose from"):
        audits.load("things")


@pytest.mark.parametrize(("before", "after"), [(None, 5), (0, 5), (10, 5), (10, 100), (10, 10)])
def test_row_count_may_change_within_the_limit(before, after):
    audits.check_row_count("things", before, after, RowCountChange(drop=0.5, growth=10))


@pytest.mark.parametrize("after", [0, 4, 101])
def test_row_count_that_changes_more_is_refused(after):
    with pytest.raises(AuditError, match=rf"things went from 10 to {after} rows .* not published") as refused:
        audits.check_row_count("things", 10, after, RowCountChange(drop=0.5, growth=10))
    assert "row_count_change" in str(refused.value)


def test_schema_that_is_not_the_contracts_is_refused(spark, plant):
    contract = table_contract.load("customer_trusted")
    rows = plant(Planting("none", instead={}))[0]["customer_trusted"]
    audits.check_schema(rows.select(*reversed(rows.columns)), contract)
    changed = {
        "fewer": rows.drop("phone"),
        "more": rows.withColumn("shoesize", rows["lastupdatedate"]),
        "another type": rows.withColumn("phone", rows["phone"].cast("bigint")),
        "another name": rows.withColumnRenamed("phone", "telephone"),
    }
    for frame in changed.values():
        with pytest.raises(AuditError, match=r"schema differs from customer_trusted\.sql: missing .*; unexpected "):
            audits.check_schema(frame, contract)
