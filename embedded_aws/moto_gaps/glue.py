"""What moto lacks of Glue: updates and deletions, the type of a connection, the version check, table optimizers."""

from __future__ import annotations

from typing import Any, Final

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.glue.exceptions import AlreadyExistsException, EntityNotFoundException, InvalidInputException
from moto.glue.models import FakeConnection, FakeJob
from moto.glue.responses import GlueResponse
from moto.glue.utils import Action, Predicate

ADDED: Final = [
    "update_job",
    "update_trigger",
    "update_connection",
    "delete_connection",
    "create_table_optimizer",
    "get_table_optimizer",
    "update_table_optimizer",
    "delete_table_optimizer",
]
"""Operations, in moto's spelling, that moto lacks."""


class GlueGaps(GlueResponse):
    """The operations that moto lacks or answers incompletely.

    Table optimizers are stored as settings of their table and optimize nothing.
    """

    def update_job(self) -> ActionResult:
        """Replace the whole definition of a job, as Glue does; runs and tags stay."""
        name, update = self.parameters["JobName"], self.parameters["JobUpdate"]
        job = self.glue_backend.get_job(name)
        new = FakeJob(
            name=name,
            role=update["Role"],
            command=update["Command"],
            description=update.get("Description"),
            log_uri=update.get("LogUri"),
            execution_property=update.get("ExecutionProperty"),
            default_arguments=update.get("DefaultArguments"),
            non_overridable_arguments=update.get("NonOverridableArguments"),
            connections=update.get("Connections"),
            max_retries=update.get("MaxRetries"),
            allocated_capacity=update.get("AllocatedCapacity"),
            timeout=update.get("Timeout"),
            max_capacity=update.get("MaxCapacity"),
            security_configuration=update.get("SecurityConfiguration"),
            tags={},
            notification_property=update.get("NotificationProperty"),
            glue_version=update.get("GlueVersion"),
            number_of_workers=update.get("NumberOfWorkers"),
            worker_type=update.get("WorkerType"),
            code_gen_configuration_nodes=update.get("CodeGenConfigurationNodes"),
            execution_class=update.get("ExecutionClass"),
            source_control_details=update.get("SourceControlDetails"),
            backend=self.glue_backend,
        )
        new.job_runs, new.created_on, new.last_modified_on = job.job_runs, job.created_on, utcnow()
        self.glue_backend.jobs[name] = new
        return ActionResult({"JobName": name})

    def update_trigger(self) -> ActionResult:
        """Replace the definition of a trigger, as Glue does; type, workflow, state and tags stay."""
        trigger, update = self.glue_backend.get_trigger(self.parameters["Name"]), self.parameters["TriggerUpdate"]
        if trigger.trigger_type == "CONDITIONAL" and not update.get("Predicate"):
            raise InvalidInputException("UpdateTrigger", "Predicate cannot be null or empty")
        trigger.description = update.get("Description")
        trigger.schedule = update.get("Schedule")
        trigger.actions = [Action(action) for action in update.get("Actions", [])]
        trigger.predicate = Predicate(update["Predicate"]) if update.get("Predicate") else None
        trigger.event_batching_condition = update.get("EventBatchingCondition")
        return ActionResult({"Trigger": trigger.as_dict()})

    def update_connection(self) -> ActionResult:
        """Replace the whole definition of a connection, as Glue does; name and tags stay."""
        name = self.parameters["Name"]
        old, update = self.glue_backend.get_connection("", name, ""), self.parameters["ConnectionInput"]
        new = FakeConnection(self.glue_backend, old.catalog_id, update | {"Name": name}, tags={})
        new.created_time = old.created_time
        self.glue_backend.connections[name] = new
        return ActionResult({})

    def delete_connection(self) -> ActionResult:
        """Delete a connection with its tags."""
        name = self.parameters["ConnectionName"]
        connection = self.glue_backend.get_connection("", name, "")
        del self.glue_backend.connections[name]
        self.glue_backend.tagger.delete_all_tags_for_resource(connection.arn)
        return ActionResult({})

    def get_connection(self) -> ActionResult:
        """Return all properties of a connection: moto omits its type."""
        answer: dict[str, Any] = super().get_connection().result  # type: ignore[assignment]
        return ActionResult({"Connection": _complete(answer["Connection"])})

    def get_connections(self) -> ActionResult:
        """Return all properties of the connections: moto omits their types."""
        answer: dict[str, Any] = super().get_connections().result  # type: ignore[assignment]
        return ActionResult(answer | {"ConnectionList": [_complete(each) for each in answer["ConnectionList"]]})

    def update_table(self) -> ActionResult:
        """Reject an update of any version but the current one, and skip the archive where the request says so."""
        table = self.glue_backend.get_table(self.parameters["DatabaseName"], self.parameters["TableInput"]["Name"])
        replaced = str(table._current_version)
        if self.parameters.get("VersionId", replaced) != replaced:
            raise JsonRESTError(
                "ConcurrentModificationException", "Update table failed due to concurrent modifications."
            )
        table.update(self.parameters["TableInput"])
        if self.parameters.get("SkipArchive"):
            table.delete_version(replaced)
        return ActionResult({})

    def create_table_optimizer(self) -> ActionResult:
        """Add an optimizer to a table that has none of this type."""
        optimizers, kind = self._table_optimizers(), self.parameters["Type"]
        if kind in optimizers:
            raise AlreadyExistsException(f"Table optimizer {kind}")
        optimizers[kind] = self.parameters["TableOptimizerConfiguration"]
        return ActionResult({})

    def get_table_optimizer(self) -> ActionResult:
        """Return the configuration of an optimizer, as it was set."""
        optimizer = {
            "type": self.parameters["Type"],
            "configuration": self._table_optimizer(),
            "configurationSource": "table",
        }
        names = {key: self.parameters[key] for key in ("CatalogId", "DatabaseName", "TableName")}
        return ActionResult(names | {"TableOptimizer": optimizer})

    def update_table_optimizer(self) -> ActionResult:
        """Replace the configuration of an optimizer."""
        self._table_optimizer()
        self._table_optimizers()[self.parameters["Type"]] = self.parameters["TableOptimizerConfiguration"]
        return ActionResult({})

    def delete_table_optimizer(self) -> ActionResult:
        """Remove an optimizer from its table."""
        self._table_optimizer()
        del self._table_optimizers()[self.parameters["Type"]]
        return ActionResult({})

    def _table_optimizers(self) -> dict[str, Any]:
        """Return the configurations of the table's optimizers by type; they are deleted with the table."""
        table = self.glue_backend.get_table(self.parameters["DatabaseName"], self.parameters["TableName"])
        optimizers: dict[str, Any] = vars(table).setdefault("optimizers", {})
        return optimizers

    def _table_optimizer(self) -> Any:
        """Return the configuration of the requested optimizer, or raise Glue's error."""
        try:
            return self._table_optimizers()[self.parameters["Type"]]
        except KeyError:
            raise EntityNotFoundException(f"The table has no {self.parameters['Type']} optimizer") from None


def _complete(connection: dict[str, Any]) -> dict[str, Any]:
    return {**connection["Connection"], **connection}
