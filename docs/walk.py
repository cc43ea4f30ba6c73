"""Runs the commands of docs/operating.md and docs/ci.md as they stand, against an embedded AWS: `make try-docs`.

Every block marked `bash` is run, in the order of the pages, in one shell, in a fresh clone of what is committed here.
Blocks marked otherwise need GitHub, or are no commands. What a reader types at a prompt or fills in is typed and filled
in here; nothing else is changed.
"""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import embedded_aws
from lakehouse import aws, sample

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("operating.md", "ci.md")

FILLED_IN = {
    "<owner>@<id>/<name>@<id>": "acme@1/stedi@2",
    "<what step 1 printed>": "acme@1/stedi@2",
    "path/to/landing": "build/landing",
    "<commit>": "HEAD",
}
TYPED = {b"Enter a value: ": b"yes\n", b"[y/N]: ": b"y\n"}
COLOUR = re.compile(rb"\x1b\[[0-9;]*m")
EDITED = {
    "ddl/customer_trusted.sql": (
        "no consent. Personal data: yes.'\n)",
        """no consent. Personal data: yes.',
  emaildomain               string COMMENT 'Domain of the e-mail address. Personal data: no.'
)""",
    ),
    "glue_jobs/jobs/customer_landing_to_trusted.py": (
        '        "sharewithfriendsasofdate",\n    )',
        '        "sharewithfriendsasofdate",\n        F.substring_index("email", "@", -1).alias("emaildomain"),\n    )',
    ),
    "glue_jobs/jobs/machine_learning_curated.py": ('"""\n', '"""\n# Changed.\n'),
}


def script() -> str:
    """Return all commands of the pages, each block behind a line that says where it stands."""
    parts = []
    for page in PAGES:
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        for block in re.finditer(r"^( *)```bash\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL):
            line = text.count("\n", 0, block.start()) + 1
            parts.append(f"# docs/{page}, line {line}\n{textwrap.dedent(block[2])}")
    commands = "\n".join(parts).replace("name@example.org", somebody())
    for blank, filling in FILLED_IN.items():
        commands = commands.replace(blank, filling)
    return commands


def somebody() -> str:
    """Return the address of a customer in the sample, which is the landing data here, who agreed."""
    with tempfile.TemporaryDirectory() as folder:
        sample.generate(Path(folder))
        files = sorted(Path(folder, "customer").rglob("*.json"))
        records = (json.loads(line) for file in files for line in file.read_text().splitlines() if line.endswith("}"))
        return next(str(record["email"]) for record in records if record.get("shareWithResearchAsOfDate"))


def edit(files: list[str]) -> None:
    """Be the reader's editor: change the files that are known here, and leave a commit's message as it is."""
    for file in files:
        if file in EDITED:
            old, new = EDITED[file]
            text = Path(file).read_text(encoding="utf-8")
            if old not in text:
                sys.exit(f"{file} has no {old!r} to edit")
            Path(file).write_text(text.replace(old, new, 1), encoding="utf-8")


def walk(clone: Path) -> int:
    """Run the commands in a clone, on a terminal, and return the exit code of the first that fails, or 0."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    (clone / ".venv").symlink_to(ROOT / ".venv")
    for requirements in clone.glob("requirements*.txt"):
        os.utime(requirements, (0, 0))  # older than the environment, which is therefore ready
    commands = clone / "build" / "walk.sh"
    commands.parent.mkdir()
    commands.write_text(script(), encoding="utf-8")
    environment = {
        # No account can be reached but the embedded one, to which the first commands lead.
        **aws.only({}),
        "PYTHONPATH": str(clone),
        "EDITOR": shlex.join([sys.executable, str(clone / "docs" / "walk.py"), "--edit"]),
        "TERM": "dumb",
        **{f"GIT_{who}_{what}": "try-docs" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    tail = b""

    def read(terminal: int) -> bytes:
        nonlocal tail
        output = os.read(terminal, 65536)
        tail = COLOUR.sub(b"", tail + output)[-100:]
        for prompt, answer in TYPED.items():
            if tail.endswith(prompt):
                os.write(terminal, answer)
                tail = b""
        return output

    os.chdir(clone)
    os.environ.clear()
    os.environ.update(environment)
    try:
        return os.waitstatus_to_exitcode(pty.spawn(["bash", "-vuo", "pipefail", "-e", str(commands)], read))
    finally:
        embedded_aws.down(clone)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--edit"]:
        edit(sys.argv[2:])
    else:
        with tempfile.TemporaryDirectory() as folder:
            code = walk(Path(folder) / "lakehouse")
        print("Every command did what it should." if code == 0 else f"The last command failed (exit code {code}).")
        sys.exit(code)
