"""What moto lacks of EventBridge: Glue workflows as targets of a rule."""

from __future__ import annotations

import copy
import logging
from typing import Any

from moto.events.models import Rule
from moto.glue.models import glue_backends
from moto.utilities.arns import parse_arn

log = logging.getLogger(__name__)


def install() -> None:
    """Install the fix in moto's models."""
    notify_workflows()


def notify_workflows() -> None:
    """Send the events that a rule selects to the workflows among its targets: moto fails on them.

    moto ignores every error of a delivery, as S3 does; the log names those of a workflow.
    """
    send_to_others = Rule.send_to_targets

    def send_to_targets(rule: Rule, event: Any, transform_input: bool = True) -> None:
        if rule.state == "DISABLED" or not rule.event_pattern.matches_event(event):
            return
        workflows = [target for target in rule.targets if ":workflow/" in target["Arn"]]
        for target in workflows:
            _notify(rule.name, target)
        others = copy.copy(rule)
        others.targets = [target for target in rule.targets if target not in workflows]
        send_to_others(others, event, transform_input)

    Rule.send_to_targets = send_to_targets  # type: ignore[method-assign,assignment]


def _notify(rule: str, target: dict[str, Any]) -> None:
    arn = parse_arn(target["Arn"])
    try:
        glue_backends[arn.account][arn.region].notify_event(arn.resource_id, target["RoleArn"])  # type: ignore[attr-defined] # ours
    except Exception:
        log.exception("The rule %s did not notify the workflow %s", rule, arn.resource_id)
        raise
