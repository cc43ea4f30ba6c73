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
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.glue.exceptions import InvalidInputException
from moto.glue.models import FakeConnection, FakeJob
from moto.glue.responses import GlueResponse
from moto.glue.utils import Action, Predicate
from werkzeug.exceptions import HTTPException

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logging.getLogger(__name__)

# By response class of moto: the operations, in moto's spelling, that it lacks and that are filled here.
FILLED: Final = {
    GlueResponse: ["update_job", "update_trigger", "update_connection", "delete_connection"],
    AthenaResponse: ["update_work_group", "delete_named_query"],
}


class GlueGaps(GlueResponse):
    """UpdateJob, UpdateTrigger, UpdateConnection and DeleteConnection; connections with all that they were given."""

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
