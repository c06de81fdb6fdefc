"""Whether entries lie in the future, because a clock was ahead when they were written.

Later entries of their wallets get no earlier time, so until then they are missing from
"today". No index has the times of all wallets, since one would cost every deposit; so
they are looked through when a process starts, and when its clock was set back.
"""

import threading
from collections.abc import Callable
from typing import Final

from ..clock import now_us
from ..storage.store import Store

_LATEST: Final = "SELECT max(last_entry_at_us) FROM wallets"


class LatestEntry:
    """The time of the latest entry of all wallets, as far as this process knows."""

    def __init__(self, store: Store, clock: Callable[[], int] = now_us) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._latest_us = 0
        # The clock has yet to reach what it was when nothing was looked through.
        self._seen_us = 2**63

    def ahead_us(self) -> int | None:
        """Return the time of the latest entry, if it lies in the future.

        :raises StoreFailure: the database cannot be read.
        """
        with self._lock:
            if self._clock() < self._seen_us:
                ((found,),) = self._store.reader.rows(_LATEST)
                self._latest_us = max(self._latest_us, found or 0)
            # Only now: another process may write while this one reads.
            self._seen_us = self._clock()
            return self._latest_us if self._latest_us > self._seen_us else None
