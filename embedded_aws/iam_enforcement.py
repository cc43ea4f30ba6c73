"""Evaluates IAM policies as AWS does: for sessions of roles that people assume, and for all callers if asked to.

A role that names a principal of IAM in its trust policy, such as that of the analysts, is for people: its sessions may
do what its policies allow and nothing else. Everybody else, the jobs' roles included, is checked only where the server
was started with IAM enforcement: each of their requests would cost an evaluation.

authentication.py has verified the signature before, and moto 5.2.5 collects the policies of the identity. This module
makes the decision, because moto's own

- checks the resource `*` outside S3, so a policy for tables, workgroups or log groups would allow nothing,
- ignores the conditions of identity policies, so permission to list one prefix would list the whole bucket,
- checks the bucket instead of the keys of DeleteObjects, and does not check the source of a copy.

Not evaluated: permission boundaries, session policies, trust policies, grants of KMS keys, and the rule that a missing
key is a 403 to a caller without permission to list. GetTables and DeleteObjects are allowed or denied as a whole, where
AWS omits the tables and keys that the caller may not access. Bucket policies: see moto_gaps/s3.py.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import xmltodict  # type: ignore[import-untyped]
from moto import settings
from moto.athena.models import athena_backends
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.exceptions import JsonRESTError
from moto.iam import access_control
from moto.iam.access_control import IAMPolicy, IAMRequestBase, PermissionResult
from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend, iam_backends
from moto.s3.exceptions import BucketAccessDeniedError
from moto.secretsmanager.models import secretsmanager_backends
from moto.sts.models import sts_backends

from embedded_aws.connection import Credentials, EmbeddedAws

log = logging.getLogger(__name__)

_JSON_SERVICES: Final = frozenset({"athena", "glue", "logs", "secretsmanager"})
_CREDENTIAL: Final = re.compile(r"Credential=(\w+)/")
_ALLOW_ALL: Final = json.dumps({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


@dataclass(frozen=True)
class Need:
    """One permission that a request needs."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)
    """Condition keys that the request carries."""


class RootAccessKey:
    """The key of the account's root user, to which no identity policy applies.

    Terraform, the operator and Glue itself, which assumes the jobs' role, use it while IAM is enforced.
    """

    def __init__(self, account_id: str) -> None:
        self.arn = f"arn:aws:iam::{account_id}:root"

    def collect_policies(self) -> list[str]:
        """Return the policies of the identity."""
        return [_ALLOW_ALL]


class ServiceRole(access_control.AssumedRoleAccessKey):
    """A role that a service of AWS acts in, as an event rule does."""

    def __init__(self, arn: str) -> None:
        _, self.partition, _, _, self.account_id, name = arn.split(":", 5)
        self._owner_role_name = name.rpartition("/")[2]
        self._session_name = "service"


def install(credentials: Credentials, *, enforce: bool) -> None:
    """Make moto decide by this module if IAM is enforced; `credentials` become those of the root user."""
    find_key = access_control.create_access_key

    def create_access_key(account_id: str, partition: str, access_key_id: str, headers: dict[str, str]) -> Any:
        if access_key_id == credentials.access_key_id:
            return RootAccessKey(account_id)
        return find_key(account_id, partition, access_key_id, headers)

    settings.INITIAL_NO_AUTH_ACTION_COUNT = 0 if enforce else float("inf")
    access_control.create_access_key = create_access_key
    ActionAuthenticatorMixin._authenticate_and_authorize_action = _authorize  # type: ignore[method-assign,assignment]
    IAMRequestBase.check_signature = lambda _: None  # type: ignore[method-assign,assignment]
    IAMRequestBase.check_action_permitted = _check  # type: ignore[method-assign,assignment]


def _authorize(response: Any, request_class: type[IAMRequestBase], resource: str = "*") -> None:
    """Check a request if its caller is subject to IAM; moto's own decides by the number of requests so far."""
    access_key_id = _CREDENTIAL.search(response.headers.get("Authorization", ""))
    if not access_key_id or not _is_enforced(response.current_account, access_key_id[1]):
        return
    query = urlsplit(response.uri).query
    request = request_class(
        account_id=response.current_account,
        method=response.method,
        path=f"{response.raw_path}?{query}" if query else response.raw_path,
        data=response.data,
        body=response.raw_body,
        headers=response.headers,
        action=response._get_action(),
    )
    request.check_action_permitted(resource)


def _is_enforced(account_id: str, access_key_id: str) -> bool:
    """Tell whether IAM decides about a caller."""
    if settings.INITIAL_NO_AUTH_ACTION_COUNT == 0:
        return True
    session = sts_backends[account_id]["aws"].get_assumed_role_from_access_key(access_key_id)
    return session is not None and _is_for_people(iam_backends[account_id]["aws"], session.role_arn)


