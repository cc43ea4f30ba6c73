"""Make the report of a run, and open it."""

from __future__ import annotations

import json
import subprocess
import sys
import webbrowser
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from lakehouse import aws, private_files, reconciliation, run_folder, sample, tables
from lakehouse.environments import Environment
from lakehouse.errors import LakehouseError
from lakehouse.project import Project
from lakehouse.report import Report
from lakehouse.run_ids import matching, short
from lakehouse.terraform import Outputs
from lakehouse.workflow import Workflow

NAME = "report.html"
FACTS = "report.json"
RENDERER = Path(".venv-report", "bin", "python")
"""Python with plotly, which the Makefile sets up."""


def report(environment: Environment, run_id: str) -> None:
    """Write report.html into the folder of a run, by default the latest, and open it if there is a terminal."""
    project = environment.project
    renderer = project.root / RENDERER
    if not renderer.is_file():
        raise LakehouseError(f"There is no {RENDERER}, which draws the figures. Run: make report{environment.option}")
    with environment.connect(), environment.display.step("Report") as tell:
        source = collect(environment, run_id)
        page = source.with_name(NAME)
        command = [str(renderer), "-m", "lakehouse.run_report.render", str(source), str(page)]
        subprocess.run(command, cwd=project.root, check=True)
        tell(f"{page.stat().st_size / 1e6:.1f} MB")
    environment.display.say(f"Report: {page}")
    if sys.stdout.isatty():
        webbrowser.open(page.as_uri())


def collect(environment: Environment, run_id: str) -> Path:
    """Write the facts of a run, from which the page is made, into its folder, and return the file."""
    from lakehouse.run_report import facts  # noqa: PLC0415 - milliseconds that every command would take

    project, outputs = environment.project, environment.terraform().outputs()
    session = aws.session(outputs.region)
    run = _run(environment, outputs, session, run_id)
    found = facts.collect(session, outputs, run, project.root / "ddl", _sample(project))
    path = project.runs / str(run["run_id"]) / FACTS
    private_files.write(path, json.dumps(found, indent=1) + "\n")
    return path


def discard(project: Project) -> int:
    """Delete the reports of all runs, and return their number: they count rows that are erased now."""
    folders = {path.parent.resolve() for name in (NAME, FACTS) for path in project.runs.glob(f"*/{name}")}
    for folder in folders:
        for name in (NAME, FACTS):
            (folder / name).unlink(missing_ok=True)
    return len(folders)


def _run(environment: Environment, outputs: Outputs, session: boto3.Session, named: str) -> dict[str, Any]:
    """Return run.json of the run with this id, or one that starts with it; from Glue if this machine has none."""
    runs = environment.project.runs
    known = sorted(path.parent.name for path in runs.glob(f"*/{run_folder.REPORT}") if not path.parent.is_symlink())
    if named in ("", run_folder.LATEST):
        latest = runs / run_folder.LATEST / run_folder.REPORT
        if not latest.is_file():
            raise LakehouseError(
                f"This machine has followed no run of {environment.name}. Run: make run-pipeline{environment.option}, "
                f"or name a run of the workflow: make report{environment.option} RUN=wr_..."
            )
        return _read(latest)
    found = matching(known, named)
    if len(found) > 1:
        raise LakehouseError(f"RUN={named!r} is the beginning of {len(found)} runs: {', '.join(map(short, found))}.")
    if found:
        return _read(runs / found[0] / run_folder.REPORT)
    return _run_of_glue(environment, outputs, session, named)


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _run_of_glue(environment: Environment, outputs: Outputs, session: boto3.Session, run_id: str) -> dict[str, Any]:
    """Return what run.json would hold of a run that no command on this machine has followed."""
    workflow = Workflow(session.client("glue", config=aws.CONFIG), outputs, pause=environment.poll_seconds)
    try:
        state = workflow.read(run_id)
    except ClientError as error:
        raise LakehouseError(
            f"RUN={run_id!r} is no run of {environment.name}: neither in {environment.project.runs} nor in Glue. "
            f"No report was made. That of the last run: make report{environment.option}"
        ) from error
    if not state.ended:
        raise LakehouseError(f"The run {run_id} is still in progress. Make its report when it has ended.")
    published = tables.publications(session, outputs.database)
    profile, _ = workflow.deployed_policies()
    reconciled = reconciliation.of_run(session, outputs.audit_database, run_id)
    found = Report.of(state, profile, published, reconciled)
    found.write(environment.project.runs / run_id / run_folder.REPORT)
    return found.as_json()


def _sample(project: Project) -> Path | None:
    return project.sample if (project.sample / sample.EXPECTED).is_file() else None
