"""The folders of a checkout and of one environment in it."""

from __future__ import annotations

import difflib
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lakehouse.errors import LakehouseError, WrongKnobError

LOCAL = "local"
FOLDERS = ("terraform", "ddl", "glue_jobs")


@dataclass(frozen=True)
class Project:
    """A checkout of the lakehouse and the environment that a command works on."""

    root: Path
    environment: str

    @classmethod
    def at(cls, root: Path, environment: str) -> Project:
        """Return the project in a folder; raise a LakehouseError if it is no checkout or has no such environment."""
        root = root.resolve()
        missing = [f"{folder}/" for folder in FOLDERS if not (root / folder).is_dir()]
        if missing:
            raise LakehouseError(
                f"{root} is not a checkout of the lakehouse: it has no {', '.join(missing)}. "
                "Run the command in the folder of the Makefile."
            )
        known = sorted(path.parent.name for path in root.glob("terraform/environments/*/main.tf"))
        if environment not in known:
            near = difflib.get_close_matches(environment, known, 1)
            raise WrongKnobError(
                f"There is no environment {environment!r} in terraform/environments. Use one of: {', '.join(known)}.",
                "ENV",
                near[0] if near else LOCAL,
            )
        return cls(root, environment)

    @property
    def is_local(self) -> bool:
        """Whether the environment is on the embedded AWS. Only `environments.open_environment` asks."""
        return self.environment == LOCAL

    @property
    def build(self) -> Path:
        """Folder of the files that commands write for this environment."""
        return self.root / "build" / self.environment

    @property
    def runs(self) -> Path:
        """Folder of the runs of this environment: see `run_folder`."""
        return self.build / "runs"

    @property
    def terraform_root(self) -> Path:
        """Terraform root of this environment."""
        return self.root / "terraform" / "environments" / self.environment

    def commit(self) -> str:
        """Return the Git commit of the checkout, with `+changes` if its code differs; empty if it is no clone."""

        def git(*arguments: str) -> str:
            command = ["git", "-C", str(self.root), *arguments]
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

        try:
            if Path(git("rev-parse", "--show-toplevel")) != self.root:
                return ""
            changed = git("status", "--porcelain", "--", *FOLDERS)
            return git("rev-parse", "--short=12", "HEAD") + ("+changes" if changed else "")
        except (OSError, subprocess.CalledProcessError):
            return ""

    @property
    def sample(self) -> Path:
        """Folder of the generated landing data, which environments share."""
        return self.root / "build" / LOCAL / "sample"
