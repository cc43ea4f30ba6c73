"""What moto 5.2.5 lacks of the operations that Terraform calls.

To be deleted piece by piece as moto gains them: tests/unit/sandbox/test_moto_gaps.py fails when it does.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, Response, request
from moto.athena.responses import AthenaResponse
from moto.budgets.exceptions import NotFoundException
from moto.budgets.models import Budget
from moto.budgets.responses import BudgetsResponse
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.core.utils import unix_time, utcnow
from moto.glue.exceptions import AlreadyExistsException, EntityNotFoundException, InvalidInputException
from moto.glue.models import FakeConnection, FakeJob
from moto.glue.responses import GlueResponse
from moto.glue.utils import Action, Predicate
from moto.iam.access_control import PermissionResult
from werkzeug.exceptions import HTTPException

from embedded_aws.iam_enforcement import Need, Policy, as_list

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logging.getLogger(__name__)

# By response class of moto: the operations, in moto's spelling, that it lacks and that are filled here.
FILLED: Final = {
    GlueResponse: [
        "update_job",
        "update_trigger",
        "update_connection",
        "delete_connection",
        "create_table_optimizer",
        "get_table_optimizer",
        "update_table_optimizer",
        "delete_table_optimizer",
    ],
    AthenaResponse: ["update_work_group", "delete_named_query"],
    BudgetsResponse: [
        "update_budget",
        "describe_subscribers_for_notification",
        "list_tags_for_resource",
        "tag_resource",
        "untag_resource",
    ],
}


class GlueGaps(GlueResponse):
    """UpdateJob, UpdateTrigger, UpdateConnection and DeleteConnection; connections with all that they were given.

    UpdateTable with the version that it is for. And the table optimizers' operations: they are kept, as a table's
    settings, and optimize nothing.
    """

    def update_job(self) -> ActionResult:
        """Replace the whole definition of a job, as Glue does; its runs and tags stay."""
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
        """Replace the whole definition of a connection, as Glue does; its name and tags stay."""
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
        """Answer with all that the connection was given: moto leaves out its type."""
        answer: dict[str, Any] = super().get_connection().result  # type: ignore[assignment]
        return ActionResult({"Connection": _whole(answer["Connection"])})

    def get_connections(self) -> ActionResult:
        """Answer with all that the connections were given: moto leaves out their types."""
        answer: dict[str, Any] = super().get_connections().result  # type: ignore[assignment]
        return ActionResult(answer | {"ConnectionList": [_whole(each) for each in answer["ConnectionList"]]})

    def update_table(self) -> ActionResult:
        """Refuse an update of another version than the current one, and archive the old version only where asked to."""
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
        """Give a table an optimizer of a type that it has none of."""
        optimizers, kind = self._table_optimizers(), self.parameters["Type"]
        if kind in optimizers:
            raise AlreadyExistsException(f"Table optimizer {kind}")
        optimizers[kind] = self.parameters["TableOptimizerConfiguration"]
        return ActionResult({})

    def get_table_optimizer(self) -> ActionResult:
        """Answer with an optimizer's configuration, as it was given."""
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
        """Take an optimizer from its table."""
        self._table_optimizer()
        del self._table_optimizers()[self.parameters["Type"]]
        return ActionResult({})

    def _table_optimizers(self) -> dict[str, Any]:
        """Return the configurations of the table's optimizers by their type; they go when the table goes."""
        table = self.glue_backend.get_table(self.parameters["DatabaseName"], self.parameters["TableName"])
        optimizers: dict[str, Any] = vars(table).setdefault("optimizers", {})
        return optimizers

    def _table_optimizer(self) -> Any:
        """Return the configuration of the one that the request is about, or raise what Glue raises."""
        try:
            return self._table_optimizers()[self.parameters["Type"]]
        except KeyError:
            raise EntityNotFoundException(f"The table has no {self.parameters['Type']} optimizer") from None


def _whole(connection: dict[str, Any]) -> dict[str, Any]:
    return {**connection["Connection"], **connection}


