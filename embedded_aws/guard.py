"""Runs a command in its own process group, and kills the group when the embedded AWS ends, even if that is killed.

The guard's standard input is a pipe from the server, which closes when the server ends. A parent-death signal would
reach only one process (the JVM is a grandchild) and exists only on Linux. The guard itself is outside the group, so a
signal to the group, such as SIGSTOP, does not reach it.

The first argument is a file descriptor. The guard writes two lines to it: the group's id, and the command's exit code
when it has ended. Other processes of the group may still run then, so the guard stays until the server writes a byte.
"""

import os
import signal
import subprocess
import sys
import threading


def main() -> None:
    """Guard a command."""
    report_fd = int(sys.argv[1])
    process = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, process_group=0)
    os.write(report_fd, f"{process.pid}\n".encode())
    os.close(1)  # otherwise the server would not see the end of the command's output
    os.close(2)

    def write_exit_code() -> None:
        code = process.wait()
        os.write(report_fd, f"{code if code >= 0 else 128 - code}\n".encode())

    threading.Thread(target=write_exit_code, daemon=True).start()
    if not os.read(0, 1):
        os.killpg(process.pid, signal.SIGKILL)
    os._exit(0)


if __name__ == "__main__":
    main()
