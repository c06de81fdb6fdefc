"""Whether anything can be written: in doubt from a failure until something was."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from .store import Store

#: How often a store that failed is tried again.
_LOOK_S: Final = 0.5


class Doubt:
    """Remembers that a change failed, and tries in the background until one works.

    Who is not asked for any change, because its health is bad, is healthy again.

    :param under_way: tells whether a change is being tried. It says more than an
        attempt in the background, which may have found a new server before it.
    """

    def __init__(self, store: Store, under_way: Callable[[], bool]) -> None:
        self._standing = False
        self._failures = 0
        self._store, self._under_way = store, under_way
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def stands(self) -> bool:
        """Tell whether the last attempt failed."""
        if self._standing and self._thread is None:
            self._try()
        return self._standing

    def begin(self) -> None:
        """Take note of a failure."""
        with self._lock:
            self._standing = True
            self._failures += 1
        self._try()

    def end(self) -> None:
        """Take note that something was written."""
        self._standing = False

    def stop(self, timeout_s: float) -> None:
        """Try no more; what is being tried is waited for so long."""
        self._stopped.set()
        thread = self._thread
        if thread is not None:
            thread.join(timeout_s)

    def _try(self) -> None:
        with self._lock:
            if self._thread is None and not self._stopped.is_set():
                thread = threading.Thread(target=self._look, daemon=True)
                # If no thread can be started, the next caller tries again.
                with suppress(RuntimeError):
                    thread.start()
                    self._thread = thread

    def _look(self) -> None:
        while True:
            with self._lock:
                if not self._standing or self._stopped.is_set():
                    self._thread = None
                    return
                failures = self._failures
            if not self._works():
                self._stopped.wait(_LOOK_S)
                continue
            with self._lock:
                # Nothing may have failed since, or it is in doubt again.
                self._standing = failures != self._failures

    def _works(self) -> bool:
        try:
            self._store.write_nothing()
        except Exception:
            # Who asked for a change has logged why, and is asked again.
            return False
        return not self._under_way()
