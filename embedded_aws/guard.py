"""Runs a command in a process group of its own, and kills that group when the embedded AWS ends, however it ends.

The guard's standard input is a pipe from the server, which ends with it. A parent-death signal would reach one process
only (the JVM is a grandchild) and exists on Linux only. The guard itself is outside the group: what stops the group, as
SIGSTOP does, does not stop the guard.

To the descriptor that is its first argument it writes a line with the group's id, and one with the command's exit code
when that has ended. The group may have other members by then, so the guard stays until the server writes that it may
go.
"""

import os
import signal
import subprocess
import sys
import threading


def main() -> None:
    """Guard a command."""
    report = int(sys.argv[1])
    process = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, process_group=0)
    os.write(report, f"{process.pid}\n".encode())
    os.close(1)  # else the command's output would not seem to end with the command
    os.close(2)

    def report_end() -> None:
        code = process.wait()
        os.write(report, f"{code if code >= 0 else 128 - code}\n".encode())

    threading.Thread(target=report_end, daemon=True).start()
    if not os.read(0, 1):
        os.killpg(process.pid, signal.SIGKILL)
    os._exit(0)


if __name__ == "__main__":
    main()
