"""Run a command that cannot outlive its parent: `leash.py PARENT_PID NICENESS COMMAND...`.

The kernel kills the command when the thread that started it ends (Linux, prctl PR_SET_PDEATHSIG, kept over
exec); elsewhere the command just runs. Only the standard library: this is started without site-packages.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Put on the leash and become the command."""
    parent, niceness, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the leash was on
        return
    os.nice(niceness)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
