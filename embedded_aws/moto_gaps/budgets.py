"""What moto lacks of Budgets: updates, the subscribers of a notification, and tags."""

from __future__ import annotations

import json
from typing import Final

from moto.budgets.exceptions import NotFoundException
from moto.budgets.models import Budget
from moto.budgets.responses import BudgetsResponse
from moto.core.utils import unix_time

ADDED: Final = [
    "update_budget",
    "describe_subscribers_for_notification",
    "list_tags_for_resource",
    "tag_resource",
    "untag_resource",
]
"""Operations, in moto's spelling, that moto lacks."""


class BudgetsGaps(BudgetsResponse):
    """The operations that moto lacks."""

    def create_budget(self) -> str:
        """Create a budget with its tags, which moto drops."""
        answer = super().create_budget()
        vars(self._budget(self._get_param("Budget")["BudgetName"]))["tags"] = self._get_param("ResourceTags", [])
        return answer

    def update_budget(self) -> str:
        """Replace the definition of a budget; notifications and tags stay."""
        new = self._get_param("NewBudget")
        old = self._budget(new["BudgetName"])
        old.budget = {"TimePeriod": old.budget["TimePeriod"], **new, "LastUpdatedTime": unix_time()}
        return "{}"

    def describe_subscribers_for_notification(self) -> str:
        """Return the subscribers of a notification."""
        wanted = self._get_param("Notification")
        for notification in self._budget(self._get_param("BudgetName")).notifications:
            if notification.details == wanted:
                return json.dumps({"Subscribers": notification.subscribers})
        raise NotFoundException("Unable to get subscribers: the notification doesn't exist.")

    def list_tags_for_resource(self) -> str:
        """Return the tags of a budget."""
        return json.dumps({"ResourceTags": self._tags()})

    def tag_resource(self) -> str:
        """Add tags to a budget; they replace those with the same keys."""
        new = self._get_param("ResourceTags")
        kept = self._without({tag["Key"] for tag in new})
        self._tags()[:] = [*kept, *new]
        return "{}"

    def untag_resource(self) -> str:
        """Remove tags from a budget."""
        self._tags()[:] = self._without(set(self._get_param("ResourceTagKeys")))
        return "{}"

    def _without(self, keys: set[str]) -> list[dict[str, str]]:
        return [tag for tag in self._tags() if tag["Key"] not in keys]

    def _tags(self) -> list[dict[str, str]]:
        """Return the tags of the budget with the ARN of the request."""
        budget = self._budget(self._get_param("ResourceARN").partition(":budget/")[2])
        tags: list[dict[str, str]] = vars(budget).setdefault("tags", [])
        return tags

    def _budget(self, name: str) -> Budget:
        budgets = self.backend.budgets[self.current_account]
        if name not in budgets:
            raise NotFoundException(f"Unable to get budget: {name} - the budget doesn't exist.")
        return budgets[name]
