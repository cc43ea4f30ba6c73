"""Search the jobs' log streams in CloudWatch, and delete those that mention a person."""

from collections.abc import Iterable, Iterator
from typing import Any

from person import Person


class Logs:
    """The log groups of the jobs, by name."""

    def __init__(self, client: Any, groups: Iterable[str]) -> None:
        self._client = client
        self._groups = tuple(groups)
        self.searched = 0
        """Number of streams in the last search."""

    def streams_with(self, person: Person) -> list[tuple[str, str]]:
        """Return (group, name) of each stream that holds an identifier of the person."""
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
        """Delete streams, each with all its events."""
        for group, stream in streams:
            self._client.delete_log_stream(logGroupName=group, logStreamName=stream)

    def _pages(self, group: str) -> Iterator[list[dict[str, Any]]]:
        try:
            for page in self._client.get_paginator("filter_log_events").paginate(logGroupName=group):
                yield page["events"]
        except self._client.exceptions.ResourceNotFoundException:  # no job has run yet
            return
