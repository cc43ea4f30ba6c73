"""policies.json and pipeline.json are the one declaration of policies, tables and jobs, and fit what they declare."""

import copy
import re
import subprocess
from unittest.mock import Mock

import pytest

import pipeline
import policies
import table_contract
from job import Job
from policies import ALLOWED, PROFILES, Policies
from problems import AuditError, BadInputError
from tests.support.project import REPOSITORY

SCRIPTS = REPOSITORY / "glue_jobs" / "jobs"
# A policy is used by transforms, by erasure, which runs them, and by the rules of tables; nothing else need name it.
MAY_NAME_POLICIES = re.compile(
    r"glue_jobs/(policies\.json|jobs/|erasure/)|lakehouse/run_report/|ddl/|tests/|docs/|.*\.md$"
    r"|terraform/(tests|examples|environments/prod)/"
)
# The sample states the rows of each profile.
MAY_NAME_PROFILES = re.compile(r"(glue_jobs|lakehouse)/policies\.json|lakehouse/sample\.py|tests/|docs/|.*\.md$")


def tracked():
    """Return the text of each file of the repository that git knows."""
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    files = [name for name in listed.stdout.splitlines() if (REPOSITORY / name).is_file()]
    return {name: (REPOSITORY / name).read_text(encoding="utf-8", errors="replace") for name in files}


def named(text):
    return {policy for policy in ALLOWED if re.search(rf"\b{policy}\b", text)}


def test_no_second_list_of_policies_exists():
    names = {name: named(text) for name, text in tracked().items() if not MAY_NAME_POLICIES.match(name)}
    assert names.pop("terraform/variables.tf") == {"shared_serial_number"}  # the example of its description
    lists = {name: found for name, found in names.items() if found and not name.startswith("lakehouse/policies.json")}
    assert lists == {}


def test_no_second_list_of_profiles_exists():
    texts = {name: text for name, text in tracked().items() if not MAY_NAME_PROFILES.match(name)}
    assert [
        name for name, text in texts.items() if all(re.search(rf"\b{profile}\b", text) for profile in PROFILES)
    ] == []


def test_what_transforms_and_rules_ask_for_is_declared_and_all_that_is_declared_is_asked_for():
    code = "".join(text for name, text in tracked().items() if name.startswith("glue_jobs/") and name.endswith(".py"))
    asked = set(re.findall(r"\bpolicies\.(\w+) [!=]=", code))
    rules = "".join(file.read_text() for file in (REPOSITORY / "ddl").glob("*.audit.sql"))
    assert asked == ALLOWED.keys()
    assert set(re.findall(r":([a-z_]+)\b", rules)) - {"now"} <= ALLOWED.keys()


def test_the_default_profile_is_the_first_everywhere():
    variables = (REPOSITORY / "terraform" / "variables.tf").read_text()
    [default] = re.findall(r'variable "profile" {[^}]*?default\s+= "(\w+)"', variables)
    assert default == next(iter(PROFILES))
    assert PROFILES[default] == Policies()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"customer_records": "first"},
            r"profile strict has an invalid customer_records 'first' \(choose from each, latest\)",
        ),
        ({"consent": "any"}, r"profile strict has an unknown policy 'consent' \(choose from accelerometer_consent, "),
    ],
)
def test_a_profile_that_sets_what_is_not_declared_is_refused(values, message):
    declared = policies.DECLARED["profiles"]
    with pytest.raises(BadInputError, match=message):
        policies.profiles({**declared, "strict": {**declared["strict"], "policies": values}})


def test_a_policy_that_is_not_declared_is_no_attribute():
    with pytest.raises(AttributeError, match=r"There is no policy consent: policies\.json declares accelerometer_con"):
        Policies().consent  # noqa: B018 - reading it is what fails
    with pytest.raises(BadInputError, match="unknown policy 'consent'"):
        Policies(consent="any")


def test_every_job_has_its_script():
    scripts = {file.stem for file in SCRIPTS.glob("*.py")} - {"forget", "rollback", "all_steps"}
    assert {pipeline.TABLES[table]["job"] for table in pipeline.WRITTEN} == scripts
    for table in pipeline.WRITTEN:
        assert f'Job(writes="{table}")' in (SCRIPTS / f"{pipeline.TABLES[table]['job']}.py").read_text()


@pytest.mark.parametrize("table", pipeline.TABLES)
def test_what_is_declared_of_a_table_fits_its_ddl(table):
    declared = pipeline.TABLES[table]
    contract = table_contract.parse(table, (REPOSITORY / "ddl" / f"{table}.sql").read_text())
    assert set(declared.get("person", {}).values()) <= set(contract.schema.names)
    assert set(declared.get("accounts_for", ())) <= pipeline.TABLES.keys()
    assert set(declared) <= pipeline.DECLARED["fields"].keys()


@pytest.mark.parametrize("table", pipeline.WRITTEN)
def test_a_table_that_is_out_of_order_is_refused(table):
    declared = copy.deepcopy(pipeline.DECLARED)
    declared["tables"][table]["after"] = "another_job"
    with pytest.raises(
        BadInputError, match=rf"pipeline\.json: {declared['tables'][table]['job']} is after another_job"
    ):
        pipeline.chain(declared)


def test_only_the_last_job_publishes():
    declared = {**pipeline.DECLARED, "publisher": "customer_trusted_to_curated"}
    with pytest.raises(BadInputError, match="the last job is machine_learning_curated"):
        pipeline.chain(declared)
    assert [table for table in pipeline.WRITTEN if pipeline.publishes(table)] == [pipeline.WRITTEN[-1]]


@pytest.mark.parametrize("query", ["rows_per_table", "runs_per_table"])
def test_saved_queries_that_list_the_tables_list_all_of_them(query):
    sql = (REPOSITORY / "terraform" / "modules" / "query" / "queries" / f"{query}.sql").read_text()
    landing = [name for name, table in pipeline.TABLES.items() if table["zone"] == "landing"]
    expected = {*pipeline.WRITTEN, *(landing if query == "rows_per_table" else [])}
    assert {table for table in pipeline.TABLES if f"'{table}'" in sql} == expected


def test_a_job_that_classifies_other_tables_than_declared_writes_nothing():
    job = Job(writes="customer_trusted", argv=["--database", "stedi_local", "--bucket", "lake"])
    rows = Mock()
    with pytest.raises(
        AuditError,
        match=r"classifies the rows of accelerometer_landing, but pipeline\.json declares customer_la",
    ):
        job.write(rows, classified={"accelerometer_landing": rows}, audit_inputs={})
    assert rows.mock_calls == []


def test_identities_are_those_of_tables_that_jobs_write():
    assert policies.IDENTITY_POLICY_OF_TABLE.keys() <= set(pipeline.WRITTEN)
