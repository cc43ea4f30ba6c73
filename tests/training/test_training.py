"""The example for data scientists and the snippets of docs/training.md, with an analyst's credentials and no others.

`make test-training` sets up their environment first.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from embedded_aws import spark as runtime
from lakehouse import aws
from tests.support.project import (
    AUDIT_TABLES,
    ICEBERG_TABLES,
    REPOSITORY,
    TRAINING_TABLES,
    Project,
    copy_of_project,
)

PYTHON = REPOSITORY / ".venv-training" / "bin" / "python"
EXAMPLE = REPOSITORY / "examples" / "train_step_detector"
SNIPPETS = re.findall(
    r"^(\w+)[^\n]*:\n\n```python\n(.*?)^```$",
    (REPOSITORY / "docs" / "training.md").read_text(encoding="utf-8"),
    re.MULTILINE | re.DOTALL,
)
TRAINED = "machine_learning_curated"
PERSONAL = [
    "customer_trusted",
    "customers_curated",
    "accelerometer_trusted",
    "step_trainer_trusted",
    "customer_landing",
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A lakehouse after a run on the generated sample, and an analyst."""
    if not PYTHON.exists():
        pytest.skip("the environment is not here: make test-training")
    project = copy_of_project(tmp_path_factory.mktemp("training") / "project")
    try:
        project.succeed("run")
        project.succeed("analyst")
        yield project
    finally:
        project.lakehouse("down")


@pytest.fixture(scope="module")
def analyst(project: Project) -> dict[str, str]:
    """The environment of a shell with analyst.env and no key of the operator."""
    script = "set -a; source build/local/analyst.env; env -0"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STEDI_", "PYICEBERG_"))}
    done = subprocess.run(
        ["bash", "-c", script], cwd=project.root, env=clean, capture_output=True, text=True, check=True
    )
    variables = dict(line.split("=", 1) for line in done.stdout.split("\0") if "=" in line)
    root = project.environment()
    assert root["AWS_SECRET_ACCESS_KEY"] not in variables.values()
    return aws.only({name: value for name, value in variables.items() if name.startswith("AWS_")}, variables)


def run(
    analyst: dict[str, str], *arguments: str, python: Path = PYTHON, check: bool = True
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(python), *arguments], env=analyst, capture_output=True, text=True, timeout=600, check=False
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def trained(analyst: dict[str, str], out: Path, *options: str) -> dict[str, Any]:
    run(analyst, str(EXAMPLE / "train.py"), "--out", str(out), *options)
    result: dict[str, Any] = json.loads((out / "scores.json").read_text())
    return result


