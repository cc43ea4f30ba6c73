"""Glue of the embedded AWS: moto's, with real job runs, a real workflow engine and real Iceberg tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, cast

import moto.glue.urls
from moto.core.responses import ActionResult
from moto.glue.exceptions import (
    ConcurrentRunsExceededException,
    EntityNotFoundException,
    GlueClientError,
    InvalidInputException,
    JobRunNotFoundException,
    TableAlreadyExistsException,
)
from moto.glue.models import FakeJob, FakeTable, FakeTrigger, GlueBackend
from moto.glue.utils import Action
from moto.utilities.paginator import paginate

from embedded_aws import iam_enforcement, workflow_engine
from embedded_aws.event_batches import EventBatches
from embedded_aws.iam_enforcement import Need
from embedded_aws.job_run import DEFAULT_TIMEOUT_MINUTES, JobRun, JobSpec
from embedded_aws.job_runtime import SECONDS_PER_MINUTE, JobRuntime
from embedded_aws.moto_gaps.glue import GlueGaps
from embedded_aws.workflow_engine import WorkflowEngine, WorkflowRun

_CAPACITY: Final = ("MaxCapacity", "NumberOfWorkers", "WorkerType")


class EmbeddedGlueBackend(GlueBackend):
    """Runs the jobs, triggers and workflows, and creates the Iceberg tables, that moto only stores."""

    runtime: ClassVar[JobRuntime]
    """Set by the server before the first backend is made."""

    _url_module = moto.glue.urls  # moto looks for it beside the class

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.engine = WorkflowEngine(self._start_action, self.runtime.stop)
        self._event_batches = EventBatches(self._start_by_events, self.runtime.seconds(1) / SECONDS_PER_MINUTE)

    # Jobs

    def start_run(
        self,
        job: FakeJob,
        arguments: Mapping[str, str] | None = None,
        *,
        timeout: int | None = None,
        capacity: Mapping[str, Any] | None = None,
        previous_run_id: str | None = None,
        trigger: FakeTrigger | None = None,
        workflow_run: WorkflowRun | None = None,
    ) -> JobRun:
        """Start a run of a job, or raise ConcurrentRunsExceededException."""
        active = [run for run in _runs(job) if not run.finished]
        if len(active) >= job.execution_property.get("MaxConcurrentRuns", 1):
            raise ConcurrentRunsExceededException(f"Concurrent runs exceeded for {job.name}")
        run = JobRun(
            spec=_spec(job),
            arguments={**job.default_arguments, **(arguments or {}), **(job.non_overridable_arguments or {})},
            timeout=timeout or job.timeout or DEFAULT_TIMEOUT_MINUTES,
            previous_run_id=previous_run_id,
            trigger_name=trigger.name if trigger else None,
            workflow=(workflow_run.workflow_name, workflow_run.run_id) if workflow_run else None,
            predecessors=workflow_engine.predecessors(trigger, workflow_run) if trigger and workflow_run else [],
            capacity=_capacity(job) | dict(capacity or {}),
        )
        self._launch(job, run, workflow_run)
        return run

    def _launch(self, job: FakeJob, run: JobRun, workflow_run: WorkflowRun | None) -> None:
        _runs(job).append(run)
        self.runtime.start(run, lambda ended: self._on_finished(job, ended, workflow_run))

    def _on_finished(self, job: FakeJob, run: JobRun, workflow_run: WorkflowRun | None) -> None:
        """Retry a failed run up to the job's MaxRetries, but not after a timeout; then advance the workflow."""
        if run.state == "FAILED" and run.attempt < run.spec.max_retries:
            again = run.next_attempt()
            if workflow_run:
                self.engine.started(workflow_run, again)
            self._launch(job, again, workflow_run)
        elif workflow_run:
            self.engine.advance(workflow_run)

    def find_job_run(self, job_name: str, run_id: str) -> JobRun:
        """Return a run of a job, or raise Glue's error."""
        for run in _runs(self.get_job(job_name)):
            if run.id == run_id:
                return run
        raise JobRunNotFoundException(run_id)

    def stop_job_run(self, job_name: str, run_id: str) -> None:
        """Stop a run of a job, or raise Glue's error."""
        run = self.find_job_run(job_name, run_id)
        if run.finished:
            raise InvalidInputException("BatchStopJobRun", f"Job run {run_id} is in state {run.state}.")
        self.runtime.stop(run)

    @paginate(pagination_model=GlueBackend.PAGINATION_MODEL)
    def get_job_runs(self, job_name: str) -> list[JobRun]:  # type: ignore[override]
        """Return the runs of a job, latest first."""
        return _runs(self.get_job(job_name))[::-1]

    # Triggers and workflows

    def start_trigger(self, name: str) -> None:
        """Activate a trigger; one of type ON_DEMAND starts its actions instead."""
        trigger = self.get_trigger(name)
        if trigger.trigger_type != "ON_DEMAND":
            trigger.start_trigger()
        elif trigger.workflow_name:
            self.start_workflow_run(trigger.workflow_name, None)
        else:
            for action in trigger.actions:
                self.start_run(self._job_of(action), action.arguments, timeout=action.timeout, trigger=trigger)  # type: ignore[arg-type]

    def start_workflow_run(
        self, workflow_name: str, properties: dict[str, str] | None, event_batch: dict[str, int] | None = None
    ) -> str:
        """Start a run of a workflow with its current triggers."""
        workflow = self.workflows.get(workflow_name)
        if not workflow:
            raise EntityNotFoundException(f"Workflow {workflow_name} not found.")
        triggers = [trigger for trigger in self.triggers.values() if trigger.workflow_name == workflow_name]
        return self.engine.start(workflow, triggers, properties, event_batch)

    def notify_event(self, workflow_name: str, role_arn: str) -> None:
        """Add an event of EventBridge, which acts in a role, to the batch of the workflow's start trigger.

        Raises:
            GlueClientError: IAM is enforced, and the role may not notify the workflow.

        """
        arn = f"arn:aws:glue:{self.region_name}:{self.account_id}:workflow/{workflow_name}"
        if message := iam_enforcement.denial_of_role(role_arn, [Need("glue:NotifyEvent", arn)]):
            raise GlueClientError("AccessDeniedException", message)
        for trigger in list(self.triggers.values()):
            waits = trigger.trigger_type == "EVENT" and trigger.state != "DEACTIVATED"
            if waits and trigger.workflow_name == workflow_name:
                self._event_batches.add(trigger)

    def _start_by_events(self, trigger: FakeTrigger, event_batch: dict[str, int]) -> None:
        self.start_workflow_run(trigger.workflow_name, None, event_batch)

    def stop_workflow_run(self, workflow_name: str, run_id: str) -> None:
        """Stop a run of a workflow."""
        self.engine.stop(workflow_engine.find_run(self.workflows.get(workflow_name), run_id))

    def _start_action(self, action: Action, trigger: FakeTrigger, run: WorkflowRun) -> JobRun:
        try:
            return self.start_run(
                self._job_of(action),
                action.arguments,  # type: ignore[arg-type] # moto's Action types every field as everything
                timeout=action.timeout,  # type: ignore[arg-type]
                trigger=trigger,
                workflow_run=run,
            )
        except (ConcurrentRunsExceededException, EntityNotFoundException) as error:
            name = str(action.job_name)
            failed = JobRun(
                JobSpec(name, "", ""), {}, trigger_name=trigger.name, workflow=(run.workflow_name, run.run_id)
            )
            failed.move_to("ERROR", error.message)
            return failed

    def _job_of(self, action: Action) -> FakeJob:
        return self.get_job(str(action.job_name))

    # Tables

    def create_table(
        self,
        database_name: str,
        table_name: str,
        table_input: dict[str, Any],
        open_table_format_input: dict[str, Any] | None = None,
    ) -> FakeTable:
        """Create a table in the catalog and, where requested, the Iceberg metadata in S3."""
        iceberg_input = (open_table_format_input or {}).get("IcebergInput")
        if iceberg_input is None:
            return super().create_table(database_name, table_name, table_input)
        if table_name in self.get_database(database_name).tables:
            raise TableAlreadyExistsException
        from embedded_aws import iceberg  # noqa: PLC0415 - half a second of imports that only tables need

        try:
            table_input = iceberg.create(table_input, iceberg_input.get("Version", "2"), self.runtime.client("s3"))
        except iceberg.UnsupportedTableError as error:
            raise InvalidInputException("CreateTable", str(error)) from error
        return super().create_table(database_name, table_name, table_input)


