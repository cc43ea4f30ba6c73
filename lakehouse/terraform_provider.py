"""Where Terraform gets the AWS provider: a file-system mirror on this machine, or else its registry."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from pathlib import Path

from lakehouse import private_files
from lakehouse.project import Project

PROVIDER = "registry.terraform.io/hashicorp/aws"
MIRRORS_BELOW = ("~/.terraform.d", "~/.local/share/terraform", "/usr/local/share", "/usr/share", "/opt")
MIRROR_DEPTH = 3

NO_PROVIDER = ("Failed to query available provider packages", "Failed to install provider")
"""Parts of Terraform's error that the remedy below helps with."""
PROVIDER_REMEDY = (
    "Terraform found no provider hashicorp/aws, neither in its registry nor in a file-system mirror. "
    "Connect this machine to registry.terraform.io. Or run `terraform providers mirror <folder>` on a connected "
    "machine, and copy that folder to /usr/local/share/terraform/plugins here."
)


def cli_configuration(project: Project) -> Path | None:
    """Write the CLI configuration that Terraform needs on this machine and return its path; None if it needs none.

    It needs one if a file-system mirror has the provider in the version of the lock file, or if TF_CLI_CONFIG_FILE
    names a file that does not exist. The user's own configuration is included; if it has a provider_installation, it is
    used as it is.
    """
    path = project.root / "build" / "terraform.rc"
    named = os.environ.get("TF_CLI_CONFIG_FILE")
    if named and Path(named) == path:
        named = None
    home = Path.home()
    own = [Path(named)] if named else [home / ".terraformrc", *sorted((home / ".terraform.d").glob("*.tfrc"))]
    texts = [file.read_text(encoding="utf-8") for file in own if file.is_file()]
    if any(re.search(r"^\s*provider_installation\b", text, re.MULTILINE) for text in texts):
        return None
    mirrors = list(_mirrors(_locked_version(project)))
    if not mirrors and not (named and not Path(named).is_file()):
        return None
    text = (
        "\n".join(["# Written by the lakehouse command, which overwrites changes.", *texts, *_installation(mirrors)])
        + "\n"
    )
    private_files.write(path, text)  # a user's configuration may hold credentials
    return path


def _installation(mirrors: list[Path]) -> Iterator[str]:
    if mirrors:
        yield "provider_installation {"
        for mirror in mirrors:
            yield f'  filesystem_mirror {{\n    path    = "{mirror}"\n    include = ["{PROVIDER}"]\n  }}'
        yield f'  direct {{\n    exclude = ["{PROVIDER}"]\n  }}\n}}'


def _locked_version(project: Project) -> str | None:
    lock = project.terraform_root / ".terraform.lock.hcl"
    text = lock.read_text(encoding="utf-8") if lock.is_file() else ""
    found = re.search(rf'provider "{PROVIDER}" {{\s*version\s*=\s*"([^"]+)"', text)
    return found[1] if found else None


def _mirrors(version: str | None) -> Iterator[Path]:
    """Yield the mirrors that have the provider for this platform, in a version if one is given."""
    system, machine = platform.system().lower(), platform.machine().lower()
    target = f"{system}_{ {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(machine, machine) }"
    wanted = version or "*"
    for folder in MIRRORS_BELOW:
        for mirror in _folders_with_registry(Path(folder).expanduser(), MIRROR_DEPTH):
            provider = mirror / PROVIDER
            unpacked = provider.glob(f"{wanted}/{target}")
            packed = provider.glob(f"terraform-provider-aws_{wanted}_{target}.zip")
            if any(unpacked) or any(packed):
                yield mirror


def _folders_with_registry(folder: Path, depth: int) -> Iterator[Path]:
    try:
        folders = [Path(entry.path) for entry in os.scandir(folder) if entry.is_dir()]
    except OSError:
        return
    if (folder / PROVIDER).is_dir():
        yield folder
    elif depth:
        for path in sorted(folders):
            yield from _folders_with_registry(path, depth - 1)
