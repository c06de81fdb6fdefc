"""Whether entries lie in the future, because a clock was ahead when they were written.

Later entries of their wallets get no earlier time, so until then they are missing from
"today". No index has the times of all wallets, since one would cost every deposit; so
they are looked through when a process starts, when its clock was set back, and every
few minutes, for what others wrote.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from ..clock import now_us
from ..storage.errors import StoreFailure
from ..storage.store import Store

_LATEST: Final = "SELECT max(last_entry_at_us) FROM wallets"
_EVERY_S: Final = 300.0


class LatestEntry:
    """The time of the latest entry of all wallets, as far as this process knows.

    :param every_s: how long what others wrote may go unnoticed.
    """

    def __init__(
        self,
        store: Store,
        clock: Callable[[], int] = now_us,
        every_s: float = _EVERY_S,
    ) -> None:
        self._store = store
        self._clock = clock
        self._every_s = every_s
        self._lock = threading.Lock()
        self._latest_us = 0
        self._seen_us = 0
        self._again_s = 0.0

    def read_clock(self) -> int:
        """Tell the time to the writer, and remember it, as it may be ahead."""
        at_us = self._clock()
        if at_us > self._seen_us:
            self._seen_us = at_us
        return at_us

    def ahead_us(self) -> int | None:
        """Return the time of the latest entry, if it lies in the future.

        Nobody waits: if it is time to look through the wallets, that begins, and what
        is known is told.
        """
        if self._clock() < self._seen_us or time.monotonic() >= self._again_s:
            self._begin_to_look()
        else:
            self.read_clock()
        return self._latest_us if self._latest_us > self._clock() else None

    def look(self) -> None:
        """Look through the wallets now.

        :raises StoreFailure: they cannot be read; that is tried again in a while.
        """
        with self._lock:
            self._look()

    def _begin_to_look(self) -> None:
        if not self._lock.acquire(blocking=False):
            return
        thread = threading.Thread(target=self._look_aside, name="future", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # There are too many threads; the next caller may find room for one.
            self._lock.release()

    def _look_aside(self) -> None:
        try:
            with suppress(StoreFailure):
                self._look()
        finally:
            self._lock.release()

    def _look(self) -> None:
        # First, so that a look that fails is not begun again at once.
        self._again_s, self._seen_us = time.monotonic() + self._every_s, 0
        ((found,),) = self._store.watch.rows(_LATEST)
        self._latest_us = max(self._latest_us, found or 0)
        # Only now: another process may write while this one reads.
        self.read_clock()