class EmbeddedGlueResponse(GlueGaps):
    """Parses requests and serializes the backend's results."""

    @property
    def backend(self) -> EmbeddedGlueBackend:
        """The backend of the request's account and region."""
        return cast("EmbeddedGlueBackend", self.glue_backend)

    def start_job_run(self) -> ActionResult:
        """StartJobRun."""
        parameters = self.parameters
        capacity = {name: value for name, value in parameters.items() if name in _CAPACITY}
        run = self.backend.start_run(
            self.backend.get_job(parameters["JobName"]),
            parameters.get("Arguments"),
            timeout=parameters.get("Timeout"),
            capacity=capacity,
            previous_run_id=parameters.get("JobRunId"),
        )
        return ActionResult({"JobRunId": run.id})

    def get_job_run(self) -> ActionResult:
        """GetJobRun."""
        run = self.backend.find_job_run(self.parameters["JobName"], self.parameters["RunId"])
        return ActionResult({"JobRun": run.as_dict()})

    def batch_stop_job_run(self) -> ActionResult:
        """BatchStopJobRun."""
        name, stopped, errors = self.parameters["JobName"], [], []
        for run_id in self.parameters["JobRunIds"]:
            try:
                self.backend.stop_job_run(name, run_id)
                stopped.append({"JobName": name, "JobRunId": run_id})
            except GlueClientError as error:
                detail = {"ErrorCode": error.error_type, "ErrorMessage": error.message}
                errors.append({"JobName": name, "JobRunId": run_id, "ErrorDetail": detail})
        return ActionResult({"SuccessfulSubmissions": stopped, "Errors": errors})

    def get_workflow(self) -> ActionResult:
        """GetWorkflow, with the graph of the declared triggers if requested."""
        name = self.parameters["Name"]
        workflow = self.backend.get_workflow(name)
        if self.parameters.get("IncludeGraph"):
            triggers = [trigger for trigger in self.backend.triggers.values() if trigger.workflow_name == name]
            workflow["Graph"] = workflow_engine.graph(triggers, [])
        return ActionResult({"Workflow": workflow})

    def get_workflow_run(self) -> ActionResult:
        """GetWorkflowRun."""
        workflow = self.backend.workflows.get(self.parameters["Name"])
        run = workflow_engine.find_run(workflow, self.parameters["RunId"])
        return ActionResult({"Run": run.as_dict(include_graph=bool(self.parameters.get("IncludeGraph")))})


def _runs(job: FakeJob) -> list[JobRun]:
    """Return the list of a job's runs, which holds our JobRun in place of moto's."""
    return cast("list[JobRun]", job.job_runs)


def _spec(job: FakeJob) -> JobSpec:
    command: Any = job.command  # a structure, which moto types as a string
    return JobSpec(
        name=job.name,
        role=job.role,
        script_location=command["ScriptLocation"],
        glue_version=job.glue_version or "5.1",
        execution_class=job.execution_class,
        max_retries=job.max_retries or 0,
        security_configuration=job.security_configuration,
    )


def _capacity(job: FakeJob) -> dict[str, Any]:
    return dict(zip(_CAPACITY, (job.max_capacity, job.number_of_workers, job.worker_type), strict=True))
