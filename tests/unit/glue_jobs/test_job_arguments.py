"""Command line arguments of the jobs."""

import json
import re
from dataclasses import asdict

import pytest

import arguments
from arguments import History, QuarantineLimit, RowCountChange
from policies import PROFILES, Policies
from tests.support.project import REPOSITORY

NEEDED = ["--database", "stedi_local", "--bucket", "lake"]


def test_profile_is_published_unless_told_otherwise():
    assert arguments.parse(NEEDED).profile == "published"
    assert arguments.parse(NEEDED).policies == Policies()


def test_single_policy_overrides_its_part_of_the_profile():
    given = arguments.parse([*NEEDED, "--profile", "strict", "--policies", '{"customer_records": "each"}'])
    assert given.policies.customer_records == "each"
    assert given.policies.training_match == PROFILES["strict"].training_match == "timestamp_and_customer"


def test_what_glue_passes_for_itself_is_left_alone():
    glue = [
        *("--job-language", "python", "--enable-metrics", "", "--enable-glue-datacatalog", "true"),
        *("--conf", "spark.sql.catalog.glue_catalog=org.example.Catalog --conf spark.profile=strict"),
        *("--extra-files", "s3://lake/ddl/customer_landing.sql", "--datalake-formats", "iceberg"),
        *("--JOB_ID", "j_1", "--JOB_RUN_ID", "jr_1", "--JOB_NAME", "stedi-job", "--WORKFLOW_NAME", "flow"),
        *("--WORKFLOW_RUN_ID", "wr_1"),
    ]
    given = arguments.parse([*glue, *NEEDED])
    assert (given.job_name, given.job_run_id, given.workflow_run_id) == ("stedi-job", "jr_1", "wr_1")
    assert given.profile == "published"


def test_limits_have_the_defaults_of_the_terraform_variables():
    module = REPOSITORY / "terraform"
    variables = (module / "variables.tf").read_text()
    for name, default in (
        ("quarantine_limits", QuarantineLimit()),
        ("row_count_change", RowCountChange()),
        ("history", History()),
    ):
        [declared] = re.findall(rf'^variable "{name}" {{\n(.*?)^}}$', variables, re.MULTILINE | re.DOTALL)
        values = re.findall(r"(\w+) += optional\(number, ([\d.]+)\)", declared)
        assert {key: float(value) for key, value in values} == asdict(default)
    [unlisted] = re.findall(r"table => { share = ([\d.]+), rows = (\d+) }", (module / "main.tf").read_text())
    assert QuarantineLimit(*map(float, unlisted)) == QuarantineLimit()
    assert f"not listed have {QuarantineLimit.share} and {QuarantineLimit.rows}." in variables


def test_abbreviations_are_not_guessed():
    assert arguments.parse([*NEEDED, "--prof", "strict"]).profile == "published"


@pytest.mark.parametrize(
    ("wrong", "allowed"),
    [
        (["--profile", "lax"], ["published", "consent_date", "strict"]),
        (["--policies", "maybe"], ['{"<policy>": "<value>"}']),
        (["--quarantine_limits", "[]"], ['"share", "rows"']),
        (["--row_count_change", "half"], ['"drop", "growth"']),
        (["--history", "all"], ['{"runs", "days"} or null']),
    ],
)
def test_unknown_value_is_refused_with_the_allowed_ones(capsys, wrong, allowed):
    with pytest.raises(SystemExit) as stopped:
        arguments.parse([*NEEDED, *wrong])
    assert stopped.value.code != 0
    message = capsys.readouterr().err.splitlines()[-1]
    for word in [*wrong, *allowed]:
        assert word in message


@pytest.mark.parametrize(
    ("policy", "value", "allowed"),
    [
        ("accelerometer_consent", "maybe", ["any", "since_consent"]),
        ("step_trainer_consent", "maybe", ["any", "since_consent"]),
        ("customer_records", "first", ["each", "latest"]),
        ("shared_serial_number", "nobody", ["any_owner", "all_owners"]),
        ("training_match", "place", ["timestamp", "timestamp_and_customer"]),
        ("unmatched_steps", "guess", ["drop", "keep"]),
        ("training_subject", "name", ["serial_number", "pseudonym"]),
        ("curated_identity", "none", ["clear", "pseudonym"]),
        ("consent", "any", ["accelerometer_consent", "curated_identity"]),
    ],
)
def test_unknown_policy_or_value_is_refused_with_the_allowed_ones(capsys, policy, value, allowed):
    with pytest.raises(SystemExit) as stopped:
        arguments.parse([*NEEDED, "--policies", json.dumps({policy: value})])
    assert stopped.value.code != 0
    message = capsys.readouterr().err.splitlines()[-1]
    for word in ["--policies", repr(policy if policy == "consent" else value), *allowed]:
        assert word in message


def test_history_is_not_kept_by_the_jobs_if_table_optimizers_keep_it():
    assert arguments.parse([*NEEDED, "--history", "null"]).history is None
    assert arguments.parse([*NEEDED, "--history", '{"runs": 2}']).history == History(runs=2, days=90)


def test_missing_argument_is_named(capsys):
    with pytest.raises(SystemExit):
        arguments.parse(["--database", "stedi_local"])
    assert "--bucket" in capsys.readouterr().err


def test_policies_go_on_record_by_name():
    assert json.loads(PROFILES["consent_date"].to_json()) == {
        "accelerometer_consent": "since_consent",
        "step_trainer_consent": "any",
        "customer_records": "each",
        "shared_serial_number": "any_owner",
        "training_match": "timestamp",
        "unmatched_steps": "keep",
        "training_subject": "serial_number",
        "curated_identity": "clear",
    }
