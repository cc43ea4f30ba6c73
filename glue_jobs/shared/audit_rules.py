"""The rules in `ddl/<table>.audit.sql`: queries that return the rows which break them.

The jobs and the report of a run share this file: lakehouse/audit_rules.py links to it. It needs neither Spark nor AWS.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

# A comment with the query that it names on the next line.
RULE: Final = re.compile(r"((?:^--[^\n]*\n)+)(^SELECT\b[^;]+);$", re.MULTILINE)
CONDITION: Final = re.compile(r"only if (\w+) = '(\w+)'")
IMPLIED: Final = "implied by the expected rows"
ONCE: Final = "each once"
OF_ALL: Final = "of all rows"
ROWS: Final = {"actual": "actual rows", "expected": "expected rows"}
"""Name of the query of each view that an audit file may define for its rules."""


@dataclass(frozen=True)
class Rule:
    """A query that returns the rows which break the rule; or that of a view which rules read, by one of `ROWS`."""

    name: str
    query: str
    policies: Mapping[str, str] = field(default_factory=dict)
    """Values of policies with which alone the rule holds."""
    implied: bool = False
    """Whether no row breaks the rule if the actual rows are the expected ones."""
    once: bool = False
    """Whether a row that the query returns several times is one row: cheaper to say of hashes than by DISTINCT."""
    of_all: bool = False
    """Whether rows that were published before may break the rule once something else is decided about people."""

    def holds_with(self, parameters: Mapping[str, object]) -> bool:
        """Tell whether the rule is one of a run with these policies."""
        return self.policies.items() <= parameters.items()


def rules(text: str) -> list[Rule]:
    """Return the rules of an audit file, without its views."""
    return [query for query in parse(text) if query.name not in ROWS.values()]


def views(text: str) -> dict[str, Rule]:
    """Return the views of an audit file by their name, in the order of `ROWS`."""
    named = {query.name: query for query in parse(text)}
    return {view: named[name] for view, name in ROWS.items() if name in named}


def parse(text: str) -> list[Rule]:
    """Return all queries of an audit file: the comment right above one is its name, then come policies and marks."""
    return [
        _rule([line.removeprefix("--").strip() for line in comment.splitlines()], query)
        for comment, query in RULE.findall(text)
    ]


def _rule(comment: Sequence[str], query: str) -> Rule:
    conditions = {match[1]: match[2] for line in comment if (match := CONDITION.fullmatch(line))}
    name = " ".join(line for line in comment if line not in (IMPLIED, ONCE, OF_ALL) and not CONDITION.fullmatch(line))
    return Rule(name, query.strip(), conditions, IMPLIED in comment, ONCE in comment, OF_ALL in comment)
