"""The rules that a published table has passed, from ddl/<table>.audit.sql. The jobs parse the same files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

RULE = re.compile(r"((?:^--[^\n]*\n)+)(^SELECT\b[^;]+);$", re.MULTILINE)
CONDITION = re.compile(r"only if (\w+) = '(\w+)'")
IMPLIED = "implied by the expected rows"
ONCE = "each once"
OF_ALL = "of all rows"
VIEWS = ("actual rows", "expected rows")


@dataclass(frozen=True)
class Rule:
    """A rule of a table."""

    name: str
    policies: Mapping[str, str] = field(default_factory=dict)
    """Values of policies with which alone the rule holds."""
    implied: bool = False
    """Whether a quick audit concludes it from the fingerprints of actual and expected rows."""

    def applies(self, policies: Mapping[str, str]) -> bool:
        """Whether a run with these policies has to pass the rule."""
        return self.policies.items() <= policies.items()


def parse(text: str) -> Iterator[Rule]:
    """Yield the rules of an audit file."""
    for comment, _ in RULE.findall(text):
        lines = [line.removeprefix("--").strip() for line in comment.splitlines()]
        conditions = {match[1]: match[2] for line in lines if (match := CONDITION.fullmatch(line))}
        name = " ".join(line for line in lines if line not in (IMPLIED, ONCE, OF_ALL) and not CONDITION.fullmatch(line))
        if name not in VIEWS:
            yield Rule(name, conditions, IMPLIED in lines)
