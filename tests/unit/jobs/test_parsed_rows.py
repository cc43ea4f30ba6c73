"""What becomes of the batches of parsed rows, whatever happened to the landing files."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

import parsed_rows
from parsed_rows import MOST_BATCHES, Batch

KEYS = st.sampled_from([f"customer/landing/{name}" for name in "abcdefgh"])
OBJECTS = st.dictionaries(KEYS, st.sampled_from(["1", "2"]))


def batch(number: int, objects: dict[str, str], *, exact: bool = True, size: int = 1) -> Batch:
    folder = f"parsed/customer_landing/edition/{number}/"
    landing = {key: (etag, f"s3://bucket/{key}") for key, etag in objects.items()}
    return Batch(folder, number, landing, exact, {"": len(objects)}, {f"{folder}part.parquet": size})


@settings(max_examples=100, derandomize=True, deadline=None)
@given(OBJECTS, st.lists(st.tuples(OBJECTS, st.booleans(), st.integers(1, 9)), max_size=MOST_BATCHES + 4))
def test_each_landing_object_counts_once(landed: dict[str, str], found: list[tuple[dict[str, str], bool, int]]) -> None:
    batches = [batch(number, *each[:1], exact=each[1], size=each[2]) for number, each in enumerate(found)]
    plan = parsed_rows._plan(batches, landed)
    kept: Counter[str] = Counter()
    for each in plan.whole:
        assert each.exact
        assert all(landed[key] == etag for key, (etag, _) in each.landing.items()), "nothing to remove"
        kept.update(iter(each.landing))
    for each, live in plan.to_rewrite:
        uris = {uri: key for key, (_, uri) in each.landing.items()}
        keys = [key for uri, key in uris.items() if live is None or uri in live]
        assert all(each.landing[key][0] == landed[key] for key in keys)
        kept.update(keys)
    kept.update(plan.new)
    assert kept == Counter(landed.keys())
    assert len(plan.whole) + bool(plan.new or plan.to_rewrite) <= MOST_BATCHES


def test_only_the_largest_batch_is_left_alone_when_there_are_many() -> None:
    batches = [batch(number, {f"{number}": "1"}, size=number) for number in range(MOST_BATCHES)]
    landed = {f"{number}": "1" for number in range(MOST_BATCHES)}
    assert (parsed_rows._plan(batches, landed).whole, parsed_rows._plan(batches, landed).new) == (batches, set())
    plan = parsed_rows._plan(batches, landed | {"new": "1"})
    assert plan.whole == batches[-1:]
    assert [each for each, _ in plan.to_rewrite] == batches[:-1]
    assert plan.new == {"new"}
