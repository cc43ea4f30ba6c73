"""What decides about the rows of each person, so that a change of it concerns the rows of few people.

A customer who agrees changes `customer_trusted`, but what is decided about the readings of all others stays. So where
nobody has other decisions whom a row of before mentions, the rows published of those stand, and the table can grow.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

import pipeline
from address import Addresses
from canonical import canonical

MOST_LIKELY: Final = 100
"""How many people are looked for first: of so many, one nearly always has a row, and the list is short to compare."""
Decisions = set[tuple[str, str]]
"""A person, in the form in which persons are compared, and a decision; a person may have several."""


def of(source: str, rows: DataFrame) -> Decisions:
    """Collect decisions about the people of a source; `rows` has `person`, spelled in any way, and `decision`."""
    compared = _compared(source)
    found = rows.where("person is not null").selectExpr("person", "coalesce(cast(decision as string), '')").distinct()
    return {(compared(person), decision) for person, decision in found.collect()}


def changed(then: Iterable[tuple[str, str]], now: Decisions) -> set[str]:
    """Return the people who have other decisions now."""
    return {person for person, _ in now ^ set(then)}


def concern(people: Collection[str], source: str, rows: DataFrame, *, known: Collection[str] = ()) -> bool:
    """Tell whether any row of a source is of one of these people.

    Some of those who are `known` from before, and so most likely have rows, are looked for first: that ends with the
    first row found, while to find none takes a pass over all.
    """
    if not people:
        return False
    ((kind, column),) = pipeline.TABLES[source]["person"].items()
    spelt = rows.select(f"`{column}`")
    likely = sorted({*people} & {*known})[:MOST_LIKELY]
    # As if all addresses were ASCII: whoever is missed is found among all.
    folded, name = (Addresses().add_to(spelt, column), "address") if kind == "address" else (spelt, column)
    if likely and folded.where(F.col(f"`{name}`").isin(likely)).take(1):
        return True
    compared = _compared(source)
    return any(person is not None and compared(person) in people for (person,) in spelt.distinct().collect())


def _compared(source: str) -> Callable[[str], str]:
    """Return what gives a person of a source the form in which persons are compared."""
    (kind,) = pipeline.TABLES[source]["person"]
    return canonical if kind == "address" else str
