"""Runs a command and takes its whole process group down when the embedded AWS dies, however it dies.

Started as the leader of the group, with a pipe from the server as its standard input: the pipe ends with the server.
A parent-death signal would reach one process only (the JVM is a grandchild) and exists on Linux only.
"""

import os
import signal
import subprocess
import sys
import threading


def _die_with_server() -> None:
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    with subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL) as command:
        threading.Thread(target=_die_with_server, daemon=True).start()
        code = command.wait()
    os._exit(code if code >= 0 else 128 - code)
