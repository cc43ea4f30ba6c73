"""Run a finished job run again in its work folder, for debugging: with the code and the settings that it had."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from embedded_aws import spark

PROPERTIES: Final = "spark.properties"
JAVA_OPTIONS: Final = "spark.driver.extraJavaOptions="
WRITES_ARCHIVE: Final = "-XX:ArchiveClassesAtExit="
# What a job must not inherit from the shell; the debugger that PYTHONBREAKPOINT names may be what the shell is for.
_NOT_INHERITED = ("AWS_", "SPARK_", "PYSPARK_", "HADOOP_", "JAVA_", "PYTHON")
_INHERITED = ("PYTHONBREAKPOINT",)


def run_again(folder: Path, script: str, arguments: Mapping[str, str], aws_variables: Mapping[str, str]) -> int:
    """Run the script in the work folder of a job run, on this terminal, and return its exit code.

    The files of the run stay as they are: its log gets no line, and its settings are copied.

    Args:
        folder: Work folder of the job run.
        script: File name of the script in it.
        arguments: All arguments of the script, by `--key`.
        aws_variables: AWS_* variables with the endpoint of the embedded AWS and the credentials of the job's role.

    """
    scratch = folder / "tmp"  # the JVM options of the run name it
    scratch.mkdir(exist_ok=True)
    try:
        properties = scratch / PROPERTIES
        text = (folder / PROPERTIES).read_text(encoding="utf-8")
        properties.write_text("".join(map(_without_archiving, text.splitlines(keepends=True))), encoding="utf-8")
        command = [sys.executable, script, *(part for pair in arguments.items() for part in pair)]
        environ = {**_environ(folder, arguments, properties), **aws_variables}
        return subprocess.run(command, cwd=folder, env=environ, check=False).returncode
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _without_archiving(line: str) -> str:
    """Remove the option by which one run writes the archive of the JVM's classes."""
    key, found, options = line.partition(JAVA_OPTIONS)
    if key or not found:
        return line
    kept = [option for option in shlex.split(options.replace("\\\\", "\\")) if not option.startswith(WRITES_ARCHIVE)]
    return JAVA_OPTIONS + shlex.join(kept).replace("\\", "\\\\") + "\n"


def _environ(folder: Path, arguments: Mapping[str, str], properties: Path) -> dict[str, str]:
    """Return the environment of a job run without AWS's variables, plus what the shell sets for other programs."""
    inherited = {
        name: value for name, value in os.environ.items() if name in _INHERITED or not name.startswith(_NOT_INHERITED)
    }
    uris = arguments.get("--extra-py-files", "").replace(",", " ").split()
    archives = [str(folder / Path(uri).name) for uri in uris if not uri.endswith(".py")]
    return inherited | {
        "PYTHONPATH": os.pathsep.join([str(folder), *archives]),
        "PYTHONUNBUFFERED": "1",
        "PYSPARK_PYTHON": sys.executable,
        "TMPDIR": str(properties.parent),
        "HADOOP_TOKEN_FILE_LOCATION": "tokens",  # relative: Hadoop splits it at commas
        **spark.environ(properties, scratch=properties.parent),
    }