class AthenaGaps(AthenaResponse):
    """UpdateWorkGroup, DeleteNamedQuery, and errors that moto answers with a 500."""

    def update_work_group(self) -> str:
        """Apply an update to a workgroup."""
        group = self.athena_backend.work_groups.get(self._get_param("WorkGroup"))
        if not group:
            raise _invalid(f"WorkGroup {self._get_param('WorkGroup')} is not found.")
        group.description = self._get_param("Description", group.description)
        group.state = self._get_param("State", group.state)
        group.configuration = updated_configuration(group.configuration, self._get_param("ConfigurationUpdates", {}))
        return "{}"

    def delete_named_query(self) -> str:
        """Delete a named query; one that is gone is no error, since a client repeats a call whose answer it lost."""
        self.athena_backend.named_queries.pop(self._get_param("NamedQueryId"), None)
        return "{}"

    def get_named_query(self) -> str:
        """Answer as Athena does for a query that is gone: moto fails on it."""
        if not self.athena_backend.get_named_query(self._get_param("NamedQueryId")):
            raise _invalid(f"NamedQuery {self._get_param('NamedQueryId')} was not found.")
        return super().get_named_query()

    def list_tags_for_resource(self) -> tuple[str, dict[str, int]] | str:
        """Answer an empty list for a resource without tags: moto says that it does not exist."""
        tags = self.athena_backend.list_tags_for_resource(self._get_param("ResourceARN"))
        return json.dumps(tags or {"Tags": []})


class BudgetsGaps(BudgetsResponse):
    """UpdateBudget, the subscribers of a notification, and the tags of a budget."""

    def create_budget(self) -> str:
        """Keep the tags too, which moto drops."""
        answer = super().create_budget()
        vars(self._budget(self._get_param("Budget")["BudgetName"]))["tags"] = self._get_param("ResourceTags", [])
        return answer

    def update_budget(self) -> str:
        """Replace what a budget counts and how much it allows; notifications and tags stay."""
        new = self._get_param("NewBudget")
        old = self._budget(new["BudgetName"])
        old.budget = {"TimePeriod": old.budget["TimePeriod"], **new, "LastUpdatedTime": unix_time()}
        return "{}"

    def describe_subscribers_for_notification(self) -> str:
        """Answer with those whom a notification tells."""
        wanted = self._get_param("Notification")
        for notification in self._budget(self._get_param("BudgetName")).notifications:
            if notification.details == wanted:
                return json.dumps({"Subscribers": notification.subscribers})
        raise NotFoundException("Unable to get subscribers: the notification doesn't exist.")

    def list_tags_for_resource(self) -> str:
        """Answer with the tags of a budget."""
        return json.dumps({"ResourceTags": self._tags()})

    def tag_resource(self) -> str:
        """Add tags to a budget, in the place of those with the same keys."""
        new = self._get_param("ResourceTags")
        kept = self._without({tag["Key"] for tag in new})
        self._tags()[:] = [*kept, *new]
        return "{}"

    def untag_resource(self) -> str:
        """Take tags from a budget."""
        self._tags()[:] = self._without(set(self._get_param("ResourceTagKeys")))
        return "{}"

    def _without(self, keys: set[str]) -> list[dict[str, str]]:
        return [tag for tag in self._tags() if tag["Key"] not in keys]

    def _tags(self) -> list[dict[str, str]]:
        """Return the tags of the budget whose ARN the request names."""
        budget = self._budget(self._get_param("ResourceARN").partition(":budget/")[2])
        tags: list[dict[str, str]] = vars(budget).setdefault("tags", [])
        return tags

    def _budget(self, name: str) -> Budget:
        budgets = self.backend.budgets[self.current_account]
        if name not in budgets:
            raise NotFoundException(f"Unable to get budget: {name} - the budget doesn't exist.")
        return budgets[name]


def updated_configuration(configuration: dict[str, Any], updates: dict[str, Any]) -> dict[str, Any]:
    """Return an Athena workgroup's configuration after `ConfigurationUpdates`.

    `RemoveX: true` takes X away, `XUpdates` applies to the structure X, anything else replaces.
    """
    new = dict(configuration)
    for key, value in updates.items():
        if key.startswith("Remove"):
            if value:
                new.pop(key.removeprefix("Remove"), None)
        elif key.endswith("Updates"):
            name = key.removesuffix("Updates")
            new[name] = updated_configuration(new.get(name, {}), value)
        else:
            new[key] = value
    return new


