"""How a server and its workers hear that they are to end."""

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

_DIE_WITH_PARENT: Final = 1
_TO_END: Final = (signal.SIGINT, signal.SIGTERM)


def leave_first(
    seconds: int, leaving: ctypes.c_bool, stop: Callable[..., None]
) -> None:
    """Have SIGTERM tell the workers that the server leaves, and stop it a while later.

    Meanwhile it serves on, and ``/status`` tells the proxy in front. SIGINT, and a
    second SIGTERM, stop it at once.
    """

    def leave(*about: Any) -> None:
        if leaving.value:
            stop(*about)
        leaving.value = True
        signal.signal(signal.SIGALRM, stop)
        signal.alarm(seconds)

    signal.signal(signal.SIGTERM, leave)


def let_workers_be_stopped_while_they_start() -> None:
    """Have a worker end when it is told to before it serves."""
    # A worker inherits what the server does about a signal, which does nothing in the
    # worker: until it serves, the server would wait for it in vain. A signal that comes
    # while the worker is made is kept until that is mended.

    def mend() -> None:
        for number in _TO_END:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _TO_END)

    os.register_at_fork(
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, _TO_END),
        after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, _TO_END),
        after_in_child=mend,
    )


def die_with_parent() -> None:
    """End this worker with its server, however that ends."""
    # It would go on serving, unseen, beside a new one.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)


def when_told_to_stop(act: Callable[[], None]) -> None:
    """Act as soon as this worker is told to stop."""
    # The server's own handlers come after this, and none of them tells us; but the
    # number of every signal is written to this pipe.
    heard, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)

    def wait() -> None:
        while not {*_TO_END} & {*os.read(heard, 64)}:
            pass
        act()

    threading.Thread(target=wait, name="signals", daemon=True).start()
