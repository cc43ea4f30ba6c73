"""The folders of a checkout and of one environment in it."""

from __future__ import annotations

import difflib
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
    def terraform_root(self) -> Path:
        """Terraform root of this environment."""
        return self.root / "terraform" / "environments" / self.environment

    @property
    def sample(self) -> Path:
        """Folder of the generated landing data, which environments share."""
        return self.root / "build" / LOCAL / "sample"
