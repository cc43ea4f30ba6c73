"""What a workflow run was started with: by whom, from which commit, on which data, and how it differs from others.

A command passes it as properties of the workflow run, and the jobs record it in pipeline_runs. Command line and jobs
share this file: lakehouse/run_facts.py links to it. It needs neither Spark nor AWS.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class RunFacts:
    """The facts of one workflow run, each a property of the run by its name here; an empty one is left out."""

    started_by: str = ""
    """User and machine of the command; empty if a trigger or another client started the run."""
    commit: str = ""
    """Git commit of the checkout of the command."""
    data: str = ""
    """Name of the folder that the command put into the landing zone."""
    resumes: str = ""
    """Id of the failed run that this one continues: it writes to the branch of that run, under that id."""
    resumes_from: str = ""
    """First job that runs again; the tables of the jobs before it are on the branch already."""
    compares: str = ""
    """Profile that replaces the deployed one. The run ends after its last audit and publishes nothing."""
    rebuild: str = ""
    """Not empty if the run parses all landing files anew, those that earlier runs have parsed too."""

    @classmethod
    def of(cls, properties: Mapping[str, str]) -> RunFacts:
        """Return the facts among the properties of a workflow run."""
        return cls(**{field.name: properties[field.name] for field in fields(cls) if field.name in properties})

    def properties(self) -> dict[str, str]:
        """Return the properties to start a workflow run with."""
        return {name: value for name, value in asdict(self).items() if value}


def landing_state(s3: Any, places: Mapping[str, tuple[str, str]]) -> dict[str, dict[str, Any]]:
    """Return files, bytes and a digest of the objects of each landing table; `places` are (bucket, prefix) by table.

    The digest changes with every key and ETag, so equal digests mean equal landing data.
    """
    pages = s3.get_paginator("list_objects_v2")
    return {
        table: _summary(
            item for page in pages.paginate(Bucket=bucket, Prefix=prefix) for item in page.get("Contents", [])
        )
        for table, (bucket, prefix) in places.items()
    }


def _summary(objects: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    found = sorted((item["Key"], item["ETag"], item["Size"]) for item in objects)
    return {
        "files": len(found),
        "bytes": sum(size for _, _, size in found),
        "digest": hashlib.sha256(repr(found).encode()).hexdigest()[:12],
    }
