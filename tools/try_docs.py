"""Runs the commands of README.md, of docs/ and of the examples unchanged, against an embedded AWS: `make try-docs`.

Every block marked `bash` is run, in page order, in one shell, in a fresh clone of the committed files; those of an
example in its folder. Other blocks of commands say in their first line what they need, or another test runs them. Only
prompts are answered and placeholders filled in. `python tools/try_docs.py PAGE...` runs these pages only.
"""

from __future__ import annotations

import functools
import json
import os
import pty
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Sequence
from pathlib import Path

import embedded_aws
from lakehouse import aws, sample

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = tuple(
    f"terraform/examples/{name}/README.md"
    for name in ("minimal", "existing-network", "existing-bucket", "two-environments", "complete")
)
DOCS = ("tutorial", "operating", "ci", "training", "spark-submit")
PAGES = ("README.md", *(f"docs/{name}.md" for name in DOCS), *EXAMPLES)
# docs/ci.md and the examples are for an account: they get the embedded one, as docs/operating.md and an example's last
# line say. The shell has `-var embedded=true` as a variable.
ON_EMBEDDED_AWS = "make apply\nsource build/local/aws.env\nexport TF_VAR_embedded=true"

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
        "Personal data: yes.'\n)",
        """Personal data: yes.',
  emaildomain               string COMMENT 'Domain of the e-mail address. Personal data: no.'
)""",
    ),
    "glue_jobs/jobs/customer_landing_to_trusted.py": (
        '        "sharewithfriendsasofdate",\n    )',
        '        "sharewithfriendsasofdate",\n        F.substring_index("email", "@", -1).alias("emaildomain"),\n    )',
    ),
    "glue_jobs/jobs/machine_learning_curated.py": ('"""\n', '"""\n# Changed.\n'),
}


def script(pages: Sequence[str] = PAGES) -> str:
    """Return all commands of the pages, each block after a comment with its page and line."""
    parts = []
    for page in pages:
        text = (ROOT / page).read_text(encoding="utf-8")
        parts.append('cd "$(git rev-parse --show-toplevel)"')  # a reader opens each page at the top
        if page in ("docs/ci.md", next((each for each in pages if each in EXAMPLES), None)):
            parts.append(ON_EMBEDDED_AWS)
        for block in re.finditer(r"^( *)```bash\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL):
            line = text.count("\n", 0, block.start()) + 1
            folder = Path(page).parent
            into, back = (f"pushd {folder}\n", "popd\n") if page in EXAMPLES else ("", "")
            parts.append(f"# {page}, line {line}\n{into}{textwrap.dedent(block[2])}{back}")
    commands = "\n".join(parts).replace("name@example.org", consenting_customer())
    for blank, filling in FILLED_IN.items():
        commands = commands.replace(blank, filling)
    return commands


@functools.cache
def consenting_customer() -> str:
    """Return the e-mail address of a customer with consent in the sample, which is the landing data here."""
    with tempfile.TemporaryDirectory() as folder:
        sample.generate(Path(folder))
        files = sorted(Path(folder, "customer").rglob("*.json"))
        records = (json.loads(line) for file in files for line in file.read_text().splitlines() if line.endswith("}"))
        return next(str(record["email"]) for record in records if record.get("shareWithResearchAsOfDate"))


def edit(files: list[str]) -> None:
    """Act as the reader's editor: change the files in EDITED and leave others, such as commit messages, unchanged."""
    for file in files:
        if file in EDITED:
            old, new = EDITED[file]
            text = Path(file).read_text(encoding="utf-8")
            if old not in text:
                sys.exit(f"{file} does not contain {old!r}, which try_docs edits")
            Path(file).write_text(text.replace(old, new, 1), encoding="utf-8")


def run(clone: Path, pages: Sequence[str]) -> int:
    """Run the commands of the pages in a clone, on a terminal; return the exit code of the first that fails, or 0."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    for ready in ROOT.glob(".venv*/.ready"):
        (clone / ready.parent.name).symlink_to(ready.parent)
    for requirements in clone.glob("requirements*.txt"):
        os.utime(requirements, (0, 0))  # older than the virtual environment, so make does not set it up again
    commands = clone / "build" / "try-docs.sh"
    commands.parent.mkdir()
    commands.write_text(script(pages), encoding="utf-8")
    variables = {
        # Without credentials: the first commands switch to the embedded AWS, and no other account is reachable.
        **aws.only({}),
        "PYTHONPATH": str(clone),
        "EDITOR": shlex.join([sys.executable, str(clone / "tools" / "try_docs.py"), "--edit"]),
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
    os.environ.update(variables)
    try:
        return os.waitstatus_to_exitcode(pty.spawn(["bash", "-vuo", "pipefail", "-e", str(commands)], read))
    finally:
        embedded_aws.down(clone)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--edit"]:
        edit(sys.argv[2:])
    else:
        if wrong := set(sys.argv[1:]) - set(PAGES):
            sys.exit(f"error: {', '.join(sorted(wrong))}: not a page with commands. The pages are: {', '.join(PAGES)}")
        with tempfile.TemporaryDirectory() as folder:
            code = run(Path(folder) / "lakehouse", sys.argv[1:] or PAGES)
        print("Every command succeeded." if code == 0 else f"The last command failed (exit code {code}).")
        sys.exit(code)
