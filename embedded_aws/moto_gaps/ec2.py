"""What moto lacks of EC2: the description of a security group rule without a CIDR block."""

from __future__ import annotations

from typing import Any

from moto.ec2.models import security_groups


class RuleWithDescription(security_groups.SecurityGroupRule):
    """A rule for a security group or a prefix list that keeps its description, as one for a CIDR block does."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        block_group_or_prefix_list = arguments[5:]
        self._peer: dict[str, str] = next(filter(None, block_group_or_prefix_list), {})

    @property
    def description(self) -> str | None:
        """The description of the rule."""
        return super().description or self._peer.get("Description")


def install() -> None:
    """Let moto make these rules."""
    security_groups.SecurityGroupRule = RuleWithDescription  # type: ignore[misc]
