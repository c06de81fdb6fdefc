"""Runs a program like a machine of its own: what it starts ends with it.

What a program leaves behind becomes a child of this process, which ends all of it when
it is asked to, or when the process that started it is gone, for whatever reason.

    python keeper.py PROGRAM [ARGUMENT …]
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import psutil

_SET_PARENT_DEATH_SIGNAL, _SET_CHILD_SUBREAPER = 1, 36
#: How long programs may take to end in good order.
_PATIENCE_S = 5


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    parent = os.getppid()
    set_process = ctypes.CDLL(None).prctl
    set_process(_SET_CHILD_SUBREAPER, 1)
    set_process(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != parent:
        return  # it went before this could be noticed
    try:
        subprocess.Popen(sys.argv[1:])
        while True:
            os.wait()
    except ChildProcessError:
        return  # nothing runs any more
    except SystemExit:
        _end()


def _end() -> None:
    """Ask every program to end, and end what does not."""
    me = psutil.Process()
    for child in me.children():
        child.terminate()
    deadline = time.monotonic() + _PATIENCE_S
    with suppress(ChildProcessError):
        while True:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            if time.monotonic() > deadline:
                for child in me.children(recursive=True):
                    child.kill()
            time.sleep(0.02)


if __name__ == "__main__":
    main()
