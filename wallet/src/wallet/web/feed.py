"""Waiting for entries: one thread of a process looks for all who wait in it.

Another process may write them, so the thread asks the database. A waiting call holds no
connection to it, and when nobody waits any more, the thread ends.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from ..storage.errors import StoreFailure
from ..storage.queries import find_versions
from ..storage.store import Store

log = logging.getLogger(__name__)

#: How often what others write is looked for, and what this process writes at most.
_LOOK_S: Final = 0.3
_PAUSE_S: Final = 0.05


@dataclass(frozen=True, eq=False, slots=True)
class _Waiter:
    wallet_id: str
    after: int
    called: threading.Event = field(default_factory=threading.Event)


class Feed:
    """Wakes the calls that wait for a wallet to have entries after a version."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._waiters: set[_Waiter] = set()
        self._nudged = threading.Event()
        self._looking = self._stopped = False

    @contextmanager
    def waiting(self, wallet_id: str, after: int) -> Iterator[threading.Event]:
        """Wait by an event that is set when there are entries, or the service stops."""
        waiter = _Waiter(wallet_id, after)
        try:
            with self._lock:
                self._waiters.add(waiter)
                if self._stopped:
                    waiter.called.set()
                elif not self._looking:
                    # Only then: there may be no thread to be had, for a while.
                    threading.Thread(target=self._run, name="feed", daemon=True).start()
                    self._looking = True
            yield waiter.called
        finally:
            with self._lock:
                self._waiters.discard(waiter)

    def nudge(self) -> None:
        """Look soon: this process has committed something."""
        if self._waiters:
            self._nudged.set()

    def stop(self) -> None:
        """Wake all that wait, and let nobody wait any more."""
        with self._lock:
            self._stopped = True
            for waiter in self._waiters:
                waiter.called.set()

    def _run(self) -> None:
        while True:
            with self._lock:
                self._looking = bool(self._waiters) and not self._stopped
                if not self._looking:
                    return
                waiters = [each for each in self._waiters if not each.called.is_set()]
            try:
                self._call(waiters)
            except Exception:
                log.exception("entries could not be looked for")
            time.sleep(_PAUSE_S)
            self._nudged.wait(_LOOK_S)
            self._nudged.clear()

    def _call(self, waiters: list[_Waiter]) -> None:
        versions: dict[str, int] = {}
        # While the database is away they go on waiting.
        with suppress(StoreFailure):
            versions = find_versions(self._store, {each.wallet_id for each in waiters})
        for waiter in waiters:
            if versions.get(waiter.wallet_id, 0) > waiter.after:
                waiter.called.set()