@pytest.fixture(scope="module")
def current(analyst: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the scores and plots of the current tables."""
    out = tmp_path_factory.mktemp("current")
    trained(analyst, out)
    return out


def test_the_model_beats_chance_and_the_baseline_on_unseen_subjects(project: Project, current: Path) -> None:
    result = json.loads((current / "scores.json").read_text())
    assert result["rows"] == project.report()["tables"]["machine_learning_curated"]
    assert result["has_label"]
    assert min(result["subjects"].values()) > 20
    model, baseline = result["scores"]["model"], result["scores"]["baseline"]
    assert model["roc_auc"][1] > 0.9, "the lower end of the interval"
    assert model["average_precision"][1] > baseline["average_precision"][2]
    assert baseline["roc_auc"][1] > 0.5
    assert {path.name for path in current.iterdir()} == {"scores.json", "curves.png", "walk.png"}


def test_nothing_is_learnt_from_shuffled_labels(analyst: dict[str, str], tmp_path: Path) -> None:
    scores = trained(analyst, tmp_path, "--shuffle")["scores"]
    for name in ("baseline", "model"):
        _, low, high = scores[name]["roc_auc"]
        assert low - 0.03 < 0.5 < high + 0.03
        assert high < 0.65


def test_both_clients_give_the_same_by_the_tag_of_the_run(
    project: Project, analyst: dict[str, str], current: Path, tmp_path: Path
) -> None:
    tag = f"run_{project.report()['run_id']}"
    results = [
        trained(analyst, tmp_path / client, "--client", client, "--tag", tag) for client in ("pyiceberg", "awswrangler")
    ]
    assert results[0] == results[1] == json.loads((current / "scores.json").read_text())
    refused = run(analyst, str(EXAMPLE / "train.py"), "--tag", "run_none", check=False)
    assert refused.returncode == 1
    assert "machine_learning_curated has no tag run_none" in refused.stderr


def test_without_an_analyst_the_example_says_what_to_run() -> None:
    if not PYTHON.exists():
        pytest.skip("the environment is not here: make test-training")
    refused = run(aws.only({}, {"PATH": os.environ["PATH"]}), str(EXAMPLE / "train.py"), check=False)
    assert refused.stderr.strip() == (
        "The analyst's variables are missing. Run: make analyst; source build/local/analyst.env"
    )


def test_the_notebook_runs_from_top_to_bottom(analyst: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "run.ipynb"
    code = (
        "import nbformat, sys; from nbclient import NotebookClient\n"
        "notebook = nbformat.read(sys.argv[1], 4)\n"
        "NotebookClient(notebook, timeout=300, resources={'metadata': {'path': sys.argv[2]}}).execute()\n"
        "nbformat.write(notebook, sys.argv[3])\n"
    )
    run(analyst, "-c", code, str(EXAMPLE / "notebook.ipynb"), str(EXAMPLE), str(out))
    text = out.read_text()
    assert text.count('"image/png"') == 2
    assert "A step can be told from the sensors" in text
    assert "A step cannot be told from the sensors, no signal" in text


def test_the_notebook_is_stored_without_output() -> None:
    cells = json.loads((EXAMPLE / "notebook.ipynb").read_text())["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


def test_public_data_has_no_signal(analyst: dict[str, str], tmp_path: Path) -> None:
    """Its shape: no label, evenly spread distances, movements out of a few different ones, few moments a subject."""
    code = f"""
import sys; sys.path.insert(0, {str(EXAMPLE)!r})
import numpy as np, pandas as pd, train
random, people, count = np.random.default_rng(1), 1_200, 1_200 * 10
rows = pd.DataFrame({{"serialnumber": [f"S{{n % people}}" for n in range(count)], "subjectkey": None,
    "sensorreadingtime": [10_000 * (n // people) for n in range(count)],
    "distancefromobject": random.integers(201, 301, count),
    **{{axis: random.integers(-1, 2, count).astype(float) for axis in "xyz"}}}})
subjects = [f"S{{n}}" for n in range(people)]
split = pd.DataFrame({{"subject": subjects, "split": ["train", "train", "validation", "test"] * (people // 4)}})
steps = pd.DataFrame({{"subject": pd.Series(dtype=str), "steptime": pd.Series(dtype="int64")}})
question = train.prepare({{"machine_learning_curated": rows, "training_split": split, "training_steps": steps}})
print(train.verdict(question, train.train(question)))
"""
    said = run(analyst, "-c", code).stdout
    assert said.startswith("There is no label. Whether the distance is shorter than usual cannot be told")
    assert "no signal" in said


def test_the_card_is_for_the_analyst_and_names_nobody(project: Project, analyst: dict[str, str]) -> None:
    code = (
        "import boto3, os\n"
        "key = {'Bucket': os.environ['STEDI_BUCKET'], 'Key': 'training/dataset_card.md'}\n"
        "print(boto3.client('s3').get_object(**key)['Body'].read().decode())"
    )
    card = run(analyst, "-c", code).stdout
    report = project.report()
    assert f"tag `run_{report['run_id']}`" in card
    assert f"{report['tables']['machine_learning_curated']:,} rows" in card
    assert card.strip() == (project.root / "build/local/dataset_card.md").read_text().strip()
    people = project.table("customer_trusted").to_pydict()
    personal = {str(value) for name in ("email", "customername", "phone", "serialnumber") for value in people[name]}
    assert len(personal) > 500
    assert [value for value in personal - {"None"} if value in card] == []


def test_there_is_a_snippet_for_each_client() -> None:
    assert [name for name, _ in SNIPPETS] == ["pandas", "Polars", "DuckDB", "awswrangler", "Athena", "Spark"]


@pytest.mark.parametrize(("client", "code"), SNIPPETS)
def test_the_snippet_counts_the_rows_of_the_training_table(
    project: Project, analyst: dict[str, str], client: str, code: str
) -> None:
    said = run(of(client, analyst), "-c", code, python=python_of(client)).stdout
    assert said.split()[-1] == str(project.report()["tables"]["machine_learning_curated"])


@pytest.mark.parametrize("table", PERSONAL)
@pytest.mark.parametrize(("client", "code"), SNIPPETS)
def test_the_snippet_reads_no_other_table(analyst: dict[str, str], client: str, code: str, table: str) -> None:
    if client == "Spark" and table != PERSONAL[0]:
        pytest.skip("one start of Spark is enough")
    refused = run(
        of(client, analyst),
        "-c",
        code.replace("machine_learning_curated", table),
        python=python_of(client),
        check=False,
    )
    said = refused.stdout + refused.stderr
    assert refused.returncode != 0, said
    assert re.search("not authorized|AccessDenied|Forbidden|Query did not finish successfully", said), said


CLIENTS = {
    PYTHON: ["boto3", "awswrangler", "pyiceberg", "pandas", "Polars"],
    REPOSITORY / ".venv" / "bin" / "python": ["PyAthena", "DuckDB"],
}
DENIED = re.compile("not authorized|AccessDenied|Access Denied|Forbidden|ACCESS_DENIED|denied|403", re.IGNORECASE)


@pytest.fixture(scope="module")
def outcomes(project: Project, analyst: dict[str, str]) -> dict[str, dict[str, dict[str, str]]]:
    """What each client reads as the analyst, by client, kind and target: "read", or the error."""
    env, s3 = project.environment(), project.client("s3")
    bucket, database, audit = env["STEDI_BUCKET"], env["STEDI_DATABASE"], env["STEDI_AUDIT_DATABASE"]
    project.succeed("query", SQL="SELECT email FROM customer_trusted LIMIT 1")
    athena, logs = project.client("athena"), project.client("logs")
    (query, *_) = athena.list_query_executions(WorkGroup=env["STEDI_WORKGROUP"])["QueryExecutionIds"]
    result = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["ResultConfiguration"]
    streams = [
        [group["logGroupName"], stream["logStreamName"]]
        for group in logs.describe_log_groups()["logGroups"]
        for stream in logs.describe_log_streams(logGroupName=group["logGroupName"])["logStreams"]
    ]
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    landing = next(key for key in keys if key.startswith("customer/landing/"))
    people = [file["file_path"] for file in project.iceberg("customer_trusted").inspect.data_files().to_pylist()]
    training = [file["file_path"] for file in project.iceberg(TRAINED).inspect.data_files().to_pylist()]
    wanted = {
        "tables": [
            *([database, name] for name in [*ICEBERG_TABLES, *TRAINING_TABLES]),
            *([audit, name] for name in AUDIT_TABLES),
        ],
        "files": [training[0], people[0], f"s3://{bucket}/{landing}", result["OutputLocation"]],
        "prefixes": [f"s3://{bucket}/{prefix}/" for prefix in ("customer/landing", "athena-results", "quarantine")],
        "queries": [query],
        "workgroups": [env["STEDI_WORKGROUP"]],
        "logs": streams[:1],
        "secrets": [each["ARN"] for each in project.client("secretsmanager").list_secrets()["SecretList"]],
    }
    assert all(wanted.values()), wanted
    found: dict[str, dict[str, dict[str, str]]] = {}
    for python, clients in CLIENTS.items():
        done = subprocess.run(
            [str(python), str(REPOSITORY / "tests/training/attempts.py"), *clients],
            env=analyst,
            input=json.dumps(wanted),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found |= json.loads(done.stdout)
    return found


def test_each_client_reads_the_training_tables_and_nothing_else(
    project: Project, outcomes: dict[str, dict[str, dict[str, str]]]
) -> None:
    """Tables, audit database, landing zone, results of other queries, logs and secrets, through each client."""
    database = project.environment()["STEDI_DATABASE"]
    assert outcomes.keys() == {client for clients in CLIENTS.values() for client in clients}
    allowed = {f"{database} {name}" for name in [TRAINED, *TRAINING_TABLES]}
    wrong = []
    for client, kinds in outcomes.items():
        assert len(kinds["tables"]) == len([*ICEBERG_TABLES, *TRAINING_TABLES, *AUDIT_TABLES]), client
        for kind, targets in kinds.items():
            for target, said in targets.items():
                may = target in allowed or (kind == "files" and f"/{TRAINED}/" in target)
                if (said != "read") if may else (said == "read" or not DENIED.search(said)):
                    wrong.append(f"{client}, {kind}, {target}: {said}")
    assert wrong == []


def python_of(client: str) -> Path:
    return REPOSITORY / ".venv" / "bin" / "python" if client == "Spark" else PYTHON


def of(client: str, analyst: dict[str, str]) -> dict[str, str]:
    """Return the environment of a snippet: Spark needs Java and the Iceberg runtime."""
    if client != "Spark":
        return analyst
    submit = f"--driver-class-path {runtime.iceberg_jar()} --conf spark.ui.enabled=false pyspark-shell"
    return analyst | {
        "JAVA_HOME": str(runtime.java_home()),
        "PYSPARK_SUBMIT_ARGS": submit,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
