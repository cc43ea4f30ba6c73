"""What moto lacks of Athena: two operations, and errors that moto answers with a 500."""

from __future__ import annotations

import json
from typing import Any, Final

from moto.athena.responses import AthenaResponse
from moto.core.exceptions import JsonRESTError

ADDED: Final = ["update_work_group", "delete_named_query"]
"""Operations, in moto's spelling, that moto lacks."""


class AthenaGaps(AthenaResponse):
    """The operations that moto lacks or fails in."""

    def update_work_group(self) -> str:
        """Apply an update to a workgroup."""
        group = self.athena_backend.work_groups.get(self._get_param("WorkGroup"))
        if not group:
            raise invalid(f"WorkGroup {self._get_param('WorkGroup')} is not found.")
        group.description = self._get_param("Description", group.description)
        group.state = self._get_param("State", group.state)
        group.configuration = updated_configuration(group.configuration, self._get_param("ConfigurationUpdates", {}))
        return "{}"

    def delete_named_query(self) -> str:
        """Delete a named query; a missing one is no error, since a client retries a call that lost its response."""
        self.athena_backend.named_queries.pop(self._get_param("NamedQueryId"), None)
        return "{}"

    def get_named_query(self) -> str:
        """Return Athena's error for a missing query: moto fails on it."""
        if not self.athena_backend.get_named_query(self._get_param("NamedQueryId")):
            raise invalid(f"NamedQuery {self._get_param('NamedQueryId')} was not found.")
        return super().get_named_query()

    def list_tags_for_resource(self) -> tuple[str, dict[str, int]] | str:
        """Return an empty list for a resource without tags: moto says that it does not exist."""
        tags = self.athena_backend.list_tags_for_resource(self._get_param("ResourceARN"))
        return json.dumps(tags or {"Tags": []})


def updated_configuration(configuration: dict[str, Any], updates: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration of an Athena workgroup after `ConfigurationUpdates`.

    `RemoveX: true` removes X, `XUpdates` updates the structure X, any other key replaces its value.
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


def invalid(message: str) -> JsonRESTError:
    """Return Athena's error for a request that it refuses."""
    return JsonRESTError("InvalidRequestException", message)
