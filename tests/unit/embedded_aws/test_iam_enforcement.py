"""How policies are evaluated; tests/integration/test_iam_enforced.py runs the whole lakehouse with them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from moto.iam.models import IAMBackend

from embedded_aws.iam_enforcement import Need, Policy, _is_for_people, is_allowed


def allowed(need: Need, *statements: dict[str, Any]) -> bool:
    return is_allowed([Policy(json.dumps({"Statement": list(statements)}))], need)


def statement(action: Any, resource: Any, effect: str = "Allow", **condition: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, "Condition": condition}


@pytest.mark.parametrize(
    ("pattern", "resource", "matches"),
    [
        ("arn:aws:s3:::lake/a/*", "arn:aws:s3:::lake/a/b/c", True),
        ("arn:aws:s3:::lake/a/*", "arn:aws:s3:::lake/ab", False),
        ("arn:aws:s3:::lake", "arn:aws:s3:::lake/a", False),
        ("arn:aws:s3:::la.e", "arn:aws:s3:::lake", False),
        ("arn:aws:s3:::la?e", "arn:aws:s3:::lake", True),
        ("arn:aws:s3:::LAKE", "arn:aws:s3:::lake", False),
        ("*", "arn:aws:s3:::lake", True),
    ],
)
def test_resource_patterns(pattern: str, resource: str, matches: bool) -> None:
    assert allowed(Need("s3:GetObject", resource), statement("s3:GetObject", [pattern])) is matches


def test_actions_ignore_case_and_take_wildcards() -> None:
    need = Need("s3:GetObject", "r")
    assert allowed(need, statement("s3:getobject", "r"))
    assert allowed(need, statement(["s3:Put*", "s3:Get*"], "r"))
    assert not allowed(need, statement("s3:Put*", "r"))


def test_an_action_is_denied_by_default() -> None:
    assert not is_allowed([], Need("s3:GetObject", "r"))


def test_an_explicit_deny_overrides_an_allow() -> None:
    need = Need("s3:GetObject", "r")
    assert not allowed(need, statement("*", "*"), statement("s3:GetObject", "r", "Deny"))
    assert allowed(need, statement("*", "*"), statement("s3:GetObject", "other", "Deny"))


@pytest.mark.parametrize(
    ("operator", "prefix", "holds"),
    [
        ("StringLike", "a/b", True),
        ("StringLike", "b", False),
        ("StringLike", None, False),
        ("StringLikeIfExists", "b", False),
        ("StringLikeIfExists", None, True),
        ("StringEquals", "a/*", True),
        ("StringEquals", "a/b", False),
    ],
)
def test_conditions(operator: str, prefix: str | None, holds: bool) -> None:
    need = Need("s3:ListBucket", "lake", {} if prefix is None else {"s3:prefix": prefix})
    assert allowed(need, statement("s3:ListBucket", "lake", **{operator: {"s3:prefix": ["a/*"]}})) is holds


def test_an_unsupported_element_is_an_error() -> None:
    need = Need("s3:GetObject", "r")
    with pytest.raises(NotImplementedError, match="DateLessThan"):
        allowed(need, statement("s3:GetObject", "r", DateLessThan={"aws:CurrentTime": "2027-01-01T00:00:00Z"}))
    with pytest.raises(NotImplementedError, match="NotAction"):
        allowed(need, {"Effect": "Allow", "NotAction": "s3:GetObject", "Resource": "*"})


@pytest.mark.parametrize(
    ("principal", "enforced"),
    [
        ({"AWS": "arn:aws:iam::123456789012:root"}, True),
        ({"AWS": ["arn:aws:iam::123456789012:user/ann"], "Service": "glue.amazonaws.com"}, True),
        ("*", True),
        ({"Service": "glue.amazonaws.com"}, False),
    ],
)
def test_roles_of_people_are_subject_to_iam_and_roles_of_services_are_not(principal: Any, enforced: bool) -> None:
    trust = {"Statement": {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}}
    iam = IAMBackend("us-east-1", "123456789012")
    role = iam.create_role("someone", json.dumps(trust), "/", None, "", [], "3600")
    assert _is_for_people(iam, role.arn) is enforced
    iam.delete_role("someone")
    assert _is_for_people(iam, role.arn), "a session that outlives its role may do nothing"