def _is_for_people(iam: IAMBackend, role_arn: str) -> bool:
    """Tell whether a role names a principal of IAM in its trust policy; one that was deleted is denied everything."""
    try:
        trust = json.loads(iam.get_role_by_arn(role_arn).assume_role_policy_document)
    except NotFoundException:
        return True
    principals = [statement.get("Principal", {}) for statement in as_list(trust.get("Statement", []))]
    return any(principal == "*" or "AWS" in principal for principal in principals)


def _check(request: IAMRequestBase, resource: str) -> None:
    """Raise the service's error unless the caller's policies allow everything that the request needs."""
    if request._action == "sts:GetCallerIdentity":  # AWS always allows it
        return
    if lacking := _lacking(request._access_key, _needs(request, resource)):
        _deny(request, lacking)


def denial(aws: EmbeddedAws, caller: Credentials, needs: Iterable[Need]) -> str | None:
    """Return AWS's message to a caller who lacks one of these permissions; None if none is lacking or enforced."""
    if not _is_enforced(aws.account_id, caller.access_key_id):
        return None
    headers = {"X-Amz-Security-Token": caller.session_token} if caller.session_token else {}
    return _denial(access_control.create_access_key(aws.account_id, "aws", caller.access_key_id, headers), needs)


def denial_of_role(arn: str, needs: Iterable[Need]) -> str | None:
    """Return the same for a service that acts in a role."""
    return _denial(ServiceRole(arn), needs) if settings.INITIAL_NO_AUTH_ACTION_COUNT == 0 else None


def _denial(key: Any, needs: Iterable[Need]) -> str | None:
    lacking = _lacking(key, needs)
    return _not_authorized(key.arn, lacking) if lacking else None


def _lacking(key: Any, needs: Iterable[Need]) -> Need | None:
    """Return the first need that the policies of an access key do not allow.

    The log records caller and action. It names no resource: an object key may contain personal data.
    """
    policies = [Policy(policy) for policy in key.collect_policies()]
    for need in needs:
        allowed = is_allowed(policies, need)
        log.info("%s %s: %s", "allowed" if allowed else "denied", need.action, key.arn)
        if not allowed:
            return need
    return None


def is_allowed(policies: Iterable[Policy], need: Need) -> bool:
    """Tell whether at least one statement allows and none denies."""
    effects = {effect for policy in policies for effect in policy.effects(need)}
    return effects == {PermissionResult.PERMITTED}


class Policy(IAMPolicy):
    """A policy document, in any of the forms that moto stores."""

    def effects(self, need: Need) -> Iterator[PermissionResult]:
        """Yield the effect of each statement that applies."""
        for statement in as_list(self._policy_json["Statement"]):
            if statement.keys() & {"NotAction", "NotResource"}:
                raise NotImplementedError("evaluation of NotAction and NotResource")
            if (
                any(_matches(pattern.lower(), need.action.lower()) for pattern in as_list(statement["Action"]))
                and any(_matches(pattern, need.resource) for pattern in as_list(statement["Resource"]))
                and _conditions_hold(statement.get("Condition", {}), need.context)
            ):
                allowed = statement["Effect"] == "Allow"
                yield PermissionResult.PERMITTED if allowed else PermissionResult.DENIED


