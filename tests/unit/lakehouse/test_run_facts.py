"""What a run was started with, and the state of the landing zone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lakehouse.run_facts import RunFacts, landing_state


class FakeS3:
    """S3 that lists the given objects, one on each page."""

    def __init__(self, **etags: str) -> None:
        self.etags = etags

    def get_paginator(self, _: str) -> FakeS3:
        return self

    def paginate(self, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        yield {}
        for key, etag in self.etags.items():
            yield {"Contents": [{"Key": f"{Bucket}/{Prefix}{key}", "ETag": etag, "Size": 10}]}


def state_of(**etags: str) -> dict[str, Any]:
    return landing_state(FakeS3(**etags), {"customer_landing": ("lake", "customer/landing/")})["customer_landing"]


def test_facts_survive_the_properties_of_a_run_and_empty_ones_are_left_out() -> None:
    facts = RunFacts(started_by="ada@laptop", resumes="wr_1", resumes_from="customer_trusted_to_curated")
    assert set(facts.properties()) == {"started_by", "resumes", "resumes_from"}
    assert RunFacts.of({**facts.properties(), "lease": "of somebody else"}) == facts


def test_the_digest_tells_whether_landing_data_changed() -> None:
    state = state_of(a="1", b="2")
    assert (state["files"], state["bytes"]) == (2, 20)
    assert state_of(b="2", a="1") == state, "the order of the pages does not matter"
    changed = [state_of(a="1"), state_of(a="1", b="3"), state_of(a="1", c="2"), state_of()]
    assert state["digest"] not in [each["digest"] for each in changed]
    assert len({each["digest"] for each in changed}) == 4
