"""Continue a failed run from its failed job."""

from __future__ import annotations

from lakehouse import aws, card_copy, resumption
from lakehouse.commands.operation import exclusive, take_lease
from lakehouse.commands.pipeline_run import run_workflow
from lakehouse.environments import Environment
from lakehouse.errors import LakehouseError
from lakehouse.history import History
from lakehouse.run_facts import RunFacts
from lakehouse.run_ids import short


def rerun(environment: Environment, given: str) -> None:
    """Continue a failed run, by default the latest, with the inputs that it began with; else say what has changed."""
    with exclusive(environment, "make rerun") as lease:
        outputs = environment.terraform().outputs()
        take_lease(lease, outputs)
        session = aws.session(outputs.region)
        history = History.of(environment.project, session, outputs)
        run_id = history.find(given) if given else history.latest_of_workflow()
        attempts, run = history.attempts(run_id), history.run(run_id)
        resumption.refuse_what_cannot_continue(run_id, attempts, environment.option)
        first = resumption.first_step(attempts, run)
        if changed := resumption.changes(run, first, resumption.read_inputs(session, outputs, run_id)):
            heading = (
                f"The run {short(run_id)} cannot continue with {first}, since its inputs have changed. Nothing was "
                f"run. Run the whole pipeline: make run-pipeline{environment.option}"
            )
            raise LakehouseError("\n  ".join([heading, *changed]))
        commit = environment.project.commit()
        environment.display.say(f"Run {short(run_id)} continues with {first}")
        if run.commit and commit != run.commit:
            environment.display.say(f"Code: commit {commit or 'unknown'}; the jobs before it ran {run.commit}")
        facts = RunFacts(lease.owner, commit, str(run.data.get("name", "")), resumes=run_id, resumes_from=first)
        run_workflow(environment, outputs, None, lease, facts, described=facts.data or "as landed")
        card_copy.refresh(environment, outputs)