def _conditions_hold(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    return all(
        _condition_holds(operator, as_list(wanted), context.get(key))
        for operator, tests in conditions.items()
        for key, wanted in tests.items()
    )


def _condition_holds(operator: str, wanted: list[str], value: str | None) -> bool:
    name = operator.removesuffix("IfExists")
    if name not in ("Bool", "StringEquals", "StringLike"):
        raise NotImplementedError(f"evaluation of the condition operator {operator}")
    if value is None:
        return name != operator
    return any(_matches(pattern, value) for pattern in wanted) if name == "StringLike" else value in wanted


def _needs(request: IAMRequestBase, resource: str) -> Iterable[Need]:
    """Return the permissions that a request needs; `resource` is moto's own choice."""
    service, _, operation = request._action.partition(":")
    if service == "s3":
        return _needs_of_s3(request, resource)
    resources: list[str] = []
    if service in _JSON_SERVICES:
        arn = f"arn:aws:{service}:{request._region}:{request.account_id}:"
        names = _NAMES[service](operation, json.loads(request._body or b"{}"), request)
        resources = [arn + name for name in names]
    return [Need(request._action, each) for each in resources or [resource]]


def _needs_of_s3(request: IAMRequestBase, resource: str) -> Iterator[Need]:
    url = urlsplit(request._path)
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    if request._method == "POST" and "delete" in query:
        for item in as_list(xmltodict.parse(request._body)["Delete"]["Object"]):
            yield Need(
                "s3:DeleteObjectVersion" if "VersionId" in item else "s3:DeleteObject", f"{resource}/{item['Key']}"
            )
        return
    yield Need(request._action, resource, {"s3:prefix": query["prefix"]} if "prefix" in query else {})
    if source := request._headers.get("x-amz-copy-source"):
        key, _, version = unquote(source).lstrip("/").partition("?versionId=")
        yield Need("s3:GetObjectVersion" if version else "s3:GetObject", f"arn:aws:s3:::{key}")


# These return the resources that a request needs, all of them, without the common prefix of the ARN. Empty, which means
# `*`, where AWS has no resource for the operation or no policy of the lakehouse names one.


def _names_in_glue(operation: str, parameters: Mapping[str, Any], _: IAMRequestBase) -> list[str]:
    name = parameters.get("Name")
    if operation == "GetDatabases":
        return ["catalog"]
    if operation in ("GetDatabase", "UpdateDatabase", "DeleteDatabase"):
        return ["catalog", f"database/{name}"]
    if database := parameters.get("DatabaseName"):
        table = parameters.get("TableName") or parameters.get("TableInput", {}).get("Name") or name or "*"
        return ["catalog", f"database/{database}", f"table/{database}/{table}"]
    if job := parameters.get("JobName"):
        return [f"job/{job}"]
    return [f"workflow/{name}"] if "Workflow" in operation and name else []


def _names_in_athena(operation: str, parameters: Mapping[str, Any], request: IAMRequestBase) -> list[str]:
    if operation == "GetDataCatalog" or "CatalogName" in parameters:
        return [f"datacatalog/{parameters.get('CatalogName') or parameters['Name']}"]
    backend = athena_backends[request.account_id][request._region]
    known: dict[str, Any] = {**backend.executions, **backend.named_queries}
    ids = [parameters[key] for key in ("QueryExecutionId", "NamedQueryId") if key in parameters]
    ids += parameters.get("QueryExecutionIds", []) + parameters.get("NamedQueryIds", [])
    groups = [known[each].workgroup.name for each in ids if each in known]
    if not ids and ("WorkGroup" in parameters or "WorkGroup" in operation or "Quer" in operation):
        groups = [parameters.get("WorkGroup") or parameters.get("Name") or "primary"]
    return [f"workgroup/{group}" for group in dict.fromkeys(groups)]


def _names_in_logs(_: str, parameters: Mapping[str, Any], __: IAMRequestBase) -> list[str]:
    group, stream = parameters.get("logGroupName"), parameters.get("logStreamName")
    return [f"log-group:{group}" + (f":log-stream:{stream}" if stream else "")] if group else []


def _names_in_secretsmanager(_: str, parameters: Mapping[str, Any], request: IAMRequestBase) -> list[str]:
    secret = secretsmanager_backends[request.account_id][request._region].secrets.get(parameters.get("SecretId", ""))
    return [str(secret.arn).split(":", 5)[5]] if secret else []


_NAMES: Final[Mapping[str, Callable[[str, Mapping[str, Any], IAMRequestBase], list[str]]]] = {
    "athena": _names_in_athena,
    "glue": _names_in_glue,
    "logs": _names_in_logs,
    "secretsmanager": _names_in_secretsmanager,
}


def _deny(request: IAMRequestBase, need: Need) -> None:
    """Raise the service's error with AWS's message: caller, action and resource."""
    message = _not_authorized(request._access_key.arn, need)
    service = need.action.partition(":")[0]
    if service == "s3":
        denied = BucketAccessDeniedError(bucket=need.resource.partition(":::")[2].partition("/")[0])
        denied.message = message
        raise denied
    if service in _JSON_SERVICES:
        raise JsonRESTError("AccessDeniedException", message)
    request._raise_access_denied()


def _not_authorized(caller: str, need: Need) -> str:
    return f"User: {caller} is not authorized to perform: {need.action} on resource: {need.resource}"


def _matches(pattern: str, value: str) -> bool:
    """Match as IAM does: `*` is any text including slashes, `?` any character, all else is literal."""
    parts = (".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern)
    return re.fullmatch("".join(parts), value, re.DOTALL) is not None


def as_list(value: Any) -> list[Any]:
    """Return the value as a list: policies and XML write a single item without one."""
    return value if isinstance(value, list) else [value]
