"""The log streams of the jobs in CloudWatch: looked through, and deleted where they hold anything of a person's."""

from collections.abc import Iterable, Iterator
from typing import Any

from forget_person import Person


class Logs:
    """The log groups of the jobs, given by their names."""

    def __init__(self, client: Any, groups: Iterable[str]) -> None:
        self._client = client
        self._groups = tuple(groups)
        self.searched = 0
        """Streams that the last search went through."""

    def streams_with(self, person: Person) -> list[tuple[str, str]]:
        """Return group and name of each stream that holds anything of the person's."""
        found, seen = set(), set()
        for group in self._groups:
            for events in self._pages(group):
                seen |= {(group, event["logStreamName"]) for event in events}
                if person.kinds_in_data("\n".join(event["message"] for event in events).encode()):
                    found |= {
                        (group, event["logStreamName"])
                        for event in events
                        if person.kinds_in_data(event["message"].encode())
                    }
        self.searched = len(seen)
        return sorted(found)

    def delete(self, streams: Iterable[tuple[str, str]]) -> None:
        """Delete streams with all their events."""
        for group, stream in streams:
            self._client.delete_log_stream(logGroupName=group, logStreamName=stream)

    def _pages(self, group: str) -> Iterator[list[dict[str, Any]]]:
        try:
            for page in self._client.get_paginator("filter_log_events").paginate(logGroupName=group):
                yield page["events"]
        except self._client.exceptions.ResourceNotFoundException:  # no job has run yet
            return
