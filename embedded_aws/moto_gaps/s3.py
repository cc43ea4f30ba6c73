"""What moto lacks of S3.

That is removal of delete markers, conditions of bucket policies, the word that EventBridge is on, and listings of
versions that do not copy all content.
"""

from __future__ import annotations

import json
from typing import Any, Final

from moto.core.responses import ActionResult
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey
from moto.s3.responses import S3Response

from embedded_aws.iam_enforcement import Need, Policy, as_list

# Loopback counts as a secure transport, as it does for a browser (W3C, Secure Contexts), since there is no wire to
# tap. So a policy that denies plain HTTP can stay in place and still allows these requests.
_TRANSPORT: Final = {"aws:SecureTransport": "true"}


def install() -> None:
    """Install the fixes in moto's models and responses."""
    allow_removal_of_delete_markers()
    evaluate_conditions_of_bucket_policies()
    tell_of_event_bridge()
    list_versions_without_their_content()


def allow_removal_of_delete_markers() -> None:
    """Allow the removal of a key with delete markers where versioning is suspended: moto fails on the marker."""
    FakeDeleteMarker.dispose = lambda _: None  # type: ignore[attr-defined]


def evaluate_conditions_of_bucket_policies() -> None:
    """Apply a statement of a bucket policy only where its condition holds: moto applies a Deny in any case."""

    def get_permission(bucket: FakeBucket, action: str, resource: str) -> PermissionResult:
        return permission(bucket.policy, Need(action, resource, _TRANSPORT))

    FakeBucket.get_permission = get_permission  # type: ignore[method-assign,assignment]


def tell_of_event_bridge() -> None:
    """Say in a bucket's notification configuration that EventBridge gets its events: moto keeps and omits it."""
    answer = S3Response.get_bucket_notification

    def get_bucket_notification(response: S3Response) -> Any:
        configuration = response.backend.get_bucket_notification_configuration(response.bucket_name)
        if configuration is not None and configuration.event_bridge is not None:
            serialize = response.serialized

            def serialized(result: ActionResult) -> Any:
                return serialize(ActionResult({**result.result, "EventBridgeConfiguration": {}}))  # type: ignore[dict-item]

            response.serialized = serialized  # type: ignore[method-assign,assignment]
        return answer(response)

    S3Response.get_bucket_notification = get_bucket_notification  # type: ignore[method-assign,assignment]


class _Listed(FakeKey):
    """A version in a listing. It shares the content of the stored one, so it does not dispose of it."""

    def dispose(self, garbage: bool = False) -> None:
        pass


def list_versions_without_their_content() -> None:
    """List versions without a copy of the content of the whole bucket, which moto makes for each page."""

    def listed(stored: FakeKey, _: dict[int, Any]) -> _Listed:
        with stored.lock:
            stored.etag  # noqa: B018 - it is read from the content, once
        made = object.__new__(_Listed)
        made.__dict__.update(stored.__dict__)
        return made

    FakeKey.__deepcopy__ = listed  # type: ignore[attr-defined]


def permission(policy: bytes | None, need: Need) -> PermissionResult:
    """Return the effect of a bucket policy's statements for all principals; others are ignored, as moto does."""
    if policy is None:
        return PermissionResult.NEUTRAL
    document = json.loads(policy)
    to_all = [each for each in as_list(document["Statement"]) if each["Principal"] in ("*", {"AWS": "*"})]
    effects = set(Policy(json.dumps({"Statement": to_all})).effects(need))
    for effect in (PermissionResult.DENIED, PermissionResult.PERMITTED):
        if effect in effects:
            return effect
    return PermissionResult.NEUTRAL
