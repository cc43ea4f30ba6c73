"""What decides the rows of a table: its parts, each with its state, as a job finds them while it reads.

The job records them in the summary of its snapshot. A later job whose parts all have the same state would compute the
same rows, so it takes them over (see `changes`). A part is recorded where it is used, so a job declares none:

    code                 the job's script, all modules that it imports, the contracts and rules of its tables
    policies             the effective policies
    time                 until when the rows hold, of a job that looks at the time
    training-split       the shares of a split
    subject-key, refusal-key, refusals
    table.<name>         the derivation of a table that the job reads
    landing.<name>       the landing objects by ETag, and how many of their rows can be used by now
"""

import ast
import hashlib
import hmac
import platform
import sys
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any, Final

import pyspark

import extra_files
import lineage
import pipeline
import policies

CODE: Final = "code"
POLICIES: Final = "policies"
TIME: Final = "time"
TRAINING_SPLIT: Final = "training-split"
SUBJECT_KEY: Final = "subject-key"
REFUSAL_KEY: Final = "refusal-key"
REFUSALS: Final = "refusals"
TABLE: Final = lineage.TABLE
LANDING: Final = "landing."
ORDER: Final = (CODE, POLICIES, TIME, TRAINING_SPLIT, SUBJECT_KEY, REFUSAL_KEY, REFUSALS, TABLE, LANDING)
"""From the quickest to compare to the slowest: reading a landing table parses what is new."""
ALWAYS: Final = "always"
"""State of the time if the rows never change by it."""


def in_order(parts: Iterable[str]) -> list[str]:
    """Return parts in the order in which to compare them; unknown ones first."""
    kinds = {kind: position for position, kind in enumerate(ORDER)}
    return sorted(parts, key=lambda part: (kinds.get(_kind(part), -1), part))


def deciding(parts: Iterable[str], sources: Collection[str]) -> list[str]:
    """Return the inputs among parts that are none of the sources, whose rows a job accounts for."""
    return [part for part in parts if _kind(part) in (TABLE, LANDING, REFUSALS) and _name(part) not in sources]


def of_decisions(parts: Mapping[str, str], sources: Collection[str]) -> str:
    """Return one SHA-256 over what decides about the rows of the sources: all parts but these."""
    return digest(*(text for part in sorted(parts.items()) if _name(part[0]) not in sources for text in part))


def digest(*texts: str) -> str:
    """Return the SHA-256 of texts."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def of_key(key: bytes) -> str:
    """Return the state of an HMAC key, which does not reveal it."""
    return hmac.new(key, b"state of the key", hashlib.sha256).hexdigest()


def of_no_state() -> str:
    """Return the state of what cannot be compared: no other state equals it."""
    return uuid.uuid4().hex


def of_time(until: str, now: int) -> str:
    """Return the state of the time at `now`, epoch milliseconds, for rows that hold `until` then."""
    return until if until == ALWAYS or int(until) > now else of_no_state()


@cache
def of_code(table: str) -> str:
    """Return the state of the code that makes the rows of a table, and of the rules that audit them."""
    job = pipeline.TABLES[table]["job"]
    modules = dict(sorted(_sources(job).items()))
    if job not in modules:
        return of_no_state()
    beside = [name for name, of in pipeline.BESIDE.items() if of == table]
    files = [f"{table}.audit.sql", *(f"{name}.sql" for name in (table, *beside)), pipeline.FILE, policies.FILE]
    texts = [text for name in files for text in (name, extra_files.read(name))]
    sources = [text for module in modules.items() for text in module]
    return digest(pyspark.__version__, platform.python_version(), *texts, *sources)


def _kind(part: str) -> str:
    kind, dot, _ = part.partition(".")
    return kind + dot


def _name(part: str) -> str:
    return part.partition(".")[2]


def _sources(module: str) -> dict[str, str]:
    """Return the source of a module of ours and of all that it imports, by name."""
    found: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found and name not in sys.stdlib_module_names and (own := _own(name)):
            found[name], imported = own
            waiting += imported
    return found


@cache  # in one session, the jobs share most of them
def _own(module: str) -> tuple[str, list[str]] | None:
    """Return the source of a module of ours and the names that it imports; None if it is not ours."""
    spec = find_spec(module)
    if spec is None or spec.submodule_search_locations is not None:
        return None  # a package: none of ours is one
    loader: Any = spec.loader
    source: str = loader.get_source(module)
    return source, list(_imported(ast.parse(source)))


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]