def fill_models(service: str) -> None:
    """Fill the models of a service that is about to be served: importing all of them at once would take seconds."""
    if service == "ec2":
        _keep_rule_descriptions()
    elif service in ("s3", "s3bucket_path"):
        _let_delete_markers_go()
        _heed_conditions_of_bucket_policies()


def _keep_rule_descriptions() -> None:
    """Make a rule whose peer is a security group or a prefix list keep its description, as one of a CIDR block does."""
    from moto.ec2.models import security_groups  # noqa: PLC0415

    class Rule(security_groups.SecurityGroupRule):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            block_group_or_prefix_list = arguments[5:]
            self._peer: dict[str, str] = next(filter(None, block_group_or_prefix_list), {})

        @property
        def description(self) -> str | None:
            return super().description or self._peer.get("Description")

    security_groups.SecurityGroupRule = Rule  # type: ignore[misc]


def _let_delete_markers_go() -> None:
    """Let a key with delete markers be removed from a bucket with suspended versioning: moto fails on the marker."""
    from moto.s3.models import FakeDeleteMarker  # noqa: PLC0415

    FakeDeleteMarker.dispose = lambda _: None  # type: ignore[attr-defined]


# Loopback counts as a secure transport, as it does for a browser (W3C, Secure Contexts): there is no wire to tap. So a
# policy that refuses plain HTTP can stay where it is, and lets pass what it has to.
_TRANSPORT: Final = {"aws:SecureTransport": "true"}


def _heed_conditions_of_bucket_policies() -> None:
    """Make a bucket policy's statement apply where its condition holds: moto's Deny applies in any case."""
    from moto.s3.models import FakeBucket  # noqa: PLC0415

    def get_permission(bucket: FakeBucket, action: str, resource: str) -> PermissionResult:
        return permission(bucket.policy, Need(action, resource, _TRANSPORT))

    FakeBucket.get_permission = get_permission  # type: ignore[method-assign,assignment]


def permission(policy: bytes | None, need: Need) -> PermissionResult:
    """Return what a bucket policy says to everybody; what it says to single principals is left aside, as moto does."""
    if policy is None:
        return PermissionResult.NEUTRAL
    document = json.loads(policy)
    to_all = [each for each in as_list(document["Statement"]) if each["Principal"] in ("*", {"AWS": "*"})]
    effects = set(Policy(json.dumps({"Statement": to_all})).effects(need))
    for effect in (PermissionResult.DENIED, PermissionResult.PERMITTED):
        if effect in effects:
            return effect
    return PermissionResult.NEUTRAL


def answer_failures_once(app: Flask) -> Flask:
    """Make an app answer 501 where moto lacks an operation or fails in it.

    Clients repeat a 500 for minutes, Terraform for ten; a 501 they report at once.
    """
    app.register_error_handler(Exception, _failure)
    return app


def answer_one_at_a_time(app: Flask) -> Flask:
    """Make an app, which serves one service, handle one request after the other.

    moto's backends are no place for two threads: listing a bucket while Terraform empties it fails now and then.
    """
    handle, lock = app.wsgi_app, threading.Lock()

    def serialized(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with lock:
            return handle(environ, start_response)

    app.wsgi_app = serialized  # type: ignore[method-assign] # as Flask documents it for middleware
    return app


def _failure(error: Exception) -> Response | HTTPException:
    if isinstance(error, HTTPException):
        return error
    what = request.headers.get("X-Amz-Target") or request.values.get("Action") or f"{request.method} {request.path}"
    if isinstance(error, NotImplementedError):
        message = f"The embedded AWS lacks {what}: {error}"
        log.warning("%s", message)
    else:
        message = f"The embedded AWS failed in {what}: {error!r}"
        log.exception("%s", message, exc_info=error)
    if "json" in request.headers.get("Content-Type", ""):
        body = json.dumps({"__type": "NotImplementedException", "message": message})
        return Response(body, 501, content_type="application/x-amz-json-1.1")
    escaped = message.replace("&", "&amp;").replace("<", "&lt;")
    error_element = f"<Error><Code>NotImplemented</Code><Message>{escaped}</Message></Error>"
    wrapped = error_element if request.method != "POST" else f"<ErrorResponse>{error_element}</ErrorResponse>"
    return Response(wrapped, 501, content_type="application/xml")


def _invalid(message: str) -> JsonRESTError:
    return JsonRESTError("InvalidRequestException", message)
