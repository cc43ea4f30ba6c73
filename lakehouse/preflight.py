"""Checks before anything is applied: a mistake in the repository is told in seconds, with its file and line."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from lakehouse.console import Display
from lakehouse.errors import LakehouseError

SHOWN = 10
AUDIT = ".audit.sql"
# In a process of its own: this is code of the jobs, which needs Spark's types.
CONTRACTS = """
import sys
from problems import JobError
try:
    import audits, pipeline, table_contract
except JobError as error:
    sys.exit(print(f"glue_jobs/{error}"))
for name in sys.argv[1:]:
    try:
        audits.load(name[: -len(".audit.sql")]) if name.endswith(".audit.sql") else table_contract.load(name[:-4])
    except JobError as error:
        print(f"ddl/{error}" if str(error).startswith(name) else f"ddl/{name}: {error}")
"""


def check(root: Path, display: Display) -> None:
    """Raise a LakehouseError that lists the mistakes in scripts, declarations, DDL and rules of a checkout.

    What was found to be right is not checked again until it changes. On AWS, where Spark is not installed, Terraform's
    plan checks the DDL instead.
    """
    files = sorted([*root.glob("glue_jobs/**/*.py"), *root.glob("glue_jobs/*.json"), *root.glob("ddl/*.sql")])
    stamp, found = root / "build" / "cache" / "preflight.sha256", _fingerprint(root, files)
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == found:
        return
    with display.step("Scripts, DDL and rules") as tell:
        mistakes = list(_mistakes(root, files))
        tell(f"{len(files)} files")
        if mistakes:
            more = [f"... and {len(mistakes) - SHOWN} more"] if len(mistakes) > SHOWN else []
            heading = "The repository has mistakes, so nothing was applied. Correct them and run the command again:"
            raise LakehouseError("\n  ".join([heading, *mistakes[:SHOWN], *more]))
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(found, encoding="utf-8")


def _fingerprint(root: Path, files: list[Path]) -> str:
    digest = hashlib.sha256(Path(__file__).read_bytes() + bytes(_has_spark()))
    for file in files:
        digest.update(b"\0" + str(file.relative_to(root)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _has_spark() -> bool:
    with suppress(ModuleNotFoundError):
        return find_spec("pyspark") is not None
    return False


def _mistakes(root: Path, files: list[Path]) -> Iterator[str]:
    """Yield a line for each mistake; the contracts are parsed by the code of the jobs, if that compiles."""
    checks: dict[str, Callable[[str], tuple[int | None, str] | None]] = {".py": _python, ".json": _json}
    wrong = False
    for file in files:
        checked = _rules if file.name.endswith(AUDIT) else checks.get(file.suffix)
        content = file.read_bytes()
        try:
            mistake = checked(content.decode()) if checked else None
        except UnicodeDecodeError as error:
            mistake = content.count(b"\n", 0, error.start) + 1, "this is not UTF-8 text."
        if mistake:
            wrong = True
            line, what = mistake
            place = "" if line is None else f", line {line}"
            yield f"{file.relative_to(root)}{place}: {what}"
    if not wrong and _has_spark():
        yield from _contracts(root)


def _python(text: str) -> tuple[int | None, str] | None:
    try:
        compile(text, "script", "exec", dont_inherit=True)
    except SyntaxError as error:
        return error.lineno, f"{error.msg}."
    except ValueError as error:  # a null byte
        return None, f"{error}."
    return None


def _json(text: str) -> tuple[int | None, str] | None:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.lineno, f"{error.msg}."
    return None


def _rules(text: str) -> tuple[int | None, str] | None:
    """Return the first mistake in the SQL of an audit file, which is Spark's."""
    import sqlglot  # noqa: PLC0415 - slow, and rarely needed
    from sqlglot.errors import ParseError, TokenError  # noqa: PLC0415

    try:
        sqlglot.parse(text, dialect="spark")
    except ParseError as error:
        first = error.errors[0]
        return first["line"], f"{first['description']} near {first['highlight']!r}."
    except TokenError:  # it does not say where
        before = 1
        for block in re.split(r"(?<=\n)(?=\n)", text):
            try:
                sqlglot.tokenize(block, dialect="spark")
            except TokenError:
                return before + (block.startswith("\n")), "a quote in this statement has no end."
            before += block.count("\n")
        return None, "a quote has no end."
    return None


def _contracts(root: Path) -> list[str]:
    """Return the mistakes that the jobs' own code finds in DDL and audits."""
    names = sorted(file.name for file in root.glob("ddl/*.sql"))
    if not names:
        return []
    folders = [str(folder) for folder in sorted((root / "glue_jobs").iterdir()) if folder.is_dir()]
    done = subprocess.run(
        [sys.executable, "-c", CONTRACTS, *names],
        cwd=root / "ddl",
        env=os.environ | {"PYTHONPATH": os.pathsep.join(folders), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        return [f"glue_jobs: {last[0]}"]
    return done.stdout.splitlines()
